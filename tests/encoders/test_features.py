"""Features come from encoders chunk by chunk."""

import torch

from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.features import features
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.encoders.text import TextEncoder, read_captions

BOTH = ["text", "image"]


def test_features_do_not_depend_on_the_chunks():
    data = scenes.load("train", 520, 0, BOTH)
    torch.manual_seed(0)
    eye, reader = SmallCNN().eval(), TextEncoder().eval()
    images, captions = inputs_of(data)["image"], read_captions(data.captions)
    torch.testing.assert_close(features(eye, images)[510:], eye(images[510:]).detach())
    rows = torch.arange(510, 520)
    some = reader(captions.rows(rows)).detach()
    torch.testing.assert_close(features(reader, captions)[510:], some)

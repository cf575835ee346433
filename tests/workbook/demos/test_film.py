"""The film stands twins side by side; features come from encoders chunk by chunk."""

import torch

from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.encoders.text import TextEncoder, read_captions
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.workbook.demos import seeing
from xmodal_lab.workbook.demos.film import Film

BOTH = ["text", "image"]


def test_twins_stand_beside_each_other_in_every_frame():
    torch.manual_seed(0)
    space = JointSpace.standard(BOTH)
    pairs = scenes.minimal_pairs("relation", 12, split="val", modalities=BOTH)
    film = Film(pairs, scenes.load("val", 20, 1, BOTH, things=2), steps=80, count=3)
    film.take(space, 0)
    film.take(space, 60)
    true, foil = (space.embed_data(part.select(range(3))) for part in (pairs.true, pairs.foil))
    frame = film.frames[0]
    assert frame.shape == (6, 6)
    torch.testing.assert_close(frame[0::2, 0::2], true["text"] @ true["image"].T)
    torch.testing.assert_close(frame[1::2, 0::2], foil["text"] @ true["image"].T)
    assert [len(curve) for curve in film.curves.values()] == [2, 2]
    assert all(0 <= value <= 100 for curve in film.curves.values() for value in curve)
    marked = film.draw(50).axes[1].lines[-1].get_xdata()
    assert list(marked) == [60, 60]
    assert film.draw(50).axes[1].get_xlim() == (0, 80)  # the end is in sight from the beginning
    # Of a training that was stopped there are the frames that were taken.
    assert [axis.get_title() for axis in film.strip(0, 60, 80).axes[:2]] == ["step 0", "step 60"]


def test_an_eye_learns_what_is_there():
    data = scenes.load("train", 256, 0, ["image"])
    torch.manual_seed(5)
    _, first = seeing.learn_to_name(data, steps=1)
    eye, last = seeing.learn_to_name(data, steps=12)
    assert last < 0.75 * first and not eye.training


def test_features_do_not_depend_on_the_chunks():
    data = scenes.load("train", 520, 0, BOTH)
    torch.manual_seed(0)
    eye, reader = SmallCNN().eval(), TextEncoder().eval()
    images, captions = inputs_of(data)["image"], read_captions(data.captions)
    torch.testing.assert_close(seeing.features(eye, images)[510:], eye(images[510:]).detach())
    rows = torch.arange(510, 520)
    some = reader(captions.rows(rows)).detach()
    torch.testing.assert_close(seeing.features(reader, captions)[510:], some)

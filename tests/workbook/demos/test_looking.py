"""The Grad-CAM picker: the map of the class and the layer that were asked for."""

import pytest
import torch

from xmodal_lab.encoders.image import DeepCNN
from xmodal_lab.encoders.image.grad_cam import enlarged, grad_cam
from xmodal_lab.tasks.classification import Classifier
from xmodal_lab.workbook.demos.looking import Looking
from xmodal_lab.workbook.kit.figures import alt_of

IMAGES = torch.randint(0, 256, (6, 3, 32, 32), generator=torch.Generator().manual_seed(0)).byte()
CLASSES = ["circle", "cross", "ring"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Classifier(DeepCNN(8, width=8, cells=8), 3, "image").eval()


@pytest.mark.parametrize("asked", CLASSES)
@pytest.mark.parametrize("layer", ["stage1_1", "stage3_1"])
def test_the_map_is_that_of_the_class_and_layer_asked_for(model, asked, layer):
    fig = Looking(model, IMAGES, CLASSES).look(2, layer, asked)
    number = torch.tensor([CLASSES.index(asked)])
    heat = enlarged(grad_cam(model.encoder, model.head, IMAGES[2:3], number, layer), 32)[0]
    shown = torch.as_tensor(fig.axes[1].images[-1].get_array())
    torch.testing.assert_close(shown.float(), heat / heat.max().clamp(min=1e-12))
    score = model({"image": IMAGES[2:3]})[0, number].item()
    assert f"score of “{asked}”: {score:.1f}".replace("-", "−") in alt_of(fig)


def test_without_a_class_the_likeliest_is_taken(model):
    best = CLASSES[int(model({"image": IMAGES[:1]}).argmax())]
    assert f"score of “{best}”" in alt_of(Looking(model, IMAGES, CLASSES).look())


def test_a_class_that_is_not_there_is_told_with_those_that_are(model):
    with pytest.raises(ValueError, match="no class 'moon': choose one of circle, cross, ring"):
        Looking(model, IMAGES, CLASSES).look(asked="moon")

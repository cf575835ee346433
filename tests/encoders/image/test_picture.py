"""What all picture encoders share: named layers, the maps behind each, and a way on from them."""

from functools import partial

import pytest
import torch

from xmodal_lab.encoders.image import VGG16, DeepCNN, ResNet, SmallCNN
from xmodal_lab.encoders.image.picture import evaluating, standardised

ENCODERS = {
    "small": partial(SmallCNN, (8, 8, 8), 12),
    "deep": partial(DeepCNN, 14, width=4),
    "max": partial(DeepCNN, 8, width=4, cells=8, pooling="max"),
    "resnet": partial(ResNet, (1, 1, 1, 2), (8, 8, 16, 16), stem=4, classes=5, size=64),
    "vgg": partial(VGG16, (4, 4, 8, 8, 8), dense=16, classes=5, size=64),
}


@pytest.fixture(params=ENCODERS)
def encoder(request):
    torch.manual_seed(0)
    return ENCODERS[request.param]().eval()


def pictures(encoder, count=3):
    return torch.randint(0, 256, (count, 3, encoder.size, encoder.size), dtype=torch.uint8)


def test_from_every_layer_the_way_on_gives_the_same_vector(encoder):
    images = pictures(encoder)
    found = encoder.maps(images)
    assert list(found) == list(encoder.layers)
    for name, maps in found.items():
        torch.testing.assert_close(encoder.after(name, maps), encoder(images), atol=1e-6, rtol=0)


def test_states_are_the_cells_of_the_last_maps_line_by_line(encoder):
    images = pictures(encoder)
    last = list(encoder.maps(images).values())[-1]
    states = encoder.states(images).values.unflatten(1, encoder.grid)
    for line in range(encoder.grid[0]):
        for column in range(encoder.grid[1]):
            torch.testing.assert_close(states[:, line, column], last[:, :, line, column])


def test_maps_stop_where_asked(encoder):
    first, second, *_ = encoder.layers
    assert list(encoder.maps(pictures(encoder), until=second)) == [first, second]


def test_an_unknown_layer_is_told_with_the_known_ones(encoder):
    names = ", ".join(encoder.layers)
    with pytest.raises(ValueError, match=f"no layer 'conv9': choose one of {names}"):
        encoder.maps(pictures(encoder), until="conv9")
    with pytest.raises(ValueError, match="no layer 'conv9'"):
        encoder.after("conv9", torch.zeros(1, 1, 1, 1))


def test_channels_last_is_not_taken_for_channels_first(encoder, unchecked):
    with pytest.raises(ValueError, match=r"expected pictures .*: channels come first"):
        encoder(pictures(encoder).permute(0, 2, 3, 1))
    with pytest.raises(ValueError, match="expected pictures"):
        encoder(pictures(encoder)[0])


def test_levels_are_standardised_channel_by_channel():
    levels = torch.tensor([0.0, 255.0, 127.5])[None, :, None, None]
    wanted = [-0.485 / 0.229, (1 - 0.456) / 0.224, (0.5 - 0.406) / 0.225]
    torch.testing.assert_close(standardised(levels).flatten(), torch.tensor(wanted))


def test_evaluation_mode_lasts_as_long_as_it_is_wanted(encoder):
    part = next(encoder.children())
    encoder.train()
    part.eval()
    with pytest.raises(KeyError), evaluating(encoder, "no module"):
        assert not any(module.training for module in encoder.modules())
        raise KeyError
    assert encoder.training

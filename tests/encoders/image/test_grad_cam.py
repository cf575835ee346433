"""Grad-CAM against its formula, with slopes found by nudging and everything in loops."""

from functools import partial

import pytest
import torch
from torch import nn

from xmodal_lab.encoders.image import DeepCNN, SmallCNN
from xmodal_lab.encoders.image.grad_cam import enlarged, grad_cam


@pytest.fixture(params=["small", "deep"])
def judge(request):
    """An encoder, a head, pictures and a class for each; float64, so that nudges are exact."""
    torch.manual_seed(0)
    make = {"small": partial(SmallCNN, (8, 8, 8), 6), "deep": partial(DeepCNN, 8, width=4)}
    encoder = make[request.param]().double()
    head = nn.Linear(encoder.output_dim, 3).double()
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    encoder.prepared = lambda images: images.double() / 127.5 - 1
    return encoder.eval(), head, images, torch.tensor([2, 0, 1])


@torch.no_grad()
def by_nudges(encoder, head, images, classes, layer):
    maps, step = encoder.maps(images)[layer], 1e-5
    rows, channels, lines, columns = maps.shape
    found = torch.zeros(rows, lines, columns, dtype=maps.dtype)
    for row in range(rows):
        for channel in range(channels):
            weight = 0.0
            for line in range(lines):
                for column in range(columns):
                    scores = []
                    for sign in (1, -1):
                        nudged = maps[row : row + 1].clone()
                        nudged[0, channel, line, column] += sign * step
                        scores.append(head(encoder.after(layer, nudged))[0, classes[row]])
                    weight += float(scores[0] - scores[1]) / (2 * step) / (lines * columns)
            found[row] += weight * maps[row, channel]
    return found.clamp(min=0)


def test_it_is_the_formula(judge):
    encoder, head, images, classes = judge
    layer = list(encoder.layers)[-1]
    wanted = by_nudges(encoder, head, images, classes, layer)
    assert wanted.count_nonzero() > 0
    for found in (grad_cam(*judge), grad_cam(*judge, layer=layer)):
        torch.testing.assert_close(found, wanted, atol=1e-7, rtol=1e-5)


def test_behind_a_mean_and_a_linear_layer_the_weights_are_the_heads():
    """There Grad-CAM is CAM (Zhou et al. 2016), but for a factor: Selvaraju et al., section 3.1."""
    torch.manual_seed(0)
    encoder, head = DeepCNN(8, width=4).eval(), nn.Linear(16, 5)
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    classes = torch.tensor([0, 1, 2, 4])
    maps = encoder.maps(images)["stage3_1"]
    cam = torch.einsum("nk,nkij->nij", head.weight[classes], maps) / 16
    torch.testing.assert_close(grad_cam(encoder, head, images, classes), cam.clamp(min=0))


def test_another_class_gives_another_map(judge):
    encoder, head, images, classes = judge
    assert not torch.allclose(grad_cam(*judge), grad_cam(encoder, head, images, (classes + 1) % 3))


def test_it_looks_in_evaluation_mode_and_leaves_no_trace(judge):
    encoder, head, images, classes = judge
    wanted = grad_cam(encoder, head, images, classes)
    encoder.train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    with torch.no_grad():
        found = grad_cam(encoder, head, images, classes)
    assert found.equal(wanted) and not found.requires_grad
    assert encoder.training and head.training
    assert all(before[name].equal(value) for name, value in encoder.state_dict().items())
    assert all(w.grad is None for m in (encoder, head) for w in m.parameters())


def test_the_head_may_be_any_function(judge):
    encoder, _, images, classes = judge
    captions = torch.randn(3, encoder.output_dim, dtype=torch.float64)
    found = grad_cam(encoder, lambda vectors: vectors @ captions.T, images, classes)
    linear = nn.Linear(encoder.output_dim, 3, bias=False).double()
    linear.weight.data = captions
    torch.testing.assert_close(found, grad_cam(encoder, linear, images, classes))


def test_an_unknown_layer(judge):
    with pytest.raises(ValueError, match="no layer 'conv9'"):
        grad_cam(*judge, layer="conv9")


def test_enlarged_the_highest_place_stays_where_it_was():
    maps = torch.zeros(2, 4, 4)
    maps[0, 1, 2], maps[1, 3, 0] = 3.0, 1.0
    for row, (line, column) in zip(enlarged(maps, 32), ((1, 2), (3, 0)), strict=True):
        highest = (row == row.max()).nonzero().float().mean(0)
        middle = torch.tensor([8 * line + 3.5, 8 * column + 3.5])
        assert (highest - middle).abs().max() <= 4

"""Linear probes: what they find where it is, and nothing where it is not."""

from functools import partial

import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.image import DeepCNN, SmallCNN
from xmodal_lab.evaluation.probes import QUARTERS, Questions, layer_features, linear_probe


def rows(count: int, seed: int, scale: float = 1.0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (count,), generator=generator)
    noise = torch.randn(count, 5, generator=generator)
    return F.pad(scale * F.one_hot(labels, 3).float(), (0, 2)) + 0.1 * noise, labels


def test_what_a_linear_layer_can_read_is_read():
    found = linear_probe(rows(200, 0), rows(50, 1), {"a": rows(100, 2), "b": rows(100, 3)})
    assert set(found) == {"a", "b"} and min(found.values()) > 0.97


def test_what_is_not_there_is_not_found():
    found = linear_probe(rows(300, 0, 0.0), rows(100, 1, 0.0), {"a": rows(600, 2, 0.0)})
    assert found["a"] == pytest.approx(1 / 3, abs=0.08)


def test_the_strength_is_chosen_on_val_alone():
    """Of few rows, a quarter of them mislabelled, a weak bridle learns all by heart: val tells."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 2, (2100,), generator=generator)
    x = torch.randn(2100, 60, generator=generator)
    x[:, 0] += 1.5 * y
    wrong = torch.rand(2100, generator=generator) < 0.25
    wrong[100:] = False
    y = torch.where(wrong, 1 - y, y)
    train, val, test = ((x[s], y[s]) for s in (slice(100), slice(100, 1100), slice(1100, 2100)))
    asked, strengths = {"train": train, "val": val, "test": test}, (1e-3, 1e-2, 1e4)
    alone = [linear_probe(train, val, asked, (c,)) for c in strengths]
    best = {split: max(alone, key=lambda found: found[split])["test"] for split in ("train", "val")}
    assert best["train"] < best["val"] - 0.01
    assert linear_probe(train, val, asked, strengths)["test"] == best["val"]


def test_scale_and_offset_of_features_do_not_matter():
    train, val, test = rows(200, 0), rows(50, 1), rows(100, 2)
    moved = [(1e4 * x + 300, y) for x, y in (train, val, test)]
    assert linear_probe(*moved[:2], {"t": moved[2]}) == linear_probe(train, val, {"t": test})


@pytest.mark.parametrize("held_out", [False, True])
def test_questions_are_answered_by_the_scenes(held_out):
    asked = Questions(2, 5, held_out)
    things = scenes.all_things(held_out) * 2
    assert asked.images.shape == (len(things), 3, 32, 32)
    for name, kinds in scenes.CLASSES.items():
        assert [kinds[i] for i in asked.labels[name]] == [getattr(t, name) for t in things]
    pairs = {thing.pair for thing in things}
    assert pairs <= scenes.HELD_OUT_PAIRS if held_out else not pairs & scenes.HELD_OUT_PAIRS


def test_the_position_is_the_quarter_where_the_light_is():
    asked = Questions(3, 1)
    bright = asked.images.float().amax(1)
    bright = (bright - bright.flatten(1).median(1).values[:, None, None]).clamp(min=40) - 40
    middles = torch.arange(32) + 0.5
    x = (bright.sum(1) @ middles) / bright.sum((1, 2)) / 32
    y = (bright.sum(2) @ middles) / bright.sum((1, 2)) / 32
    clear = ((x - 0.5).abs() > 0.06) & ((y - 0.5).abs() > 0.06)
    names = [QUARTERS[i] for i in asked.labels["position"]]
    wanted = [f"{'bottom' if b > 0.5 else 'top'} {'right' if a > 0.5 else 'left'}"
              for a, b in zip(x, y, strict=True)]  # fmt: skip
    agree = torch.tensor([n == w for n, w in zip(names, wanted, strict=True)])
    assert clear.sum() > 100 and agree[clear].float().mean() > 0.97
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    "make", [partial(SmallCNN, (8, 8, 8), 12), partial(DeepCNN, 8, width=4)], ids=["small", "deep"]
)
def test_features_of_every_layer_as_means_and_as_grids(make):
    torch.manual_seed(0)
    network = make().train()
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    found = layer_features(network, images, grid=2, chunk=2)
    assert network.training
    network.eval()
    assert list(found) == [f"{n}, {how}" for how in ("mean", "grid") for n in network.layers] + [
        "vector"
    ]
    with torch.no_grad():
        for name, maps in network.maps(images).items():
            side = maps.shape[-1] // 2
            torch.testing.assert_close(found[f"{name}, mean"], maps.mean((2, 3)))
            quarter = maps[:, :, :side, side:].mean((2, 3))
            grid = found[f"{name}, grid"].unflatten(1, (-1, 4))
            torch.testing.assert_close(grid[:, :, 1], quarter)
        torch.testing.assert_close(found["vector"], network(images))

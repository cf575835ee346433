"""Noise on what is read, as much as one likes, and the frozen encoders' view of it."""

import pytest
import torch
from torch import nn

from xmodal_lab.datasets import scenes
from xmodal_lab.tasks.noisy import (
    AMOUNTS,
    SPOILT,
    Views,
    noisy,
    noisy_pixels,
    other_words,
    thing_labels,
)

DATA = scenes.load("val", 40, 3, things=1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_labels_name_colour_and_shape():
    for scene, label in zip(DATA.scenes, thing_labels(DATA.scenes).tolist(), strict=True):
        pair = (scenes.COLOURS[label // 8], scenes.SHAPES[label % 8])
        assert scene.things[0].pair == pair


def values(seen):
    return seen if isinstance(seen, torch.Tensor) else seen.values


@pytest.mark.parametrize("modality", scenes.MODALITIES)
def test_more_noise_is_further_from_clean(modality):
    clean = values(noisy(DATA, modality, 0.0)).double()
    steps = []
    for amount in AMOUNTS:
        seen = noisy(DATA, modality, amount, generator())
        steps.append((values(seen).double() - clean).abs().mean().item())
        if modality != "image":
            assert seen.lengths.equal(noisy(DATA, modality, 0.0).lengths)
            assert (seen.values[~seen.mask] == 0).all()
    assert steps[0] == 0 and steps == sorted(steps) and steps[1] > 0


@pytest.mark.parametrize("modality", scenes.MODALITIES)
def test_noise_follows_its_dice(modality):
    one, same, other = (values(noisy(DATA, modality, 0.5, generator(s))) for s in (1, 1, 2))
    assert one.equal(same) and not one.equal(other)


def test_words_are_replaced_as_often_as_said():
    words = scenes_words()
    found = other_words(words, 0.4, generator())
    changed = (found.values != words.values)[words.mask].double().mean().item()
    # One of all words is now and then the word itself.
    assert changed == pytest.approx(0.4 * (1 - 1 / len(scenes.WORDS)), abs=0.06)
    assert found.values.max() <= len(scenes.WORDS) and (found.values[words.mask] >= 1).all()


def scenes_words():
    return noisy(scenes.load("val", 300, 4, ["text"], things=1), "text", 0.0)


def test_pixels_get_the_spread_that_was_asked_for():
    grey = torch.full((10, 3, 32, 32), 128, dtype=torch.uint8)
    found = noisy_pixels(grey, 20.0, generator())
    assert found.dtype == torch.uint8
    assert found.double().std().item() == pytest.approx(20, rel=0.03)
    assert found.double().mean().item() == pytest.approx(128, abs=0.5)


def test_what_cannot_be_spoilt():
    with pytest.raises(ValueError, match=r"amount must lie in 0 … 1, got 1\.5"):
        noisy(DATA, "text", 1.5)
    with pytest.raises(ValueError, match="but not audio"):
        noisy(scenes.load("val", 4, 0, ["text"], things=1), "audio", 0.5)


class Mean(nn.Module):
    """The mean square of a row: enough to see what was read."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([1.0, -0.5]))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(
            values(x).float().square().flatten(1).mean(1, keepdim=True) * self.scale
        )


def views():
    return Views.of({name: Mean() for name in scenes.MODALITIES}, DATA, seed=1)


def test_views_hold_every_amount_and_know_the_thing():
    seen = views()
    assert seen.dims == dict.fromkeys(scenes.MODALITIES, 2)
    assert seen.vectors["image"].shape == (40, len(AMOUNTS), 2)
    clean = noisy(DATA, "image", 0.0).float().square().flatten(1).mean(1)
    torch.testing.assert_close(seen.at()["image"][:, 0], clean)
    assert seen.labels.equal(thing_labels(DATA.scenes))
    assert not any(vector.requires_grad for vector in seen.vectors.values())


def test_cases_take_the_amounts_they_name():
    seen = views()
    only = seen.only_clean("image")
    assert only["image"].equal(seen.vectors["image"][:, 0])
    for name in ("text", "audio"):
        assert only[name].equal(seen.vectors[name][:, SPOILT])
    assert seen.at(text=2)["text"].equal(seen.vectors["text"][:, 2])
    assert only["labels"].equal(seen.labels)


def test_drawn_rows_have_amounts_of_their_own():
    seen = views()
    picked = seen.drawn(2000, generator())
    assert picked.size == 2000
    for name in scenes.MODALITIES:
        rows = seen.vectors[name].flatten(0, 1)
        assert (picked[name][:, None] == rows).all(2).any(1).all()
    mixed = seen.mixed(torch.arange(40), generator())
    assert mixed["labels"].equal(seen.labels)
    # Amounts of one modality say nothing about those of another.
    same = [
        (mixed[n][:, None] == seen.vectors[n]).all(2).double().argmax(1) for n in scenes.MODALITIES
    ]
    assert len(set(map(tuple, torch.stack(same, 1).tolist()))) > 15


def test_standardised_by_the_training_rows():
    seen = views()
    scaled = seen.standardised(seen)
    for rows in scaled.vectors.values():
        torch.testing.assert_close(rows.mean((0, 1)), torch.zeros(2), atol=1e-3, rtol=0)
        torch.testing.assert_close(rows.std((0, 1)), torch.ones(2), atol=1e-3, rtol=0)
    half = Views({n: rows[:20] for n, rows in seen.vectors.items()}, seen.labels[:20])
    part = half.standardised(seen)
    assert part.vectors["image"].equal(scaled.vectors["image"][:20])

"""Scores of sets of vectors against loops over plain numbers, with padding and broadcasting."""

import math

import pytest
import torch

from xmodal_lab.alignment.assignment import sinkhorn
from xmodal_lab.alignment.word_regions import attention_score, best_match_score, transport_score

SCORES = (best_match_score, attention_score, transport_score)


def sets(words: int = 4, regions: int = 6, dim: int = 5, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    make = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(words, dim), make(regions, dim)


def cosine(p, q) -> float:
    dot = sum(a * b for a, b in zip(p, q, strict=True))
    return dot / math.sqrt(sum(a * a for a in p) * sum(b * b for b in q))


def test_best_match_equals_a_loop():
    words, regions = sets()
    best = [max(cosine(w, r) for r in regions.tolist()) for w in words.tolist()]
    assert float(best_match_score(words, regions)) == pytest.approx(sum(best) / 4)


def test_attention_equals_a_loop():
    words, regions = sets()
    total = 0.0
    units = [[v / math.sqrt(sum(u * u for u in r)) for v in r] for r in regions.tolist()]
    for word in words.tolist():
        powers = [math.exp(cosine(word, r) / 0.2) for r in units]
        seen = [sum(p * r[d] for p, r in zip(powers, units, strict=True)) for d in range(5)]
        total += cosine(word, seen)
    assert float(attention_score(words, regions, 0.2)) == pytest.approx(total / 4)


def test_transport_is_the_plans_mean_cosine():
    words, regions = sets()
    table = torch.tensor(
        [[cosine(w, r) for r in regions.tolist()] for w in words.tolist()]
    ).double()
    wanted = float((sinkhorn(1 - table, 0.1) * table).sum())
    assert float(transport_score(words, regions, 0.1, rounds=1000)) == pytest.approx(
        wanted, abs=1e-6
    )


@pytest.mark.parametrize("score", SCORES)
def test_order_and_length_do_not_matter(score):
    words, regions = sets()
    wanted = score(words, regions)
    moved = score(words[torch.randperm(4)] * 3, regions[torch.randperm(6)] * 0.1)
    torch.testing.assert_close(moved, wanted)


@pytest.mark.parametrize("score", SCORES)
def test_the_same_set_fits_best(score):
    words, _ = sets()
    assert float(score(words, words)) > 0.9
    assert float(score(words, -words)) < float(score(words, words)) - 0.3


def test_only_transport_minds_what_nobody_names():
    words, _ = sets(dim=8)
    crowd = torch.cat([words, -words])
    assert float(best_match_score(words, crowd)) == pytest.approx(1)
    assert float(transport_score(words, crowd)) < 0.85


@pytest.mark.parametrize("score", SCORES)
def test_batches_broadcast_and_padding_is_as_if_it_were_not_there(score):
    sizes = [(4, 6), (2, 3), (1, 5)]
    data = [sets(seed=s) for s in range(3)]
    words = torch.stack([w for w, _ in data]).requires_grad_()
    regions = torch.stack([r for _, r in data])
    regions[1, 3:] = math.nan
    word_mask = torch.stack([torch.arange(4) < w for w, _ in sizes])
    region_mask = torch.stack([torch.arange(6) < r for _, r in sizes])
    table = score(
        words[:, None], regions[None], word_mask=word_mask[:, None], region_mask=region_mask[None]
    )
    assert table.shape == (3, 3)
    for i, (w, _) in enumerate(sizes):
        for j, (_, r) in enumerate(sizes):
            torch.testing.assert_close(table[i, j], score(words[i, :w], regions[j, :r]))
    (gradient,) = torch.autograd.grad(table.diagonal().sum(), words)
    assert gradient.isfinite().all() and gradient[1, 2:].abs().sum() == 0


@pytest.mark.parametrize("score", SCORES)
def test_gradients_are_right(score):
    words, regions = sets(3, 4)
    assert torch.autograd.gradcheck(score, (words.requires_grad_(), regions.requires_grad_()))


@pytest.mark.parametrize("score", SCORES)
def test_zero_vectors_give_no_nan(score):
    words, regions = sets()
    words[1], regions[0] = 0, 0
    words.requires_grad_()
    value = score(words, regions)
    value.backward()
    assert value.isfinite() and words.grad.isfinite().all()


@pytest.mark.parametrize("score", SCORES)
def test_what_does_not_fit_is_refused(score, unchecked):
    words, regions = sets()
    with pytest.raises(ValueError, match=r"one dim, got \(4, 4\) and \(6, 5\)"):
        score(words[:, 1:], regions)
    with pytest.raises(ValueError, match=r"expected words .* not empty"):
        score(words[:0], regions)
    with pytest.raises(ValueError, match="mask of regions leaves nothing but padding"):
        score(words, regions, region_mask=torch.zeros(6, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"mask of words of bool and shape \(4,\)"):
        score(words, regions, word_mask=torch.ones(4))
    with pytest.raises(ValueError, match="NaN or infinity"):
        score(words / 0, regions)

"""Chapter 04, its losses: reference solutions and how an answer is judged."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises import (
    contrast_logit_oracles,
    contrast_margin_oracles,
)
from xmodal_lab.workbook.kit.attempt import Mistake
from xmodal_lab.workbook.kit.compare import Case, number, require_number, require_numbers
from xmodal_lab.workbook.kit.gradients import require_gradients


def pair_loss(a, b, margin):
    """Contrastive loss with margin (Hadsell 2006) of two batches (batch, dim); a scalar."""
    a, b = functional.normalize(a, dim=1), functional.normalize(b, dim=1)
    squared = 2 - 2 * a @ b.T
    # The root has no slope at 0: distances below 1e-6 are taken for that.
    short = (margin - squared.clamp(min=1e-12).sqrt()).relu().square()
    strangers = ~torch.eye(len(a), dtype=torch.bool, device=a.device)
    return (squared.diagonal().mean() + short[strangers].mean()) / 2


def triplet_loss(a, b, margin):
    """Triplet loss with the hardest wrong row (Faghri 2018), both directions; a scalar."""
    similarity = functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T
    right = similarity.diagonal()
    itself = torch.eye(len(a), dtype=torch.bool, device=a.device)
    wrong = similarity.masked_fill(itself, -torch.inf)
    rows = (margin - right + wrong.amax(dim=1)).relu().mean()
    columns = (margin - right + wrong.amax(dim=0)).relu().mean()
    return (rows + columns) / 2


def sigmoid_loss(a, b, temperature, bias):
    """A yes-or-no question for each cell (Zhai 2023), summed over rows' cells; a scalar."""
    cosines = functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T
    labels = 2 * torch.eye(len(a), device=a.device) - 1
    return -functional.logsigmoid(labels * (cosines / temperature + bias)).sum() / len(a)


def info_nce_with_foils(a, b, foils, temperature):
    """InfoNCE in which row i of a also rejects row i of foils (Yuksekgonul 2023); a scalar."""
    a, b, foils = (functional.normalize(x, dim=1) for x in (a, b, foils))
    logits = a @ b.T / temperature
    own = (a * foils).sum(dim=1, keepdim=True) / temperature
    labels = torch.arange(len(a), device=a.device)
    rows = functional.cross_entropy(torch.cat([logits, own], dim=1), labels)
    return (rows + functional.cross_entropy(logits.T, labels)) / 2


BATCHES = ((3, 2), (4, 4), (6, 3), (5, 8))
# Shared by all losses: lengths differ, so that whoever does not normalise gets another number.
STRETCH = 2.0


def _batches(seed: int, sides: int):
    """Batches (batch, dim) of random rows whose partners are related, but not alike."""
    random = torch.Generator().manual_seed(seed)
    for batch, dim in BATCHES:
        first = torch.randn(batch, dim, generator=random) * STRETCH
        noise = torch.randn(sides - 1, batch, dim, generator=random) * STRETCH
        yield (first, *(first + noise))


def check_pair_loss(attempt) -> None:
    cases = [
        Case(
            (a, b, margin),
            contrast_margin_oracles.pair_loss(a, b, margin),
            contrast_margin_oracles.pair_suspects(a, b, margin),
            f"the loss of {len(a)} pairs with margin {margin}",
        )
        for (a, b), margin in zip(_batches(10, 2), (1.0, 1.4, 1.2, 1.5), strict=True)
    ]
    hint = "Half the mean of d² on the diagonal, plus half the mean of max(0, m − d)² elsewhere."
    require_numbers(attempt, cases, "the loss", hint)
    require_gradients(attempt, contrast_margin_oracles.pair_loss, cases[-1].inputs, "ab")
    _require_finite_gradient(attempt, cases[1].inputs)


def check_triplet_loss(attempt) -> None:
    cases = [
        Case(
            (a, b, margin),
            contrast_margin_oracles.triplet_loss(a, b, margin),
            contrast_margin_oracles.triplet_suspects(a, b, margin),
            f"the loss of {len(a)} pairs with margin {margin}",
        )
        for (a, b), margin in zip(_batches(11, 2), (0.2, 0.5, 0.3, 0.2), strict=True)
    ]
    # A row whose rivals all look the other way: 0 in the partner's place would be the hardest.
    a = torch.tensor([[1.0, 0.1], [-1.0, 0.2]]) * STRETCH
    b = torch.tensor([[0.2, 1.0], [-0.3, 1.0]]) * STRETCH
    inputs = (a, b, 0.4)
    cases.append(
        Case(
            inputs,
            contrast_margin_oracles.triplet_loss(*inputs),
            contrast_margin_oracles.triplet_suspects(*inputs),
            "the loss of 2 pairs with cosines below 0",
        )
    )
    hint = "For each row: max(0, m − right + hardest wrong). Mean over rows, then over directions."
    require_numbers(attempt, cases, "the loss", hint)
    require_gradients(attempt, contrast_margin_oracles.triplet_loss, cases[2].inputs, "ab")


def check_sigmoid_loss(attempt) -> None:
    settings = ((0.5, -1.0), (0.2, -2.5), (1.5, -0.7), (0.1, -10.0))
    cases = [
        Case(
            (a, b, *setting),
            contrast_logit_oracles.sigmoid_loss(a, b, *setting),
            contrast_logit_oracles.sigmoid_suspects(a, b, *setting),
            f"the loss of {len(a)} pairs at temperature {setting[0]} and bias {setting[1]}",
        )
        for (a, b), setting in zip(_batches(12, 2), settings, strict=True)
    ]
    hint = "−ln σ(z (cosine / τ + β)), z = 1 on the diagonal and −1 elsewhere; sum, divide by B."
    require_numbers(attempt, cases, "the loss", hint)
    a, b = cases[-1].inputs[:2]
    _require_at_small_temperature(
        attempt, (a, b, 0.005, -3.0), contrast_logit_oracles.sigmoid_loss, "logsigmoid takes"
    )
    require_gradients(
        attempt,
        contrast_logit_oracles.sigmoid_loss,
        cases[1].inputs,
        ("a", "b", "temperature", "bias"),
    )


def check_info_nce_with_foils(attempt) -> None:
    cases = [
        Case(
            (a, b, foils, temperature),
            contrast_logit_oracles.info_nce_with_foils(a, b, foils, temperature),
            contrast_logit_oracles.foils_suspects(a, b, foils, temperature),
            f"the loss of {len(a)} pairs with foils at temperature {temperature}",
        )
        for (a, b, foils), temperature in zip(_batches(13, 3), (0.5, 0.2, 1.5, 0.1), strict=True)
    ]
    hint = "Row i's quiz has B + 1 answers: all rows of b, and foil i. The columns stay."
    require_numbers(attempt, cases, "the loss", hint)
    a, b, foils = cases[-1].inputs[:3]
    _require_at_small_temperature(
        attempt,
        (a, b, foils, 0.005),
        contrast_logit_oracles.info_nce_with_foils,
        "cross_entropy and logsumexp take",
    )
    require_gradients(
        attempt,
        contrast_logit_oracles.info_nce_with_foils,
        cases[1].inputs,
        ("a", "b", "foils", "temperature"),
    )


def _require_finite_gradient(attempt, inputs: tuple) -> None:
    """The same rows on both sides: the root of a distance has no slope at 0."""
    same = inputs[0].clone().requires_grad_()
    attempt.run(same, same.detach(), *inputs[2:]).backward()
    if same.grad is None or not bool(same.grad.isfinite().all()):
        raise Mistake(
            "the value is right, but where a pair coincides the gradient is NaN. Do you square a "
            "square root? d² of a pair is 2 − 2 cos, without a root; elsewhere clamp before it."
        )


def _require_at_small_temperature(attempt, inputs: tuple, oracle, what: str) -> None:
    require_number(
        number(attempt(*inputs), "the loss"),
        oracle(*inputs),
        what="the loss at temperature 0.005",
        otherwise=f"Did exp() overflow, or log(0) appear? {what} the logits themselves.",
    )

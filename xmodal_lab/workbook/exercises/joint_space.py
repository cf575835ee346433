"""Chapter 06: the loss, the score and the uses of one joint space."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises import (
    aligning_oracles,
    aligning_wrong,
    probing_oracles,
    probing_wrong,
)
from xmodal_lab.workbook.exercises.record import Exercise
from xmodal_lab.workbook.kit.compare import (
    Case,
    Mistake,
    array,
    number,
    require_entries,
    require_number,
    require_numbers,
)

CHAPTER = "06_joint_space"


def info_nce(a, b, temperature):
    """Symmetric InfoNCE (van den Oord 2018; Radford 2021) of two batches (batch, dim); a scalar."""
    a, b = functional.normalize(a, dim=1), functional.normalize(b, dim=1)
    logits = a @ b.T / temperature
    labels = torch.arange(len(a), device=a.device)
    rows = functional.cross_entropy(logits, labels)
    columns = functional.cross_entropy(logits.T, labels)
    return (rows + columns) / 2


def recall_at_1(similarity, target):
    """Share of queries whose target (queries,) strictly beats the rest of (queries, gallery)."""
    right = similarity.gather(1, target[:, None])
    # The target itself is one of those that are not below it.
    as_good = (similarity >= right).sum(dim=1)
    return (as_good == 1).float().mean()


def zero_shot(images, prompts):
    """Class (n,) of images (n, dim): the nearest of prompts (classes, variants, dim)."""
    images = functional.normalize(images, dim=-1)
    prompts = functional.normalize(prompts, dim=-1).mean(dim=1)
    return (images @ functional.normalize(prompts, dim=-1).T).argmax(dim=1)


def modality_gap(a, b):
    """Distance of the centroids of normalised (n, dim) and (m, dim); Liang et al. 2022."""
    a, b = functional.normalize(a, dim=1), functional.normalize(b, dim=1)
    return (a.mean(dim=0) - b.mean(dim=0)).norm()


def _check_info_nce(attempt) -> None:
    random = torch.Generator().manual_seed(0)
    cases = []
    for batch, dim, temperature in ((3, 2, 0.5), (4, 4, 0.2), (6, 3, 1.5), (5, 8, 0.07)):
        a, b = (torch.randn(batch, dim, generator=random) * 2 for _ in "ab")
        inputs = a, b, temperature
        wanted, suspects = (
            aligning_oracles.info_nce(*inputs),
            aligning_oracles.info_nce_suspects(*inputs),
        )
        where = f"the loss of {batch} pairs at temperature {temperature}"
        cases.append(Case(inputs, wanted, suspects, where))
    require_numbers(attempt, cases, "the loss", LOSS_HINT)
    _check_small_temperature(attempt, a, b)
    _check_gradient(attempt, a, b)


LOSS_HINT = (
    "Normalise the rows, divide all cosines by the temperature, and average the cross-entropies "
    "of the rows and of the columns."
)


def _check_small_temperature(attempt, a, b) -> None:
    got = number(attempt(a, b, 0.005), "the loss")
    require_number(
        got,
        aligning_oracles.info_nce(a, b, 0.005),
        what="the loss at temperature 0.005",
        otherwise="Did exp() overflow? cross_entropy and logsumexp take the logits themselves.",
    )


def _check_gradient(attempt, a, b) -> None:
    leaves = [t.clone().requires_grad_() for t in (a, b)]
    loss = attempt.run(*leaves, 0.2)
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        raise Mistake(
            "the value is right, but no gradient flows back, so nothing could be trained with it. "
            "Did you use .item(), .detach() or numpy?"
        )
    loss.backward()
    for side, leaf in enumerate(leaves):
        direction = torch.randn(a.shape, generator=torch.Generator().manual_seed(side))
        slope = 0.0 if leaf.grad is None else float((leaf.grad * direction).sum())
        if abs(slope - aligning_oracles.info_nce_slope(a, b, 0.2, side, direction)) > 1e-2:
            raise Mistake(
                f"the value is right, but the gradient of `{'ab'[side]}` is not. "
                "Did you detach one of the two sides?"
            )


def _check_recall_at_1(attempt) -> None:
    cases = [
        Case(
            (similarity, target),
            aligning_oracles.recall_at_1(similarity, target),
            aligning_oracles.recall_suspects(similarity, target),
            f"recall@1 of {who}",
        )
        for similarity, target, who in _recall_inputs(torch.Generator().manual_seed(1))
    ]
    require_numbers(attempt, cases, "recall@1", RECALL_HINT)


RECALL_HINT = "Count the rows whose right entry is strictly above every other entry of the row."


def _recall_inputs(random: torch.Generator):
    """Similarities, targets and whose they are."""
    for queries, gallery in ((24, 24), (8, 8), (8, 5), (7, 12)):
        similarity = torch.rand(queries, gallery, generator=random)
        target = torch.randint(gallery, (queries,), generator=random)
        # About half of the queries are answered rightly: neither 0 nor 1 says much.
        similarity[torch.arange(queries), target] += 0.4
        yield similarity, target, f"{queries} queries against {gallery} items"
    aligned = torch.eye(4) + torch.rand(4, 4, generator=random) / 2
    yield aligned, torch.arange(4), "a model that is always right"
    yield torch.ones(5, 5), torch.arange(5), "a collapsed model (all equal)"
    tied = torch.tensor([[0.9, 0.9, 0.1], [0.2, 0.7, 0.7], [0.1, 0.2, 0.8]])
    yield tied, torch.arange(3), "a model with two ties in three queries"
    for low, high, who in ((-0.9, -0.3, "all below 0"), (-0.9, 0.3, "above and below 0")):
        similarity = low + (high - low) * torch.rand(12, 4, generator=random)
        target = torch.randint(4, (12,), generator=random)
        similarity[torch.arange(12), target] += 0.2
        yield similarity, target, f"12 queries whose similarities are {who}"


def _check_zero_shot(attempt) -> None:
    random = torch.Generator().manual_seed(2)
    for count, classes, variants, dim in ((60, 6, 4, 3), (40, 5, 3, 8), (9, 3, 2, 2), (4, 4, 3, 3)):
        images = torch.randn(count, dim, generator=random)
        # Lengths differ a lot: whoever forgets to normalise gets other answers.
        lengths = torch.rand(classes, variants, 1, generator=random) * 6 + 0.2
        prompts = torch.randn(classes, variants, dim, generator=random) * lengths
        got = array(attempt(images, prompts), (count,), torch.Tensor, SHAPE_HINT)
        if got.dtype.kind not in "iu":
            raise Mistake(
                f"the result should hold whole numbers (classes), yours is {got.dtype}. "
                "Did you return the similarities instead of their argmax?"
            )
        wanted = probing_oracles.zero_shot(images, prompts)
        suspects = probing_oracles.zero_shot_suspects(images, prompts)
        require_entries(got, wanted, suspects, CLASS_HINT, tolerance=0)


SHAPE_HINT = "One class for each image: did you take argmax over the classes?"
CLASS_HINT = (
    "Normalise the variants, average those of a class, normalise again; the class with the largest "
    "cosine wins."
)


def _check_modality_gap(attempt) -> None:
    random = torch.Generator().manual_seed(3)
    cases = []
    for n, m, dim in ((3, 3, 2), (6, 6, 4), (5, 9, 8)):
        a = torch.randn(n, dim, generator=random) * 2 + 1
        b = torch.randn(m, dim, generator=random) * 3 - 0.5
        wanted, suspects = probing_oracles.modality_gap(a, b), probing_oracles.gap_suspects(a, b)
        where = f"the gap between {n} and {m} embeddings"
        cases.append(Case((a, b), wanted, suspects, where))
    require_numbers(attempt, cases, "the gap", GAP_HINT, missing="the norm")


GAP_HINT = "Normalise the rows, average over the rows (dim=0), subtract, take the norm."


EXERCISES = (
    Exercise(
        CHAPTER,
        info_nce,
        _check_info_nce,
        "equal to an explicit loop on 5 batches, gradient included",
        aligning_wrong.INFO_NCE,
    ),
    Exercise(
        CHAPTER,
        recall_at_1,
        _check_recall_at_1,
        "equal to an explicit loop on 9 similarity matrices, ties included",
        aligning_wrong.RECALL_AT_1,
    ),
    Exercise(
        CHAPTER,
        zero_shot,
        _check_zero_shot,
        "equal to an explicit loop on 4 sets of images and prompts",
        probing_wrong.ZERO_SHOT,
    ),
    Exercise(
        CHAPTER,
        modality_gap,
        _check_modality_gap,
        "equal to an explicit loop on 3 pairs of sets",
        probing_wrong.MODALITY_GAP,
    ),
)

"""Losses, closed forms, diagnostics and retrieval work wherever their input is.

A machine without a GPU asks ``Elsewhere``, whose tensors refuse to meet those of the CPU, and its
answers must be those of the CPU. What takes rows gives rows back where they came from.
"""

import pytest
import torch
from torch.utils._pytree import tree_leaves

from xmodal_lab.alignment import (
    assignment,
    closed_form,
    diagnostics,
    losses,
    neighbours,
    unsupervised,
    word_regions,
)
from xmodal_lab.joint import retrieval
from xmodal_lab.workbook.kit.elsewhere import DEVICE, Elsewhere, send


def inputs():
    generator = torch.Generator().manual_seed(1)
    a = torch.randn(12, 5, generator=generator)
    b = a + 0.3 * torch.randn(12, 5, generator=generator)
    return a, b


def by_words(score):
    """A score of words and regions, the last word and region being padding."""

    def scored(a, b):
        mask = torch.arange(4, device=a.device).expand(3, 4) < 3
        a, b = a.reshape(3, 4, 5), b.reshape(3, 4, 5)
        return score(a, b, word_mask=mask, region_mask=mask)

    return scored


def fitted(fit):
    """A closed form: what it makes of the rows that it was fitted to."""
    return lambda a, b: (found := fit(a, b)) and (found.project_x(a), found.project_y(b))


def same_rows(a):
    return torch.eye(len(a), dtype=torch.bool, device=a.device)


ROWS = {  # give tensors
    "info_nce": lambda a, b: losses.info_nce(a, b, 0.1),
    "info_nce, learned τ": lambda a, b: losses.info_nce(a, b, a.norm()),
    "info_nce_tiled": lambda a, b: losses.info_nce_tiled(a, b, 0.1, tile=5),
    "info_nce_many, mask": lambda a, b: losses.info_nce_many(a, b, 0.1, same_rows(a)),
    "info_nce_many, share": lambda a, b: losses.info_nce_many(a, b, 0.1, same_rows(a), "share"),
    "info_nce_with_foils": lambda a, b: losses.info_nce_with_foils(a, b, 0.1, foils_b=a + b),
    "sigmoid_loss": lambda a, b: losses.sigmoid_loss(a, b, 0.1),
    "sigmoid_loss_tiled": lambda a, b: losses.sigmoid_loss_tiled(a, b, 0.1, tile=5),
    "pair_loss": lambda a, b: losses.pair_loss(a, b, 1.0),
    "triplet_loss, hard": lambda a, b: losses.triplet_loss(a, b, 0.2),
    "triplet_loss, semi-hard": lambda a, b: losses.triplet_loss(a, b, 0.2, "semi-hard"),
    "triplet_loss, all": lambda a, b: losses.triplet_loss(a, b, 0.2, "all"),
    "triplet_loss, random": lambda a, b: losses.triplet_loss(
        a, b, 0.2, "random", torch.Generator().manual_seed(0)
    ),
    "over_pairs": lambda a, b: losses.over_pairs(
        {"text": a, "image": b, "audio": a + b, "temperature": a.norm()}
    ),
    "procrustes": fitted(closed_form.procrustes),
    "cca": fitted(lambda a, b: closed_form.cca(a, b, dim=3)),
    "kernel_cca": fitted(lambda a, b: closed_form.kernel_cca(a, b, dim=2)),
    "modality_gap": diagnostics.modality_gap,
    "alignment": diagnostics.alignment,
    "uniformity": lambda a, b: diagnostics.uniformity(a),
    "rank_me": lambda a, b: diagnostics.rank_me(a),
    "linear_cka": lambda a, b: diagnostics.linear_cka(a, b, debiased=True),
    "csls": lambda a, b: diagnostics.csls(a @ b.T, k=3),
    "inverted_softmax": lambda a, b: diagnostics.inverted_softmax(a @ b.T),
    "k_occurrences": lambda a, b: diagnostics.k_occurrences(a @ b.T, k=3),
    "softmax_assignment": lambda a, b: assignment.softmax_assignment(-a @ b.T),
    "sinkhorn": lambda a, b: assignment.sinkhorn(-a @ b.T / 9, 0.5),
    "hard_assignment": lambda a, b: assignment.hard_assignment(-a @ b.T),
    "align_unpaired": fitted(lambda a, b: unsupervised.align_unpaired(a, b, restarts=3)),
    "best_match_score": by_words(word_regions.best_match_score),
    "attention_score": by_words(word_regions.attention_score),
    "transport_score": by_words(word_regions.transport_score),
    "ranks": retrieval.ranks,
    "ranks, targets": lambda a, b: retrieval.ranks(a, b, same_rows(a)),
    "ranks_from_similarity": lambda a, b: retrieval.ranks_from_similarity(a @ b.T, same_rows(a)),
    "nearest_others": lambda a, b: neighbours.nearest_others(a, k=3),
    "search": lambda a, b: retrieval.search(a, b, k=3),
    "zero_shot": lambda a, b: retrieval.zero_shot(a, [b[:3], b[3:7], b[7:]], pool="mean"),
}
NUMBERS = {  # give plain numbers
    "hubness": lambda a, b: diagnostics.hubness(a @ b.T, k=3),
    "mutual_knn": lambda a, b: diagnostics.mutual_knn(a, b, k=3),
    "permutation_null": lambda a, b: diagnostics.permutation_null(diagnostics.linear_cka, a, b, 5),
    "recall_at_k": lambda a, b: retrieval.recall_at_k(a, b, k=(1, 3)),
    "recall_from_similarity": lambda a, b: retrieval.recall_from_similarity(a @ b.T, k=(1, 3)),
    "mean_reciprocal_rank": retrieval.mean_reciprocal_rank,
    "choice_accuracy": lambda a, b: retrieval.choice_accuracy(a, b, b.flip(0)),
}


def agree(got, wanted):
    for mine, theirs in zip(tree_leaves(got), tree_leaves(wanted), strict=True):
        mine, theirs = (torch.as_tensor(x).detach().cpu() for x in (mine, theirs))
        torch.testing.assert_close(mine.as_subclass(torch.Tensor), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("function", (ROWS | NUMBERS).values(), ids=ROWS | NUMBERS)
def test_the_result_does_not_depend_on_the_device(function):
    wanted = function(*inputs())
    with Elsewhere():
        got = function(*map(send, inputs()))
    agree(got, wanted)


@pytest.mark.parametrize("function", ROWS.values(), ids=ROWS)
def test_tensors_stay_where_they_were(function):
    with Elsewhere():
        got = function(*map(send, inputs()))
        assert {x.device for x in tree_leaves(got)} == {DEVICE}


@pytest.mark.gpu
@pytest.mark.parametrize("function", (ROWS | NUMBERS).values(), ids=ROWS | NUMBERS)
def test_a_real_gpu_gives_the_same(function, gpu):
    agree(function(*(x.to(gpu) for x in inputs())), function(*inputs()))


@pytest.mark.gpu
@pytest.mark.parametrize("name", [name for name in ROWS if "info_nce" in name or "loss" in name])
def test_a_real_gpu_gives_the_same_gradients(name, gpu):
    def gradients(place):
        leaves = [x.to(place).requires_grad_() for x in inputs()]
        ROWS[name](*leaves).backward()
        return [leaf.grad for leaf in leaves]

    agree(gradients(gpu), gradients("cpu"))

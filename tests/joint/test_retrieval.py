"""Ranks, recall and search against loops; ties, blocks and everything that is refused."""

import math

import pytest
import torch

from xmodal_lab.joint import retrieval
from xmodal_lab.joint.retrieval import (
    choice_accuracy,
    mean_reciprocal_rank,
    ranks,
    ranks_from_similarity,
    recall_at_k,
    recall_from_similarity,
    search,
    zero_shot,
)


def cosine(a: list[float], b: list[float]) -> float:
    length = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / length


def slow_ranks(queries, gallery, right) -> list[int]:
    """Sort the gallery for each query and walk down, wrong rows first among equals."""
    places = []
    for query, answers in zip(queries.double().tolist(), right.tolist(), strict=True):
        rows = [
            (-cosine(query, row), answer)
            for row, answer in zip(gallery.double().tolist(), answers, strict=True)
        ]
        rows.sort()  # False before True: a wrong row wins a tie
        passed = 0  # right rows before the first are none, so this counts wrong ones
        for _, answer in rows:
            passed += 1
            if answer:
                break
        places.append(passed)
    return places


def world(queries: int = 13, gallery: int = 29, dim: int = 6, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    q, g = (torch.randn(n, dim, generator=generator) for n in (queries, gallery))
    right = torch.rand(queries, gallery, generator=generator) < 0.1
    right[torch.arange(queries), torch.randint(0, gallery, (queries,), generator=generator)] = True
    return q, g, right


def exact(rows: int = 12, dim: int = 3, seed: int = 0) -> torch.Tensor:
    """Rows of small whole numbers: many exact ties among their cosines."""
    generator = torch.Generator().manual_seed(seed)
    made = torch.randint(-1, 2, (rows, dim), generator=generator).float()
    made[made.abs().sum(1) == 0, 0] = 1.0
    return made


@pytest.mark.parametrize("seed", range(5))
def test_ranks_equal_sorting_with_many_right_answers(seed):
    q, g, right = world(seed=seed)
    assert ranks(q, g, right).tolist() == slow_ranks(q, g, right)


@pytest.mark.parametrize("seed", range(5))
def test_places_of_rows_do_not_matter(seed):
    q, g, right = world(seed=seed)
    rows, columns = torch.randperm(len(q)), torch.randperm(len(g))
    moved = ranks(q[rows], g[columns], right[rows][:, columns])
    assert moved.equal(ranks(q, g, right)[rows])


def test_lengths_do_not_matter():
    q, g, right = world()
    stretched = ranks(q * torch.rand(len(q), 1) * 50, g * (torch.rand(len(g), 1) + 0.01), right)
    assert stretched.equal(ranks(q, g, right))


def test_a_rank_counts_the_wrong_rows_only():
    q = torch.tensor([[1.0, 0.0]])
    g = torch.tensor([[1.0, 0.1], [1.0, 0.0], [1.0, 0.2], [0.0, 1.0]])
    assert ranks(q, g, torch.tensor([[True, True, True, False]])).tolist() == [1]
    assert ranks(q, g, torch.tensor([[False, False, True, True]])).tolist() == [3]
    assert ranks(q, g, torch.tensor([3])).tolist() == [4]


@pytest.mark.parametrize("seed", range(5))
def test_row_numbers_and_a_matrix_are_the_same_targets(seed):
    q, g, _ = world(seed=seed)
    numbers = torch.randint(0, len(g), (len(q),))
    matrix = torch.zeros(len(q), len(g), dtype=torch.bool)
    matrix[torch.arange(len(q)), numbers] = True
    wanted = ranks(q, g, matrix)
    assert ranks(q, g, numbers).equal(wanted)
    assert ranks(q, g, numbers.int()).equal(wanted)
    square = g[: len(q)]
    assert ranks(q, square).equal(ranks(q, square, torch.eye(len(q), dtype=torch.bool)))


@pytest.mark.parametrize("dim", [1, 3, 16, 100, 128])
@pytest.mark.parametrize("rows", [2, 5, 33, 501])
def test_a_collapsed_model_finds_nothing(rows, dim):
    """Every wrong row stands before the right one, although rounding differs from row to row."""
    point = torch.randn(1, dim)
    lengths = torch.rand(rows, 1) * 3 + 0.1
    for q, g in (
        (point.expand(rows, dim), point.expand(rows, dim)),
        (point * lengths, point * lengths.flip(0)),
    ):
        assert ranks(q, g).tolist() == [rows] * rows
        assert recall_at_k(q, g, (1, rows)) == {1: 0.0, rows: 1.0}


def test_a_model_of_zeros_finds_nothing():
    zeros = torch.zeros(7, 4)
    assert recall_at_k(zeros, zeros, 1) == {1: 0.0}


@pytest.mark.parametrize("seed", range(5))
def test_exact_ties_count_against_the_model(seed):
    q, g = exact(seed=seed), exact(seed=seed + 100)
    unit = torch.nn.functional.normalize
    similarity = unit(q.double()) @ unit(g.double()).T
    own = similarity.diagonal()[:, None]
    wanted = (similarity >= own - 1e-9).sum(1)  # the right row itself is the one that is added
    assert ranks(q, g).tolist() == wanted.tolist()


@pytest.mark.parametrize("block", [1, 29, 30, 100, 2**24])
def test_blocks_are_invisible(monkeypatch, block):
    q, g, right = world()
    numbers = torch.randint(0, len(g), (len(q),))
    tied_q, tied_g = exact(13), exact(29)
    calls = [
        lambda: ranks(q, g, right),
        lambda: ranks(q, g, numbers),
        lambda: ranks(tied_q, tied_g, numbers),
        lambda: search(q, g, 4)[1],
    ]
    wanted = [call() for call in calls]
    monkeypatch.setattr(retrieval, "BLOCK", block)
    for call, result in zip(calls, wanted, strict=True):
        assert call().equal(result)


def test_recall_and_mean_reciprocal_rank_follow_from_ranks():
    q, g, right = world()
    places = slow_ranks(q, g, right)
    found = recall_at_k(q, g, (1, 3, 29), right)
    for k in (1, 3, 29):
        assert found[k] == pytest.approx(sum(place <= k for place in places) / len(places))
    assert found[1] <= found[3] <= found[29] == 1.0
    assert recall_at_k(q, g, 3, right) == {3: found[3]}
    wanted = sum(1 / place for place in places) / len(places)
    assert mean_reciprocal_rank(q, g, right) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_a_table_of_cosines_ranks_as_its_embeddings_do(seed):
    q, g, right = world(seed=seed)
    unit = torch.nn.functional.normalize
    for queries, gallery in ((q, g), (exact(13, seed=seed), exact(29, seed=seed + 9))):
        table = unit(queries, dim=1) @ unit(gallery, dim=1).T
        for targets in (right, right.int().argmax(1)):
            wanted = ranks(queries, gallery, targets)
            assert ranks_from_similarity(table, targets).equal(wanted)
            found = recall_from_similarity(table, (1, 3), targets)
            assert found == recall_at_k(queries, gallery, (1, 3), targets)


def test_a_table_without_a_difference_finds_nothing():
    same, right = torch.full((4, 6), -3.5), torch.eye(4, 6, dtype=torch.bool)
    assert ranks_from_similarity(same, right).tolist() == [6] * 4
    assert recall_from_similarity(same[:, :4], 1) == {1: 0.0}
    assert recall_from_similarity(same[:, :4] + torch.eye(4), 1) == {1: 1.0}


def test_tables_that_do_not_fit_are_named(unchecked):
    table, right = torch.randn(4, 6), torch.eye(4, 6, dtype=torch.bool)
    refused(lambda: ranks_from_similarity(table), "4 queries and 6 gallery rows", "targets")
    refused(lambda: ranks_from_similarity(table[0]), "(queries, gallery)", "(6,)")
    refused(lambda: ranks_from_similarity(table[:0], right[:0]), "not empty")
    refused(lambda: ranks_from_similarity(table, right.T), "(4, 6)", "(6, 4)")
    refused(lambda: recall_from_similarity(table, 7, right), "k must lie in 1 … 6")
    table[2, 2] = torch.nan
    refused(lambda: ranks_from_similarity(table, right), "NaN or infinity")


def test_a_perfect_model_finds_everything_and_a_random_one_what_chance_finds():
    perfect = torch.randn(400, 32)
    assert recall_at_k(perfect, perfect, 1) == {1: 1.0}
    assert mean_reciprocal_rank(perfect, perfect) == 1.0
    found = recall_at_k(torch.randn(400, 32), torch.randn(400, 32), 40)[40]
    assert found == pytest.approx(0.1, abs=0.06)  # four deviations


def test_no_gradient_and_no_change_of_what_is_compared():
    q, g, right = world()
    before = q.clone(), g.clone(), right.clone()
    ranks(q, g, right)
    search(q, g, 3)
    assert all(a.equal(b) for a, b in zip((q, g, right), before, strict=True))


@pytest.mark.parametrize("k", [0, -1, 30, (1, 30), (0, 5)])
def test_a_k_outside_the_gallery_is_refused(k):
    q, g, right = world()
    with pytest.raises(ValueError, match="k must lie in 1 … 29, the gallery's size"):
        recall_at_k(q, g, k, right)


def refused(call, *words):
    with pytest.raises(ValueError) as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_embeddings_that_do_not_fit_are_named(unchecked):
    q, g, _ = world()
    for call in (ranks, search, lambda a, b: recall_at_k(a, b, 1)):
        refused(lambda call=call: call(q, g[:, :3]), "one dim", "(13, 6)", "(29, 3)")
        refused(lambda call=call: call(q[0], g), "one dim", "(6,)")
    refused(lambda: ranks(q[:0], g), "at least 1 in each", "(0, 6)")
    refused(lambda: search(q, g[:0], 1), "(13, 6)", "(0, 6)")


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_nan_is_refused_rather_than_ranked(number, side):
    pair = list(world()[:2])
    pair[side][3, 2] = number
    for call in (lambda: ranks(*pair, torch.zeros(13, dtype=torch.long)), lambda: search(*pair, 2)):
        refused(call, "NaN or infinity")


def test_targets_that_do_not_fit_are_named(unchecked):
    q, g, right = world()
    refused(lambda: ranks(q, g), "13 queries and 29 gallery rows", "targets")
    refused(lambda: ranks(q, g, right.T), "(13, 29)", "(29, 13)")
    refused(lambda: ranks(q, g, right.long()), "bool matrix")
    refused(lambda: ranks(q, g, torch.zeros(12, dtype=torch.long)), "13 row numbers", "(12,)")
    refused(lambda: ranks(q, g, torch.zeros(13, dtype=torch.bool)), "bool matrix")
    refused(lambda: ranks(q, g, torch.full((13,), 1.5)), "row numbers", "float32")
    for wrong in (-1, 29):
        numbers = torch.zeros(13, dtype=torch.long)
        numbers[4] = wrong
        refused(lambda numbers=numbers: ranks(q, g, numbers), "0 … 28")
    right[7] = False
    refused(lambda: ranks(q, g, right), "query 7 has no right answer")


def test_targets_may_come_from_numpy(unchecked):
    q, g, right = world()
    assert ranks(q, g, right.numpy()).equal(ranks(q, g, right))


def test_large_finite_numbers_are_no_infinity():
    """Their sum is one; the rows are compared all the same."""
    q, g, _ = world()
    large = torch.full((2, 6), 3e38)
    assert not large.sum().isfinite()
    ranks(large, g, torch.tensor([0, 1]))
    spoilt = torch.cat([large, q])
    spoilt[1, 1], spoilt[2, 2] = torch.inf, -torch.inf
    refused(lambda: search(spoilt, g, 2), "NaN or infinity")


def test_choice_accuracy_counts_by_hand():
    q = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    near = torch.tensor([[9.0, 1.0], [1.0, 1.0], [1.0, 1.0], [0.1, 0.3]])
    far = torch.tensor([[1.0, 1.0], [9.0, 1.0], [2.0, 2.0], [1.0, -1.0]])
    assert choice_accuracy(q, near, far) == 0.5  # right, wrong, tied, right
    assert choice_accuracy(q, far, near) == 0.25


def test_choice_accuracy_of_the_same_answers_is_zero_whatever_the_rounding():
    q, words = torch.randn(300, 48), torch.randn(300, 14, 48)
    order = torch.rand(300, 14).argsort(1)
    shuffled = words[torch.arange(300)[:, None], order]
    # A mean over the same words in another order: equal but for the last digits.
    assert not words.mean(1).equal(shuffled.mean(1))
    assert choice_accuracy(q, words.mean(1), shuffled.mean(1)) == 0.0


def test_choice_accuracy_of_guessing_is_a_half():
    q, a, b = torch.randn(3, 4000, 16)
    assert choice_accuracy(q, a, b) == pytest.approx(0.5, abs=0.04)
    assert choice_accuracy(q, a, b) + choice_accuracy(q, b, a) == pytest.approx(1.0, abs=1e-3)


def test_choice_accuracy_refuses_what_does_not_fit(unchecked):
    q, g, _ = world()
    refused(lambda: choice_accuracy(q, q, g), "one shape", "(29, 6)")
    spoilt = q.clone()
    spoilt[0, 0] = torch.nan
    for three in ((spoilt, q, q), (q, spoilt, q), (q, q, spoilt)):
        refused(lambda three=three: choice_accuracy(*three), "NaN")


PROMPTS = [
    torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.2, 0.0]]),  # one very near prompt, one opposite
    torch.tensor([[0.8, 0.6, 0.0]]),
    torch.tensor([[0.0, 0.0, 5.0], [0.0, 0.1, 1.0], [0.0, 0.0, 1.0]]),
]


def test_zero_shot_lets_the_best_prompt_or_the_mean_speak():
    q = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.1]])
    assert zero_shot(q, PROMPTS).tolist() == [0, 2]
    assert zero_shot(q, PROMPTS, "mean").tolist() == [1, 2]


@pytest.mark.parametrize("pool", ["best", "mean"])
@pytest.mark.parametrize("seed", range(3))
def test_zero_shot_equals_a_loop(pool, seed):
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(20, 4, generator=generator)
    prompts = [torch.randn(n, 4, generator=generator) * n for n in (1, 5, 2)]
    for query, found in zip(q.tolist(), zero_shot(q, prompts, pool).tolist(), strict=True):
        scores = []
        for rows in prompts:
            if pool == "best":
                scores.append(max(cosine(query, row) for row in rows.tolist()))
            else:
                unit = rows / rows.norm(dim=1, keepdim=True)
                scores.append(cosine(query, unit.mean(0).tolist()))
        assert found == scores.index(max(scores))


def test_zero_shot_refuses_what_does_not_fit(unchecked):
    q = torch.randn(2, 3)
    refused(lambda: zero_shot(q, PROMPTS, "median"), "'median'", "best", "mean")
    refused(lambda: zero_shot(q, [PROMPTS[0], PROMPTS[1][:0]]), "(0, 3)")
    refused(lambda: zero_shot(q, []), "no class to choose")
    refused(lambda: zero_shot(q[:, :2], PROMPTS), "one dim")

"""GloVe: its loss against loops, its step against AdaGrad, its training by what it finds."""

import math

import pytest
import torch

from xmodal_lab.encoders.text.glove import GloVe, glove_loss, glove_weights

WORDS = tuple(f"word{i}" for i in range(12))


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parts(cells: int = 5, dim: int = 3) -> list[torch.Tensor]:
    rows = [normal(cells, dim), normal(cells, dim, seed=1)]
    biases = [normal(cells, seed=2), normal(cells, seed=3)]
    return [*rows, *biases]


def slow_loss(words, contexts, word_bias, context_bias, counts, x_max, alpha) -> float:
    """The docstring's formula, number by number."""
    total = 0.0
    for w, c, b, d, x in zip(words, contexts, word_bias, context_bias, counts, strict=True):
        weight = (x / x_max) ** alpha if x < x_max else 1.0
        total += weight * (sum(p * q for p, q in zip(w, c, strict=True)) + b + d - math.log(x)) ** 2
    return total / len(counts)


def low_rank_counts(words: int = 12, dim: int = 3) -> torch.Tensor:
    """Symmetric counts whose logarithms are dot products of ``dim`` numbers plus biases."""
    x, bias = normal(words, dim), normal(words, seed=1)
    return (x @ x.T + bias[:, None] + bias + 3).exp().float()


@pytest.mark.parametrize("x_max, alpha", [(100.0, 0.75), (5.0, 0.5), (1.0, 1.0)])
def test_loss_equals_the_formula_in_value_and_gradient(x_max, alpha):
    counts = torch.tensor([0.2, 1.0, 4.0, 5.0, 4000.0]).double()
    leaves = [part.requires_grad_() for part in parts()]
    slow = lambda *x: slow_loss(*x, counts.tolist(), x_max, alpha)  # noqa: E731
    loss = glove_loss(*leaves, counts, x_max, alpha)
    assert loss.item() == pytest.approx(slow(*(x.tolist() for x in leaves)), rel=1e-10)
    loss.backward()
    for position, leaf in enumerate(leaves):
        for entry in range(leaf.numel()):
            ends = []
            for sign in (1, -1):
                moved = [x.detach().clone() for x in leaves]
                moved[position].view(-1)[entry] += sign * 1e-6
                ends.append(slow(*(x.tolist() for x in moved)))
            slope = (ends[0] - ends[1]) / 2e-6
            assert leaf.grad.view(-1)[entry].item() == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_weights_rise_to_one_and_stay_there():
    counts = torch.tensor([0.01, 1.0, 50.0, 100.0, 1e6])
    weights = glove_weights(counts, 100.0, 0.75)
    assert weights.tolist() == pytest.approx([0.0001**0.75, 0.01**0.75, 0.5**0.75, 1, 1])


def test_one_step_is_adagrad_on_the_sum_over_cells():
    counts = torch.tensor([[0.0, 3.0, 1.0], [3.0, 0.0, 0.0], [1.0, 0.0, 8.0]])
    model = GloVe(counts, dim=2, x_max=4.0, seed=1)
    tables = [torch.nn.Parameter(side.clone()) for side in model._sides]
    optimiser = torch.optim.Adagrad(tables, lr=0.05, initial_accumulator_value=1.0, eps=0.0)
    rows, columns = torch.tensor([0, 1, 2]), torch.tensor([1, 0, 2])
    w, c = (table[ids] for table, ids in zip(tables, (rows, columns), strict=True))
    loss = glove_loss(w[:, :2], c[:, :2], w[:, 2], c[:, 2], counts[rows, columns], 4.0)
    (3 * loss).backward()
    optimiser.step()
    found = model._step((rows, columns), counts[rows, columns], 0.05)
    assert found.item() == pytest.approx(loss.item(), rel=1e-6)
    for side, table in zip(model._sides, tables, strict=True):
        assert torch.allclose(side, table, atol=1e-6)


def test_training_finds_factors_that_exist():
    counts = low_rank_counts()
    model = GloVe(counts, dim=6, x_max=1.0)
    reports = list(model.fit(1500, learning_rate=0.1, batch_size=144))
    assert reports[-1].loss < 1e-3 < reports[0].loss
    found = model.words @ model.contexts.T + model.word_bias[:, None] + model.context_bias
    assert (found - counts.log()).abs().max() < 0.2


def test_words_that_meet_by_chance_alone_have_nothing_to_learn():
    frequency = torch.tensor([1.0, 5.0, 20.0, 100.0])
    model = GloVe(frequency[:, None] * frequency, dim=4)
    first = next(iter(model.fit(1, learning_rate=1e-9)))
    # The biases alone explain every count; the small random vectors add (1/2(dim + 1))² each.
    assert first.loss < 4 * 0.1**2


def test_words_of_one_topic_end_up_together_once_zeros_count():
    counts = torch.zeros(12, 12)
    counts[:6, :6], counts[6:, 6:] = 30.0, 30.0
    counts += torch.rand(12, 12, generator=torch.Generator().manual_seed(0)).round() * (counts > 0)
    cosines = {}
    for smoothing in (0.0, 1.0):
        model = GloVe(counts, dim=8, x_max=10.0, smoothing=smoothing)
        for _ in model.fit(100, learning_rate=0.1, batch_size=16):
            pass
        matrix = model.vectors(WORDS).normalised().matrix
        cosines[smoothing] = matrix @ matrix.T
    apart = {s: c[:6, :6].mean() - c[:6, 6:].mean() for s, c in cosines.items()}
    assert apart[1.0] > 1.0 > apart[0.0] + 0.3


def test_a_words_vector_is_the_sum_of_its_two():
    model = GloVe(low_rank_counts(), dim=4)
    assert torch.equal(model.vectors(WORDS).matrix, model.words + model.contexts)


def test_same_seed_same_bits_and_progress_as_often_as_asked():
    runs = []
    for seed in (3, 3, 4):
        model = GloVe(low_rank_counts(), dim=4, seed=seed)
        reports = list(model.fit(6, reports=2, batch_size=16))
        runs.append(model.words)
        assert [report.epoch for report in reports][1::2] == [1, 2, 3, 4, 5, 6]
        assert len(reports) == 12 and reports[-1].loss < reports[0].loss
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize(
    "counts, change, message",
    [
        (torch.zeros(3, 3), {}, "all counts are zero"),
        (torch.ones(1, 1), {}, "two words or more"),
        (torch.tensor([[1.0, -1.0], [0.0, 1.0]]), {}, "not negative"),
        (torch.tensor([[1.0, math.nan], [0.0, 1.0]]), {}, "must be finite"),
        (torch.ones(2, 2), {"dim": 0}, "dim must be at least 1"),
        (torch.ones(2, 2), {"x_max": 0.0}, "x_max must be a number above 0"),
        (torch.ones(2, 2), {"alpha": math.nan}, "alpha must be a number above 0"),
        (torch.ones(2, 2), {"smoothing": -1.0}, "smoothing must be a number of 0 or more"),
    ],
)
def test_bad_counts_and_settings_are_refused(counts, change, message):
    with pytest.raises(ValueError, match=message):
        GloVe(counts, **change)


def test_counts_that_are_no_square_are_refused(unchecked):
    with pytest.raises(ValueError, match=r"\(vocabulary, vocabulary\).*got \(2, 3\)"):
        GloVe(torch.ones(2, 3))


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_bad_learning_rates_are_refused_at_the_call(rate):
    with pytest.raises(ValueError, match="learning_rate must be a number above 0"):
        GloVe(torch.ones(2, 2)).fit(learning_rate=rate)


def test_what_goes_wrong_on_the_way_is_said():
    with pytest.raises(ValueError, match="learning more slowly"):
        list(GloVe(low_rank_counts()).fit(5, learning_rate=1e30))
    with pytest.raises(ValueError, match="expected 12 words"):
        GloVe(low_rank_counts()).vectors(["a"])

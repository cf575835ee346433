"""Word2Vec: losses against loops, sampling against formulas, training by what it finds."""

import math

import pytest
import torch

from xmodal_lab.encoders.text import negative_sampling as ns
from xmodal_lab.encoders.text import sampling
from xmodal_lab.encoders.text.word2vec import Word2Vec, cbow_loss, skip_gram_loss

WORDS = tuple(f"word{i}" for i in range(20))


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def two_topics(documents: int = 200, seed: int = 0) -> list[torch.Tensor]:
    """Ids 0 … 9 keep to themselves, and so do 10 … 19."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randint(0, 10, (12,), generator=generator) + 10 * (i % 2) for i in range(documents)
    ]


def trained(epochs: int = 8, **settings) -> Word2Vec:
    model = Word2Vec(two_topics(), 20, dim=8, subsample=None, window=3, **settings)
    for _ in model.fit(epochs, batch_size=64):
        pass
    return model


def ln_sigmoid(x: float) -> float:
    return -math.log(1 + math.exp(-x)) if x > -30 else x


def dot(a, b) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def slow_loss(query, target, noise) -> float:
    """The docstring's formula, number by number; noise is given for each row."""
    total = 0.0
    for q, t, drawn in zip(query, target, noise, strict=True):
        total += ln_sigmoid(dot(q, t)) + sum(ln_sigmoid(-dot(q, n)) for n in drawn)
    return -total / len(query)


def slow_mean(rows, seen):
    used = [row for row, is_seen in zip(rows, seen, strict=True) if is_seen]
    return [sum(column) / len(used) for column in zip(*used, strict=True)]


def slopes(loss, tensors, step: float = 1e-6):
    """Central differences of a loss of nested lists, for every number of every tensor."""
    for position, tensor in enumerate(tensors):
        for entry in range(tensor.numel()):
            ends = []
            for sign in (1, -1):
                moved = [x.clone() for x in tensors]
                moved[position].view(-1)[entry] += sign * step
                ends.append(loss(*(x.tolist() for x in moved)))
            yield position, entry, (ends[0] - ends[1]) / (2 * step)


@pytest.mark.parametrize("batch, dim, negatives", [(1, 3, 5), (4, 2, 1), (7, 6, 3)])
def test_skip_gram_loss_equals_the_formula(batch, dim, negatives):
    parts = normal(batch, dim), normal(batch, dim, seed=1), normal(batch, negatives, dim, seed=2)
    wanted = slow_loss(*(part.tolist() for part in parts))
    assert skip_gram_loss(*parts).item() == pytest.approx(wanted, rel=1e-10)
    assert skip_gram_loss(*(x.float() for x in parts)).item() == pytest.approx(wanted, rel=1e-5)


def test_skip_gram_gradients_equal_differences_of_the_formula():
    parts = normal(3, 2), normal(3, 2, seed=1), normal(3, 2, 2, seed=2)
    leaves = [part.clone().requires_grad_() for part in parts]
    skip_gram_loss(*leaves).backward()
    for position, entry, slope in slopes(slow_loss, parts):
        assert leaves[position].grad.view(-1)[entry].item() == pytest.approx(slope, abs=1e-7)


def test_cbow_equals_the_formula_in_value_and_gradient():
    seen = torch.tensor([[True, False, True], [True, True, True], [False, False, True]])
    parts = normal(3, 3, 2), normal(3, 2, seed=1), normal(3, 4, 2, seed=2)

    def slow(contexts, centre, noise):
        means = [slow_mean(*pair) for pair in zip(contexts, seen.tolist(), strict=True)]
        return slow_loss(means, centre, noise)

    leaves = [part.clone().requires_grad_() for part in parts]
    loss = cbow_loss(leaves[0], seen, *leaves[1:])
    assert loss.item() == pytest.approx(slow(*(part.tolist() for part in parts)), rel=1e-10)
    loss.backward()
    for position, entry, slope in slopes(slow, parts):
        assert leaves[position].grad.view(-1)[entry].item() == pytest.approx(slope, abs=1e-7)
    assert not leaves[0].grad[~seen].any()


def test_nothing_known_costs_a_bit_a_question_and_certainty_in_error_is_finite():
    nothing = torch.zeros(4, 3), torch.zeros(4, 3), torch.zeros(4, 5, 3)
    assert skip_gram_loss(*nothing).item() == pytest.approx(6 * math.log(2))
    far = torch.full((2, 3), 20.0).requires_grad_()
    loss = skip_gram_loss(far, -far.detach(), torch.full((2, 1, 3), 20.0))
    loss.backward()
    assert loss.item() == pytest.approx(2 * 1200)
    assert far.grad.isfinite().all()


def test_shared_noise_is_the_same_loss_where_it_can_be_compared():
    query, target, noise = normal(6, 4), normal(6, 4, seed=1), normal(5, 4, seed=2)
    wanted = skip_gram_loss(query, target, noise.expand(6, 5, 4))
    assert ns.shared_noise_loss(query, target, noise, 5).item() == pytest.approx(wanted.item())
    # All noise words shown once, each counting for its share: what many draws come to.
    many = torch.randint(0, 5, (6, 200_000), generator=torch.Generator().manual_seed(3))
    drawn = torch.nn.functional.logsigmoid(-(query @ noise.T)).gather(1, many).mean()
    pull = torch.nn.functional.logsigmoid((query * target).sum(1)).mean()
    found = ns.shared_noise_loss(query, target, noise, 7).item()
    assert found == pytest.approx(-(pull + 7 * drawn).item(), rel=5e-3)


@pytest.mark.parametrize("shared, negatives", [(5, 5), (32, 3), (1, 8)])
def test_pull_and_push_is_the_gradient_that_autograd_finds(shared, negatives):
    leaves = [normal(*shape, seed=i) for i, shape in enumerate([(6, 4), (6, 4), (shared, 4)])]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    wanted = torch.autograd.grad(6 * ns.shared_noise_loss(*leaves, negatives), leaves)
    for found, right in zip(ns.pull_and_push(*leaves, negatives), wanted, strict=True):
        assert torch.allclose(found, right, rtol=1e-10)


@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
def test_one_step_follows_the_gradient_of_the_loss(architecture):
    model = Word2Vec(two_topics(), 20, dim=4, architecture=architecture, window=2, seed=5)
    model.words, model.contexts = normal(20, 4), normal(20, 4, seed=1)
    _, examples, noise = next(model._batches(30))
    leaves = [model.words.clone().requires_grad_(), model.contexts.clone().requires_grad_()]
    query = (leaves[0][examples.inputs] * examples.weights[..., None]).sum(1)
    shared = leaves[1][noise].expand(30, -1, -1)
    loss = skip_gram_loss(query, leaves[1][examples.targets], shared * 1)
    # 32 noise words shared in place of 5 of one's own: their part counts 5/32.
    pull = -torch.nn.functional.logsigmoid((query * leaves[1][examples.targets]).sum(1)).mean()
    gradients = torch.autograd.grad(30 * (pull + (loss - pull) * 5 / len(noise)), leaves)
    wanted = [leaf - 0.01 * grad for leaf, grad in zip(leaves, gradients, strict=True)]
    everything = (torch.ones(20).double(), torch.ones(20).double())
    examples = examples._replace(weights=examples.weights.double())
    model._step(examples, noise, 0.01, everything, measure=False)
    assert torch.allclose(model.words, wanted[0], rtol=1e-9)
    assert torch.allclose(model.contexts, wanted[1], rtol=1e-9)


def test_noise_distribution_and_subsampling_equal_their_formulas():
    counts = torch.tensor([100.0, 10.0, 1.0, 0.0]).double()
    weights = [100**0.75, 10**0.75, 1.0, 0.0]
    wanted = [weight / sum(weights) for weight in weights]
    assert sampling.noise_distribution(counts).tolist() == pytest.approx(wanted)
    assert sampling.noise_distribution(counts, 0.0).tolist() == pytest.approx([1 / 3] * 3 + [0])
    share, t = 100 / 111, 0.05
    kept = sampling.keep_probability(counts, t).tolist()
    assert kept == pytest.approx([math.sqrt(t / share), math.sqrt(t * 111 / 10), 1, 1])
    by_program = sampling.keep_probability(counts, t, program=True).tolist()
    assert by_program == pytest.approx([math.sqrt(t / share) + t / share, 1, 1, 1])


def test_neighbours_stay_within_document_and_reach():
    document = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2])
    generator = torch.Generator().manual_seed(0)
    found, times = torch.zeros(8, 8), 3000
    for _ in range(times):
        positions, seen = sampling.neighbours(document, 3, generator)
        token, place = seen.nonzero(as_tuple=True)
        found[token, positions[token, place]] += 1 / times
    for i in range(8):
        for j in range(8):
            near = i != j and document[i] == document[j] and abs(i - j) <= 3
            wanted = (3 - abs(i - j) + 1) / 3 if near else 0
            assert found[i, j].item() == pytest.approx(wanted, abs=0.05 if near else 0), (i, j)


def test_examples_hold_the_same_pairs_in_both_architectures():
    words = torch.arange(12) * 7
    positions, seen = sampling.neighbours(torch.zeros(12).long(), 3, torch.Generator())
    pairs = sampling.skip_gram_examples(words, positions, seen)
    windows = sampling.cbow_examples(words, positions, seen)
    ways = set(zip(pairs.inputs[:, 0].tolist(), pairs.targets.tolist(), strict=True))
    used, place = (windows.weights > 0).nonzero(as_tuple=True)
    back = set(
        zip(windows.targets[used].tolist(), windows.inputs[used, place].tolist(), strict=True)
    )
    assert ways == back
    assert windows.weights.sum(1).tolist() == pytest.approx([1.0] * 12)


def test_subsampling_and_noise_are_drawn_as_often_as_they_say():
    documents = [torch.tensor([0] * 40 + [1] * 9 + [2])[torch.randperm(50)] for _ in range(400)]
    model = Word2Vec(documents, 3, subsample=0.1, window=1)
    counts = torch.tensor([40.0, 9.0, 1.0]).double()
    keep = sampling.keep_probability(counts, 0.1, program=True)
    batches = [batch for _ in range(5) for batch in model._batches(1024)]
    drawn = torch.bincount(torch.cat([noise for _, _, noise in batches]), minlength=3)
    assert torch.allclose(
        drawn / drawn.sum(), sampling.noise_distribution(counts).float(), atol=0.03
    )
    inputs = torch.bincount(torch.cat([part.inputs[:, 0] for _, part, _ in batches]), minlength=3)
    assert torch.allclose(
        inputs / inputs.sum(), (counts * keep / (counts @ keep)).float(), atol=0.01
    )


@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
def test_words_of_one_topic_end_up_together(architecture):
    vectors = trained(architecture=architecture).vectors(WORDS).normalised().matrix
    cosines = vectors @ vectors.T
    same, apart = cosines[:10, :10].mean(), cosines[:10, 10:].mean()
    assert same > 0.7 and apart < 0.2


def test_same_seed_same_bits_and_another_seed_another_model():
    assert torch.equal(trained(2, seed=3).words, trained(2, seed=3).words)
    assert not torch.equal(trained(2, seed=3).words, trained(2, seed=4).words)


def test_progress_comes_as_often_as_asked_and_snapshots_stay():
    model = Word2Vec(two_topics(), 20, dim=8, subsample=None)
    seen, first = [], None
    for progress in model.fit(4, reports=3, batch_size=128):
        first = first or (progress.vectors(WORDS), model.words.clone())
        seen.append(progress)
    assert len(seen) == 12 and seen[-1].epoch == 4
    assert [p.epoch for p in seen] == sorted(p.epoch for p in seen)
    assert torch.equal(first[0].matrix, first[1]) and not torch.equal(first[1], model.words)
    assert seen[0].loss == pytest.approx(6 * math.log(2), rel=0.1)
    assert seen[-1].loss < seen[0].loss - 0.3


def test_leaving_the_loop_keeps_what_is_learned():
    model = Word2Vec(two_topics(), 20, dim=8, subsample=None)
    before = model.words.clone()
    for _ in model.fit(50):
        break
    assert not torch.equal(before, model.words) and model.words.isfinite().all()


def test_a_large_batch_of_few_words_does_not_run_away():
    model = Word2Vec(two_topics(400), 20, subsample=None, window=5)
    for _ in model.fit(6, batch_size=8192):
        pass
    assert model.words.norm(dim=1).max() < 10


@pytest.mark.parametrize(
    "change, message",
    [
        ({"architecture": "skipgram"}, "architecture must be one of"),
        ({"window": 0}, "window must be at least 1, got 0"),
        ({"negatives": 0}, "negatives must be at least 1, got 0"),
        ({"dim": 0}, "dim must be at least 1"),
        ({"vocabulary": 1}, "two words or more is needed, got 1"),
        ({"vocabulary": 5}, r"ids must lie in 0 … 4, got 0 … 19"),
        ({"documents": []}, "no document has two words"),
        ({"documents": [torch.tensor([1]), torch.tensor([2])]}, "no document has two words"),
        ({"documents": [torch.tensor([-1, 2])]}, r"got -1 … 2"),
        ({"documents": [torch.tensor([0.5, 2.0])]}, "whole numbers"),
        ({"subsample": 0.0}, "must lie above 0"),
        ({"subsample": math.nan}, "must lie above 0"),
        ({"noise_power": math.inf}, "must be finite"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Word2Vec(**({"documents": two_topics(), "vocabulary": 20} | change))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"epochs": 0}, "must be at least 1"),
        ({"reports": 0}, "must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"learning_rate": math.nan}, "learning_rate must be a number above 0, got nan"),
        ({"learning_rate": -0.1}, "learning_rate must be a number above 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
    ],
)
def test_bad_training_is_refused_at_the_call(change, message):
    with pytest.raises(ValueError, match=message):
        Word2Vec(two_topics(), 20).fit(**change)


def test_what_goes_wrong_on_the_way_is_said():
    model = Word2Vec(two_topics(), 20, subsample=None)
    with pytest.raises(ValueError, match="learning more slowly"):
        list(model.fit(20, learning_rate=1e30))
    with pytest.raises(ValueError, match="subsampling left no two neighbours"):
        list(Word2Vec([torch.tensor([0, 1])], 2, subsample=1e-12).fit(3))
    with pytest.raises(ValueError, match="expected 20 words, one for each id, got 3"):
        model.vectors(["a", "b", "c"])


def test_counts_must_be_counts():
    for counts in ([1.0, -1.0], [0.0, 0.0], [1.0, math.nan]):
        with pytest.raises(ValueError, match="counts must be finite"):
            sampling.noise_distribution(torch.tensor(counts))

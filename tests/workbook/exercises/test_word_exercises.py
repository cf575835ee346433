"""Exercises of the word chapter: right answers written otherwise pass, mixed mistakes do not."""

import pytest
import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises import EXERCISES
from xmodal_lab.workbook.kit.checking import Verdict, judge


def count_by_loops(document, vocabulary, window):
    counts = torch.zeros(vocabulary, vocabulary, dtype=torch.long)
    for i, a in enumerate(document.tolist()):
        for j, b in enumerate(document.tolist()):
            counts[a, b] += 0 < abs(i - j) <= window
    return counts


def count_by_one_hot(document, vocabulary, window):
    one_hot = functional.one_hot(document, vocabulary).double()
    places = torch.arange(len(document))
    distance = (places[:, None] - places).abs()
    return one_hot.T @ ((distance > 0) & (distance <= window)).double() @ one_hot


def count_half_and_turn(document, vocabulary, window):
    counts = torch.zeros(vocabulary, vocabulary)
    for d in range(1, window + 1):
        one = torch.ones(max(0, len(document) - d))
        counts.index_put_((document[:-d], document[d:]), one, accumulate=True)
    return counts + counts.T


def ppmi_with_a_small_number(counts):
    joint = counts.double() / counts.sum()
    chance = joint.sum(1, keepdim=True) * joint.sum(0)
    return ((joint + 1e-12) / (chance + 1e-12)).log().relu() * (counts > 0)


def ppmi_made_finite(counts):
    joint = counts / counts.sum()
    pmi = (joint / torch.outer(joint.sum(1), joint.sum(0))).log()
    return pmi.nan_to_num(0, 0, 0).clamp(min=0)


def keep_by_discarding(counts, threshold):
    share = counts / counts.sum()
    return 1 - (1 - (threshold / share).sqrt()).clamp(min=0)


def skip_gram_by_softplus(centre, context, noise):
    right = torch.einsum("bd,bd->b", centre, context)
    wrong = torch.einsum("bd,bnd->bn", centre, noise)
    return functional.softplus(-right).mean() + functional.softplus(wrong).sum(1).mean()


def skip_gram_by_cross_entropy(centre, context, noise):
    both = torch.cat([context[:, None], noise], dim=1)
    logits = (both @ centre[:, :, None]).squeeze(2)
    labels = torch.zeros_like(logits)
    labels[:, 0] = 1
    loss = functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
    return loss / len(centre)


def glove_with_where(words, contexts, word_bias, context_bias, counts, x_max, alpha):
    weight = torch.where(counts < x_max, (counts / x_max) ** alpha, 1.0)
    dots = (words @ contexts.T).diagonal()
    return torch.mean(weight * (dots + word_bias + context_bias - torch.log(counts)) ** 2)


def analogy_by_cosine_similarity(vectors, a, b, c):
    unit = vectors.double() / vectors.double().norm(dim=1, keepdim=True)
    scores = functional.cosine_similarity(unit, (unit[b] - unit[a] + unit[c])[None], dim=1)
    order = scores.argsort(descending=True).tolist()
    return next(word for word in order if word not in (a, b, c))


def mask_step_by_step(ids, special, chosen, draws, random_ids, mask_id):
    inputs, labels = ids.clone(), torch.full_like(ids, -100)
    asked = chosen & ~special
    labels[asked] = ids[asked]
    inputs[asked & (draws < 0.8)] = mask_id
    other = asked & (draws >= 0.8) & (draws < 0.9)
    inputs[other] = random_ids[other]
    return inputs, labels


def pool_sentence_by_sentence(hidden, mask):
    return torch.stack([row[keep].mean(dim=0) for row, keep in zip(hidden, mask, strict=True)])


RIGHT = {
    "count_neighbours": (count_by_loops, count_by_one_hot, count_half_and_turn),
    "ppmi": (ppmi_with_a_small_number, ppmi_made_finite),
    "noise_distribution": (
        lambda counts, power: (power * counts.double().log()).softmax(0),
        lambda counts, power: functional.normalize(counts.float().pow(power), p=1, dim=0),
    ),
    "keep_probability": (
        keep_by_discarding,
        lambda counts, threshold: torch.tensor(
            [min(1.0, (threshold * counts.sum() / n) ** 0.5) for n in counts]
        ),
    ),
    "skip_gram_loss": (skip_gram_by_softplus, skip_gram_by_cross_entropy),
    "glove_loss": (glove_with_where,),
    "solve_analogy": (analogy_by_cosine_similarity,),
    "mask_tokens": (mask_step_by_step,),
    "mean_pool": (pool_sentence_by_sentence,),
}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param(n, a, id=f"{n}-{i}")
        for n, answers in RIGHT.items()
        for i, a in enumerate(answers)
    ],
)
def test_a_right_answer_written_otherwise_passes(name, answer):
    assert judge(EXERCISES[name], answer) == Verdict()


def two_mistakes_at_once(name):
    reference = EXERCISES[name].reference
    return {
        "count_neighbours": lambda document, vocabulary, window: reference(
            document, vocabulary, window + 1
        ).triu(),
        "ppmi": lambda counts: reference(counts**0.75) / 0.6931,
        "noise_distribution": lambda counts, power: 2 * reference(counts, power / 2),
        "keep_probability": lambda counts, threshold: 1 - reference(counts, threshold) ** 2,
        "skip_gram_loss": lambda centre, context, noise: 2 * reference(-centre, context, noise),
        "glove_loss": lambda words, contexts, word_bias, context_bias, counts, x_max, alpha: (
            reference(words, contexts, context_bias * 0, word_bias, counts, 2 * x_max, 1)
        ),
        "solve_analogy": lambda vectors, a, b, c: (reference(vectors, b, a, c) + 1) % len(vectors),
        "mask_tokens": lambda ids, special, chosen, draws, random_ids, mask_id: reference(
            ids, special, ~chosen, 1 - draws, random_ids, mask_id
        ),
        "mean_pool": lambda hidden, mask: reference(hidden, ~mask) / 2,
    }[name]


@pytest.mark.parametrize("name", RIGHT)
def test_two_mistakes_at_once_get_advice_all_the_same(name):
    message = judge(EXERCISES[name], two_mistakes_at_once(name)).mistake
    assert message, "a wrong answer passed"
    assert "should be" in message and len(message.split(". ")[-1]) > 20

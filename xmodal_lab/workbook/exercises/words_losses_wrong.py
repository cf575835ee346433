"""Typical wrong answers to `skip_gram_loss` and `glove_loss`, and what each must be told."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises.record import Mutant

logsigmoid = functional.logsigmoid


def _right(centre, context):
    return (centre * context).sum(1)


def _wrong(centre, noise):
    return (noise @ centre[:, :, None])[:, :, 0]


def _loss(centre, context, noise):
    pull = logsigmoid(_right(centre, context))
    return -(pull + logsigmoid(-_wrong(centre, noise)).sum(1)).mean()


def _combining(combine):
    """A solution that makes a loss of the right and the wrong dot products."""

    def skip_gram_loss(centre, context, noise):
        return combine(_right(centre, context), _wrong(centre, noise))

    return skip_gram_loss


def _cross_entropy(right, wrong):
    logits = torch.cat([right[:, None], wrong], dim=1)
    return functional.cross_entropy(logits, torch.zeros(len(right), dtype=torch.long))


def _binary(right, wrong):
    logits = torch.cat([right[:, None], wrong], dim=1)
    labels = torch.zeros_like(logits)
    labels[:, 0] = 1
    return functional.binary_cross_entropy_with_logits(logits, labels)


def _underflowing(right, wrong):
    return -(right.sigmoid().log() + (1 - wrong.sigmoid()).log().sum(1)).mean()


def _patched(right, wrong):
    right, wrong = right.sigmoid() + 1e-9, (-wrong).sigmoid() + 1e-9
    return -(right.log() + wrong.log().sum(1)).mean()


def _all_pairs(centre, context, noise):
    pull = logsigmoid(centre @ context.T).mean()
    return -(pull + logsigmoid(-_wrong(centre, noise)).sum(1).mean())


def _unit_loss(centre, context, noise):
    return _loss(*(functional.normalize(x, dim=-1) for x in (centre, context, noise)))


def _squeezed(centre, context, noise):
    wrong = (noise @ centre[:, :, None]).squeeze()
    return -(logsigmoid(_right(centre, context)) + logsigmoid(-wrong).sum(1)).mean()


SKIP_GRAM_LOSS = (
    Mutant(
        _combining(lambda r, w: -(logsigmoid(r).mean() + logsigmoid(-w).mean())),
        "Did you average over the noise words?",
    ),
    Mutant(_combining(_binary), "right word and noise words together?"),
    Mutant(
        _combining(lambda r, w: -(logsigmoid(r).sum() + logsigmoid(-w).sum())), "sum over the batch"
    ),
    Mutant(_combining(_cross_entropy), "Is that a softmax"),
    Mutant(
        _combining(lambda r, w: -(logsigmoid(r) + logsigmoid(w).sum(1)).mean()),
        "The noise words' go in with a minus sign.",
    ),
    Mutant(
        _combining(lambda r, w: -(logsigmoid(-r) + logsigmoid(w).sum(1)).mean()),
        "two signs swapped?",
    ),
    Mutant(lambda centre, context, noise: -_loss(centre, context, noise), "lose the minus sign?"),
    Mutant(_combining(lambda r, w: -logsigmoid(r).mean()), "forget the noise words?"),
    Mutant(_combining(lambda r, w: -logsigmoid(-w).sum(1).mean()), "forget the right words?"),
    Mutant(
        _combining(lambda r, w: -(logsigmoid(r) + logsigmoid(-w.sum(1))).mean()),
        "before the sigmoid?",
    ),
    Mutant(
        _combining(lambda r, w: -(r.sigmoid() + (-w).sigmoid().sum(1)).mean()), "the logarithm?"
    ),
    Mutant(lambda centre, context, noise: _loss(centre, context, noise) / math.log(2), "take log2"),
    Mutant(_unit_loss, "plain dot products"),
    Mutant(
        lambda centre, context, noise: (
            -logsigmoid(_right(centre, context)).mean()
            - logsigmoid(-_wrong(context, noise)).sum(1).mean()
        ),
        "compared with the centre word",
    ),
    Mutant(_all_pairs, "every centre with every context?"),
    Mutant(_combining(_underflowing), "yours is inf. Did a sigmoid become 0"),
    Mutant(_combining(_patched), "logsigmoid takes the logit itself"),
    Mutant(_squeezed, "stopped with IndexError"),
    Mutant(
        _combining(lambda r, w: -(logsigmoid(r) + logsigmoid(-w).sum(1))),
        "yours has shape [4]. Did you forget a mean?",
    ),
    Mutant(lambda centre, context, noise: _loss(centre, context, noise).item(), "no gradient"),
    Mutant(
        lambda centre, context, noise: _loss(centre, context, noise.detach()),
        "the gradient of `noise` is not",
    ),
)


def _error(words, contexts, word_bias, context_bias, counts):
    return (words * contexts).sum(1) + word_bias + context_bias - counts.log()


def _glove(combine, target=torch.log, biases=lambda b, d: b + d):
    """A solution that makes a loss of error, count, x_max and alpha."""

    def glove_loss(words, contexts, word_bias, context_bias, counts, x_max, alpha):
        error = (words * contexts).sum(1) + biases(word_bias, context_bias) - target(counts)
        return combine(error, counts, x_max, alpha)

    return glove_loss


def _weight(x, x_max, alpha):
    return (x / x_max).pow(alpha).clamp(max=1)


def _mean(error, x, x_max, alpha):
    return (_weight(x, x_max, alpha) * error**2).mean()


def _matrix(words, contexts, word_bias, context_bias, counts, x_max, alpha):
    error = words @ contexts.T + word_bias + context_bias - counts.log()
    return _mean(error, counts, x_max, alpha)


def _column(words, contexts, word_bias, context_bias, counts, x_max, alpha):
    products = (words * contexts).sum(1, keepdim=True)
    return _mean(products + word_bias + context_bias - counts.log(), counts, x_max, alpha)


def _half_frozen(words, contexts, word_bias, context_bias, counts, x_max, alpha):
    error = _error(words, contexts.detach(), word_bias, context_bias, counts)
    return _mean(error, counts, x_max, alpha)


def _no_gradient(words, contexts, word_bias, context_bias, counts, x_max, alpha):
    error = _error(words, contexts, word_bias, context_bias, counts)
    return torch.tensor(_mean(error, counts, x_max, alpha).item())


GLOVE_LOSS = (
    Mutant(_glove(lambda e, x, m, a: len(e) * _mean(e, x, m, a)), "sum over the cells"),
    Mutant(_glove(lambda e, x, m, a: (e**2).mean()), "forget the weight f(x)?"),
    Mutant(_glove(lambda e, x, m, a: e.mean()), "forget the square and the weight?"),
    Mutant(_glove(lambda e, x, m, a: (_weight(x, m, a) * e).mean()), "opposite sign cancel"),
    Mutant(_glove(lambda e, x, m, a: (_weight(x, m, a) * e.abs()).mean()), "absolute error?"),
    Mutant(_glove(lambda e, x, m, a: ((x / m) ** a * e**2).mean()), "May a weight exceed 1?"),
    Mutant(_glove(lambda e, x, m, a: _mean(e, x, m, 1)), "leave out alpha?"),
    Mutant(_glove(lambda e, x, m, a: ((m / x).pow(a).clamp(max=1) * e**2).mean()), "upside down?"),
    Mutant(_glove(lambda e, x, m, a: ((x**a / m).clamp(max=1) * e**2).mean()), "reach x_max too?"),
    Mutant(_glove(lambda e, x, m, a: (x * e**2).mean()), "Is the weight the count itself?"),
    Mutant(_glove(lambda e, x, m, a: ((_weight(x, m, a) * e) ** 2).mean()), "before squaring?"),
    Mutant(_glove(lambda e, x, m, a: _mean(e, x, m, a) / 2), "halve the square?"),
    Mutant(
        _glove(lambda e, x, m, a: (_weight(x, m, a) * e**2).sum() / _weight(x, m, a).sum()),
        "the sum of the weights?",
    ),
    Mutant(_glove(_mean, biases=lambda b, d: 0), "forget the biases?"),
    Mutant(_glove(_mean, biases=lambda b, d: d), "forget the words' biases?"),
    Mutant(_glove(_mean, biases=lambda b, d: b), "forget the contexts' biases?"),
    Mutant(_glove(_mean, biases=lambda b, d: -b - d), "subtract the biases?"),
    Mutant(_glove(_mean, target=lambda x: x), "the logarithm of the count?"),
    Mutant(_glove(_mean, target=torch.log1p), "log(1 + x)?"),
    Mutant(_glove(_mean, target=torch.log2), "is that log2?"),
    Mutant(_matrix, "compare every row with every row?"),
    Mutant(_column, "compare every row with every row?"),
    Mutant(_half_frozen, "the gradient of `contexts` is not"),
    Mutant(_no_gradient, "no gradient flows back"),
    Mutant(_glove(lambda e, x, m, a: _weight(x, m, a) * e**2), "Did you forget a mean?"),
)

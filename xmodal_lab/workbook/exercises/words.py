"""Chapter 01: counting, predicting and using words."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises import (
    words_counting,
    words_counting_wrong,
    words_losses,
    words_losses_wrong,
    words_using,
    words_using_wrong,
)
from xmodal_lab.workbook.exercises.record import Exercise

CHAPTER = "01_word_embeddings"


def count_neighbours(document, vocabulary, window):
    """How often word c stands at most `window` places from word w: (vocabulary, vocabulary)."""
    pairs = []
    for distance in range(1, window + 1):
        left, right = document[:-distance], document[distance:]
        pairs += [left * vocabulary + right, right * vocabulary + left]
    cells = torch.bincount(torch.cat(pairs), minlength=vocabulary**2)
    return cells.view(vocabulary, vocabulary).float()


def ppmi(counts):
    """Positive pointwise mutual information of counts (words, contexts), in nats."""
    words, contexts = counts.sum(dim=1, keepdim=True), counts.sum(dim=0, keepdim=True)
    # Pairs without counts: ln 0 = −∞, and 0/0 where a word never occurs.
    information = torch.log(counts * counts.sum() / (words * contexts))
    return torch.where(counts > 0, information, 0.0).clamp(min=0)


def noise_distribution(counts, power):
    """Probability (words,) of each word to be drawn as noise: its count to a power."""
    raised = counts**power
    return raised / raised.sum()


def keep_probability(counts, threshold):
    """Probability (words,) to keep an occurrence of each word; Mikolov et al. 2013, formula 5."""
    share = counts / counts.sum()
    return (threshold / share).sqrt().clamp(max=1)


def skip_gram_loss(centre, context, noise):
    """Loss of (batch, dim), (batch, dim) and (batch, negatives, dim): mean over the batch, nats."""
    right = (centre * context).sum(dim=1)
    wrong = torch.einsum("bd,bnd->bn", centre, noise)
    return -(functional.logsigmoid(right) + functional.logsigmoid(-wrong).sum(dim=1)).mean()


def glove_loss(words, contexts, word_bias, context_bias, counts, x_max, alpha):
    """Weighted least squares of cells (cells, dim) and (cells,); Pennington et al. 2014; mean."""
    error = (words * contexts).sum(dim=1) + word_bias + context_bias - counts.log()
    weight = (counts / x_max).pow(alpha).clamp(max=1)
    return (weight * error.square()).mean()


def solve_analogy(vectors, a, b, c):
    """The word d with a : b = c : d, by 3CosAdd over vectors (words, dim); none of a, b, c."""
    vectors = functional.normalize(vectors, dim=1)
    cosines = vectors @ (vectors[b] - vectors[a] + vectors[c])
    cosines[[a, b, c]] = -torch.inf
    return int(cosines.argmax())


def mask_tokens(ids, special, chosen, draws, random_ids, mask_id):
    """What BERT sees and what it is asked: inputs and labels, both (batch, length)."""
    asked = chosen & ~special
    labels = torch.where(asked, ids, -100)
    replaced = torch.where(draws < 0.8, mask_id, torch.where(draws < 0.9, random_ids, ids))
    return torch.where(asked, replaced, ids), labels


def mean_pool(hidden, mask):
    """Mean of hidden (batch, length, dim) over the tokens of mask (batch, length)."""
    mask = mask[:, :, None].to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1)


EXERCISES = (
    Exercise(
        CHAPTER,
        count_neighbours,
        words_counting.check_count_neighbours,
        "equal to an explicit loop on 5 documents, the shortest of one word",
        words_counting_wrong.COUNT_NEIGHBOURS,
    ),
    Exercise(
        CHAPTER,
        ppmi,
        words_counting.check_ppmi,
        "equal to an explicit loop on 4 tables, empty rows included",
        words_counting_wrong.PPMI,
    ),
    Exercise(
        CHAPTER,
        noise_distribution,
        words_counting.check_noise_distribution,
        "equal to an explicit loop on 6 vocabularies",
        words_counting_wrong.NOISE_DISTRIBUTION,
    ),
    Exercise(
        CHAPTER,
        keep_probability,
        words_counting.check_keep_probability,
        "equal to an explicit loop on 5 vocabularies",
        words_counting_wrong.KEEP_PROBABILITY,
    ),
    Exercise(
        CHAPTER,
        skip_gram_loss,
        words_losses.check_skip_gram_loss,
        "equal to an explicit loop on 6 batches, gradient and extreme values included",
        words_losses_wrong.SKIP_GRAM_LOSS,
    ),
    Exercise(
        CHAPTER,
        glove_loss,
        words_losses.check_glove_loss,
        "equal to an explicit loop on 3 batches of cells, gradient included",
        words_losses_wrong.GLOVE_LOSS,
    ),
    Exercise(
        CHAPTER,
        solve_analogy,
        words_using.check_solve_analogy,
        "equal to an explicit loop on 55 questions",
        words_using_wrong.SOLVE_ANALOGY,
    ),
    Exercise(
        CHAPTER,
        mask_tokens,
        words_using.check_mask_tokens,
        "equal to an explicit loop on 4 batches",
        words_using_wrong.MASK_TOKENS,
    ),
    Exercise(
        CHAPTER,
        mean_pool,
        words_using.check_mean_pool,
        "equal to an explicit loop on 4 batches, masks with holes included",
        words_using_wrong.MEAN_POOL,
    ),
)

"""Answers to `cross_attend` as people write them, and what they are told."""

import math

import torch


def by_where(words, cells, lengths):
    real = torch.arange(words.shape[1], device=words.device)[None] < lengths[:, None]
    scores = torch.einsum("bwd,bcd->bwc", words, cells) / math.sqrt(words.shape[-1])
    weights = torch.where(real[..., None], torch.softmax(scores, -1), 0.0)
    return weights, torch.einsum("bwc,bcd->bwd", weights, cells)


def by_sentences(words, cells, lengths):
    weights = words.new_zeros(len(words), words.shape[1], cells.shape[1])
    read = torch.zeros_like(words)
    for row, length in enumerate(lengths.tolist()):
        for word in range(length):
            scores = cells[row] @ words[row, word] / words.shape[2] ** 0.5
            looked_at = torch.softmax(scores, 0)
            weights[row, word], read[row, word] = looked_at, looked_at @ cells[row]
    return weights, read


def overwritten(words, cells, lengths):
    """A view of `weights` is used, and then more is written into `weights`."""
    weights, read = looked(words, cells, lengths * 0)
    for row, length in enumerate(lengths.tolist()):
        for word in range(length):
            scores = cells[row] @ words[row, word] / words.shape[2] ** 0.5
            weights[row, word] = torch.softmax(scores, 0)
            read[row, word] = weights[row, word] @ cells[row]
    return weights, read


def by_lists(words, cells, lengths):
    both = []
    for sentence, picture, length in zip(words, cells, lengths, strict=True):
        weights = (sentence[:length] @ picture.T / sentence.shape[1] ** 0.5).softmax(1)
        rest = len(sentence) - int(length)
        both.append(
            [torch.nn.functional.pad(x, (0, 0, 0, rest)) for x in (weights, weights @ picture)]
        )
    return [torch.stack(part) for part in zip(*both, strict=True)]


def real(words, lengths):
    return (torch.arange(words.shape[1])[None] < lengths[:, None])[:, :, None]


def looked(words, cells, lengths, divide=math.sqrt, axis=-1):
    scores = words @ cells.transpose(1, 2) / divide(words.shape[-1])
    weights = scores.softmax(axis).masked_fill(~real(words, lengths), 0)
    return weights, weights @ cells


def no_lengths(words, cells, lengths):
    return looked(words, cells, torch.full_like(lengths, words.shape[1]))


def read_not_cleared(words, cells, lengths):
    return looked(words, cells, lengths)[0], no_lengths(words, cells, lengths)[1]


def weights_not_cleared(words, cells, lengths):
    return no_lengths(words, cells, lengths)[0], looked(words, cells, lengths)[1]


def rows_of_minus_infinity(words, cells, lengths):
    scores = words @ cells.mT / words.shape[-1] ** 0.5
    weights = torch.where(real(words, lengths), scores, -math.inf).softmax(-1)
    return weights, weights @ cells


def even_rows(words, cells, lengths):
    scores = words @ cells.mT / words.shape[-1] ** 0.5
    weights = torch.where(real(words, lengths), scores, -1e9).softmax(-1)
    return weights, weights @ cells


def times_mask(words, cells, lengths):
    weights = (words @ cells.mT / words.shape[-1] ** 0.5).softmax(-1) * real(words, lengths)
    return weights, weights @ cells


def cells_hidden(words, cells, lengths):
    hide = torch.arange(cells.shape[1]) >= lengths[:, None]
    scores = words @ cells.mT / words.shape[-1] ** 0.5
    weights = scores.masked_fill(hide[:, None], -math.inf).softmax(-1) * real(words, lengths)
    return weights, weights @ cells


def over_words(words, cells, lengths):
    scores = words @ cells.mT / words.shape[-1] ** 0.5
    weights = scores.masked_fill(~real(words, lengths), -1e30).softmax(1)
    return weights, weights @ cells


def over_all_words(words, cells, lengths):
    return looked(words, cells, lengths, axis=1)


def over_sentences(words, cells, lengths):
    scores = words @ cells.mT / words.shape[-1] ** 0.5
    weights = scores.masked_fill(~real(words, lengths), -1e30).softmax(0)
    return weights * real(words, lengths), weights * real(words, lengths) @ cells


def cells_ask(words, cells, lengths):
    weights = (cells @ words.mT / words.shape[-1] ** 0.5).softmax(-1)
    weights = weights * real(words, lengths)[:, : weights.shape[1]]
    return weights, weights @ cells


def unscaled(words, cells, lengths):
    return looked(words, cells, lengths, divide=lambda d: 1)


def by_d(words, cells, lengths):
    return looked(words, cells, lengths, divide=float)


def one_word_less(words, cells, lengths):
    return looked(words, cells, lengths - 1)


def one_word_more(words, cells, lengths):
    return looked(words, cells, lengths + 1)


def by_exp(words, cells, lengths):
    terms = (words @ cells.mT / words.shape[-1] ** 0.5).exp()
    weights = torch.where(real(words, lengths), terms / terms.sum(-1, keepdim=True), 0)
    return weights, weights @ cells


def read_first(words, cells, lengths):
    return looked(words, cells, lengths)[::-1]


def read_only(words, cells, lengths):
    return looked(words, cells, lengths)[1]


def residual(words, cells, lengths):
    weights, read = looked(words, cells, lengths)
    return weights, torch.where(real(words, lengths), words + read, 0)


def transposed(words, cells, lengths):
    weights, read = looked(words, cells, lengths)
    return weights.mT, read


def sentences_together(words, cells, lengths):
    weights, read = looked(words, cells, lengths)
    return weights, read.sum(1)


def narrow(words, cells, lengths):
    weights, read = looked(words, cells, lengths)
    return weights, read[..., :3]


def cut(words, cells, lengths):
    weights, read = looked(words, cells, lengths)
    return weights[:, : lengths.max()], read[:, : lengths.max()]


def in_numpy(words, cells, lengths):
    return tuple(part.numpy() for part in looked(words, cells, lengths))


def words_detached(words, cells, lengths):
    return looked(words.detach(), cells, lengths)


def cells_detached(words, cells, lengths):
    weights, _ = looked(words, cells, lengths)
    return weights, weights @ cells.detach()


def into_words(words, cells, lengths):
    words[~real(words, lengths)[..., 0]] = 0
    return looked(words, cells, lengths)


def float32(words, cells, lengths):
    return looked(words.float(), cells.float(), lengths)


def ten_cells(words, cells, lengths):
    weights, _ = looked(words, cells, lengths)
    weights = torch.cat([weights[..., :10], weights[..., 10:] * 0], 2)
    return weights, weights @ cells


RIGHT = by_where, by_sentences, by_lists
WRONG = (
    (no_lengths, "Did you use the lengths?"),
    (read_not_cleared, "read: 3 sentences of up to 3 words"),
    (read_not_cleared, "Did you forget what is read behind the end?"),
    (weights_not_cleared, "weights: 3 sentences of up to 3 words"),
    (weights_not_cleared, "Did you forget the weights behind the end?"),
    (rows_of_minus_infinity, "Is there a row of −∞ alone?"),
    (even_rows, "Do words behind the end look everywhere alike?"),
    (times_mask, "Did you multiply by 0? NaN · 0 is NaN"),
    (cells_hidden, "Do the lengths hide cells?"),
    (over_words, "Is the softmax over the cells?"),
    (over_all_words, "Is the softmax over the cells?"),
    (over_sentences, "Is the softmax over the batch?"),
    (cells_ask, "Are words and cells swapped?"),
    (unscaled, "Did you forget √d?"),
    (by_d, "Is the root missing?"),
    (one_word_less, "Which words are real?"),
    (one_word_more, "Which words are real?"),
    (by_exp, "Did you write the softmax with exp?"),
    (read_first, "First the weights, then what is read?"),
    (read_only, "the result should be the pair (weights, read), yours is a tensor."),
    (
        lambda words, cells, lengths: (words,) * 3,
        "the pair (weights, read), yours is a tuple of 3.",
    ),
    (residual, "Is the word itself added to what it read?"),
    (transposed, "weights: 3 sentences of up to 3 words, 3 cells of 3 numbers: entry"),
    (sentences_together, "read has the shape [3, 3]. First the weights"),
    (narrow, "read: the shape should be [2, 5, 4], yours is [2, 5, 3]."),
    (cut, "Did you cut at the longest sentence?"),
    (in_numpy, "weights should be a tensor, yours is an array."),
    (overwritten, "no gradient can be computed: a tensor was written into after it had been used"),
    (words_detached, "the gradient of `words` is not"),
    (cells_detached, "the gradient of `cells` is not"),
    (into_words, "changes its input `words`"),
    (float32, "These numbers are float64, and float32 is too coarse"),
    (ten_cells, "64 cells of 16 numbers: entry [0, 0, 10]"),
)

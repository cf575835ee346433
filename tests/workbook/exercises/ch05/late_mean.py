"""Answers to `late_mean` as people write them, and what they are told."""

import torch


def by_rows(vectors, present):
    rows = [vectors[present[:, row], row].mean(0) for row in range(vectors.shape[1])]
    return torch.stack(rows)


def by_where(vectors, present):
    kept = torch.where(present.unsqueeze(-1), vectors, torch.zeros_like(vectors))
    return kept.sum(0) / present.sum(0).unsqueeze(1)


def by_nanmean(vectors, present):
    return vectors.masked_fill(~present[..., None], torch.nan).nanmean(0)


def by_loop(vectors, present):
    total = vectors.new_zeros(vectors.shape[1:])
    count = vectors.new_zeros(vectors.shape[1], 1)
    for vector, there in zip(vectors, present, strict=True):
        total = total + torch.where(there[:, None], vector, vector.new_zeros(()))
        count = count + there[:, None]
    return total / count


def by_einsum(vectors, present):
    weights = present.to(vectors.dtype) / present.sum(0)
    return torch.einsum("mbd,mb->bd", vectors.masked_fill(~present[..., None], 0), weights)


def all_of_them(vectors, present):
    return torch.stack([v * p[:, None] for v, p in zip(vectors, present, strict=True)]).mean(0)


def deaf(vectors, present):
    return sum(vectors) / len(vectors)


def garbage_counts(vectors, present):
    return vectors.sum(0) / present.sum(0).unsqueeze(1)


def einsum_with_zeros(vectors, present):
    weights = present.to(vectors.dtype)
    return torch.einsum("mbd,mb->bd", vectors, weights) / weights.sum(0)[:, None]


def what_is_not_0(vectors, present):
    vectors = torch.where(present[..., None], vectors, 0)
    spoke = vectors.abs().sum(-1, keepdim=True) > 0
    return vectors.sum(0) / spoke.sum(0)


def sums(vectors, present):
    return by_einsum(vectors, present) * present.sum(0).unsqueeze(1)


def count_of_all(vectors, present):
    return sums(vectors, present) / present.sum().item()


def first_row_decides(vectors, present):
    return vectors[present[:, 0]].mean(dim=0)


def first_present(vectors, present):
    return torch.stack(
        [vectors[present[:, row].nonzero()[0, 0], row] for row in range(vectors.shape[1])]
    )


def two_modalities(vectors, present):
    return by_where(vectors[:2], present[:2])


def three_modalities(vectors, present):
    text, image, sound = vectors
    return by_where(torch.stack([text, image, sound]), present)


def eight_rows(vectors, present):
    right = by_where(vectors, present).clone()
    right[8:] = 0
    return right


def into_the_input(vectors, present):
    vectors[~present] = 0
    return vectors.sum(0) / present.sum(0)[:, None]


def without_gradient(vectors, present):
    return by_where(vectors.detach(), present)


def in_numpy(vectors, present):
    return torch.from_numpy(by_where(vectors, present).numpy())


def zeros_of_float32(vectors, present):
    total = torch.zeros(vectors.shape[1:])
    for vector, there in zip(vectors, present, strict=True):
        total[there] += vector[there].float()
    return total / present.sum(0)[:, None]


def over_the_batch(vectors, present):
    return by_where(vectors.transpose(0, 1), present.T)


def axis_kept(vectors, present):
    return by_where(vectors, present)[None]


def shape_of_counts(vectors, present):
    return vectors.masked_fill(~present[..., None], 0).sum(0) / present.sum(0)


def squares_only(vectors, present):
    kept = vectors.masked_fill(~present[..., None], 0).sum(0)
    return (kept.T / present.sum(0)).T if kept.shape[0] != kept.shape[1] else kept


RIGHT = by_rows, by_where, by_nanmean, by_loop, by_einsum
WRONG = (
    (all_of_them, "Did you divide by all modalities?"),
    (deaf, "Did you use `present`?"),
    (garbage_counts, "Did you add up what is missing too?"),
    (einsum_with_zeros, "infinity where one is missing: entry"),
    (einsum_with_zeros, "Did you multiply by 0? NaN · 0 and ∞ · 0 are NaN"),
    (what_is_not_0, "one modality that says 0: entry [0, 0]"),
    (what_is_not_0, "Did you take 0 for missing?"),
    (sums, "Is that a sum? Divide by how many are present."),
    (count_of_all, "Did you divide by how many are present in all rows?"),
    (first_row_decides, "Does the first row say who is present everywhere?"),
    (first_present, "Is that the first that is there?"),
    (two_modalities, "entry"),
    (three_modalities, "your version stopped with ValueError"),
    (eight_rows, "6 modalities, 17 rows: entry [8, 0]"),
    (into_the_input, "changes its input `vectors`"),
    (without_gradient, "no gradient flows back"),
    (in_numpy, "no gradient flows back"),
    (zeros_of_float32, "These numbers are float64, and float32 is too coarse"),
    (over_the_batch, "the shape should be [3, 3], yours is [4, 3]. Is that over the rows"),
    (axis_kept, "One vector for each row of the batch"),
    (shape_of_counts, "Does each row have its own number?"),
    (squares_only, "4 modalities, 3 rows of 3 numbers"),
    (lambda vectors, mask: vectors[0], "expected the signature late_mean(vectors, present)"),
)

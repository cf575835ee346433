"""Answers to `low_rank_product` as people write them, and what they are told."""

import functools

import torch


def with_one(x):
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)


def by_einsum(vectors, factors):
    terms = [
        torch.einsum("bd,rdo->rbo", with_one(x), f) for x, f in zip(vectors, factors, strict=True)
    ]
    return torch.stack(terms).prod(0).sum(0)


def by_bias(vectors, factors):
    terms = (x @ f[:, :-1] + f[:, -1:] for x, f in zip(vectors, factors, strict=True))
    return functools.reduce(torch.mul, terms).sum(0)


def by_rank(vectors, factors):
    total = 0
    for r in range(factors[0].shape[0]):
        product = 1
        for x, factor in zip(vectors, factors, strict=True):
            product = product * (with_one(x) @ factor[r])
        total = total + product
    return total


def of_terms(vectors, factors, extend=with_one):
    return torch.stack([extend(x) @ f for x, f in zip(vectors, factors, strict=True)])


def rank_first(vectors, factors):
    return of_terms(vectors, factors).sum(1).prod(0)


def added(vectors, factors):
    return of_terms(vectors, factors).sum(0).sum(0)


def all_multiplied(vectors, factors):
    return of_terms(vectors, factors).prod(0).prod(0)


def swapped(vectors, factors):
    return of_terms(vectors, factors).sum(0).prod(0)


def mean_of_rank(vectors, factors):
    return of_terms(vectors, factors).prod(0).mean(0)


def without_one(vectors, factors):
    terms = [x @ f[:, :-1] for x, f in zip(vectors, factors, strict=True)]
    return torch.stack(terms).prod(0).sum(0)


def one_first(vectors, factors):
    terms = of_terms(vectors, factors, lambda x: torch.cat([torch.ones_like(x[:, :1]), x], 1))
    return terms.prod(0).sum(0)


def no_extension(vectors, factors):
    return torch.stack([x @ f for x, f in zip(vectors, factors, strict=True)]).prod(0).sum(0)


def just_two(vectors, factors):
    return (of_terms(vectors, factors)[0] * of_terms(vectors, factors)[1]).sum(0)


def two_at_most(vectors, factors):
    return of_terms(vectors[:2], factors[:2]).prod(0).sum(0)


def rank_left(vectors, factors):
    return of_terms(vectors, factors).prod(0)


def rank_behind(vectors, factors):
    return of_terms(vectors, factors).prod(0).transpose(0, 1)


def first_of_rank(vectors, factors):
    return of_terms(vectors, factors).prod(0)[0]


def squashed(vectors, factors):
    return by_einsum(vectors, factors).tanh()


def batch_added(vectors, factors):
    return by_einsum(vectors, factors).sum(0).repeat(len(vectors[0]), 1)


def ones_of_float32(vectors, factors):
    return by_einsum([x.float() for x in vectors], [f.float() for f in factors])


def vectors_detached(vectors, factors):
    return by_einsum([x.detach() for x in vectors], factors)


def one_factor_detached(vectors, factors):
    return by_einsum(vectors, [*factors[:1], *(f.detach() for f in factors[1:])])


def into_the_list(vectors, factors):
    for place, x in enumerate(vectors):
        vectors[place] = with_one(x)
    return torch.stack([x @ f for x, f in zip(vectors, factors, strict=True)]).prod(0).sum(0)


def into_a_factor(vectors, factors):
    product = vectors[0].new_ones(())
    for x, f in zip(vectors, factors, strict=True):
        f[:, -1] += 0.5
        product = product * (with_one(x) @ f)
    return product.sum(0)


def three_rows(vectors, factors):
    right = by_einsum(vectors, factors).clone()
    right[3:] = 0
    return right


def four_at_most(vectors, factors):
    return by_einsum(vectors[:4], factors[:4])


def eight_terms(vectors, factors):
    return by_einsum(vectors, [f[:8] for f in factors])


def clamped(vectors, factors):
    return by_einsum(vectors, factors).clamp(-1e3, 1e3)


RIGHT = by_einsum, by_bias, by_rank
WRONG = (
    (rank_first, "Did you add up the rank before you multiplied?"),
    (added, "Are modalities added up?"),
    (all_multiplied, "Is the rank multiplied, too?"),
    (swapped, "Are product and sum swapped?"),
    (mean_of_rank, "Is that the mean over the rank?"),
    (without_one, "Did you put a 1 to each vector?"),
    (one_first, "Where does the 1 stand?"),
    (no_extension, "your version stopped with RuntimeError"),
    (just_two, "3 modalities of 3, 1, 2 numbers, rank 3: entry"),
    (two_at_most, "Did you multiply the first two modalities only?"),
    (four_at_most, "Are all modalities in it?"),
    (eight_terms, "Are all terms of the rank in it"),
    (clamped, "and large results left as they are?"),
    (rank_left, "the shape should be [2, 2], yours is [2, 2, 2]. Is the rank still there?"),
    (rank_behind, "the shape should be [2, 2], yours is [2, 2, 2]. One row for each row of the"),
    (first_of_rank, "Is that one term of the sum?"),
    (squashed, "Is there a ReLU or a tanh?"),
    (batch_added, "Did you add up the rows of the batch?"),
    (ones_of_float32, "These numbers are float64, and float32 is too coarse"),
    (vectors_detached, "the gradient of `vectors` is not"),
    (one_factor_detached, "the gradient of `factors` is not"),
    (into_the_list, "changes its input `vectors`"),
    (into_a_factor, "changes its input `factors`"),
    (three_rows, "4 modalities of 2, 2, 1, 2 numbers, rank 2: entry [3, 0]"),
)

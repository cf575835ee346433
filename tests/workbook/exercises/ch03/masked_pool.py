"""Answers to `masked_pool` as people write them, and what they are told."""

import torch


def by_rows(states, lengths):
    rows = [row[: int(count)] for row, count in zip(states, lengths, strict=True)]
    means = torch.stack([row.mean(0) for row in rows])
    return means, torch.stack([row.max(0).values for row in rows])


def by_where(states, lengths):
    mask = torch.arange(states.shape[1])[None, :] < lengths[:, None]
    mask = mask.unsqueeze(-1).expand_as(states)
    mean = torch.where(mask, states, 0.0).sum(1) / mask.sum(1)
    return mean, torch.where(mask, states, float("-inf")).max(dim=1).values


def by_product(states, lengths):
    mask = (torch.arange(states.shape[1]) < lengths.view(-1, 1)).float()
    mean = torch.einsum("btd,bt->bd", states, mask) / mask.sum(1, keepdim=True)
    return mean, (states + (mask - 1)[..., None] * 1e9).amax(1)


def in_float64(states, lengths):
    mean, maximum = by_rows(states.double(), lengths)
    return [mean, maximum]


def by_nan(states, lengths):
    mask = torch.arange(states.shape[1])[None] >= lengths[:, None]
    mean = states.masked_fill(mask[..., None], torch.nan).nanmean(1)
    lowest = torch.finfo(states.dtype).min
    return mean, states.masked_fill(mask[..., None], lowest).amax(1)


def real(states, lengths):
    return (torch.arange(states.shape[1]) < lengths[:, None]).unsqueeze(2)


def plain(states, lengths):
    return states.mean(1), states.max(1).values


def mean_over_padding(states, lengths):
    return (states * real(states, lengths)).mean(1), by_rows(states, lengths)[1]


def sums_garbage(states, lengths):
    return states.sum(1) / lengths.unsqueeze(1), by_rows(states, lengths)[1]


def zeros_win(states, lengths):
    kept = states * real(states, lengths)
    return kept.sum(1) / lengths[:, None], kept.amax(1)


def low_but_not_enough(states, lengths):
    kept = states.masked_fill(~real(states, lengths), -999.0)
    return by_rows(states, lengths)[0], kept.amax(1)


def very_low_but_not_enough(states, lengths):
    kept = states.masked_fill(~real(states, lengths), -1e4)
    return by_rows(states, lengths)[0], kept.amax(1)


def one_step_more(states, lengths):
    return by_rows(states, lengths + 1)


def one_step_less(states, lengths):
    mask = torch.arange(states.shape[1]) < lengths[:, None] - 1
    total = (states * mask[:, :, None]).sum(1)
    return total / lengths[:, None], by_rows(states, lengths)[1]


def only_the_last(states, lengths):
    rows = states[range(len(states)), lengths - 1]
    return rows, rows


def maximum_first(states, lengths):
    return by_rows(states, lengths)[::-1]


def over_the_batch(states, lengths):
    total = (states * real(states, lengths)).sum((0, 1)) / lengths.sum()
    return total.repeat(len(states), 1), by_rows(states, lengths)[1]


def sums(states, lengths):
    return (states * real(states, lengths)).sum(1), by_rows(states, lengths)[1]


def max_with_places(states, lengths):
    kept = states.masked_fill(~real(states, lengths), -torch.inf)
    return by_rows(states, lengths)[0], kept.max(1)


def lengths_on_the_last_axis(states, lengths):
    return (states * real(states, lengths)).sum(1) / lengths, by_rows(states, lengths)[1]


def mean_alone(states, lengths):
    return by_rows(states, lengths)[0]


def axis_kept(states, lengths):
    mean, maximum = by_rows(states, lengths)
    return mean[:, None], maximum[:, None]


def one_axis_kept(states, lengths):
    mean, maximum = by_rows(states, lengths)
    return mean, maximum[:, None]


def side_by_side(states, lengths):
    return torch.cat(by_rows(states, lengths), 1)


def mean_without_gradient(states, lengths):
    return by_where(states.detach(), lengths)[0], by_where(states, lengths)[1]


def maximum_without_gradient(states, lengths):
    return by_where(states, lengths)[0], by_where(states.detach(), lengths)[1]


def in_place(states, lengths):
    padding = ~real(states, lengths).expand_as(states)
    states[padding] = 0
    mean = states.sum(1) / lengths[:, None]
    states[padding] = -torch.inf
    return mean, states.amax(1)


def product_alone(states, lengths):
    """Right for numbers; NaN · 0 is NaN."""
    return (states * real(states, lengths)).sum(1) / lengths[:, None], by_where(states, lengths)[1]


def first_eight(states, lengths):
    return by_where(states, lengths)[0], by_where(states[:, :8], lengths)[1]


def first_twenty(states, lengths):
    return by_where(states[:, :20], lengths.clamp(max=20))


RIGHT = by_rows, by_where, in_float64, by_nan
WRONG = (
    (by_product, "Did you multiply padding by 0?"),
    (product_alone, "Did you multiply padding by 0?"),
    (first_eight, "12 rows of up to 40 steps"),
    (first_twenty, "12 rows of up to 40 steps"),
    (plain, "of mean should be 0.04, yours is 0.03. Did padding count in the mean?"),
    (mean_over_padding, "Did padding count in the mean?"),
    (sums_garbage, "large numbers behind them: entry [0, 0] of mean"),
    (sums_garbage, "Did you add up padding too?"),
    (zeros_win, "Is the maximum that of the padding?"),
    (low_but_not_enough, "Is padding set to a number that is not low enough?"),
    (very_low_but_not_enough, "Is padding set to a number that is not low enough?"),
    (one_step_more, "Which steps are real?"),
    (one_step_less, "Which steps are real?"),
    (only_the_last, "Is that the last real step?"),
    (maximum_first, "Are mean and maximum returned the wrong way round?"),
    (over_the_batch, "Is that the mean of all rows?"),
    (sums, "Is that a sum? Divide by the length."),
    (max_with_places, "maximum should be a tensor, yours is a max. `.max(dim=1)` gives values"),
    (lengths_on_the_last_axis, "Does each row have its own length?"),
    (mean_alone, "the result should be the pair (mean, maximum), yours is a tensor."),
    (side_by_side, "the result should be the pair (mean, maximum), yours is a tensor."),
    (axis_kept, "the shape of mean and maximum should be [3, 3], yours is [3, 1, 3]."),
    (one_axis_kept, "should have one shape, yours have [3, 3] and [3, 1, 3]."),
    (mean_without_gradient, "the gradient of `states` is not"),
    (maximum_without_gradient, "the gradient of `states` is not"),
    (in_place, "changes its input `states`"),
)

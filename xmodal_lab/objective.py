"""What a training asks of a model: a loss that sees what the model gave, and the batch.

    objective(outputs, batch) → a scalar, or named scalars

Labels, wrong captions and meanings are entries of the batch. A temperature or a bias that is
learned is among the outputs, or a parameter of the objective, which may be a module itself. Of
named scalars those with a gradient are added up; one without, an accuracy say, is only reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from xmodal_lab.batch import Batch

# What a model gives: one tensor, or several by name. The first axis counts the batch's rows; a
# tensor without axes, such as a temperature, belongs to all of them.
Outputs = Tensor | Mapping[str, Tensor]
Objective = Callable[[Outputs, Batch], Tensor | Mapping[str, Tensor]]
Terms = Callable[[Batch], int | Mapping[str, int]]


def rows(batch: Batch) -> int:
    """As many terms as the batch has rows."""
    return batch.size


def mean_over(terms: Terms = rows) -> Callable[[Objective], Objective]:
    """Mark an objective as a mean over terms, so that the parts of a split batch add up.

        L(batch) = Σ_p n_p / n · L(part p),   n = Σ_p n_p

    True of a cross-entropy over rows; not of a contrast, which compares every row with all others.
    Unmarked objectives are computed on all rows at once, however small the micro-batches are.

    Args:
        terms: how many terms the mean of a batch has; by name, where the objective gives names.
    """

    def mark(objective: Objective) -> Objective:
        objective.terms = terms
        return objective

    return mark


def named(value: Outputs) -> dict[str, Tensor]:
    """One tensor under the name '', or several under their own."""
    return {"": value} if isinstance(value, Tensor) else dict(value)


def as_given(value: Mapping[str, Tensor]) -> Outputs:
    """What ``named`` was made from."""
    return value[""] if value.keys() == {""} else dict(value)

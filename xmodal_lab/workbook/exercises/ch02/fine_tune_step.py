"""Exercise `fine_tune_step`: one step for borrowed and new weights, each at its own rate."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from xmodal_lab.workbook.exercises.form import Case, Entries, Exercise, Misconception


def fine_tune_step(body, head, x, labels, body_rate, head_rate):
    """Scores relu(x @ body) @ head of x after one step down the mean cross-entropy."""
    return answer()(body, head, x, labels, body_rate, head_rate)


def scores(body, head, x, relu=torch.relu):
    return relu(x @ body) @ head


def slopes(body, head, x, labels, reduction="mean", relu=torch.relu):
    body, head = (weights.detach().clone().requires_grad_() for weights in (body, head))
    loss = F.cross_entropy(scores(body, head, x, relu), labels, reduction=reduction)
    return torch.autograd.grad(loss, (body, head))


def answer(rates=lambda body, head: (body, head), relu=torch.relu, after=scores, **options):
    """An answer: which rates it takes, the network, and what it gives of the new weights."""

    def step(body, head, x, labels, body_rate, head_rate):
        with torch.enable_grad():
            of_body, of_head = slopes(body, head, x, labels, relu=relu, **options)
        own, new = rates(body_rate, head_rate)
        return after(body - own * of_body, head - new * of_head, x, relu)

    return step


def one_after_the_other(body, head, x, labels, body_rate, head_rate):
    """The head moves first, and the body's gradient comes through the moved one."""
    head = head - head_rate * slopes(body, head, x, labels)[1]
    return scores(body - body_rate * slopes(body, head, x, labels)[0], head, x)


def body_first(body, head, x, labels, body_rate, head_rate):
    body = body - body_rate * slopes(body, head, x, labels)[0]
    return scores(body, head - head_rate * slopes(body, head, x, labels)[1], x)


def oracle(body, head, x, labels, body_rate, head_rate):
    """The chain rule by hand: back through the scores, the ReLU, the body."""
    hidden = np.maximum(x @ body, 0)
    found = hidden @ head
    exponents = np.exp(found - found.max(1, keepdims=True))
    error = exponents / exponents.sum(1, keepdims=True)
    for row, label in enumerate(labels):
        error[row, label] -= 1
    error /= len(x)
    behind = (error @ head.T) * (hidden > 0)
    moved_body, moved_head = body - body_rate * x.T @ behind, head - head_rate * hidden.T @ error
    return np.maximum(x @ moved_body, 0) @ moved_head


def cases():
    random = torch.Generator().manual_seed(21)
    for rows, inputs, hidden, classes in ((4, 3, 5, 2), (6, 4, 4, 4), (5, 2, 6, 3)):
        body = torch.randn(inputs, hidden, generator=random)
        head = torch.randn(hidden, classes, generator=random)
        x = torch.randn(rows, inputs, generator=random)
        labels = torch.randint(classes, (rows,), generator=random)
        for rates in ((0.2, 1.0), (0.0, 0.5), (0.7, 0.1)):
            what = f"scores of {rows} rows, body's rate {rates[0]}, head's {rates[1]}"
            yield Case((body, head, x, labels, *rates), what, FROZEN if not rates[0] else "")
    # As wide as the chapter's; one row; and rows so large that a small rate is seen.
    for rows, inputs, hidden, size, rates, advice in (
        (12, 20, 30, 1.0, (0.5, 0.0), RESTING),
        (1, 3, 9, 1.0, (0.3, 0.6), ALONE),
        (5, 3, 4, 40.0, (0.001, 0.002), LARGE),
    ):
        body, head = (torch.randn(s, generator=random) for s in ((inputs, hidden), (hidden, 3)))
        x = size * torch.randn(rows, inputs, generator=random)
        labels = torch.randint(3, (rows,), generator=random)
        what = f"{rows} × {inputs} numbers, {hidden} hidden, rates {rates[0]} and {rates[1]}"
        yield Case((body, head, x, labels, *rates), what, advice)
        yield Case((body.double(), head.double(), x.double(), labels, *rates), what, advice)


FROZEN = (
    "Here the body's rate is 0: its weights stay, only the head learns. That is a linear probe."
)
RESTING = "Here the head's rate is 0: it stays, only the body learns."
ALONE = "One row is a batch, too: a step is made, and its scores are (1, classes)."
LARGE = "Large rows, small rates. Is a gradient clipped, a rate rounded, or a softmax infinite?"
TOGETHER = "Do both gradients come from the old weights? Compute both, then move both."

MISCONCEPTIONS = (
    Misconception("Are the two rates swapped?", answer(lambda body, head: (head, body))),
    Misconception("Is the head's rate used for both?", answer(lambda body, head: (head, head))),
    Misconception("Is the body's rate used for both?", answer(lambda body, head: (body, body))),
    Misconception(
        "Did the body move at all? It has a rate of its own.", answer(lambda body, head: (0, head))
    ),
    Misconception("Did the head move at all?", answer(lambda body, head: (body, 0))),
    Misconception(
        "Are those the scores before the step? Take them with the moved weights.",
        answer(lambda body, head: (0, 0)),
    ),
    Misconception(
        "Does the loss rise? Step against the gradient: minus.",
        answer(lambda body, head: (-body, -head)),
    ),
    Misconception(TOGETHER, one_after_the_other),
    Misconception(TOGETHER, body_first),
    Misconception("Is that the sum over the rows? The mean is asked for.", answer(reduction="sum")),
    Misconception("Is the ReLU missing?", answer(relu=lambda x: x)),
    Misconception(
        "Are those probabilities? Scores are asked for, before any softmax.",
        answer(after=lambda *net: scores(*net).softmax(1)),
    ),
    Misconception(
        "Is that the loss's rows in logarithms? Scores are asked for, before any softmax.",
        answer(after=lambda *net: scores(*net).log_softmax(1)),
    ),
)

EXERCISE = Exercise(
    reference=fine_tune_step,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="Scores are (rows, classes)."),
    misconceptions=MISCONCEPTIONS,
    advice="Gradients of the mean cross-entropy for body and head; each minus its rate times its "
    "gradient; then relu(x @ body) @ head.",
    praise="equal to the chain rule by hand in 15 steps",
)

"""Exercise `output_size`: how many numbers a convolution makes of a line."""

from __future__ import annotations

import math

from xmodal_lab.workbook.exercises.form import Case, Exercise, Misconception, Number


def output_size(size, kernel, padding=0, stride=1, dilation=1):
    """How many numbers a convolution makes of a line of `size` pixels: an int."""
    covered = dilation * (kernel - 1) + 1
    return max(0, (size + 2 * padding - covered) // stride + 1)


def oracle(size, kernel, padding=0, stride=1, dilation=1):
    """Lay the window on, again and again, and count where it does not stick out."""
    first, count = -padding, 0
    while all(-padding <= first + i * dilation < size + padding for i in range(kernel)):
        first, count = first + stride, count + 1
    return count


def cases():
    for options in (
        (5, 3),
        (12, 4),
        (32, 3, 1),
        (33, 3, 1, 2),
        (32, 3, 1, 2),
        (28, 5, 0, 1, 2),
        (224, 7, 3, 2),
        (7, 2, 0, 2),
        (6, 3, 2, 3, 2),
        (9, 1, 0, 4),
        (10, 4, 1, 3),
        (11, 11, 0, 4),
        (7, 3, 0, 3, 3),
        (3, 5, 1),
        (1001, 2, 0, 1, 3),
        (2, 3, 0, 2),
        (2, 7),
        (4, 3, 0, 1, 3),
        (9, 1, 0, 2, 4),
        (40, 3, 0, 1, 6),
    ):
        size, *others = options
        names = "kernel", "padding", "stride", "dilation"
        parts = [f"{name} {n}" for name, n in zip(names, others, strict=False)]
        advice = "" if oracle(*options) else NONE
        yield Case(options, f"the size behind {size} pixels, {', '.join(parts)},", advice)


NONE = "Where not even one window fits, the answer is 0."


def answer(count):
    """An answer: made of the padded line, the pixels a window covers, the stride, the options."""

    def of(size, kernel, padding=0, stride=1, dilation=1):
        covered = dilation * (kernel - 1) + 1
        return count(size + 2 * padding, covered, stride, kernel, padding)

    return of


ONE_SIDE = "Did you count the padding once? It stands at both ends."
PLUS_1 = "Did you forget the first window? Before any step there is one already: + 1."
FLOOR = "Did you round up? What does not fill a whole step is dropped."
DILATION = "How far does a dilated kernel reach? 3 numbers with dilation 2: pixels 0, 2, 4."

MISCONCEPTIONS = (
    Misconception(ONE_SIDE, answer(lambda line, cov, s, k, p: (line - p - cov) // s + 1)),
    Misconception("Did you use `padding`?", answer(lambda n, c, s, k, p: (n - 2 * p - c) // s + 1)),
    Misconception(
        "Did you subtract the padding?", answer(lambda n, c, s, k, p: (n - 4 * p - c) // s + 1)
    ),
    Misconception(PLUS_1, answer(lambda n, c, s, k, p: (n - c) // s)),
    Misconception(
        "Is 1 added before dividing? Divide by the stride first, then add 1.",
        answer(lambda n, c, s, k, p: (n - c + 1) // s),
    ),
    Misconception(
        "Is there one window too many? Two windows need one step.",
        answer(lambda n, c, s, k, p: (n - c) // s + 2),
    ),
    Misconception(FLOOR, answer(lambda n, c, s, k, p: math.ceil((n - c) / s) + 1)),
    Misconception(FLOOR, answer(lambda n, c, s, k, p: math.ceil((n - c) / s + 0.5))),
    Misconception(
        "Did you round to the nearest? What does not fill a whole step is dropped.",
        answer(lambda n, c, s, k, p: round((n - c) / s) + 1),
    ),
    Misconception(NONE, lambda *o: _reach(lambda k, d: d * (k - 1) + 1, *o)),
    Misconception(
        "Is that int(…)? Below 0 it rounds up, // rounds down.",
        answer(lambda n, c, s, k, p: int((n - c) / s) + 1),
    ),
    Misconception(NONE, answer(lambda n, c, s, k, p: max(1, (n - c) // s + 1))),
    Misconception("Did you use `stride`?", answer(lambda n, c, s, k, p: n - c + 1)),
    Misconception("Did you use `dilation`?", answer(lambda n, c, s, k, p: (n - k) // s + 1)),
    Misconception(
        "Is it written for odd kernels? One of 4 covers 4 pixels.",
        lambda *o: _reach(lambda k, d: 2 * d * (k // 2) + 1, *o),
    ),
    Misconception(DILATION, lambda *o: _reach(lambda k, d: d * k, *o)),
    Misconception(DILATION, lambda *o: _reach(lambda k, d: k + d - 1, *o)),
    Misconception(DILATION, lambda *o: _reach(lambda k, d: k + d, *o)),
    Misconception(DILATION, lambda *o: _reach(lambda k, d: d * (k - 1), *o)),
)


def _reach(covered, size, kernel, padding=0, stride=1, dilation=1):
    return (size + 2 * padding - covered(kernel, dilation)) // stride + 1


EXERCISE = Exercise(
    reference=output_size,
    oracle=oracle,
    cases=cases,
    result=Number(
        "the size",
        if_many="One line is asked about: one number.",
        if_fraction="Divide with //: it drops what does not fill a whole step.",
        if_tensor="Give an int: `.item()` takes the number out of a tensor.",
    ),
    misconceptions=MISCONCEPTIONS,
    advice="Pixels with padding, minus what a window covers; divide by the stride, drop the rest, "
    "add 1.",
    praise="equal to counting the windows one by one in 20 cases",
    on_device=False,  # numbers, no tensors
)

"""Exercise `batch_norm`: two ways to normalise, and when which is used."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception

EPSILON = 1e-5


def batch_norm(x, mean, variance, training):
    """x (batch, channels, height, width), running statistics (channels,) → x normalised."""
    if training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    return normalised(x, mean[:, None, None], variance[:, None, None])


def normalised(x, mean, variance):
    return (x - mean) / (variance + EPSILON).sqrt()


def oracle(x, mean, variance, training):
    """Channel by channel, the channels first in line."""
    channels = []
    for i, channel in enumerate(np.moveaxis(x, 1, 0)):
        centre = np.average(channel) if training else mean[i]
        spread = np.average(np.square(channel - centre)) if training else variance[i]
        channels.append((channel - centre) * np.power(spread + EPSILON, -0.5))
    return np.stack(channels, axis=1)


def cases():
    random = torch.Generator().manual_seed(6)
    # Some axes are equally long: who lines up the wrong ones is not stopped by shapes alone.
    for shape in ((2, 3, 2, 3), (4, 2, 3, 5), (3, 3, 3, 3), (1, 4, 2, 2), (6, 3, 1, 1)):
        x, mean, variance = drawn(shape, random)
        size = f"{shape[0]} pictures of {shape[1]} channels, {shape[2]} × {shape[3]},"
        for training in (True, False):
            mode = "in training" if training else "in evaluation"
            yield Case(
                (x, mean, variance, training), f"{size} {mode}".replace("1 pictures", "1 picture")
            )
    faint = 0.004 * torch.randn(4, 2, 3, 3, generator=random)
    yield Case((faint, mean[:2] / 1000, variance[:2] / 1e5, True), "faint maps in training", ROOT)
    yield Case((faint, mean[:2] / 1000, variance[:2] / 1e5, False), "faint maps", ROOT)
    yield Case((faint * 0 + 2, mean[:2], variance[:2], True), "maps that are 2 everywhere", SAME)
    far = 300 + 0.1 * torch.randn(4, 2, 3, 3, generator=random)
    yield Case((far, mean[:2], variance[:2], True), "maps with numbers around 300", FAR)


def drawn(shape, random):
    """Maps whose channels differ in mean and spread, and running statistics that fit neither."""
    channels = shape[1]
    spread, centre = (torch.rand(2, channels, 1, 1, generator=random) * 2 + 0.5).unbind()
    x = centre + spread * torch.randn(shape, generator=random)
    mean = torch.randn(channels, generator=random)
    return x, mean, torch.rand(channels, generator=random) * 3 + 0.3


ROOT = "Does 0.00001 stand under the root, added to the variance?"
SAME = "Where a channel is the same everywhere, 0.00001 under the root keeps it from 0 / 0."
FAR = "Is that mean(x²) − mean(x)²? Of two large numbers little is left: square x − mean."


def over(*axes, correction=0):
    """An answer that takes the batch's statistics over other axes."""

    def answer(x, mean, variance, training):
        if not training:
            return batch_norm(x, mean, variance, training)
        centre, spread = (
            x.mean(axes, keepdim=True),
            x.var(axes, keepdim=True, correction=correction),
        )
        return normalised(x, centre, spread)

    return answer


def divided_by(scale, subtract=True):
    """An answer that divides by something else: scale(variance)."""

    def answer(x, mean, variance, training):
        if training:
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        centred = x - mean[:, None, None] if subtract else x
        return centred / scale(variance)[:, None, None]

    return answer


def mixed(x, mean, variance, training):
    if training:
        mean = 0.9 * mean + 0.1 * x.mean((0, 2, 3))
        variance = 0.9 * variance + 0.1 * x.var((0, 2, 3))
    return batch_norm(x, mean, variance, False)


def along_the_width(x, mean, variance, training):
    if training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    return normalised(x, mean, variance)


def squares_minus_square(x, mean, variance, training):
    if training:
        mean = x.mean((0, 2, 3))
        variance = (x**2).mean((0, 2, 3)) - mean**2
    return batch_norm(x, mean, variance, False)


AXES = "One mean for each channel: over the pictures and all places, axes 0, 2 and 3."
WIDTH = (
    "Do mean and variance meet the channels? Broadcasting lines up the last axes: [:, None, None]."
)

MISCONCEPTIONS = (
    Misconception(f"Did you take statistics of each picture? {AXES}", over(1, 2, 3)),
    Misconception(f"Has each picture a mean of its own? {AXES}", over(2, 3)),
    Misconception(f"Has each place a mean of its own? {AXES}", over(0)),
    Misconception(f"Is that over the channels? {AXES}", over(1)),
    Misconception(f"Are all channels thrown together? {AXES}", over(0, 1, 2, 3)),
    Misconception(f"Is an axis missing? {AXES}", over(0, 2)),
    Misconception(f"Is an axis missing? {AXES}", over(0, 3)),
    Misconception(WIDTH, along_the_width),
    Misconception(
        "Are the modes swapped? The batch's own statistics belong to training.",
        lambda x, mean, variance, training: batch_norm(x, mean, variance, not training),
    ),
    Misconception(
        "Did you use the running statistics in training? There the batch's own are used.",
        lambda x, mean, variance, training: batch_norm(x, mean, variance, False),
    ),
    Misconception(
        "Did you use the batch's statistics in evaluation? There the running ones are used.",
        lambda x, mean, variance, training: batch_norm(x, mean, variance, True),
    ),
    Misconception(
        "Did you mix the batch's statistics into the running ones? In training the batch's own "
        "are used, unmixed.",
        mixed,
    ),
    Misconception(
        "Did you divide by the variance? Take its root.", divided_by(lambda v: v + EPSILON)
    ),
    Misconception(
        "Did you divide by count − 1? The mean of squares is meant: correction=0.",
        over(0, 2, 3, correction=1),
    ),
    Misconception(ROOT, divided_by(lambda v: v.sqrt() + EPSILON)),
    Misconception(ROOT, divided_by(lambda v: v.sqrt())),
    Misconception(ROOT, divided_by(lambda v: (v + 1e-3).sqrt())),
    Misconception(
        "Did you subtract the mean?", divided_by(lambda v: (v + EPSILON).sqrt(), subtract=False)
    ),
    Misconception(
        "Did you subtract the mean and forget the variance?",
        divided_by(lambda v: torch.ones_like(v)),
    ),
    Misconception(FAR, squares_minus_square),
)

EXERCISE = Exercise(
    reference=batch_norm,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="The result has the shape of x."),
    misconceptions=MISCONCEPTIONS,
    advice="Of each channel subtract the mean, divide by √(variance + 0.00001): the batch's own in "
    "training, else the running ones.",
    praise="equal to an explicit loop on 14 batches, gradient included, in both modes",
    gradient=("x",),
    gradient_cases=2,  # one in training, one in evaluation
    forbidden=("batch_norm", "layer_norm", "group_norm", "instance_norm"),
    at_size=AtSize(
        lambda: (torch.randn(128, 32, 16, 16), torch.zeros(32), torch.ones(32), True),
        "128 pictures of 32 channels",
        calls=10,
    ),
)

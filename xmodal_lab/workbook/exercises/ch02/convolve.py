"""Exercise `convolve`: slide a kernel over a picture."""

from __future__ import annotations

import numpy as np
import torch
from scipy.signal import correlate
from torch.nn.functional import pad

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def convolve(image, kernel, padding=0, stride=1):
    """Image (channels, height, width), kernel (channels, h, w) → answers (height', width')."""
    windows = windows_of(pad(image, (padding,) * 4), kernel, stride)
    return (windows * kernel[:, None, None]).sum((0, 3, 4))


def windows_of(image, kernel, stride):
    """What the kernel sees at each place: (channels, height', width', h, w)."""
    h, w = kernel.shape[1:]
    return image.unfold(1, h, stride).unfold(2, w, stride)


def oracle(image, kernel, padding=0, stride=1):
    """SciPy's, at every place; then each stride-th."""
    ring = (padding, padding)
    return correlate(np.pad(image, ((0, 0), ring, ring)), kernel, "valid")[0, ::stride, ::stride]


def cases():
    random = torch.Generator().manual_seed(5)
    for channels, sides, kernel, *options in (
        (2, (5, 6), (3, 3), 1),
        (2, (5, 6), (3, 3)),
        (3, (6, 5), (2, 3)),
        (1, (5, 5), (3, 3), 1),
        (2, (7, 7), (3, 3), 0, 2),
        (3, (8, 9), (3, 2), 2, 3),
        (2, (6, 6), (3, 3), 1, 2),
        (2, (5, 4), (1, 1), 0, 2),
        (2, (4, 3), (4, 3), 1),
        (1, (5, 7), (2, 2), 0, 2),
        (2, (3, 3), (5, 5), 2, 1),
        (5, (11, 13), (3, 2), 4, 5),
        (4, (3, 4), (1, 1), 3),
    ):
        image = torch.randn(channels, *sides, generator=random)
        weights = torch.randn(channels, *kernel, generator=random)
        what = f"{in_words(sides)} pixels, {channels} channels, kernel {in_words(kernel)}"
        for name, option in zip(("padding", "stride"), options, strict=False):
            what += f", {name} {option}"
        what = what.replace("1 channels", "1 channel")
        advice = OBLONG if kernel == (2, 3) else "" if options else NO_RING
        yield Case((image, weights, *options), what, advice)


OBLONG = "A kernel may be wider than high, and a picture higher than wide."
# The first case has a ring, the second is the same without.
NO_RING = "Does it work without a ring? With padding 0, `padding:-padding` is `0:-0`: empty."


def in_words(sides) -> str:
    return " × ".join(map(str, sides))


def with_kernel(other):
    """An answer that lays another kernel on the picture."""
    return lambda image, kernel, padding=0, stride=1: convolve(
        image, other(kernel), padding, stride
    )


def with_ring(ring, mode="constant", kernel=None):
    """An answer that pads (left, right, top, bottom) in another way."""

    def answer(image, kernel, padding=0, stride=1):
        return convolve(pad(image, ring(padding, kernel.shape[-1]), mode), kernel, 0, stride)

    return answer


def with_total(total):
    """An answer that adds up the products (channels, height', width', h, w) in another way."""

    def answer(image, kernel, padding=0, stride=1):
        windows = windows_of(pad(image, (padding,) * 4), kernel, stride)
        return total(windows * kernel[:, None, None])

    return answer


def of_all_places(choose):
    """An answer that takes other places than each stride-th of all."""
    return lambda image, kernel, padding=0, stride=1: choose(
        convolve(image, kernel, padding), stride
    )


def without_the_last(image, kernel, padding=0, stride=1):
    h, w = (side + 2 * padding - k for side, k in zip(image.shape[1:], kernel.shape[1:], strict=1))
    return convolve(image, kernel, padding)[:h:stride, :w:stride]


def thinned_first(image, kernel, padding=0, stride=1):
    return convolve(image[:, ::stride, ::stride], kernel, padding)


FLIPPED = "Did you flip the kernel? Here it is laid on as it is."
RING = "Did you pad one side only? The ring goes left, right, top and bottom."
BOTH = "Did you pad one axis only? Zeros go beside, above and below."
STEP = "Is `stride` the step along both axes, down and across?"
CHANNELS = "Did you forget to add up the channels? The answer has none."
BATCH = "Is a batch axis left over? The answers have two axes, (height', width')."
SUM = "Is that a mean? The products are added up, whatever their number."

MISCONCEPTIONS = (
    Misconception(FLIPPED, with_kernel(lambda k: k.flip(1, 2))),
    Misconception(FLIPPED, with_kernel(lambda k: k.flip(2))),
    Misconception(FLIPPED, with_kernel(lambda k: k.flip(1))),
    Misconception("Is the kernel turned, h and w swapped?", with_kernel(lambda k: k.mT)),
    Misconception("Did you flip the channels of the kernel?", with_kernel(lambda k: k.flip(0))),
    Misconception("Did you apply `padding`?", with_ring(lambda p, k: (0,) * 4)),
    Misconception(RING, with_ring(lambda p, k: (p, 0, p, 0))),
    Misconception(RING, with_ring(lambda p, k: (0, p, 0, p))),
    Misconception(BOTH, with_ring(lambda p, k: (p, p))),
    Misconception(BOTH, with_ring(lambda p, k: (0, 0, p, p))),
    Misconception(
        "Is the default of `padding` 0? Left out, there is no ring.",
        lambda image, kernel, padding=1, stride=1: convolve(image, kernel, padding, stride),
    ),
    Misconception("Did you pad twice as much?", with_ring(lambda p, k: (2 * p,) * 4)),
    Misconception(
        "Is the padding half a kernel? It is what `padding` says.",
        with_ring(lambda p, k: (k // 2,) * 4),
    ),
    Misconception(
        "Did you repeat the border? The padding is zeros.",
        with_ring(lambda p, k: (p,) * 4, "replicate"),
    ),
    Misconception(
        "Did you mirror the border? The padding is zeros.",
        with_ring(lambda p, k: (p,) * 4, "reflect"),
    ),
    Misconception(
        "Is the default of `stride` 1? Left out, no window is skipped.",
        lambda image, kernel, padding=0, stride=2: convolve(image, kernel, padding, stride),
    ),
    Misconception("Did you use `stride`?", of_all_places(lambda answers, s: answers)),
    Misconception(STEP, of_all_places(lambda answers, s: answers[::s])),
    Misconception(STEP, of_all_places(lambda answers, s: answers[:, ::s])),
    Misconception(
        "Did you drop pixels before the kernel saw them? `stride` moves the window.", thinned_first
    ),
    Misconception("Is the last window missing? range(n) ends before n: add 1.", without_the_last),
    Misconception(SUM, with_total(lambda products: products.mean((0, 3, 4)))),
    Misconception(SUM, with_total(lambda products: products.mean((3, 4)).sum(0))),
    Misconception(
        "Did you average over the channels? They are added up.",
        with_total(lambda products: products.sum((3, 4)).mean(0)),
    ),
    Misconception(BATCH, with_total(lambda products: products.sum((0, 3, 4))[None])),
    Misconception(BATCH, with_total(lambda products: products.sum((0, 3, 4))[None, None])),
    Misconception(CHANNELS, with_total(lambda products: products.sum((3, 4)))),
    Misconception(
        "Did you look at the first channel only?",
        with_total(lambda products: products.sum((3, 4))[0]),
    ),
    Misconception(
        "Did you use the first channel of the kernel for all? Each channel has its own.",
        with_kernel(lambda k: k[:1].expand_as(k)),
    ),
    Misconception(
        "Is there a ReLU in it? Answers may be negative.",
        with_total(lambda products: products.sum((0, 3, 4)).relu()),
    ),
)

EXERCISE = Exercise(
    reference=convolve,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="How many whole windows fit, down and across?"),
    misconceptions=MISCONCEPTIONS,
    advice="Pad, take each whole window of all channels, multiply by the kernel, add up.",
    praise="equal to SciPy's on 13 pictures of odd and even sizes, gradient included",
    gradient=("image", "kernel"),
    at_size=AtSize(
        lambda: (torch.rand(3, 64, 64), torch.rand(3, 3, 3), 1, 1),
        "a picture of 64 × 64 pixels",
        calls=10,
    ),
    on_device=False,  # the chapter convolves single pictures, on the CPU
)

"""Exercise `bottleneck_parameters`: what one block of ResNet-50 costs."""

from __future__ import annotations

import torch

from xmodal_lab.encoders.image.blocks import bottleneck_block
from xmodal_lab.workbook.exercises.form import Case, Exercise, Misconception, Number


def bottleneck_parameters(channels, width, stride=1):
    """Learned numbers of a bottleneck block that reads `channels` and gives `width`: an int."""
    return answer()(channels, width, stride)


def answer(
    narrow=lambda width: width // 4,
    of=lambda inside, outside, side: side * side * inside * outside,
    norm=lambda outside: 2 * outside,
    middle=lambda channels, narrow: narrow,
    side=3,
    shortcut=lambda channels, width, stride: channels != width or stride != 1,
    shortcut_norm=True,
):
    """An answer: how narrow it is, what a convolution and its norm cost, when a way is needed."""

    def count(channels, width, stride=1):
        thin = narrow(width)
        reads = middle(channels, thin)
        layers = [(channels, thin, 1), (reads, thin, side), (thin, width, 1)]
        found = sum(of(*layer) + norm(layer[1]) for layer in layers)
        if shortcut(channels, width, stride):
            found += of(channels, width, 1) + (norm(width) if shortcut_norm else 0)
        return found

    return count


def oracle(channels, width, stride=1):
    """Build the block and count."""
    # Not on the meta device: making weights there imports a compiler, for seconds. The learner's
    # random numbers stay where they are.
    with torch.random.fork_rng(devices=[]):
        block = bottleneck_block(channels, width, stride)
    return sum(weight.numel() for weight in block.parameters())


def cases():
    for channels, width, *stride in (
        (64, 256),
        (256, 256),
        (256, 512, 2),
        (512, 512, 1),
        (64, 64, 1),
        (64, 64, 2),
        (16, 16, 3),
        (24, 8),
        (24, 30),
        (8, 40, 1),
        (1024, 2048, 2),
    ):
        told = f", stride {stride[0]}" if stride else ""
        yield Case((channels, width, *stride), f"a block from {channels} to {width}{told}")


ALWAYS = "Is the way around always a convolution? Where width and size stay, it is x itself: free."
NEVER = "Did you forget the way around? Where width or stride change, it is a convolution of 1 × 1."
ROUNDED = "What is a quarter of 30 maps? 7, rounded down: `width // 4`."

MISCONCEPTIONS = (
    Misconception(
        "Did you forget BatchNorm? A factor and a shift for each map.", answer(norm=lambda n: 0)
    ),
    Misconception(
        "Has BatchNorm two learned numbers a map with you? A factor and a shift.",
        answer(norm=lambda n: n),
    ),
    Misconception(
        "Did you count BatchNorm's running mean and variance? They are kept, not learned.",
        answer(norm=lambda n: 4 * n),
    ),
    Misconception(
        "Did you count a bias? A convolution before BatchNorm has none.",
        answer(norm=lambda n: 3 * n),
    ),
    Misconception(NEVER, answer(shortcut=lambda c, w, s: False)),
    Misconception(
        "Is a way needed where the stride alone changes? Yes: the maps shrink there.",
        answer(shortcut=lambda c, w, s: c != w),
    ),
    Misconception(
        "Is a way needed where the width alone changes? Yes: sums need as many maps.",
        answer(shortcut=lambda c, w, s: s != 1),
    ),
    Misconception(ALWAYS, answer(shortcut=lambda c, w, s: True)),
    Misconception("Has the way around a BatchNorm? It has.", answer(shortcut_norm=False)),
    Misconception(
        "How narrow is it inside? A quarter of the width.", answer(narrow=lambda w: w // 2)
    ),
    Misconception(ROUNDED, answer(narrow=lambda w: -(-w // 4))),
    Misconception(ROUNDED, answer(narrow=lambda w: round(w / 4))),
    Misconception(
        "Is a stride of 3 a stride, too? All but 1 need a way.",
        answer(shortcut=lambda c, w, s: c != w or s == 2),
    ),
    Misconception(
        "Is it narrow inside? A quarter of the width: that is the bottleneck.",
        answer(narrow=lambda w: w),
    ),
    Misconception(
        "A quarter of what? Of `width`, not of `channels`.",
        lambda channels, width, stride=1: answer(narrow=lambda w: channels // 4)(
            channels, width, stride
        ),
    ),
    Misconception(
        "How many weights has a kernel of 3 × 3? Nine for each pair of maps.",
        answer(of=lambda i, o, side: side * i * o),
    ),
    Misconception("Is the middle convolution one of 1 × 1? Of 3 × 3.", answer(side=1)),
    Misconception(
        "What does the middle convolution read? What the first one gives, a quarter of the width.",
        answer(middle=lambda channels, narrow: channels),
    ),
)

EXERCISE = Exercise(
    reference=bottleneck_parameters,
    oracle=oracle,
    cases=cases,
    result=Number(
        "the number of parameters",
        if_many="One block is asked about: one number.",
        if_fraction="Divide with //: there is no half map.",
    ),
    misconceptions=MISCONCEPTIONS,
    advice="Three convolutions, channels → width // 4 → width // 4 → width, of 1, 9 and 1 pixels; "
    "two numbers a map for each BatchNorm; the way around where width or stride change.",
    praise="equal to building 11 blocks and counting",
    on_device=False,  # numbers, no tensors
)

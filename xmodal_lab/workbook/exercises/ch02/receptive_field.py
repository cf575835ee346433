"""Exercise `receptive_field`: how many pixels one cell sees."""

from __future__ import annotations

import math

from xmodal_lab.encoders.image.receptive_field import Field, Window
from xmodal_lab.workbook.exercises.form import Case, Exercise, Misconception, Number


def receptive_field(layers):
    """Pixels a side that one cell sees behind these layers, each (kernel, stride): an int."""
    field = Field()
    for kernel, stride in layers:
        field = field.through(Window(kernel, stride))
    return field.size


def oracle(layers):
    """From one cell back to the picture: which cells, of each map before, does it hang on?"""
    cells = {0}
    for kernel, stride in reversed(layers):
        cells = {cell * stride + i for cell in cells for i in range(kernel)}
    return max(cells) - min(cells) + 1


VGG16 = [(3, 1), (3, 1), (2, 2)] * 2 + [(3, 1), (3, 1), (3, 1), (2, 2)] * 3


def cases():
    for layers in (
        [(3, 1)],
        [(3, 1), (3, 1), (3, 1)],
        [(3, 2), (3, 1)],
        [(5, 2), (2, 2)],
        [(3, 2), (3, 2), (3, 2)],
        [(7, 2), (3, 2), (3, 1), (1, 1), (3, 1)],
        [(5, 1), (2, 2), (4, 3), (1, 2), (2, 1)],
        [(1, 2), (2, 3), (4, 1)],
        [(4, 4)],
        [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1)],
        [(16, 8), (9, 5), (7, 1), (3, 2)],
    ):
        yield Case((layers,), f"the field behind {layers}")
    yield Case((VGG16,), "the field behind the 18 layers of VGG16")
    yield Case(([],), "the field without a layer", "A cell of the picture itself is 1 pixel.")


def step_by_step(more, jump=lambda jump, stride: jump * stride, start=1):
    """An answer: what a layer adds, given (kernel, stride, jump), and what becomes of the jump."""

    def answer(layers):
        pixels, distance = start, 1
        for kernel, stride in layers:
            pixels += more(kernel, stride, distance)
            distance = jump(distance, stride)
        return pixels

    return answer


def without(pooling):
    """An answer that leaves out the layers for which pooling(kernel, stride) is true."""
    return lambda layers: receptive_field([layer for layer in layers if not pooling(*layer)])


def neighbours(kernel, stride, jump):
    return (kernel - 1) * jump


OWN = "Did you count a layer's own stride? It moves only the neighbours that later layers see."
POOLING = "Did you leave out pooling? It counts too: a layer like any other."
PRODUCT = "Do strides multiply? Two of stride 2 put neighbours 4 pixels apart."

MISCONCEPTIONS = (
    Misconception("Did you use the strides?", step_by_step(lambda k, s, jump: k - 1)),
    Misconception(OWN, step_by_step(lambda k, s, jump: (k - 1) * jump * s)),
    Misconception(
        "Does the stride reach one layer only? It stretches all layers that come after.",
        step_by_step(neighbours, lambda jump, s: s),
    ),
    Misconception(
        "Is the stride of the layer itself, and of no other, in it? Those before it count.",
        step_by_step(lambda k, s, jump: (k - 1) * s),
    ),
    Misconception(POOLING, without(lambda kernel, stride: kernel == stride > 1)),
    Misconception(POOLING, without(lambda kernel, stride: kernel == stride == 2)),
    Misconception(POOLING, without(lambda kernel, stride: kernel == 2)),
    Misconception(
        "Does pooling only move neighbours apart? Its kernel sees more as well: it counts too.",
        step_by_step(lambda k, s, jump: 0 if k == s else (k - 1) * jump),
    ),
    Misconception(PRODUCT, step_by_step(neighbours, lambda jump, s: jump + s)),
    Misconception(PRODUCT, step_by_step(neighbours, lambda jump, s: jump + s - 1)),
    Misconception(
        "Did you add up the kernels? Neighbouring windows overlap: a layer adds kernel − 1.",
        lambda layers: sum(kernel for kernel, _ in layers),
    ),
    Misconception(
        "Did you multiply the kernels? Neighbouring windows overlap.",
        lambda layers: math.prod(kernel for kernel, _ in layers),
    ),
    Misconception(
        "Does a layer add kernel · distance? One of its cells you had already: kernel − 1.",
        step_by_step(lambda k, s, jump: k * jump),
    ),
    Misconception(
        "Does a layer add kernel · distance? One of its cells you had already: kernel − 1.",
        step_by_step(lambda k, s, jump: k * jump, start=0),
    ),
    Misconception(
        "Did you begin with 0? Without any layer a cell sees 1 pixel: itself.",
        step_by_step(neighbours, start=0),
    ),
    Misconception(
        "Did you read the layers from the depth to the picture? The first one is at the picture.",
        lambda layers: receptive_field(layers[::-1]),
    ),
    Misconception(
        "Is it written for odd kernels? One of 2 adds 1 · distance.",
        step_by_step(lambda k, s, jump: k // 2 * 2 * jump),
    ),
    Misconception(
        "Is that the distance of neighbours? The size of the field is asked for.",
        lambda layers: math.prod(stride for _, stride in layers),
    ),
    Misconception(
        "Is that the number of pixels in the square? Its side is asked for.",
        lambda layers: receptive_field(layers) ** 2,
    ),
    Misconception("Is the last layer missing?", lambda layers: receptive_field(layers[:-1])),
)

EXERCISE = Exercise(
    reference=receptive_field,
    oracle=oracle,
    cases=cases,
    result=Number(
        "the field",
        if_many="The field is a square: its side is asked for, one number.",
        if_fraction="Pixels are counted: nothing needs to be divided.",
        if_tensor="Give an int: `.item()` takes the number out of a tensor.",
    ),
    misconceptions=MISCONCEPTIONS,
    advice="A layer adds (kernel − 1) · distance of neighbours; then its stride multiplies the "
    "distance.",
    praise="equal to following one cell back to its pixels, behind 13 lists of layers",
    on_device=False,  # numbers, no tensors
)

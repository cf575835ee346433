"""Chapter 05: what several modalities say together, and which of them is listened to."""

from xmodal_lab.workbook.exercises.ch05 import (
    additive_weights,
    attention,
    late_mean,
    relative_bias,
    split_heads,
)

EXERCISES = tuple(
    module.EXERCISE
    for module in (
        late_mean,
        additive_weights,
        attention,
        split_heads,
        relative_bias,
    )
)

"""Chapter 05: what several modalities say together, and which of them is listened to."""

from xmodal_lab.workbook.exercises.ch05 import (
    additive_weights,
    attention,
    audit,
    cross_attend,
    late_mean,
    low_rank_product,
    macro_f1,
    relative_bias,
    split_heads,
)

EXERCISES = tuple(
    module.EXERCISE
    for module in (
        late_mean,
        low_rank_product,
        additive_weights,
        attention,
        split_heads,
        cross_attend,
        relative_bias,
        macro_f1,
        audit,
    )
)

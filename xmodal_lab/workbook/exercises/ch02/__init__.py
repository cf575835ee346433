"""Chapter 02: what a convolution sees, and where a network looks."""

from xmodal_lab.workbook.exercises.ch02 import (
    batch_norm,
    convolve,
    grad_cam,
    occlusion,
    output_size,
    receptive_field,
    residual_block,
)

EXERCISES = tuple(
    module.EXERCISE
    for module in (
        convolve,
        output_size,
        receptive_field,
        batch_norm,
        residual_block,
        grad_cam,
        occlusion,
    )
)

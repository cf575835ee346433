"""Chapter 02: what a convolution sees, where a network looks, and what its features are worth."""

from xmodal_lab.workbook.exercises.ch02 import (
    batch_norm,
    bottleneck_parameters,
    convolve,
    fine_tune_step,
    grad_cam,
    occlusion,
    output_size,
    receptive_field,
    residual_block,
    standardise,
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
        bottleneck_parameters,
        standardise,
        fine_tune_step,
    )
)

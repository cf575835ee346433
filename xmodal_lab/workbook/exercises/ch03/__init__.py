"""Chapter 03: from a waveform to frames, to states, to one vector or a row of words."""

from xmodal_lab.workbook.exercises.ch03 import (
    collapse,
    ctc_loss,
    frames,
    gru_step,
    lstm_step,
    masked_pool,
    mel_filter,
)

EXERCISES = tuple(
    module.EXERCISE
    for module in (
        frames,
        mel_filter,
        gru_step,
        lstm_step,
        masked_pool,
        collapse,
        ctc_loss,
    )
)

"""Chapter 06: the loss, the score and the uses of one joint space."""

from xmodal_lab.workbook.exercises.ch06 import info_nce, modality_gap, recall_at_1, zero_shot

EXERCISES = tuple(module.EXERCISE for module in (info_nce, recall_at_1, modality_gap, zero_shot))

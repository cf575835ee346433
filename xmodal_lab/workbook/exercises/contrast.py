"""Chapter 04: closed forms, losses and scores of contrastive alignment."""

from __future__ import annotations

import torch

from xmodal_lab.workbook.exercises import (
    contrast_logit_wrong,
    contrast_losses,
    contrast_margin_wrong,
    contrast_space,
    contrast_space_wrong,
)
from xmodal_lab.workbook.exercises.form import AtSize
from xmodal_lab.workbook.exercises.record import Exercise

CHAPTER = "04_contrastive_alignment"


def _trains(sides: int, dim: int, settings: tuple, calls: int) -> dict:
    """What a loss is asked for that trains in this chapter, batches of 128 rows, so many times."""
    size = AtSize(lambda: (*torch.randn(sides, 128, dim), *settings), "batches of 128 pairs", calls)
    return {"gradient": ("a", "b", "foils")[:sides], "at_size": size, "on_device": True}


EXERCISES = (
    Exercise(
        CHAPTER,
        contrast_space.procrustes_map,
        contrast_space.check_procrustes_map,
        "equal to Newton's iteration on 3 pairs of clouds, a reflection among them",
        contrast_space_wrong.PROCRUSTES_MAP,
    ),
    Exercise(
        CHAPTER,
        contrast_losses.pair_loss,
        contrast_losses.check_pair_loss,
        "equal to an explicit loop on 4 batches, gradient included",
        contrast_margin_wrong.PAIR_LOSS,
        **_trains(2, 32, (1.3,), 600),
    ),
    Exercise(
        CHAPTER,
        contrast_losses.triplet_loss,
        contrast_losses.check_triplet_loss,
        "equal to an explicit loop on 5 batches, gradient included",
        contrast_margin_wrong.TRIPLET_LOSS,
        **_trains(2, 32, (0.2,), 450),
    ),
    Exercise(
        CHAPTER,
        contrast_losses.sigmoid_loss,
        contrast_losses.check_sigmoid_loss,
        "equal to an explicit loop on 5 batches, gradient included",
        contrast_logit_wrong.SIGMOID_LOSS,
        **_trains(
            2,
            32,
            (
                0.1,
                -4.8,
            ),
            600,
        ),
    ),
    Exercise(
        CHAPTER,
        contrast_losses.info_nce_with_foils,
        contrast_losses.check_info_nce_with_foils,
        "equal to an explicit loop on 5 batches, gradient included",
        contrast_logit_wrong.INFO_NCE_WITH_FOILS,
        **_trains(3, 128, (0.07,), 420),
    ),
    Exercise(
        CHAPTER,
        contrast_space.uniformity,
        contrast_space.check_uniformity,
        "equal to an explicit loop on 3 sets of embeddings",
        contrast_space_wrong.UNIFORMITY,
    ),
    Exercise(
        CHAPTER,
        contrast_space.csls,
        contrast_space.check_csls,
        "equal to an explicit loop on 4 matrices",
        contrast_space_wrong.CSLS,
    ),
    Exercise(
        CHAPTER,
        contrast_space.sinkhorn,
        contrast_space.check_sinkhorn,
        "equal to an explicit loop on 4 matrices, very large scores included",
        contrast_space_wrong.SINKHORN,
    ),
)

"""Chapter 04: closed forms, losses and scores of contrastive alignment."""

from __future__ import annotations

from xmodal_lab.workbook.exercises import (
    contrast_logit_wrong,
    contrast_losses,
    contrast_margin_wrong,
    contrast_space,
    contrast_space_wrong,
)
from xmodal_lab.workbook.exercises.record import Exercise

CHAPTER = "04_contrastive_alignment"

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
    ),
    Exercise(
        CHAPTER,
        contrast_losses.triplet_loss,
        contrast_losses.check_triplet_loss,
        "equal to an explicit loop on 5 batches, gradient included",
        contrast_margin_wrong.TRIPLET_LOSS,
    ),
    Exercise(
        CHAPTER,
        contrast_losses.sigmoid_loss,
        contrast_losses.check_sigmoid_loss,
        "equal to an explicit loop on 5 batches, gradient included",
        contrast_logit_wrong.SIGMOID_LOSS,
    ),
    Exercise(
        CHAPTER,
        contrast_losses.info_nce_with_foils,
        contrast_losses.check_info_nce_with_foils,
        "equal to an explicit loop on 5 batches, gradient included",
        contrast_logit_wrong.INFO_NCE_WITH_FOILS,
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

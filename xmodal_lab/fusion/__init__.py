"""How several modalities answer one question: votes, sums, gates, products, attention."""

from xmodal_lab.fusion.bilinear import BilinearFusion
from xmodal_lab.fusion.late import (
    AttentionFusion,
    ConcatFusion,
    GatedFusion,
    LateFusion,
    MeanFusion,
    WeightedSumFusion,
)
from xmodal_lab.fusion.presence import modality_dropout
from xmodal_lab.fusion.voting import vote

__all__ = [
    "AttentionFusion",
    "BilinearFusion",
    "ConcatFusion",
    "GatedFusion",
    "LateFusion",
    "MeanFusion",
    "WeightedSumFusion",
    "modality_dropout",
    "vote",
]

"""How several modalities answer one question: votes, sums, gates, products, attention."""

from xmodal_lab.fusion.attention import (
    MultiHeadAttention,
    ScaledDotProductAttention,
    scaled_dot_product_attention,
)
from xmodal_lab.fusion.bilinear import BilinearFusion
from xmodal_lab.fusion.bottleneck import BottleneckFusion
from xmodal_lab.fusion.cross import CrossAttentionFusion
from xmodal_lab.fusion.graph import MessagePassing
from xmodal_lab.fusion.hops import Hops
from xmodal_lab.fusion.late import (
    AttentionFusion,
    ConcatFusion,
    GatedFusion,
    LateFusion,
    MeanFusion,
    WeightedSumFusion,
)
from xmodal_lab.fusion.presence import modality_dropout
from xmodal_lab.fusion.streams import SingleStream, TwoStream
from xmodal_lab.fusion.transformer import TransformerBlock
from xmodal_lab.fusion.voting import vote

__all__ = [
    "AttentionFusion",
    "BilinearFusion",
    "BottleneckFusion",
    "ConcatFusion",
    "CrossAttentionFusion",
    "GatedFusion",
    "Hops",
    "LateFusion",
    "MeanFusion",
    "MessagePassing",
    "MultiHeadAttention",
    "ScaledDotProductAttention",
    "SingleStream",
    "TransformerBlock",
    "TwoStream",
    "WeightedSumFusion",
    "modality_dropout",
    "scaled_dot_product_attention",
    "vote",
]

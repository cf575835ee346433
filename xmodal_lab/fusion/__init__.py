"""How do several modalities answer one question?"""

from xmodal_lab.fusion.attention import (
    MultiHeadAttention,
    ScaledDotProductAttention,
    scaled_dot_product_attention,
)
from xmodal_lab.fusion.bottleneck import BottleneckFusion
from xmodal_lab.fusion.cross import CrossAttentionFusion
from xmodal_lab.fusion.graph import MessagePassing
from xmodal_lab.fusion.hops import Hops
from xmodal_lab.fusion.streams import SingleStream, TwoStream
from xmodal_lab.fusion.transformer import TransformerBlock

__all__ = [
    "BottleneckFusion",
    "CrossAttentionFusion",
    "Hops",
    "MessagePassing",
    "MultiHeadAttention",
    "ScaledDotProductAttention",
    "SingleStream",
    "TransformerBlock",
    "TwoStream",
    "scaled_dot_product_attention",
]

"""How do several modalities answer one question?"""

from xmodal_lab.fusion.attention import (
    MultiHeadAttention,
    ScaledDotProductAttention,
    scaled_dot_product_attention,
)
from xmodal_lab.fusion.cross import CrossAttentionFusion
from xmodal_lab.fusion.transformer import TransformerBlock

__all__ = [
    "CrossAttentionFusion",
    "MultiHeadAttention",
    "ScaledDotProductAttention",
    "TransformerBlock",
    "scaled_dot_product_attention",
]

"""A few latent tokens look at everything, so that not everything has to look at everything."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.tokens import SPREAD, Fused, Places, TokenEmbedding, parted, side_by_side
from xmodal_lab.fusion.transformer import TransformerBlock


class BottleneckFusion(nn.Module):
    """Latents look at the tokens of all modalities, then at each other; again and again.

        L ← L + attend(L → tokens),   L ← L + attend(L → L),   L ← L + feed(L)

    With B latents and N tokens a layer compares B·N + B² pairs where all-to-all compares N²: the
    cost grows with the tokens, not with their square.

    Args:
        dims: modality → size of its vectors.
        dim: size of a token and of a latent; a multiple of ``heads``.
        layers: how often the latents look.
        heads: of each attention.
        latents: how many; all that the model keeps passes through them.
        places: modality → most tokens, or (lines, columns); see ``TokenEmbedding``.
        hidden: width inside the feed-forward parts; 4 · dim unless given.

    Attributes:
        output_dim: ``dim``.

    Source: Perceiver, Jaegle et al. 2021; a bottleneck between modalities, Nagrani et al. 2021
    (there each modality keeps its own all-to-all layers beside it).
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        dim: int,
        layers: int,
        heads: int,
        latents: int = 8,
        places: Places | None = None,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        self.output_dim = dim
        self.tokens = TokenEmbedding(dims, dim, places)
        self.latents = nn.Parameter(torch.randn(1, latents, dim) * SPREAD)
        self.looked_at = nn.LayerNorm(dim)
        self.blocks = nn.ModuleList(
            TransformerBlock(dim, heads, "before", hidden, cross=True) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, tokens: Mapping[str, Padded]) -> Fused:
        """The summary is the mean of the latents, which are the only states.

        Raises:
            ValueError: see ``TokenEmbedding``.
        """
        embedded = self.tokens(tokens)
        values, mask = side_by_side(embedded)
        context = self.looked_at(values)
        x, trace = self.latents.expand(len(values), -1, -1), []
        for block in self.blocks:
            x, found = block(x, None, context, mask)
            trace.append(
                {
                    ("latents", "latents"): found["self"],
                    **parted(found["cross"], "latents", embedded),
                }
            )
        x = self.norm(x)
        return Fused(x.mean(1), {"latents": Padded(x, _all(x))}, trace)


def _all(x: Tensor) -> Int64[Tensor, " batch"]:
    return torch.full((len(x),), x.shape[1], device=x.device)

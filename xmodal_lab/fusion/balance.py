"""Against laziness: the modality that learns fast is slowed down, so that the others go on."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.batch import Entries
from xmodal_lab.encoders.inputs import Encoders

Parts = Mapping[str, Float[Tensor, "batch classes"]]


def modulation(
    parts: Parts, labels: Int64[Tensor, " batch"], alpha: float = 0.5
) -> dict[str, float]:
    """How much of its gradient each modality keeps: less, the further it is ahead.

        s_m = Σ_i softmax(l_m,i)_{y_i},   ρ_m = s_m / mean_{k ≠ m} s_k
        k_m = 1 - tanh(α ρ_m) where ρ_m > 1, else 1

    Args:
        parts: modality → the logits l_m that it adds to the sum.
        labels: right classes.
        alpha: how strongly; 0 leaves every gradient as it is.

    Raises:
        ValueError: for fewer than two modalities.

    Source: on-the-fly gradient modulation, Peng et al. 2022, equations 8 to 10; with two
    modalities ``mean`` is the other one.
    """
    if len(parts) < 2:
        raise ValueError(f"there is nothing to balance {list(parts)} with: give two modalities")
    with torch.no_grad():
        right = {
            name: logits.float().softmax(1).gather(1, labels[:, None]).sum()
            for name, logits in parts.items()
        }
    whole, kept = sum(right.values()), {}
    for name, own in right.items():
        ratio = own * (len(parts) - 1) / (whole - own)
        kept[name] = float(1 - torch.tanh(alpha * ratio)) if ratio > 1 else 1.0
    return kept


class BalancedCrossEntropy:
    """OGM-GE: cross-entropy of summed logits, which sends a leading encoder a smaller gradient.

        L = -mean_i ln softmax(Σ_m l_m)_{y_i},   g_m ← k_m g_m + std(g_m) n,   n standard normal

    An objective for ``fit``; the model gives its parts of the logits by modality. The noise makes
    up for what a smaller gradient loses of its randomness ('GE').

    Args:
        encoders: modality → what is slowed down; hooks lie on its weights until ``close``.
        alpha: see ``modulation``.
        noise: False for OGM without GE.

    Attributes:
        kept: k of the last step.

    Source: Peng et al. 2022. They train by SGD: Adam divides a gradient by its own size, so a
    factor that stays the same for long changes nothing there.
    """

    def __init__(self, encoders: Encoders, alpha: float = 0.5, noise: bool = True) -> None:
        self.alpha, self.noise, self.kept = alpha, noise, dict.fromkeys(encoders, 1.0)
        self._hooks = [
            weight.register_hook(lambda gradient, name=name: self._changed(gradient, name))
            for name, encoder in encoders.items()
            for weight in encoder.parameters()
            if weight.requires_grad
        ]

    def __call__(self, parts: Parts, batch: Entries) -> Float[Tensor, ""]:
        self.kept = modulation(parts, batch["labels"], self.alpha)
        return F.cross_entropy(sum(parts.values()), batch["labels"])

    def _changed(self, gradient: Tensor, name: str) -> Tensor:
        changed = gradient * self.kept[name]
        if self.noise and gradient.numel() > 1:
            changed = changed + gradient.std() * torch.randn_like(gradient)
        return changed

    def close(self) -> None:
        """Take the hooks away."""
        for hook in self._hooks:
            hook.remove()

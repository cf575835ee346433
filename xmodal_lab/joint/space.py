"""The joint space: every modality's encoder, followed by a projection to one sphere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.encoders.audio import AudioEncoder
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.encoders.text import TextEncoder

COLDEST, WARMEST = 0.01, 1.0


def modality_of(name: str) -> str:
    """The modality of a batch's entry: 'text' of 'text' and of 'text:foil'."""
    return name.partition(":")[0]


class JointSpace(nn.Module):
    """Encoders and projection heads that map every modality onto one unit sphere.

        z_m = P_m f_m(x_m) / |P_m f_m(x_m)|

    The temperature of the contrast is learned with them, as its logarithm, and stays between
    0.01 and 1.

    Args:
        encoders: modality → encoder with an attribute ``output_dim``.
        dim: dimensions of the joint space.
        temperature: where the learned temperature starts.
        bias: where a learned bias starts, as the sigmoid loss wants one; None for none.

    Source: CLIP, Radford et al. 2021; one space for many modalities, Girdhar et al. 2023.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        dim: int = 128,
        temperature: float = 0.07,
        bias: float | None = None,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.encoders = nn.ModuleDict(encoders)
        self.projections = nn.ModuleDict(
            {name: nn.Linear(encoder.output_dim, dim) for name, encoder in encoders.items()}
        )
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))
        self.bias = None if bias is None else nn.Parameter(torch.tensor(float(bias)))

    @classmethod
    def standard(
        cls, modalities: Sequence[str] = ("text", "image", "audio"), dim: int = 128
    ) -> JointSpace:
        """The workbook's own architecture: TextEncoder, SmallCNN and AudioEncoder.

        Raises:
            ValueError: for a modality without a standard encoder.
        """
        makers = {"text": TextEncoder, "image": SmallCNN, "audio": AudioEncoder}
        unknown = [name for name in modalities if name not in makers]
        if unknown:
            raise ValueError(f"no standard encoder for {unknown}: choose among {list(makers)}")
        return cls({name: makers[name]() for name in modalities}, dim)

    @property
    def config(self) -> dict[str, Any]:
        """What a space of the same shape is made of: a checkpoint carries it.

        'unprojected' names the modalities whose projection was replaced by ``nn.Identity``;
        'bias' is there where the space learns one.
        """
        made = {
            name: {"class": type(encoder).__name__, "config": getattr(encoder, "config", None)}
            for name, encoder in self.encoders.items()
        }
        config = {"dim": self.dim, "encoders": made}
        plain = [name for name, p in self.projections.items() if isinstance(p, nn.Identity)]
        if plain:
            config["unprojected"] = plain
        if self.bias is not None:
            config["bias"] = 0.0
        return config

    @property
    def temperature(self) -> Float[Tensor, ""]:
        """τ, with gradient; between 0.01 and 1, whatever the weight says."""
        low, high = math.log(COLDEST), math.log(WARMEST)
        # The gradient passes the bounds: a clamp inside the graph would have none beyond them, and
        # a temperature that once stepped over would never come back.
        beyond = self.log_temperature.clamp(low, high) - self.log_temperature
        return (self.log_temperature + beyond.detach()).exp()

    @temperature.setter
    def temperature(self, value: float) -> None:
        with torch.no_grad():
            self.log_temperature.fill_(math.log(value))

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.log_temperature.device

    def embed(self, modality: str, batch) -> Float[Tensor, "batch dim"]:
        """Unit vectors of one modality's batch.

        Raises:
            KeyError: for a modality this space has no encoder for.
        """
        if (modality := modality_of(modality)) not in self.encoders:
            known = ", ".join(self.encoders)
            raise KeyError(f"no encoder for modality {modality!r}: this space knows {known}")
        points = self.projections[modality](self.encoders[modality](batch))
        # Under autocast the encoders answer in 16 bits; the sphere needs more.
        points = points.float() if points.dtype in (torch.float16, torch.bfloat16) else points
        return F.normalize(points, dim=1)

    def forward(self, batch: Entries) -> dict[str, Float[Tensor, "batch dim"] | Float[Tensor, ""]]:
        """Unit vectors of every modality in the batch, and what their contrast needs beside them.

        An entry named 'text:foil' is read by the encoder of 'text'. What no encoder reads, such as
        labels, is passed over.

        Returns:
            Unit rows under the entries' names, the 'temperature', and the 'bias' where it is
            learned.

        Raises:
            KeyError: where no entry has an encoder.
        """
        if self.training:
            with torch.no_grad():  # back between the bounds, if the last step went beyond
                self.log_temperature.clamp_(math.log(COLDEST), math.log(WARMEST))
        read = [name for name in batch if modality_of(name) in self.encoders]
        outputs = {name: self.embed(name, batch[name]) for name in read or batch}
        outputs["temperature"] = self.temperature
        if self.bias is not None:
            outputs["bias"] = self.bias
        return outputs

    @torch.no_grad()
    def embed_all(self, data: Entries, chunk: int = 256) -> dict[str, Float[Tensor, "rows dim"]]:
        """Unit vectors of a whole data set, in evaluation mode, a chunk at a time.

        Raises:
            KeyError: for a modality this space has no encoder for.
            ValueError: where the modalities have different numbers of rows.
        """
        data, was_training = Batch(data), self.training
        self.eval()
        try:
            parts = [
                {n: self.embed(n, values) for n, values in rows.to(self.device).items()}
                for rows in map(data.rows, torch.arange(data.size).split(chunk))
            ]
        finally:
            self.train(was_training)
        return {name: torch.cat([part[name] for part in parts]) for name in data}

    def embed_data(self, data: SceneData, *modalities: str) -> dict[str, Float[Tensor, "rows dim"]]:
        """Unit vectors of scenes, in the modalities named or in all that are there."""
        return self.embed_all(inputs_of(data, modalities or None, self.encoders))

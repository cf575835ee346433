"""Pretrained picture encoders: ResNet-50, ViT, CLIP's picture tower and VGG16, frozen features.

Each prepares pictures as it was trained with: size, mean, spread and resampling come from the
model's own ``preprocessor_config.json``. With another model's numbers it would see other pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.datasets import pictures
from xmodal_lab.encoders.image.picture import cells, evaluating
from xmodal_lab.encoders.image.published import load_published
from xmodal_lab.encoders.image.vgg import VGG16
from xmodal_lab.encoders.pretrained.model import PreparedEncoder
from xmodal_lab.encoders.pretrained.weights import PREPARED_FILES, Published

PUBLISHED = {
    "resnet50": Published("microsoft/resnet-50", 103, files=PREPARED_FILES),
    "vit": Published("google/vit-base-patch16-224", 346, files=PREPARED_FILES),
    "clip": Published("openai/clip-vit-base-patch32", 605, files=PREPARED_FILES),
    # Its weights in timm's names; a file with torchvision's does as well.
    "vgg16": Published("timm/vgg16.tv_in1k", 553, files=("model.safetensors",)),
}
# A path, an opened picture, or levels 0–255 (3, height, width).
Picture = str | Path | Image.Image | np.ndarray | Tensor
Pictures = Sequence[Picture] | np.ndarray | Tensor


class PretrainedPictures(PreparedEncoder):
    """What the four have in common: any pictures in, frozen features out.

    ``read(pictures)`` prepares them, ``states`` and the call take what it gives, and ``embed`` does
    both without gradient.

    Args:
        name, folder, frozen, revision: see ``PretrainedEncoder``.

    Attributes:
        grid: (lines, columns) of the states, where every state is a cell.
        patches: (lines, columns) of the cells, also where a state of the whole picture precedes
            them.

    Raises:
        WeightsMissing, ValueError: see ``PretrainedEncoder``.
    """

    published = PUBLISHED
    patches: tuple[int, int]

    def read(self, shown: Pictures) -> Tensor:
        """Pictures of any size as the model wants them: (count, 3, size, size).

        Raises:
            ValueError: for no picture, or an array that is not (3, height, width) of levels 0–255.
            UnreadablePicture: for a file that cannot be read.
        """
        opened = [_opened(picture) for picture in _several(shown)]
        return torch.as_tensor(np.stack(self.processor(images=opened)["pixel_values"]))

    def embed(self, shown: Pictures, chunk: int = 32) -> Float[Tensor, "count dim"]:
        """One vector for each picture, in evaluation mode, without gradient; on the CPU.

        Args:
            shown: paths, pictures, or levels 0–255 (count, 3, height, width).
            chunk: how many are prepared and looked at together: prepared, each takes 0.6 MB.

        Raises:
            ValueError, UnreadablePicture: as ``read`` does.
        """
        return self.embedded(_several(shown), self.read, chunk)

    def cells(self, states: Padded) -> Padded:
        """The states of the picture's cells alone, line by line: ``patches`` says how many."""
        count = self.patches[0] * self.patches[1]
        values = states.values[:, states.values.shape[1] - count :]
        return Padded(values, torch.full_like(states.lengths, count))


class PretrainedResNet(PretrainedPictures):
    """ResNet-50: states are the 7 × 7 grid of its last stage, the vector their mean.

    Shapes: (batch, 3, 224, 224) as ``read`` gives them → states (batch, 49, 2048) → (batch, 2048).

    Source: He et al. 2016.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.output_dim = self.model.config.hidden_sizes[-1]
        with evaluating(self), torch.no_grad():
            blank = self.read([np.zeros((3, 64, 64), np.uint8)])
            self.grid = self.patches = tuple(self._maps(blank.to(self._device)).shape[2:])

    def architecture(self) -> tuple[Any, Any]:
        from transformers import ConvNextImageProcessor, ResNetModel

        return ConvNextImageProcessor, ResNetModel

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _maps(self, pixels: Tensor) -> Tensor:
        return self.model(pixel_values=pixels).last_hidden_state

    def states(self, pixels: Float[Tensor, "batch 3 height width"]) -> Padded:
        return cells(self._maps(pixels))

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        return states.values.mean(1)


class PretrainedTransformer(PretrainedPictures):
    """A transformer over patches: states are [CLS], which gathers the whole picture, then cells."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        config = self.model.config
        self.patches = (config.image_size // config.patch_size,) * 2


class PretrainedViT(PretrainedTransformer):
    """ViT: states are [CLS] and then the 14 × 14 patches, the vector is that of [CLS].

    Shapes: (batch, 3, 224, 224) as ``read`` gives them → states (batch, 197, 768) → (batch, 768).

    Source: Dosovitskiy et al. 2021.
    """

    def architecture(self) -> tuple[Any, Any]:
        from transformers import ViTImageProcessor, ViTModel

        return ViTImageProcessor, ViTModel

    @property
    def output_dim(self) -> int:
        return self.model.config.hidden_size

    def states(self, pixels: Float[Tensor, "batch 3 height width"]) -> Padded:
        return _whole(self.model(pixel_values=pixels).last_hidden_state)

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        return states.values[:, 0]


class PretrainedCLIP(PretrainedTransformer):
    """CLIP's picture tower: states are [CLS] and then 7 × 7 patches; the vector lies beside texts.

    The vector is CLIP's own picture embedding, [CLS] normalised and projected; not yet of length 1.

    Shapes: (batch, 3, 224, 224) as ``read`` gives them → states (batch, 50, 768) → (batch, 512).

    Source: Radford et al. 2021.
    """

    def architecture(self) -> tuple[Any, Any]:
        from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

        return CLIPImageProcessor, CLIPVisionModelWithProjection

    @property
    def output_dim(self) -> int:
        return self.model.config.projection_dim

    def states(self, pixels: Float[Tensor, "batch 3 height width"]) -> Padded:
        return _whole(self.model.vision_model(pixel_values=pixels).last_hidden_state)

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        whole = self.model.vision_model.post_layernorm(states.values[:, 0])
        return self.model.visual_projection(whole)


class PretrainedVGG(PretrainedPictures):
    """VGG16, our own class with published weights: a 7 × 7 grid, and ``fc7``.

    Pictures are prepared as torchvision does: the shorter side to 256 pixels, antialiased, the
    middle 224 × 224 cut out; mean and spread are the network's own first step. torchvision's own
    file is a pickle. Whoever has it makes the wanted one by
    ``safetensors.torch.save_file(torch.load("vgg16-397923af.pth", weights_only=True), …)``.

    Shapes: (batch, 3, 224, 224) levels as ``read`` gives them → states (batch, 49, 512) → (batch,
    4096).

    Source: Simonyan and Zisserman 2015.
    """

    shorter = 256

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.output_dim = self.model.output_dim
        self.grid = self.patches = self.model.grid

    def opened(self, folder: Path) -> nn.Module:
        model = VGG16()
        with self.explained():
            load_published(model, folder / "model.safetensors")
        return model

    def read(self, shown: Pictures) -> Tensor:
        images = [self._fitted(_opened(picture)) for picture in _several(shown)]
        return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2))

    def _fitted(self, image: Image.Image) -> np.ndarray:
        share = self.shorter / min(image.size)
        larger = tuple(max(self.shorter, round(side * share)) for side in image.size)
        image = image.resize(larger, Image.Resampling.BILINEAR)
        left, top = ((side - self.model.size) // 2 for side in larger)
        return np.asarray(image.crop((left, top, left + self.model.size, top + self.model.size)))

    def states(self, images: Tensor) -> Padded:
        return self.model.states(images)

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        return self.model.pool(states)


MODELS = {
    "resnet50": PretrainedResNet,
    "vit": PretrainedViT,
    "clip": PretrainedCLIP,
    "vgg16": PretrainedVGG,
}


def _whole(values: Tensor) -> Padded:
    return Padded(values, torch.full(values.shape[:1], values.shape[1], device=values.device))


def _several(shown: Pictures) -> Pictures:
    if isinstance(shown, (str, Path, Image.Image)):
        raise ValueError("expected several pictures, got one: write [picture]")
    if not len(shown):
        raise ValueError("there is no picture")
    return shown


def _opened(picture: Picture) -> Image.Image:
    """One picture, upright, in red, green and blue."""
    if isinstance(picture, (str, Path)):
        return Image.fromarray(pictures.read(picture).transpose(1, 2, 0))
    if isinstance(picture, Image.Image):
        return pictures.rgb(picture)
    levels = np.asarray(picture)
    if levels.ndim != 3 or levels.shape[0] != 3 or levels.dtype != np.uint8:
        raise ValueError(
            "expected levels 0–255 (uint8) of shape (3, height, width), got "
            f"{levels.dtype} of shape {levels.shape}"
        )
    return Image.fromarray(levels.transpose(1, 2, 0))

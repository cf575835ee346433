"""Occlusion: cover a place, and see how far the class score falls. No gradient is needed."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from xmodal_lab.encoders.image.grad_cam import Head
from xmodal_lab.encoders.image.picture import Images, PictureEncoder, evaluating


@torch.no_grad()
def occlusion(
    encoder: PictureEncoder,
    head: Head,
    images: Images,
    classes: Int64[Tensor, " batch"],
    patch: int = 8,
    stride: int = 4,
    chunk: int = 500,
) -> Float[Tensor, "batch lines columns"]:
    """How far a class score falls when a square of the picture is covered.

        D[i, j] = y_c(x) - y_c(x with the square at (i · stride, j · stride) covered)

    The square gets the picture's own median colour, that is mostly the background's. In evaluation
    mode.

    Args:
        encoder: makes the vector.
        head: makes class scores of the vectors.
        images: pictures as the encoder reads them.
        classes: for each picture the class that is asked for.
        patch: pixels a side of the square.
        stride: pixels from square to square.
        chunk: pictures that are looked at together.

    Returns:
        A drop for every square, in the unit of the scores, on the CPU; > 0 where the square speaks
        for the class.

    Raises:
        ValueError: where the square is larger than the picture, or patch or stride is below 1.

    Source: Zeiler and Fergus 2014, section 4.2.
    """
    size = images.shape[-1]
    if not 1 <= patch <= size or stride < 1:
        raise ValueError(f"patch must lie in 1 … {size}, stride from 1, got {patch} and {stride}")
    images, classes = images.float().to(encoder.device), classes.to(encoder.device)
    background = images.flatten(2).median(dim=2).values[:, :, None, None]
    starts = range(0, size - patch + 1, stride)
    with evaluating(encoder, head):
        whole = _scores(encoder, head, images, classes, chunk)
        drops = []
        for top in starts:
            for left in starts:
                covered = images.clone()
                covered[:, :, top : top + patch, left : left + patch] = background
                drops.append(whole - _scores(encoder, head, covered, classes, chunk))
    return torch.stack(drops, dim=1).unflatten(1, (len(starts), len(starts))).cpu()


def _scores(encoder, head, images, classes, chunk) -> Float[Tensor, " batch"]:
    parts = zip(images.split(chunk), classes.split(chunk), strict=True)
    found = [head(encoder(some)).gather(1, of[:, None])[:, 0] for some, of in parts]
    return torch.cat(found)

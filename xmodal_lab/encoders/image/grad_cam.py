"""Grad-CAM: which places of a picture a class score rests on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.encoders.image.picture import Images, PictureEncoder, evaluating

# From the pooled vectors (rows, dim) to the scores (rows, classes): a linear layer, or the products
# with vectors of captions.
Head = Callable[[Tensor], Tensor]


def grad_cam(
    encoder: PictureEncoder,
    head: Head,
    images: Images,
    classes: Int64[Tensor, " batch"],
    layer: str | None = None,
) -> Float[Tensor, "batch lines columns"]:
    """Where a layer speaks for a class.

        α_k = mean_ij ∂ y_c / ∂ A_k[i, j],   L[i, j] = relu(Σ_k α_k A_k[i, j])

    y_c is the class score before the softmax, A_k the feature map of channel k. In evaluation
    mode.

    Args:
        encoder: makes the feature maps and the vector.
        head: makes class scores of the vectors.
        images: pictures as the encoder reads them.
        classes: for each picture the class that is asked for.
        layer: whose feature maps; the last one by default.

    Returns:
        A map of the layer's lines and columns, ≥ 0, on the CPU; see ``enlarged``.

    Raises:
        ValueError: for a layer that is not there.

    Source: Selvaraju et al. 2017, equations 1 and 2.
    """
    layer = layer or list(encoder.layers)[-1]
    with evaluating(encoder, head), torch.enable_grad():
        maps = encoder.maps(images.to(encoder.device), until=layer)[layer].detach().requires_grad_()
        scores = head(encoder.after(layer, maps))
        asked = scores.gather(1, classes.to(scores.device)[:, None])
        (slopes,) = torch.autograd.grad(asked.sum(), maps)
    weights = slopes.mean((2, 3), keepdim=True)
    return F.relu((weights * maps.detach()).sum(1)).cpu()


def enlarged(
    maps: Float[Tensor, "batch lines columns"], size: int
) -> Float[Tensor, "batch {size} {size}"]:
    """Maps stretched to the size of a picture, linear in between."""
    return F.interpolate(maps[:, None], (size, size), mode="bilinear", align_corners=False)[:, 0]

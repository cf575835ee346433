"""Which frames an answer rests on: by the slope of its score, and by covering some of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.image.picture import evaluating

# From the pooled vectors (rows, dim) to the scores (rows, classes).
Head = Callable[[Tensor], Tensor]


def frame_gradient(
    encoder: Encoder, head: Head, frames: Padded, classes: Int64[Tensor, " batch"]
) -> Float[Tensor, "batch frames"]:
    """How fast a class score changes with each frame.

        G[t] = ‖ ∂ y_c / ∂ x_t ‖,   over the bands of frame t

    In evaluation mode; on the CPU; 0 where padded. A slope says what a small change would do, not
    what the answer rests on: hold it against ``frame_occlusion``.

    Args:
        encoder: makes the vector.
        head: makes class scores of the vectors.
        frames: what the encoder reads (batch, frames, bands).
        classes: for each row the class that is asked for.

    Source: Simonyan et al. 2014, section 3.
    """
    device = next(encoder.parameters()).device
    frames, classes = frames.to(device), classes.to(device)
    # cuDNN has no backward of a recurrent network in evaluation mode.
    with evaluating(encoder, head), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        values = frames.values.detach().clone().requires_grad_()
        scores = head(encoder(Padded(values, frames.lengths)))
        (slopes,) = torch.autograd.grad(scores.gather(1, classes[:, None]).sum(), values)
    return (slopes.norm(dim=2) * frames.mask).cpu()


@torch.no_grad()
def frame_occlusion(
    encoder: Encoder,
    head: Head,
    frames: Padded,
    classes: Int64[Tensor, " batch"],
    width: int = 5,
) -> Float[Tensor, "batch frames"]:
    """How far a class score falls when the frames around each one are covered with 0, their mean.

        D[t] = y_c(x) - y_c(x with the frames t - ⌊width/2⌋ … covered)

    In evaluation mode; on the CPU; 0 where padded; > 0 where the frames speak for the class.

    Args:
        encoder: makes the vector.
        head: makes class scores of the vectors.
        frames: what the encoder reads (batch, frames, bands).
        classes: for each row the class that is asked for.
        width: frames that are covered together.

    Raises:
        ValueError: for a width below 1.

    Source: Zeiler and Fergus 2014, section 4.2; there of pictures.
    """
    if width < 1:
        raise ValueError(f"width must be at least 1 frame, got {width}")
    device = next(encoder.parameters()).device
    frames, classes = frames.to(device), classes.to(device)[:, None]
    with evaluating(encoder, head):
        whole = head(encoder(frames)).gather(1, classes)[:, 0]
        drops = []
        for middle in range(frames.values.shape[1]):
            covered = frames.values.clone()
            covered[:, max(0, middle - width // 2) : middle - width // 2 + width] = 0
            scores = head(encoder(Padded(covered, frames.lengths)))
            drops.append(whole - scores.gather(1, classes)[:, 0])
    return (torch.stack(drops, dim=1) * frames.mask).cpu()

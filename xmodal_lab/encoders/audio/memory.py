"""How far back a recurrent network is taught: the gradient by the distance in time."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def gradient_over_time(
    network: nn.RNNBase, inputs: Float[Tensor, "batch time inputs"], seed: int = 0
) -> Float[Tensor, " time"]:
    """How strongly the last state depends on each input.

        G[t] = mean_b ‖ ∂ (u · h_T) / ∂ x_t ‖,   u a random direction of length 1

    Where G falls by a constant factor a step, what happened long ago cannot be learned (vanishing);
    where it grows, a step of training tears the weights apart (exploding).

    Args:
        network: torch's RNN, LSTM or GRU with ``batch_first=True``, one direction.
        inputs: what is read.
        seed: of the direction.

    Raises:
        ValueError: for a network of two directions, or one that wants the time first.

    Source: Bengio, Simard and Frasconi 1994; Pascanu et al. 2013.
    """
    if network.bidirectional or not network.batch_first:
        raise ValueError("gradient_over_time wants one direction and batch_first=True")
    with torch.enable_grad():
        read = inputs.detach().clone().requires_grad_()
        last = network(read)[0][:, -1]
        random = torch.Generator().manual_seed(seed)
        direction = torch.randn(last.shape[1], generator=random).to(last)
        (slopes,) = torch.autograd.grad((last @ (direction / direction.norm())).sum(), read)
    return slopes.norm(dim=2).mean(dim=0)

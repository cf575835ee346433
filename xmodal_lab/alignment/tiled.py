"""The losses of large batches on small memory: exact, and never the matrix of all pairs.

A contrast of B pairs looks at B² similarities. Written in plain tensor operations, the backward
pass keeps several such matrices: 16 GiB each at B = 65,536. But a similarity is cheap to compute
again from the embeddings, which exist anyway. So both passes here walk over strips of the matrix,
``tile`` rows high, and forget each strip as soon as it has been used: memory grows as
O(B · (dim + tile)) instead of O(B²).

The forward pass keeps of each strip what a softmax needs besides the similarity itself, the log of
its sums. The backward pass makes the strip again and multiplies the loss's slope

    G_ij = ∂L/∂s_ij,   s_ij = â_i · b̂_j / τ

with the embeddings: ∂L/∂â = G b̂ / τ and ∂L/∂b̂ = Gᵀ â / τ. Two products of matrices for the strips
and two for the gradients make four, where the textbook's two cross-entropies take six; this is why
computing everything twice is not slower. The same trick, for attention, is FlashAttention.

Source: Cheng et al. 2024 (Inf-CL); Dao et al. 2022 (FlashAttention); the online logarithm of a
sum, Milakov and Gimelshein 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_numbers, check_pair
from xmodal_lab.alignment.sigmoid import balanced_bias

# As in torch.nn.functional.normalize: a row shorter than this is divided by it.
SHORTEST = 1e-12
# Maps (strip of similarities, number of its first row) to the strip of slopes; may work in place.
Slope = Callable[[Tensor, int], Tensor]


def info_nce_tiled(
    a: Float[Tensor, "batch dim"],
    b: Float[Tensor, "batch dim"],
    temperature: Tensor | float,
    tile: int = 512,
) -> Float[Tensor, ""]:
    """``info_nce``, the same value and the same gradients, without the (batch, batch) matrix.

        L = 1/2B Σ_i [ r_i + c_i - 2 s_ii ],   r_i = ln Σ_j e^(s_ij),   c_j = ln Σ_i e^(s_ij)
        G_ij = 1/2B [ e^(s_ij - r_i) + e^(s_ij - c_j) ] - δ_ij / B

    Saved for the backward pass are a, b, τ and the vectors r and c: O(batch · dim), 32 MiB at
    batch 8192 and dim 512, where one matrix of similarities takes 256 MiB.

    Args:
        a, b: embeddings of any length; row i of both is one pair. They are normalised here.
        temperature: τ > 0, a number or a scalar tensor with gradient.
        tile: rows of similarities held at a time. Fewer need less memory; the result is the same.

    Returns:
        The mean loss in nats, in float32 or better: under autocast, or for embeddings of half
        precision, only the products of matrices are taken in it.

    Raises:
        ValueError: where the shapes differ, there are fewer than two rows to tell apart, NaN or
            infinity, τ ≤ 0, or ``tile`` is less than 1.
        NotImplementedError: in the backward pass, where a gradient of the gradient is asked for.

    Source: see the module; the loss, van den Oord et al. 2018 and Radford et al. 2021 (CLIP).
    """
    check_pair(a, b)
    check_numbers(temperature, a=a, b=b)
    _check_tile(tile)
    return _InfoNCE.apply(a, b, _scalar(temperature, a), tile, _product_dtype(a, b))


def sigmoid_loss_tiled(
    a: Float[Tensor, "batch dim"],
    b: Float[Tensor, "batch dim"],
    temperature: Tensor | float,
    bias: Tensor | float | None = None,
    tile: int = 512,
) -> Float[Tensor, ""]:
    """``sigmoid_loss``, the same value and the same gradients, without the (batch, batch) matrix.

        G_ij = ∂L/∂l_ij = -z_ij σ(-z_ij l_ij) / B

    Args, returns and raises as ``sigmoid_loss``; ``tile`` as in ``info_nce_tiled``.

    Source: Zhai et al. 2023 (SigLIP), whose chunks lie on different devices.
    """
    check_pair(a, b)
    check_numbers(temperature, a=a, b=b)
    _check_tile(tile)
    bias = balanced_bias(len(a)) if bias is None else bias
    scalars = _scalar(temperature, a), _scalar(bias, a)
    return _Sigmoid.apply(a, b, *scalars, tile, _product_dtype(a, b))


class _InfoNCE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b, temperature, tile, dtype):
        # The precision has been decided (``dtype``): here autocast would only round the sums.
        with torch.autocast(a.device.type, enabled=False):
            (x, _), (y, _) = _unit(a), _unit(b)
            row_sums, column_sums = [], x.new_full((len(x),), -torch.inf)
            own = x.new_zeros(())
            for first, strip in _strips(x.to(dtype), y.to(dtype), temperature, tile):
                row_sums.append(strip.logsumexp(dim=1))
                # A column goes through all strips. logaddexp carries the largest summand outside
                # the exponential, so that neither e^1000 nor e^-1000 is ever taken.
                column_sums = torch.logaddexp(column_sums, strip.logsumexp(dim=0))
                own += strip.diagonal(first).sum()
            row_sums = torch.cat(row_sums)
            loss = (row_sums.sum() + column_sums.sum() - 2 * own) / (2 * len(x))
        ctx.save_for_backward(a, b, temperature, row_sums, column_sums)
        ctx.tile, ctx.dtype = tile, dtype
        return loss

    @staticmethod
    def backward(ctx, upstream):
        _refuse_second_gradient()
        a, b, temperature, row_sums, column_sums = ctx.saved_tensors

        def slope(strip: Tensor, first: int) -> Tensor:
            along_row = (strip - row_sums[first : first + len(strip), None]).exp_()
            both = strip.sub_(column_sums).exp_().add_(along_row)
            both.diagonal(first).sub_(2)
            return both

        scale = upstream / (2 * len(a))
        return *_gradients(ctx, a, b, temperature, slope, scale), None, None


class _Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b, temperature, bias, tile, dtype):
        with torch.autocast(a.device.type, enabled=False):
            (x, _), (y, _) = _unit(a), _unit(b)
            total = x.new_zeros(())
            for first, strip in _strips(x.to(dtype), y.to(dtype), temperature, tile):
                strip.add_(bias).diagonal(first).neg_()
                total += F.softplus(strip).sum()
        ctx.save_for_backward(a, b, temperature, bias)
        ctx.tile, ctx.dtype = tile, dtype
        return total / len(x)

    @staticmethod
    def backward(ctx, upstream):
        _refuse_second_gradient()
        a, b, temperature, bias = ctx.saved_tensors
        scale = upstream / len(a)
        bias_slope = torch.zeros_like(scale)

        def slope(strip: Tensor, first: int) -> Tensor:
            strip.add_(bias).diagonal(first).neg_()
            strip.sigmoid_().diagonal(first).neg_()
            bias_slope.add_(strip.sum())
            return strip

        for_pair = _gradients(ctx, a, b, temperature, slope, scale)
        return *for_pair, (bias_slope * scale).to(bias).reshape(bias.shape), None, None


def _strips(
    x: Tensor, y: Tensor, temperature: Tensor, tile: int
) -> Iterator[tuple[int, Float[Tensor, "tile batch"]]]:
    """The similarities s, ``tile`` rows at a time, each with the number of its first row."""
    exact = _exact(x.dtype)
    for first in range(0, len(x), tile):
        yield first, (x[first : first + tile] @ y.T).to(exact).div_(temperature)


def _gradients(
    ctx, a: Tensor, b: Tensor, temperature: Tensor, slope: Slope, scale: Tensor
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of a, b and τ where the loss's slope is G = scale · slope(strip, first row)."""
    needs_a, needs_b, needs_temperature = ctx.needs_input_grad[:3]
    # The temperature's gradient follows from that of either side; if neither is wanted, from a's.
    with_a, with_b = needs_a or not needs_b, needs_b
    with torch.autocast(a.device.type, enabled=False):
        (x, x_length), (y, y_length) = _unit(a), _unit(b)
        x_low, y_low = x.to(ctx.dtype), y.to(ctx.dtype)
        for_x = torch.empty_like(x) if with_a else None
        for_y = torch.zeros_like(y) if with_b else None
        for first, strip in _strips(x_low, y_low, temperature, ctx.tile):
            rows = slice(first, first + len(strip))
            g = slope(strip, first).to(ctx.dtype)
            if with_a:
                for_x[rows] = g @ y_low
            if with_b:
                _add_product(for_y, g.T, x_low[rows])
        for gradient in (for_x, for_y):
            if gradient is not None:
                gradient.mul_(scale / temperature)
        # s_ij is linear in â_i and in 1/τ: Σ_ij G_ij s_ij = Σ_i â_i · ∂L/∂â_i = -τ ∂L/∂τ.
        for_temperature = None
        if needs_temperature:
            moved = (x * for_x).sum() if with_a else (y * for_y).sum()
            for_temperature = (-moved / temperature).to(temperature).reshape(temperature.shape)
        return (
            _through_length(for_x, x, x_length).to(a.dtype) if needs_a else None,
            _through_length(for_y, y, y_length).to(b.dtype) if needs_b else None,
            for_temperature,
        )


def _unit(rows: Tensor) -> tuple[Float[Tensor, "batch dim"], Float[Tensor, "batch 1"]]:
    """Rows of length one, in float32 or better, and what they were divided by."""
    rows = rows.to(_exact(rows.dtype))
    length = rows.norm(dim=1, keepdim=True).clamp_min_(SHORTEST)
    return rows / length, length


def _through_length(
    gradient: Float[Tensor, "batch dim"],
    unit: Float[Tensor, "batch dim"],
    length: Float[Tensor, "batch 1"],
) -> Float[Tensor, "batch dim"]:
    """From the gradient of unit rows to that of the rows themselves, in place.

    ∂L/∂a = (g - â (â · g)) / |a|: what points along the row would only make it longer.
    """
    radial = (unit * gradient).sum(dim=1, keepdim=True)
    # A row too short to be normalised was divided by a constant, and its length still counts.
    radial.masked_fill_(length <= SHORTEST, 0)
    return gradient.addcmul_(unit, radial, value=-1).div_(length)


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left @ right, the sum in total's precision, the product in theirs."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)  # without a matrix for the product
    else:
        total += left @ right


def _exact(dtype: torch.dtype) -> torch.dtype:
    """What sums and logarithms are taken in: float32, or float64 where the input is."""
    return torch.promote_types(dtype, torch.float32)


def _product_dtype(a: Tensor, b: Tensor) -> torch.dtype:
    """What matrices are multiplied in: autocast's choice, else the input's precision."""
    device = a.device.type
    if torch.is_autocast_enabled(device) and a.dtype != torch.float64:
        return torch.get_autocast_dtype(device)
    return torch.promote_types(a.dtype, b.dtype)


def _scalar(value: Tensor | float, like: Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value
    return like.new_tensor(value, dtype=_exact(like.dtype))


def _refuse_second_gradient() -> None:
    # Grad mode is on in a backward pass exactly where its own graph is wanted. torch's
    # once_differentiable would hand out a gradient without graph: a penalty on it does nothing.
    if torch.is_grad_enabled():
        raise NotImplementedError(
            "the tiled losses have no gradient of the gradient (create_graph=True): "
            "use info_nce or sigmoid_loss for that"
        )


def _check_tile(tile: int) -> None:
    if tile < 1:
        raise ValueError(f"tile must be 1 row or more, got {tile}")

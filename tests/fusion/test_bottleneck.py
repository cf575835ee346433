"""The bottleneck's cost grows with the tokens, all-to-all's with their square."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.bottleneck import BottleneckFusion
from xmodal_lab.fusion.streams import SingleStream


def multiply_adds(model, tokens: int) -> int:
    batch = {"cells": Padded(torch.randn(1, tokens, 4), torch.tensor([tokens]))}
    with FlopCounterMode(display=False) as counter:
        model.requires_grad_(False)(batch)
    return counter.get_total_flops() // 2


def growth(model) -> tuple[int, int]:
    """What 64 tokens more cost, at 64 and at 640."""
    return tuple(multiply_adds(model, n + 64) - multiply_adds(model, n) for n in (64, 640))


def test_more_tokens_cost_the_same_each_where_latents_look():
    first, later = growth(BottleneckFusion({"cells": 4}, 8, 2, 2, latents=3))
    assert first == later > 0


def test_more_tokens_cost_more_each_where_all_look_at_all():
    first, later = growth(SingleStream({"cells": 4}, 8, 2, 2))
    # Two layers, q kᵀ and weights v, 8 dimensions: ((n + 64)² - n²) · 2 · 2 · 8 of it is pairs.
    pairs = [(n + 65) ** 2 - (n + 1) ** 2 for n in (64, 640)]
    assert later - first == 2 * 2 * 8 * (pairs[1] - pairs[0])


def test_all_passes_through_the_latents():
    made = BottleneckFusion({"cells": 4}, 8, 2, 2, latents=3)
    fused = made({"cells": Padded(torch.randn(2, 9, 4), torch.tensor([9, 5]))})
    assert fused.states["latents"].values.shape == (2, 3, 8)
    torch.testing.assert_close(fused.summary, fused.states["latents"].values.mean(1))
    assert fused.weights[0]["latents", "cells"].shape == (2, 2, 3, 9)
    assert fused.weights[0]["latents", "latents"].sum(-1).sub(1).abs().max() < 1e-6


def test_latents_begin_apart():
    made = BottleneckFusion({"cells": 4}, 8, 1, 2, latents=3)
    states = made({"cells": Padded(torch.randn(1, 9, 4), torch.tensor([9]))}).states["latents"]
    assert torch.pdist(states.values[0]).min() > 0.01


@pytest.mark.parametrize("latents", [1, 5])
def test_any_number_of_latents(latents):
    made = BottleneckFusion({"cells": 4}, 8, 1, 2, latents=latents)
    batch = {"cells": Padded(torch.randn(1, 9, 4), torch.tensor([9]))}
    assert made(batch).states["latents"].lengths.tolist() == [latents]

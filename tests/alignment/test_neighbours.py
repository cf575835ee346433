"""Exact search against sorting: galleries, groups, duplicates; and among the rows themselves."""

import math

import numpy as np
import pytest
import torch

from xmodal_lab.alignment import neighbours
from xmodal_lab.alignment.neighbours import nearest_others, search


def cosine(a: list[float], b: list[float]) -> float:
    length = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / length


def world(queries: int = 13, gallery: int = 29, dim: int = 6, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, dim, generator=generator) for n in (queries, gallery))


def test_search_equals_sorting():
    q, g = world()
    values, rows = search(q, g, 7)
    for query, found, near in zip(q.tolist(), rows.tolist(), values.tolist(), strict=True):
        wanted = sorted(range(len(g)), key=lambda j, query=query: -cosine(query, g[j].tolist()))
        assert found == wanted[:7]
        np.testing.assert_allclose(near, [cosine(query, g[j].tolist()) for j in found], atol=1e-6)


def test_search_finds_duplicates_and_the_whole_gallery():
    q, g = world()
    doubled = torch.cat([g, g * 3])
    _, rows = search(q, doubled, 2)
    assert (rows % len(g)).unique(dim=1).shape == (13, 1)
    assert (rows.sort(1).values[:, 1] - rows.sort(1).values[:, 0] == len(g)).all()
    assert search(q, g, 29)[1].sort(1).values.equal(torch.arange(29).expand(13, 29))


@pytest.mark.parametrize("part", [16, 32, 64, 2048])
@pytest.mark.parametrize("group", [1, 2, 16])
@pytest.mark.parametrize("gallery", [512, 500, 257])
def test_search_by_groups_equals_sorting_all(monkeypatch, gallery, group, part):
    """Whole and ragged parts, blocks of one query and of many, the best in one group or not."""
    monkeypatch.setattr(neighbours, "_group_size", lambda queries: group)
    monkeypatch.setattr(neighbours, "PART", part)
    q, g = world(7, gallery)
    g[100:104] = q[0] + 0.01 * torch.randn(4, 6)  # neighbours
    g[5 :: max(1, part // group)] += 3 * q[1]  # of one group, where there are several
    unit = torch.nn.functional.normalize
    wanted = (unit(q) @ unit(g).T).topk(4, dim=1)
    for block in (1, 3, 512):
        monkeypatch.setattr(neighbours, "QUERIES", block)
        values, rows = search(q, g, 4)
        torch.testing.assert_close(values, wanted.values, rtol=0, atol=1e-6)
        assert rows.equal(wanted.indices)


def test_search_by_groups_finds_duplicates_and_opposites():
    q, g = world(5, 900)
    doubled = torch.cat([g, g])
    values, rows = search(q, doubled, 6)
    assert (values[:, ::2] - values[:, 1::2]).abs().max() < 1e-6
    assert all(len(set(row)) == 6 for row in rows.tolist())
    # All similarities are negative, so that padding would win if it were zero.
    far, _ = search(torch.ones(1, 6), -torch.rand(2049, 6) - 0.1, 3)
    assert (far < 0).all()


def test_search_carries_no_gradient():
    q, g = world(5, 900)
    for k in (3, 900):
        values, _ = search(q.requires_grad_(), g.requires_grad_(), k)
        assert not values.requires_grad


@pytest.mark.parametrize("k", [0, 30])
def test_search_refuses_a_k_outside_the_gallery(k):
    q, g = world()
    with pytest.raises(ValueError, match="k must lie in 1 … 29"):
        search(q, g, k)


@pytest.mark.parametrize("k", [1, 4, 38])
def test_the_others_of_a_row_equal_sorting_them(k):
    points = world(39, dim=5)[0]
    values, rows = nearest_others(points, k)
    for row in range(39):
        near = [cosine(points[row].tolist(), other.tolist()) for other in points]
        wanted = sorted((j for j in range(39) if j != row), key=lambda j, near=near: -near[j])[:k]
        assert rows[row].tolist() == wanted
        np.testing.assert_allclose(values[row], [near[j] for j in wanted], atol=1e-6)


@pytest.mark.parametrize("copies", [2, 4, 30])
def test_a_row_is_not_its_own_neighbour_even_among_duplicates(copies):
    points = world(10)[0].repeat(copies, 1) * (torch.arange(10 * copies)[:, None] + 1.0)
    k = 5
    values, rows = nearest_others(points, k)
    same = rows % 10 == torch.arange(10 * copies)[:, None] % 10
    assert (same.sum(1) == min(k, copies - 1)).all() and (values[same] > 1 - 1e-6).all()
    for row, found in enumerate(rows.tolist()):
        assert row not in found and len(set(found)) == k


@pytest.mark.parametrize("k", [0, 13])
def test_more_others_than_there_are_are_refused(k):
    with pytest.raises(ValueError, match=f"k must lie in 1 … 12, the other rows, got {k}"):
        nearest_others(world()[0], k)

"""Maps of the joint space: neighbours are exact, maps comparable, and layouts keep neighbours.

The only test module that lets UMAP compile, so that one worker pays for it.
"""

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness
from torch.nn import functional as F

from xmodal_lab.joint.atlas import Atlas, mixing, nearest


def clusters(rows: int = 30, dim: int = 8, spread: float = 0.15) -> torch.Tensor:
    """Four tight groups of directions."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.eye(dim)[:4].repeat_interleave(rows // 4 + 1, 0)[:rows]
    return centres + spread * torch.randn(rows, dim, generator=generator)


def test_neighbours_equal_sorting():
    points = torch.randn(40, 5)
    indices, distances = nearest(points, 7)
    unit = F.normalize(points.double(), dim=1).numpy()
    for row in range(40):
        cosines = unit @ unit[row]
        wanted = [row, *(j for j in np.argsort(-cosines) if j != row)][:7]
        assert indices[row].tolist() == wanted
        np.testing.assert_allclose(distances[row, 1:], 1 - cosines[wanted[1:]], atol=1e-6)
    assert (distances[:, 0] == 0).all() and (distances >= 0).all()
    assert (np.diff(distances, axis=1) >= 0).all()


def test_a_point_leads_its_own_list_even_among_duplicates():
    points = torch.randn(10, 6).repeat(4, 1) * (torch.arange(40)[:, None] + 1.0)
    indices, distances = nearest(points, 6)
    assert indices[:, 0].tolist() == list(range(40))
    for row in range(40):  # its three copies next, at distance 0, and each only once
        assert set(indices[row, :4]) == {row % 10 + 10 * i for i in range(4)}
        assert len(set(indices[row])) == 6
    assert distances[:, :4].max() < 1e-6 < distances[:, 4].min()


@pytest.mark.parametrize("count", [0, 1, 6])
def test_too_few_points_for_the_neighbours_are_refused(count):
    with pytest.raises(ValueError, match=f"need 2 … 5 neighbours for 5 points, got {count}"):
        nearest(torch.randn(5, 3), count)


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_nan_is_refused_and_the_atlas_stays_as_it_was(method):
    atlas, points = Atlas(method, neighbours=5), clusters()
    spoilt = points.clone()
    spoilt[2, 2] = torch.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        atlas.map({"text": spoilt})
    if method == "pca":
        atlas.map({"text": points[:20], "image": points[:20]})  # other counts than the failed one


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="unknown method 'tsne': choose 'umap' or 'pca'"):
        Atlas("tsne")


def test_mixing_is_nothing_for_separated_and_one_for_mingled_modalities():
    far = torch.zeros(60, 6)
    far[:, 0] = 20
    noise = torch.randn(3, 60, 6)
    assert mixing({"text": noise[0] + far, "image": noise[1] - far}, 10) == 0.0
    found = mixing(dict(zip(("text", "image", "audio"), noise, strict=True)), 10)
    assert found == pytest.approx(1.0, abs=0.08)
    uneven = mixing({"text": noise[0][:10], "image": torch.cat(list(noise[1:]))}, 10)
    assert uneven == pytest.approx(1.0, abs=0.25)


def test_mixing_is_highest_where_each_row_meets_only_its_counterpart():
    rows = torch.randn(60, 32)
    assert mixing({"text": rows, "image": rows + 1e-3 * torch.randn(60, 32)}, 1) > 1.9


def test_mixing_equals_a_loop():
    parts = {"text": torch.randn(7, 4), "image": torch.randn(12, 4)}
    labels = ["text"] * 7 + ["image"] * 12
    unit = F.normalize(torch.cat(list(parts.values())).double(), dim=1)
    foreign = 0
    for row in range(19):
        order = sorted(range(19), key=lambda j, row=row: -(unit[row] @ unit[j]).item())
        foreign += sum(labels[j] != labels[row] for j in [j for j in order if j != row][:5])
    chance = 1 - (7 / 19) ** 2 - (12 / 19) ** 2
    assert mixing(parts, 5) == pytest.approx(foreign / (19 * 5) / chance)


def test_mixing_needs_two_modalities():
    with pytest.raises(ValueError, match=r"two modalities or more to mingle, got .*text"):
        mixing({"text": torch.randn(20, 3)})


def modalities_of(points: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"text": points[:50], "image": points[50:90], "audio": points[90:]}


def joined(places: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate(list(places.values()))


@pytest.fixture(scope="module")
def embeddings() -> dict[str, torch.Tensor]:
    return modalities_of(clusters(120))


@pytest.fixture(scope="module", params=["umap", "pca"])
def mapped(request, embeddings):
    """An atlas and its first map."""
    atlas = Atlas(request.param, neighbours=10, epochs=100)
    return atlas, atlas.map(embeddings)


def test_every_point_has_its_place(mapped, embeddings):
    atlas, places = mapped
    assert list(places) == ["text", "image", "audio"]
    assert [len(part) for part in places.values()] == [50, 40, 30]
    for place in (0, 49, 50, 89, 90, 119):
        modality, row = atlas.modalities[place], atlas.rows[place]
        assert (joined(places)[place] == places[modality][row]).all()
    layout = joined(places)
    np.testing.assert_allclose(layout.mean(0), 0, atol=1e-6)
    assert (layout**2).sum(1).mean() == pytest.approx(1.0)


def test_neighbours_in_the_space_are_neighbours_on_the_map(mapped, embeddings):
    layout, points = joined(mapped[1]), torch.cat(list(embeddings.values())).numpy()
    kept = trustworthiness(points, layout, n_neighbors=10, metric="cosine")
    shuffled = trustworthiness(
        points, np.random.default_rng(0).permutation(layout), n_neighbors=10, metric="cosine"
    )
    assert kept > 0.7 > 0.6 > shuffled


def test_a_later_map_of_the_same_things_lies_on_the_first(mapped, embeddings):
    atlas, before = mapped
    again = atlas.map(dict(reversed(embeddings.items())))  # in another order, too
    apart = np.linalg.norm(joined({m: again[m] for m in before}) - joined(before), axis=1).mean()
    assert apart < 0.1


def test_a_turned_space_gives_the_same_map(mapped, embeddings):
    """Distances are all the same, so the picture should not turn either."""
    atlas, before = mapped
    turn, _ = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1)))
    turned = atlas.map({modality: rows @ turn for modality, rows in embeddings.items()})
    apart = np.linalg.norm(joined(turned) - joined(before), axis=1)
    assert np.median(apart) < 0.5  # of a radius of 1; two unrelated maps lie 1.4 apart


def test_lengths_of_vectors_do_not_matter():
    points = clusters(40)
    one, other = Atlas("pca"), Atlas("pca")
    lengths = torch.rand(40, 1) * 9 + 0.1
    first, second = one.map({"text": points}), other.map({"text": points * lengths})
    turns = [np.diag(signs) for signs in ([1, 1], [1, -1], [-1, 1], [-1, -1])]
    nearest_turn = min(np.abs(first["text"] - second["text"] @ turn).max() for turn in turns)
    assert nearest_turn < 1e-3


def test_pca_shows_the_two_widest_directions():
    points = F.normalize(torch.randn(200, 6) * torch.tensor([5.0, 3, 1, 0.5, 0.2, 0.1]), dim=1)
    centred = (points - points.mean(0)).double().numpy()
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    wanted = left[:, :2] * sizes[:2] / np.sqrt((sizes[:2] ** 2).sum() / 200)
    found = Atlas("pca").map({"text": points})["text"]
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=1e-3)


def test_a_collapsed_space_is_one_dot():
    same = torch.randn(1, 4).expand(30, 4)
    found = Atlas("pca").map({"text": same})["text"]
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    "other", [(40, 50, 30), (50, 40, 29)], ids=["as many in all", "fewer in all"]
)
def test_maps_of_one_atlas_show_the_same_things(embeddings, other):
    atlas = Atlas("pca")
    before = atlas.map(embeddings)
    names = ("text", "image", "audio")
    changed = {name: torch.randn(count, 8) for name, count in zip(names, other, strict=True)}
    with pytest.raises(ValueError, match="maps of one atlas show the same things"):
        atlas.map(changed)
    with pytest.raises(ValueError, match="maps of one atlas show the same things"):
        atlas.map({"text": embeddings["text"]})
    np.testing.assert_allclose(atlas.map(embeddings)["text"], before["text"], atol=1e-9)


def test_another_seed_from_outside_is_another_layout(embeddings, monkeypatch):
    def layout(seed: int) -> np.ndarray:
        return joined(Atlas(neighbours=10, epochs=20, seed=seed).map(embeddings))

    other = layout(5)
    assert np.abs(layout(0) - other).max() > 0.1
    monkeypatch.setenv("XMODAL_UMAP_SEED", "5")
    np.testing.assert_array_equal(layout(0), other)


def test_more_neighbours_than_points_are_refused():
    with pytest.raises(ValueError, match="need 2 … 10 neighbours for 10 points, got 15"):
        Atlas().map({"text": torch.randn(10, 3)})

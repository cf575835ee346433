"""The table of what a space knows, read from spaces whose knowledge is rigged."""

import itertools
import zlib

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xmodal_lab import evaluation
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes.language import MEANING
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.joint.space import JointSpace

ATTRIBUTES = ("colour", "shape", "size")


class Rigged(JointSpace):
    """Stands in for a space: pictures come from a table by row, captions from a function."""

    def __init__(self, pictures, read):
        super().__init__({}, 1)
        self.pictures, self.read = pictures, read

    def embed_all(self, batch, chunk=256):
        found = {}
        if "image" in batch:
            found["image"] = F.normalize(self.pictures[: len(batch["image"])], dim=1)
        if "text" in batch:
            ids, lengths = batch["text"]
            captions = [
                " ".join(scenes.WORDS[i - 1] for i in row[:length].tolist())
                for row, length in zip(ids, lengths.tolist(), strict=True)
            ]
            found["text"] = F.normalize(torch.stack([self.read(c) for c in captions]), dim=1)
        return found


def factors_named(caption: str) -> torch.Tensor:
    """One number for each class of each attribute: how often the caption names it."""
    counts = []
    for attribute in ATTRIBUTES:
        named = [MEANING[attribute].get(word) for word in caption.split()]
        counts += [float(named.count(name)) for name in scenes.CLASSES[attribute]]
    return torch.tensor(counts)


def bag_of_words(caption: str) -> torch.Tensor:
    """The mean of word vectors that say nothing about order; summed in the order of reading."""
    table = torch.randn(len(scenes.WORDS) + 1, 48, generator=torch.Generator().manual_seed(5))
    return table[torch.tensor(scenes.encode(caption))].mean(0)


def meaning(scene: scenes.Scene) -> torch.Tensor:
    """Any vector, the same for the same meaning and no other."""
    seed = zlib.crc32(repr(scene.key).encode())  # unlike hash, the same in every process
    return torch.randn(32, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def probe():
    return scenes.probe(repeats=1, modalities=("text", "image"))


@pytest.mark.parametrize("pool", ["best", "mean"])
def test_a_space_that_knows_every_attribute_scores_100(probe, pool):
    pictures = torch.stack([factors_named(c) for c in probe.data.captions])
    table = evaluation.attributes(Rigged(pictures, factors_named), probe, pool=pool)
    assert table == dict.fromkeys(ATTRIBUTES, 100.0)


def test_a_space_that_knows_colours_scores_there_alone(probe):
    """What a picture does not show is decided by chance: one class in eight, one in two."""
    colours = torch.stack([factors_named(c) for c in probe.data.captions])
    colours[:, 8:] = torch.rand(len(colours), 10, generator=torch.Generator().manual_seed(0)) / 10
    table = evaluation.attributes(Rigged(colours, factors_named), probe)
    assert table["colour"] == 100.0
    assert table["shape"] < 40 and table["size"] < 75


def test_a_space_that_knows_nothing_scores_chance(probe):
    noise = torch.randn(len(probe.data), 18, generator=torch.Generator().manual_seed(0))
    table = evaluation.attributes(Rigged(noise, factors_named), probe)
    assert table["colour"] == pytest.approx(100 / 8, abs=14)
    assert table["shape"] == pytest.approx(100 / 8, abs=14)
    assert table["size"] == pytest.approx(50, abs=20)


@pytest.fixture(scope="module", params=["colour", "shape", "size", "relation"])
def pairs(request):
    return scenes.minimal_pairs(request.param, "test", 60, modalities=("text", "image"))


def test_a_space_that_knows_the_meaning_never_takes_the_swapped_caption(pairs):
    pictures = torch.stack([meaning(scene) for scene in pairs.true.scenes])
    rigged = Rigged(pictures, lambda caption: meaning(scenes.parse(caption)))
    assert evaluation.swaps(rigged, pairs) == 100.0


def test_a_space_that_sees_the_foil_always_takes_it(pairs):
    pictures = torch.stack([meaning(scene) for scene in pairs.foil.scenes])
    rigged = Rigged(pictures, lambda caption: meaning(scenes.parse(caption)))
    assert evaluation.swaps(rigged, pairs) == 0.0


def test_a_bag_of_words_cannot_tell_swapped_words_apart(pairs):
    """Not even by the rounding of its sums. A swapped relation is another word: a coin's toss."""
    pictures = torch.randn(len(pairs), 48, generator=torch.Generator().manual_seed(0))
    found = evaluation.swaps(Rigged(pictures, bag_of_words), pairs)
    if pairs.attribute == "relation":
        assert found == pytest.approx(50, abs=30)
    else:
        assert found == 0.0


def test_a_guessing_space_takes_half_of_the_swapped_captions(pairs):
    pictures = torch.randn(len(pairs), 32, generator=torch.Generator().manual_seed(0))
    rigged = Rigged(pictures, lambda caption: meaning(scenes.parse(caption)))
    assert evaluation.swaps(rigged, pairs) == pytest.approx(50, abs=26)


def gallery_with_twins(count: int = 20):
    """Each meaning twice, in rows far apart."""
    drawn = scenes.sample_scenes("test", count, 0, things=2)
    unique = list({scene.key: scene for scene in drawn}.values())
    return scenes.SceneData(unique + [scene.flipped() for scene in unique])


def test_rows_of_one_meaning_answer_each_other():
    gallery = gallery_with_twins()
    half = len(gallery) // 2
    text = torch.eye(len(gallery))
    pictures = text.roll(half, 0)  # every caption's picture is its twin's
    table = evaluation.recalls({"text": text, "image": pictures}, gallery)
    assert table == {"text→image R@1": 100.0, "text→image R@5": 100.0}
    # By row number alone every one of them would be wrong.
    wrong = evaluation.recalls({"text": text, "image": text.roll(1, 0)}, gallery)
    assert wrong["text→image R@1"] == 0.0


def test_recalls_equal_a_loop():
    gallery = gallery_with_twins()
    rows = {name: torch.randn(len(gallery), 6) for name in ("text", "image", "audio")}
    table = evaluation.recalls(rows, gallery)
    assert len(table) == 6
    keys = [scene.key for scene in gallery.scenes]
    for source, goal in evaluation.DIRECTIONS:
        near = F.normalize(rows[source].double(), dim=1) @ F.normalize(rows[goal].double(), dim=1).T
        for k in (1, 5):
            hits = [
                any(keys[j] == keys[i] for j in near[i].argsort(descending=True)[:k].tolist())
                for i in range(len(keys))
            ]
            assert table[f"{source}→{goal} R@{k}"] == pytest.approx(100 * np.mean(hits))


def test_recalls_of_one_direction_and_one_k():
    gallery = gallery_with_twins()
    rows = {name: torch.randn(len(gallery), 6) for name in ("text", "image")}
    back = evaluation.recalls({"text": rows["image"], "image": rows["text"]}, gallery, k=3)
    found = evaluation.recalls(rows, gallery, [("image", "text")], 3)
    assert list(found) == ["image→text R@3"] and [*found.values()] == [*back.values()]


def test_chance_recalls_equal_counting_all_sets_of_guesses():
    scene, other, third = gallery_with_twins(3).scenes[:3]
    gallery = scenes.SceneData([scene, other, scene.flipped(), third, scene])
    keys = [s.key for s in gallery.scenes]
    for k in (1, 2, 5):
        hits = [
            any(keys[j] == key for j in guesses)
            for key in keys
            for guesses in itertools.combinations(range(5), k)
        ]
        found = evaluation.chance_recalls(gallery, [("text", "image")], k)
        assert found == {f"text→image R@{k}": pytest.approx(100 * np.mean(hits))}


def test_recalls_are_given_for_the_modalities_that_are_there():
    gallery = gallery_with_twins()
    rows = {"audio": torch.randn(len(gallery), 4), "image": torch.randn(len(gallery), 4)}
    assert list(evaluation.recalls(rows, gallery)) == ["audio→image R@1", "audio→image R@5"]


def test_embedded_captions_are_unit_vectors_of_their_words():
    space = JointSpace.standard(("text",), dim=8)
    captions = ["a small red star", "a large blue ring above a tiny green moon"]
    found = evaluation.embed_captions(space, captions)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(found[:1], evaluation.embed_captions(space, captions[:1]))
    with pytest.raises(ValueError, match="unknown word 'sta'"):
        evaluation.embed_captions(space, ["a small red sta"])


def test_closed_form_maps_find_the_pairs_they_were_fitted_on_and_no_shuffled_ones():
    data = scenes.from_scenes(scenes.sample_scenes("train", 60, 0), 0)
    batch = inputs_of(data)
    fitted = evaluation.closed_form_recalls(batch, batch, data)
    assert fitted["text→image R@5"] > 90
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    wrong_pairs = {**batch, "image": batch["image"][order]}
    shuffled = evaluation.closed_form_recalls(wrong_pairs, batch, data)
    assert shuffled["text→image R@5"] < 40
    assert all(0 <= share <= 100 for share in (*fitted.values(), *shuffled.values()))

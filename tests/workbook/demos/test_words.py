"""Maps, neighbours, analogies and gaps: what the chapter on words shows is what the vectors say."""

import numpy as np
import pytest
import torch

from xmodal_lab.datasets import corpus
from xmodal_lab.encoders.text import WordVectors
from xmodal_lab.encoders.text.bert import tiny_bert
from xmodal_lab.encoders.text.wordpiece import learn
from xmodal_lab.workbook import charts
from xmodal_lab.workbook.charts.senses import along_probe
from xmodal_lab.workbook.demos.gap_filler import GapFiller
from xmodal_lab.workbook.demos.words import WordAtlas, WordBench, train

GROUPS = {"pets": ("cat", "dog"), "kings": ("king", "queen")}


@pytest.fixture(scope="module")
def small():
    return corpus.load(stories=300)


@pytest.fixture
def plane():
    words = ("man", "woman", "king", "queen", "cat")
    rows = [[1.0, 0.2], [0.2, 1.0], [3.0, 1.6], [1.6, 3.0], [-1.0, -0.5]]
    return WordVectors(words, torch.tensor(rows))


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_a_map_names_groups_and_words_where_they_stand():
    places = np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 1.0], [1.1, 1.0]])
    words = ("cat", "dog", "king", "queen")
    (axis,) = charts.word_map(places, words, GROUPS, ["cat", "queen", "ghost"]).axes
    assert set(texts(axis)) == {"pets", "kings", "cat", "queen"}
    drawn = {c.get_label(): c.get_offsets().data for c in axis.collections}
    np.testing.assert_allclose(drawn["kings"], places[2:])


def test_names_do_not_cover_each_other():
    places = np.array([[0.0, 0.0], [0.001, 0.0], [0.0, 0.001], [5.0, 5.0]])
    words = ("one", "two", "three", "far")
    fig = charts.word_map(places, words, {"all": words}, words)
    fig.canvas.draw()
    boxes = [t.get_window_extent() for t in fig.axes[0].texts if t.get_text() in words]
    assert len(boxes) >= 3  # a name for which no side is free is left out
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_several_maps_share_one_legend():
    places = np.random.default_rng(0).normal(size=(4, 2))
    words = ("cat", "dog", "king", "queen")
    fig = charts.word_maps({"a": places, "b": places, "c": places}, words, GROUPS)
    assert len(fig.legends) == 1
    assert [axis.get_title() for axis in fig.axes if axis.get_title()] == ["a", "b", "c"]


def test_neighbours_of_the_own_group_have_their_own_colour():
    found = {"method": [("dog", 0.9), ("king", 0.2)]}
    group_of = {word: name for name, members in GROUPS.items() for word in members}
    (axis,) = charts.neighbours(found, "cat", group_of).axes
    same, other = axis.patches
    assert same.get_facecolor() != other.get_facecolor()
    assert other.get_hatch() == "//" and not same.get_hatch()
    assert [bar.get_width() for bar in axis.patches] == [0.9, 0.2]


def test_the_parallelogram_shows_the_answer_of_the_vectors(plane):
    fig = charts.parallelogram(plane, "man", "woman", "king", k=2)
    drawing, with_arrow, without = fig.axes
    assert "queen" in texts(drawing)
    assert with_arrow.get_yticklabels()[0].get_text() == plane.analogy("man", "woman", "king")[0][0]
    assert "man" not in [label.get_text() for label in without.get_yticklabels()]


def test_the_arrows_of_a_parallelogram_are_equal(plane):
    drawing = charts.parallelogram(plane, "man", "woman", "king").axes[0]
    arrows = [t for t in drawing.texts if t.arrow_patch is not None]
    steps = [np.subtract(t.xy, t.xyann) for t in arrows]
    np.testing.assert_allclose(steps[0], steps[1], atol=1e-9)


def test_a_probe_finds_the_direction_in_which_classes_lie_apart():
    generator = np.random.default_rng(0)
    labels = np.array(["a", "b"] * 40)
    vectors = 3 * generator.normal(size=(80, 6))
    vectors[:, 2] = np.where(labels == "b", 1.0, -1.0) + 0.1 * generator.normal(size=80)
    train = np.arange(80) < 40
    places = along_probe(vectors, labels, train)
    assert ((places[~train, 0] > 0) == (labels[~train] == "b")).all()
    # Upwards lies a direction that the probe does not use.
    assert abs(np.corrcoef(places.T)[0, 1]) < 0.3


def test_occurrences_that_trained_the_probe_are_not_drawn():
    text = corpus.load()
    vectors = torch.randn(len(text.occurrences), 5)
    fig = charts.probed(
        {"random": vectors, "same": torch.ones(len(vectors), 5)}, text.occurrences, "bat"
    )
    drawn = sum(len(c.get_offsets()) for c in fig.axes[0].collections)
    assert 0 < drawn < sum(o.word == "bat" for o in text.occurrences)
    same = np.concatenate([c.get_offsets().data for c in fig.axes[1].collections])
    assert np.ptp(same, axis=0).max() < 1e-9, "one vector a word is one point"


@pytest.mark.parametrize("method", ["PPMI + SVD", "skip-gram", "CBOW", "GloVe"])
def test_every_method_gives_a_vector_for_every_word(small, method):
    vectors = train(small, method, window=2, dim=6, epochs=1)
    assert vectors.words == small.words and vectors.matrix.shape == (len(small.words), 6)


def test_an_unknown_method_is_refused(small):
    with pytest.raises(ValueError, match="choose 'PPMI"):
        train(small, "word3vec")


def test_a_bench_trains_only_what_it_does_not_have():
    text = corpus.load()
    ready = train(text, "PPMI + SVD", 5, 8)
    bench = WordBench(text, corpus.questions(), {("PPMI + SVD", 5, 8, 1): ready})
    assert bench.vectors("PPMI + SVD", 5, 8, 1) is ready
    assert bench.vectors("PPMI + SVD", 4, 8, 1) is bench.vectors("PPMI + SVD", 4, 8, 1)
    fig = bench.map("PPMI + SVD", 5, 8, 1, layout="PCA")
    assert "categories" in (scores := fig.texts[0].get_text())
    assert " ".join(scores.split()) in fig.alt and "PCA of PPMI + SVD" in fig.alt


def test_an_atlas_shows_the_words_of_the_categories():
    text, questions = corpus.load(), corpus.questions()
    atlas = WordAtlas(questions, "pca")
    places = atlas.places(train(text, "PPMI + SVD", dim=8))
    assert len(places) == len(atlas.words) == sum(map(len, questions.categories.values()))


@pytest.fixture(scope="module")
def filler(small):
    pieces = learn(small.sentences, 200)
    return GapFiller(tiny_bert(len(pieces), hidden=16, layers=1, heads=2), pieces)


def test_a_gap_is_filled_with_pieces_that_are_probable(filler):
    found = filler.fill("the ? was red", k=4)
    assert len(found) == 4 and all(piece in filler.wordpiece.pieces for piece, _ in found)
    chances = [p for _, p in found]
    assert chances == sorted(chances, reverse=True) and 0 < sum(chances) <= 1
    told = filler.guess("the ? was red").alt
    assert "“the ? was red”" in told and all(f"{piece} " in told for piece, _ in found)


def test_what_stands_around_a_gap_matters_but_not_what_would_fill_it(filler):
    assert filler.fill("the ? was red") != filler.fill("a ? was red")
    assert filler.fill("the ? was red") == filler.fill("The ?, was red!")


@pytest.mark.parametrize("sentence", ["no gap at all", "? and ?", ""])
def test_a_sentence_needs_exactly_one_gap(filler, sentence):
    with pytest.raises(ValueError, match="exactly one"):
        filler.fill(sentence)

"""A question, a picture's cells, an answer: batches, figures, and what ships."""

import shutil

import numpy as np
import pytest
import torch

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import crowds
from xmodal_lab.datasets.shipped import DamagedFileError, data_folder
from xmodal_lab.encoders.image import GridCNN
from xmodal_lab.fusion import FiLM
from xmodal_lab.tasks import cross_entropy
from xmodal_lab.tasks import questions as asking
from xmodal_lab.tasks.questions import QUERY, Answerer, accuracy_by_kind, answered, hopping
from xmodal_lab.training import fit

MAKERS = {
    "one hop": lambda: hopping(1, tally=False, dim=5),
    "two hops and tally": lambda: hopping(2, dim=5),
    "plain": lambda: hopping(2, relative=False, dim=5),
    "FiLM": lambda: Answerer({"film": FiLM(QUERY, 5)}),
}


@pytest.fixture(scope="module")
def asked() -> crowds.Questions:
    return crowds.questions(crowds.sample_crowds("val", 30))


def cells(rows: int = 30) -> torch.Tensor:
    return torch.randn(rows, 64, 5, generator=torch.Generator().manual_seed(1)).half()


def made(name: str) -> Answerer:
    torch.manual_seed(0)
    return MAKERS[name]().eval()


@pytest.mark.parametrize("name", MAKERS)
def test_words_behind_a_short_question_never_matter(name, asked):
    model, batch = made(name), asked.batch(cells())
    wide = batch["text"].widened(20)
    wide.values[~wide.mask] = 7
    found = model(Batch(batch, text=wide))
    assert found.shape == (len(asked), len(crowds.ANSWERS))
    torch.testing.assert_close(found, model(batch))


@pytest.mark.parametrize("name", MAKERS)
def test_a_question_without_words_is_refused_by_its_row(name, asked):
    batch = asked.batch(cells(), torch.arange(4))
    lengths = batch["text"].lengths.clone()
    lengths[2] = 0
    with pytest.raises(ValueError, match="row 2 asks nothing: it has no words"):
        made(name)(Batch(batch, text=Padded(batch["text"].values, lengths)))


@pytest.mark.parametrize("hops", [1, 2])
def test_the_weights_of_every_look_sum_to_one(hops, asked):
    maps = hopping(hops, dim=5).looks(asked.batch(cells()))
    torch.testing.assert_close(maps.sum(2), torch.ones(len(asked), hops))


def test_answers_come_from_evaluation_mode_and_in_any_chunks(asked):
    model = made("FiLM").train()
    found = answered(model, asked, cells(), chunk=7)
    assert model.training
    assert found.equal(model.eval()(asked.batch(cells())).argmax(1))


def test_a_small_set_of_questions_is_learned_by_the_loop(asked):
    model, pictures = made("two hops and tally"), cells()
    for _ in fit(model, cross_entropy, asked.batch(pictures), 80, 40, learning_rate=0.01):
        pass
    assert accuracy_by_kind(answered(model, asked, pictures), asked)["all"] > 0.9


def test_accuracy_of_each_kind_by_hand(asked):
    found = asked.answers.clone()
    kinds = np.array(asked.kinds)
    wrong = np.flatnonzero(kinds == "count")[:3]
    found[torch.from_numpy(wrong)] += 1
    shares = accuracy_by_kind(found, asked)
    assert list(shares) == ["all", *crowds.KINDS]
    assert shares["count"] == pytest.approx(1 - 3 / (kinds == "count").sum())
    assert shares["all"] == pytest.approx(1 - 3 / len(asked))
    assert all(shares[kind] == 1 for kind in crowds.KINDS if kind != "count")
    colours = asked.select(np.flatnonzero(kinds == "colour"))
    assert list(accuracy_by_kind(colours.answers, colours)) == ["all", "colour"]
    with pytest.raises(ValueError, match="29 answers"):
        accuracy_by_kind(found[:29], asked.select(range(30)))


def test_cells_are_what_the_trunk_sees_in_half_precision():
    torch.manual_seed(0)
    trunk = GridCNN((4, 6, 8)).eval()
    images = crowds.load("val", 7).images
    found = asking.cells_of(trunk, images, chunk=3)
    assert found.dtype == torch.float16 and found.shape == (7, 64, 8)
    wanted = trunk.states(torch.from_numpy(images)).values
    torch.testing.assert_close(found.float(), wanted, atol=5e-3, rtol=1e-3)


@pytest.mark.parametrize("load", [asking.load_trunk, asking.load_answerer])
@pytest.mark.parametrize("harm", ["cut", "changed", "missing"])
def test_a_damaged_shipped_model_is_refused(load, harm, tmp_path, monkeypatch):
    for name in ("SHA256SUMS", asking.TRUNK, asking.ANSWERER):
        shutil.copy(data_folder() / name, tmp_path)
    monkeypatch.setenv("XMODAL_DATA", str(tmp_path))
    load()
    for name in (asking.TRUNK, asking.ANSWERER):
        path, content = tmp_path / name, (tmp_path / name).read_bytes()
        if harm == "missing":
            path.unlink()
        else:
            path.write_bytes(content[:-9] if harm == "cut" else content[:-1] + b"\x01")
    with pytest.raises(DamagedFileError, match="git checkout"):
        load()


def test_what_ships_answers_questions_it_never_saw_and_looks_at_the_asked_thing():
    """Of 150 new pictures; benchmarks/fusion.py measures on many more."""
    shown, trunk, model = crowds.load("test", 150, 7), asking.load_trunk(), asking.load_answerer()
    assert not any(weight.requires_grad for weight in trunk.parameters())
    questions, pictures = crowds.questions(shown.crowds), asking.cells_of(trunk, shown.images)
    shares = accuracy_by_kind(answered(model, questions, pictures), questions)
    assert shares["all"] > 0.95 and min(shares.values()) > 0.9
    rows = torch.from_numpy(np.flatnonzero(questions.kinds == "colour"))
    first = model.looks(questions.batch(pictures, rows))[:, 0].argmax(1)
    boxes = torch.from_numpy(shown.boxes)[questions.rows[rows], questions.things[rows]]
    x, y = first % 8 * 8 + 4, first // 8 * 8 + 4
    x0, y0, x1, y1 = boxes.unbind(1)
    assert ((x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)).double().mean() > 0.9

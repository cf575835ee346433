"""The miniatures of the classic architectures: what they read, learn from, and how they load."""

from types import SimpleNamespace

import pytest
import torch
from xmodal_lab.datasets.crowds import ANSWERS, ANSWERS_OF, WORDS, encode

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets import shipped
from xmodal_lab.tasks import streams
from xmodal_lab.tasks.classification import cross_entropy
from xmodal_lab.training import fit

NAMES = ("single_stream", "two_stream")
SMALL = {"dim": 16, "layers": 1, "heads": 2, "hidden": 16}
every = pytest.mark.parametrize("name", NAMES)
TEXTS = ("what colour is the star?", "is there a big ring?", "how many moons are there?")


def model(name: str) -> streams.StreamAnswerer:
    torch.manual_seed(0)
    return streams.StreamAnswerer(name, cell_dim=8, **SMALL)


def questions(count: int = 3) -> SimpleNamespace:
    """As ``crowds.questions`` gives them, by the parts that a batch is made of."""
    texts = [TEXTS[i % 3] for i in range(count)]
    answers = torch.tensor([ANSWERS.index(("red", "yes", "2")[i % 3]) for i in range(count)])
    return Asked(
        rows=torch.arange(count) % 4, words=pad([encode(t) for t in texts]), answers=answers
    )


class Asked(SimpleNamespace):
    def __len__(self):
        return len(self.answers)


def batch(count: int = 3) -> Batch:
    torch.manual_seed(1)
    asked = questions(count)
    return Batch(words=asked.words, cells=torch.randn(count, 64, 8).half(), labels=asked.answers)


def test_both_have_equally_many_parameters():
    counts = [sum(p.numel() for p in streams.StreamAnswerer(name).parameters()) for name in NAMES]
    assert max(counts) / min(counts) < 1.03


@every
def test_words_and_cells_become_one_answer_a_row(name):
    made, one = model(name), batch()
    assert made(one).shape == (3, len(ANSWERS))
    assert made.predict(one).equal(made.eval()(one).argmax(1))
    weights = made.fused(one).weights
    assert all(w.shape[1] == 2 for layer in weights for w in layer.values())  # heads


@every
def test_either_modality_will_do_alone(name):
    made, one = model(name), batch()
    for entry in ("words", "cells"):
        assert made(one.select([entry])).isfinite().all()
    with pytest.raises(ValueError, match="there are no tokens"):
        made(Batch(labels=one["labels"]))


@every
def test_padding_words_never_matter(name):
    made, one = model(name), batch()
    ids = one["words"].values.clone()
    ids[~one["words"].mask] = 5
    other = Batch(one) | {"words": Padded(ids, one["words"].lengths)}
    torch.testing.assert_close(made(other), made(one), atol=1e-5, rtol=0)


@every
def test_where_a_thing_stands_counts(name):
    made, one = model(name), batch()
    turned = one["cells"].unflatten(1, (8, 8)).transpose(1, 2).flatten(1, 2)
    assert not torch.allclose(made(Batch(one) | {"cells": turned}), made(one), atol=1e-3)


def test_a_question_that_is_too_long_is_refused():
    words = Padded(torch.ones(1, 13, dtype=torch.long), torch.tensor([13]))
    with pytest.raises(ValueError, match="13 tokens, but there are 12 places"):
        model("single_stream")(Batch(words=words))


def test_another_architecture_is_refused():
    for build in (streams.StreamAnswerer, streams.load, streams.notes):
        with pytest.raises(ValueError, match=r"unknown architecture 'three'.*single_stream or two"):
            build("three")


# --- statements ---------------------------------------------------------------------------------


def made(count: int = 600) -> tuple[SimpleNamespace, Batch]:
    asked = questions(count)
    return asked, streams.statements(asked.words, asked.answers, torch.Generator().manual_seed(0))


def test_every_token_has_a_number_of_its_own():
    assert len(set(streams.TOKENS)) == len(streams.TOKENS)
    assert streams.TOKENS[: len(WORDS)] == WORDS
    assert [streams.TOKENS[i - 1] for i in streams.ANSWER_TOKENS] == list(ANSWERS)


def test_a_statement_is_a_question_with_an_answer_behind_it():
    asked, found = made()
    ids = torch.where(found["hidden"].values > 0, found["hidden"].values, found["words"].values)
    for row in range(600):
        length = asked.words.lengths[row]
        assert ids[row, :length].equal(asked.words.values[row, :length])
        said = streams.TOKENS[ids[row, length] - 1]
        right = ANSWERS[asked.answers[row]]
        assert (said == right) == found["true"][row].item()
        assert any({said, right} <= set(group) for group in ANSWERS_OF.values())
        assert not ids[row, length + 1 :].any()


def test_every_other_statement_has_a_gap_and_is_true():
    asked, found = made()
    hidden = found["hidden"].values > 0
    assert hidden.sum(1).tolist() == [1, 0] * 300
    assert (found["words"].values[hidden] == streams.MASK).all()
    assert found["true"][::2].all() and 0.4 < found["true"][1::2].double().mean() < 0.6
    behind = hidden[torch.arange(600), asked.words.lengths].sum() / hidden.sum()
    assert 0.4 < behind < 0.6  # half of them the answer


def test_another_answer_is_any_other_of_its_kind_and_never_the_same():
    answers = torch.arange(len(ANSWERS)).repeat(400)
    found = streams.another(answers, torch.Generator().manual_seed(0))
    assert not (found == answers).any()
    for group in ANSWERS_OF.values():
        ids = [ANSWERS.index(answer) for answer in group]
        for one in ids:
            counts = torch.bincount(found[answers == one], minlength=len(ANSWERS))
            others = [other for other in ids if other != one]
            assert counts[others].sum() == 400 and counts[others].min() > 0.5 * 400 / len(others)


def test_equal_seeds_and_steps_give_equal_batches():
    cells = torch.randn(4, 64, 8)
    for stated in (False, True):
        make = streams.asked(cells, questions(9), 6, seed=3, stated=stated)
        for one, other in zip(make(5).tensors(), make(5).tensors(), strict=True):
            assert one.equal(other)
        assert not make(5)["cells"].equal(make(6)["cells"])


def test_a_batch_shows_each_question_its_own_picture():
    cells = torch.arange(4.0).reshape(4, 1, 1).expand(4, 64, 8)
    asked = questions(9)
    found = streams.asked(cells, asked, 40, seed=0)(0)
    of = {}
    for row, words in enumerate(asked.words.values.tolist()):
        of.setdefault(tuple(words), set()).add(float(asked.rows[row]))
    for row, words in enumerate(found["words"].values.tolist()):
        assert float(found["cells"][row, 0, 0]) in of[tuple(words)]


# --- learning -----------------------------------------------------------------------------------


@every
def test_it_learns_a_few_questions_by_heart(name):
    learner, asked = model(name), questions(12)
    cells = torch.randn(4, 64, 8)
    make = streams.asked(cells, asked, 12, seed=0)
    losses = [s.loss for s in fit(learner, cross_entropy, make, steps=60, learning_rate=5e-3)]
    assert losses[-1] < 0.1 * losses[0]


@every
def test_it_learns_to_fill_gaps_and_to_tell_true_from_false(name):
    learner, asked = model(name), questions(12)
    make = streams.asked(torch.randn(4, 64, 8), asked, 24, seed=0, stated=True)
    task = streams.Pretraining(learner)
    steps = list(fit(task, streams.two_losses, make, steps=100, learning_rate=5e-3))
    assert steps[-1].loss < 0.5 * steps[0].loss
    assert sum(step.parts["told"] for step in steps[-10:]) > 8


def test_the_losses_are_the_means_that_their_formula_says():
    learner = model("single_stream")
    one = Batch(made(8)[1], cells=torch.randn(8, 64, 8))
    outputs = streams.Pretraining(learner)(one)
    found = streams.two_losses(outputs, one)
    hidden = one["hidden"].values
    logs = outputs["words"].log_softmax(1)
    wanted = -torch.stack([logs[i, w] for i, w in enumerate(hidden[hidden > 0])]).mean()
    torch.testing.assert_close(found["masked words"], wanted)
    whole = one["true"][1::2]
    right = torch.where(whole, outputs["match"], -outputs["match"])
    torch.testing.assert_close(found["match"], -right.sigmoid().log().mean())


# --- what ships ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder in place of the workbook's."""
    monkeypatch.setenv("XMODAL_DATA", str(tmp_path))
    return tmp_path


def listed(folder) -> None:
    files = sorted(folder.glob("*.safetensors"))
    lines = [f"{shipped.sha256(path)}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


@every
def test_a_saved_model_comes_back_with_its_notes(name, folder):
    wanted = model(name).eval()
    streams.save(folder / f"{name}.safetensors", wanted, {"curve": [1, 2]})
    listed(folder)
    found = streams.load(name)
    assert not found.training and found.config == wanted.config
    assert found(batch()).equal(wanted(batch()))
    assert streams.notes(name) == {"curve": [1, 2]}


def test_a_damaged_file_is_refused(folder):
    path = folder / "two_stream.safetensors"
    streams.save(path, model("two_stream"), {})
    listed(folder)
    path.write_bytes(path.read_bytes()[:-8] + b"\0" * 8)
    for read in (streams.load, streams.notes):
        with pytest.raises(shipped.DamagedFileError, match=r"two_stream\.safetensors is damaged"):
            read("two_stream")

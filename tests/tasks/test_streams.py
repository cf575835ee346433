"""The miniatures of the classic architectures: what they read, learn from, and how they load."""

import numpy as np
import pytest
import torch

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets import crowds, shipped
from xmodal_lab.datasets.crowds import ANSWERS, ANSWERS_OF, WORDS, Questions, encode, sample_crowds
from xmodal_lab.tasks import shipping, streams
from xmodal_lab.tasks.classification import cross_entropy
from xmodal_lab.tasks.questions import accuracy_by_kind, answered, cells_of, load_trunk
from xmodal_lab.training import fit

NAMES = ("single_stream", "two_stream")
SMALL = {"dim": 16, "layers": 1, "heads": 2, "hidden": 16}
every = pytest.mark.parametrize("name", NAMES)
TEXTS = ("what colour is the star?", "is there a big ring?", "how many moons are there?")


def model(name: str) -> streams.StreamAnswerer:
    torch.manual_seed(0)
    return streams.StreamAnswerer(name, cell_dim=8, **SMALL)


def questions(count: int = 3) -> Questions:
    """About four crowds."""
    texts = [TEXTS[i % 3] for i in range(count)]
    nothing = torch.full((count,), -1)
    return Questions(
        crowds=sample_crowds("train", 4),
        texts=texts,
        kinds=np.array([("colour", "existence", "count")[i % 3] for i in range(count)]),
        rows=torch.arange(count) % 4,
        words=pad([encode(text) for text in texts]),
        answers=torch.tensor([ANSWERS.index(("red", "yes", "2")[i % 3]) for i in range(count)]),
        things=nothing,
        vias=nothing,
    )


def batch(count: int = 3) -> Batch:
    torch.manual_seed(1)
    return questions(count).batch(torch.randn(4, 64, 8).half())


def test_both_have_equally_many_parameters():
    counts = [sum(p.numel() for p in streams.StreamAnswerer(name).parameters()) for name in NAMES]
    assert max(counts) / min(counts) < 1.03


@every
def test_words_and_cells_become_one_answer_a_row(name):
    made, one = model(name), batch()
    assert made(one).shape == (3, len(ANSWERS))
    weights = made.fused(one).weights
    assert all(w.shape[1] == 2 for layer in weights for w in layer.values())  # heads


@pytest.mark.parametrize("name", streams.STANDARD)
def test_either_modality_will_do_alone(name):
    made, one = model(name), batch()
    for entry in ("text", "image"):
        assert made(one.select([entry])).isfinite().all()
    with pytest.raises(ValueError, match="there are no tokens"):
        made(Batch(labels=one["labels"]))


@pytest.mark.parametrize("name", streams.STANDARD)
def test_padding_words_never_matter(name):
    made, one = model(name), batch()
    ids = one["text"].values.clone()
    ids[~one["text"].mask] = 5
    other = Batch(one) | {"text": Padded(ids, one["text"].lengths)}
    torch.testing.assert_close(made(other), made(one), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", streams.STANDARD)
def test_where_a_thing_stands_counts(name):
    made, one = model(name), batch()
    turned = one["image"].unflatten(1, (8, 8)).transpose(1, 2).flatten(1, 2)
    assert not torch.allclose(made(Batch(one) | {"image": turned}), made(one), atol=1e-3)


def test_a_token_is_a_cell_or_four():
    torch.manual_seed(0)
    whole = streams.StreamAnswerer("single_stream", cell_dim=8, merged=False, **SMALL)
    for made, tokens in ((whole, 64), (model("single_stream"), 16)):
        assert made.fused(batch()).states["image"].values.shape == (3, tokens, 16)


def test_a_question_that_is_too_long_is_refused():
    words = Padded(torch.ones(1, 13, dtype=torch.long), torch.tensor([13]))
    with pytest.raises(ValueError, match="13 tokens, but there are 12 places"):
        model("single_stream")(Batch(text=words))


def test_another_architecture_is_refused():
    for build in (streams.StreamAnswerer, streams.load):
        with pytest.raises(ValueError, match=r"unknown architecture 'three'.*single_stream, two"):
            build("three")


# --- statements ---------------------------------------------------------------------------------


def made(count: int = 600) -> tuple[Questions, Batch]:
    asked = questions(count)
    return asked, streams.statements(asked.words, asked.answers, torch.Generator().manual_seed(0))


def test_every_token_has_a_number_of_its_own():
    assert len(set(streams.TOKENS)) == len(streams.TOKENS)
    assert streams.TOKENS[: len(WORDS)] == WORDS
    assert [streams.TOKENS[i - 1] for i in streams.ANSWER_TOKENS] == list(ANSWERS)


def test_a_statement_is_a_question_with_an_answer_behind_it():
    asked, found = made()
    ids = torch.where(found["hidden"].values > 0, found["hidden"].values, found["text"].values)
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
    assert (found["text"].values[hidden] == streams.MASK).all()
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
        assert not make(5)["image"].equal(make(6)["image"])


def test_a_batch_shows_each_question_its_own_picture():
    cells = torch.arange(4.0).reshape(4, 1, 1).expand(4, 64, 8)
    asked = questions(9)
    found = streams.asked(cells, asked, 40, seed=0)(0)
    of = {}
    for row, words in enumerate(asked.words.values.tolist()):
        of.setdefault(tuple(words), set()).add(float(asked.rows[row]))
    for row, words in enumerate(found["text"].values.tolist()):
        assert float(found["image"][row, 0, 0]) in of[tuple(words)]


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
    one = Batch(made(8)[1], image=torch.randn(8, 64, 8))
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
def test_a_written_model_comes_back_as_it_was(name, folder):
    wanted = model(name).eval()
    shipping.write(folder / f"{name}.safetensors", wanted, config=wanted.config, curve=[1, 2])
    listed(folder)
    found = streams.load(name)
    assert not found.training and found.config == wanted.config
    assert found(batch()).equal(wanted(batch()))


def test_a_damaged_file_is_refused(folder):
    path, made = folder / "two_stream.safetensors", model("two_stream")
    shipping.write(path, made, config=made.config)
    listed(folder)
    path.write_bytes(path.read_bytes()[:-8] + b"\0" * 8)
    with pytest.raises(shipped.DamagedFileError, match=r"two_stream\.safetensors is damaged"):
        streams.load("two_stream")


@every
def test_what_ships_answers_questions_it_never_saw(name):
    """Of 150 new pictures; benchmarks/fusion.py measures on many more."""
    shown = crowds.load("test", 150, 7)
    asked, cells = crowds.questions(shown.crowds), cells_of(load_trunk(), shown.images)
    shares = accuracy_by_kind(answered(streams.load(name), asked, cells), asked)
    assert min(shares["colour"], shares["shape"]) > 0.95
    curve = shipping.about(f"{name}.safetensors")["curve"]
    assert abs(shares["all"] - curve[-1]["all"]) < 0.06  # what the file says of itself

"""Mood: frames with their level, what a sum can never tell, and models that learn."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from xmodal_lab.batch import Batch
from xmodal_lab.datasets import moods
from xmodal_lab.datasets.scenes import Waveforms
from xmodal_lab.encoders.inputs import log_mel
from xmodal_lab.fusion import BilinearFusion, ConcatFusion, MeanFusion, WeightedSumFusion
from xmodal_lab.tasks import mood
from xmodal_lab.training import fit

DIMS = {"text": 5, "audio": 7}


def held(fusion, hidden=None):
    return mood.MoodModel(fusion(DIMS, 6), {name: nn.Identity() for name in DIMS}, hidden)


@pytest.fixture(scope="module")
def rows():
    return mood.inputs(moods.load("train", 320))


# --- frames -------------------------------------------------------------------------------------


def test_frames_are_log_mel_with_the_level_beside_it():
    sounds = [np.random.default_rng(i).normal(0, 3000, 4000 + i).astype(np.int16) for i in (0, 500)]
    waveforms = Waveforms(np.concatenate(sounds), np.cumsum([len(s) for s in sounds]))
    frames = mood.heard(waveforms)
    assert frames.values.shape[2] == mood.BANDS
    torch.testing.assert_close(frames.values[:, :, :-1], log_mel(waveforms).values)
    for row, sound in enumerate(sounds):
        for frame in range(int(frames.lengths[row])):
            part = sound[160 * frame : 160 * frame + 256] / 32768
            expected = (math.log(np.mean(part**2) + 1e-6) + 6) / 3
            assert frames.values[row, frame, -1].item() == pytest.approx(expected, abs=1e-4)
    assert not frames.values[0, int(frames.lengths[0]) :].any()


def test_the_level_is_all_that_tells_loud_from_soft():
    sound = np.random.default_rng(0).normal(0, 6000, 4000)
    both = [np.rint(sound * gain).astype(np.int16) for gain in (1.0, 0.5)]
    loud, soft = (mood.heard(Waveforms(s, np.array([4000]))).values for s in both)
    torch.testing.assert_close(loud[..., :-1], soft[..., :-1], atol=0.02, rtol=0)
    torch.testing.assert_close(
        loud[..., -1] - soft[..., -1], torch.full((1, 24), 2 * math.log(2) / 3), atol=0.01, rtol=0
    )


# --- what a sum can never tell ------------------------------------------------------------------


def crossed(seed=0):
    """Two texts and two voices, in all four ways."""
    random = torch.Generator().manual_seed(seed)
    texts, voices = (torch.randn(2, n, generator=random) for n in DIMS.values())
    return Batch(text=texts[[0, 0, 1, 1]], audio=voices[[0, 1, 0, 1]])


@pytest.mark.parametrize("fusion", [MeanFusion, WeightedSumFusion])
def test_behind_a_sum_a_linear_head_gives_a_sum_of_logits(fusion):
    for seed in range(5):
        torch.manual_seed(seed)
        logits = held(fusion)(crossed(seed))["irony"]
        # Both ironic rows together get what both others get: four right answers are impossible.
        torch.testing.assert_close(logits[0] + logits[3], logits[1] + logits[2])


@pytest.mark.parametrize(
    ("fusion", "hidden"), [(BilinearFusion, None), (ConcatFusion, None), (MeanFusion, 16)]
)
def test_a_product_or_a_hidden_layer_behind_the_sum_gives_more(fusion, hidden):
    torch.manual_seed(0)
    model, batch = held(fusion, hidden), crossed()
    logits = model(batch)["irony"]
    assert (logits[0] + logits[3] - logits[1] - logits[2]).abs().max() > 1e-4
    batch |= {"irony": torch.tensor([1, 0, 0, 1])}
    for _ in fit(model, mood.asked("irony"), batch, 200, 4, 3e-2):
        pass
    assert (model.predict(batch)["irony"] == batch["irony"]).all()


# --- models that learn --------------------------------------------------------------------------


def test_inputs_hold_every_question_and_its_answer(rows):
    assert rows.size == 320 and set(rows) == {"text", "audio", *mood.QUESTIONS}
    assert (rows["irony"] == (rows["sentiment"] != rows["mood"])).all()


def test_three_questions_are_learned_together_in_seconds(rows):
    torch.manual_seed(0)
    encoders = mood.small_encoders()
    dims = {name: encoder.output_dim for name, encoder in encoders.items()}
    model = mood.MoodModel(BilinearFusion(dims, 16), encoders)
    objective = mood.asked(*mood.QUESTIONS)
    steps = list(fit(model, objective, rows, 100, 32, 1e-2))
    assert steps[-1].parts.keys() == mood.QUESTIONS.keys()
    assert steps[-1].loss == pytest.approx(sum(steps[-1].parts.values()), rel=1e-4)
    unheard = mood.inputs(moods.load("val", 200))
    found = model.predict(unheard)
    for question, floor in (("sentiment", 0.95), ("mood", 0.85), ("irony", 0.8)):
        assert (found[question] == unheard[question]).double().mean() >= floor, question


def test_only_what_is_asked_counts(rows):
    model = held(ConcatFusion)
    batch = Batch(text=torch.randn(8, 5), audio=torch.randn(8, 7), mood=torch.arange(8) % 2)
    outputs = model(batch)
    found = mood.asked("mood")(outputs, batch)
    assert found.keys() == {"mood"}
    expected = nn.functional.cross_entropy(outputs["mood"], batch["mood"])
    torch.testing.assert_close(found["mood"], expected)


@pytest.mark.parametrize("questions", [(), ("irony", "weather")])
def test_unknown_questions_are_refused(questions):
    with pytest.raises(ValueError, match="ask one or more of sentiment, mood, irony"):
        mood.asked(*questions)


def test_predicting_leaves_the_model_in_its_mode():
    model = held(MeanFusion).train()
    model.predict(crossed())
    assert model.training

"""The noise mixer: noise reaches the modality that was asked for; the answers are the models'."""

import pytest
import torch

from xmodal_lab.datasets import scenes
from xmodal_lab.encoders import AudioEncoder, DeepCNN, TextEncoder
from xmodal_lab.fusion import AttentionFusion, MeanFusion
from xmodal_lab.tasks.fused import FusedClassifier
from xmodal_lab.tasks.noisy import THINGS, thing_labels
from xmodal_lab.workbook.demos.noise_mixer import NoiseMixer, thing_name
from xmodal_lab.workbook.kit.figures import alt_of


@pytest.fixture(scope="module")
def mixer():
    torch.manual_seed(0)
    encoders = {
        "text": TextEncoder(),
        "image": DeepCNN(8, width=8, cells=8),
        "audio": AudioEncoder(width=8, hidden_dim=8),
    }
    dims = {name: encoder.output_dim for name, encoder in encoders.items()}
    fused = {
        "mean": FusedClassifier(MeanFusion(dims, 8), THINGS),
        "attention": FusedClassifier(AttentionFusion(dims, 8), THINGS),
    }
    return NoiseMixer(encoders, fused, scenes.load("test", 3, things=1))


def shown(fig):
    """Text, picture and spectrogram as drawn."""
    read, seen, heard = fig.subfigs[0].axes
    pictures = (seen.images[0].get_array(), heard.images[0].get_array())
    return read.texts[0].get_text(), *(torch.as_tensor(p) for p in pictures)


def test_without_noise_all_is_as_it_was(mixer):
    text, picture, _ = shown(mixer.mix(1, 0, 0, 0))
    assert text.replace("\n", " ") == f"“{mixer.data.captions[1]}”"
    assert torch.equal(picture.permute(2, 0, 1), torch.as_tensor(mixer.data.images[1]))


@pytest.mark.parametrize("noisy", range(3))
def test_noise_reaches_that_modality_alone(mixer, noisy):
    amounts = [1.0 if place == noisy else 0.0 for place in range(3)]
    clean, mixed = shown(mixer.mix(0, 0, 0, 0)), shown(mixer.mix(0, *amounts))
    changed = [
        a != b if isinstance(a, str) else not torch.equal(a, b)
        for a, b in zip(clean, mixed, strict=True)
    ]
    assert changed == [place == noisy for place in range(3)]


def test_a_right_answer_is_told_from_a_wrong_one(mixer):
    label = int(thing_labels(mixer.data.scenes)[2])
    with torch.no_grad():
        mixer.fused["mean"].head.bias[label] = 1e6
        mixer.fused["attention"].head.bias[(label + 1) % THINGS] = 1e6
    told = alt_of(mixer.mix(2, 0, 0, 0))
    assert f"mean: {thing_name(label)}, right" in told
    assert f"attention: {thing_name((label + 1) % THINGS)}, wrong" in told


def test_an_amount_that_is_none_is_refused(mixer):
    with pytest.raises(ValueError):
        mixer.mix(0, text=1.5)

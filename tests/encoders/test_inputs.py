"""From data sets to tensors, and the features that nothing was trained for."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.inputs import inputs_of, log_mel
from xmodal_lab.encoders.text import TextEncoder, read_captions
from xmodal_lab.encoders.untrained import (
    bag_of_words,
    random_convolution,
    time_slices,
    untrained_features,
)


@pytest.fixture(scope="module")
def data():
    return scenes.from_scenes(scenes.sample_scenes("train", 6, 0), 0)


def test_inputs_are_the_data_row_by_row(data):
    batch = inputs_of(data)
    assert list(batch) == ["text", "image", "audio"]
    assert batch.size == len(data)
    for row, caption in enumerate(data.captions):
        ids = batch["text"].values[row, : batch["text"].lengths[row]]
        assert " ".join(scenes.WORDS[i - 1] for i in ids.tolist()) == caption
    assert batch["image"].numpy().tobytes() == data.images.tobytes()
    heard = log_mel(data.waveforms)
    assert batch["audio"].values.equal(heard.values)


@pytest.mark.parametrize("modalities", [("text",), ("image",), ("text", "image")])
def test_only_what_is_there_is_read(modalities):
    part = scenes.from_scenes(scenes.sample_scenes("train", 3, 0), 0, modalities)
    assert tuple(inputs_of(part)) == modalities


def test_an_encoder_reads_with_its_own_words(data):
    backwards = TextEncoder(scenes.WORDS[::-1])
    batch = inputs_of(data, encoders={"text": backwards, "image": torch.nn.Identity()})
    wanted = inputs_of(data)
    assert list(batch) == list(wanted)
    turned = len(scenes.WORDS) + 1 - wanted["text"].values
    assert batch["text"].values[wanted["text"].mask].equal(turned[wanted["text"].mask])
    assert batch["image"].equal(wanted["image"])


def test_a_modality_that_is_not_there_is_named(data):
    part = scenes.from_scenes(scenes.sample_scenes("train", 3, 0), 0, ("text",))
    with pytest.raises(ValueError, match="the data has text, but not image"):
        inputs_of(part, ["text", "image"])


def test_rows_are_the_same_rows_of_every_modality(data):
    batch = inputs_of(data)
    index = torch.tensor([4, 1, 4])
    chosen, wanted = batch.rows(index), inputs_of(data.select(index.tolist()))
    assert chosen.size == 3
    assert chosen["image"].equal(wanted["image"])
    for modality in ("text", "audio"):
        assert chosen[modality].lengths.equal(wanted[modality].lengths)
        # Waveforms of another batch reach the same frames by another blocking of one product.
        torch.testing.assert_close(chosen[modality].values, wanted[modality].values)


def test_rows_are_found_whatever_device_asks(data):
    """The rows of a step may be drawn on one device while the data rest on another."""
    lying = inputs_of(data).to("cpu")
    assert lying.rows(torch.tensor([0]).to("cpu"))["image"].equal(lying["image"][:1])


def test_counting_needs_one_number_of_rows(data):
    batch = inputs_of(data)
    with pytest.raises(ValueError, match=r"one number of rows, got \{\}"):
        _ = Batch({}).size
    with pytest.raises(ValueError, match="'text': 6, 'image': 5"):
        _ = Batch({"text": batch["text"], "image": batch["image"][:5]}).size


def test_an_unknown_word_is_named_with_its_neighbours():
    with pytest.raises(ValueError, match="unknown word 'crimsom': did you mean 'crimson'"):
        read_captions(["a small red star", "a small crimsom star"])


@pytest.mark.parametrize("captions", [[], [""]])
def test_nothing_to_read_is_refused(captions):
    with pytest.raises(ValueError):
        read_captions(captions)


def test_word_order_reaches_the_sentence_vector():
    torch.manual_seed(0)
    one, other = TextEncoder()(
        read_captions(
            [
                "a small red star left of a large blue ring",
                "a small blue star left of a large red ring",
            ]
        )
    )
    assert (one - other).abs().max() > 1e-3


def test_bag_of_words_counts_and_nothing_else():
    captions = ["a red star left of a red ring", "a star", "ring red a of left star red a"]
    found = bag_of_words(read_captions(captions))
    for row, caption in enumerate(captions):
        wanted = [caption.split().count(word) for word in scenes.WORDS]
        assert found[row].tolist() == wanted
    assert found[0].equal(found[2])


def test_bag_of_words_does_not_count_padding():
    words = read_captions(["a red star", "a small star left of a ring"])
    longer = Padded(F.pad(words.values, (0, 50)), words.lengths)
    assert bag_of_words(longer).equal(bag_of_words(words))


def test_time_slices_read_real_frames_only(data):
    frames = log_mel(data.waveforms)
    longer = Padded(F.pad(frames.values, (0, 0, 0, 30), value=torch.nan), frames.lengths)
    assert time_slices(longer).equal(time_slices(frames))


def test_time_slices_keep_the_mean_where_slices_are_even():
    frames = Padded(torch.randn(2, 48, 5), torch.tensor([48, 24]))
    slices = time_slices(frames).view(2, 5, 24)
    torch.testing.assert_close(slices[0].mean(1), frames.values[0].mean(0), atol=1e-6, rtol=0)
    assert slices[1].T.equal(frames.values[1, :24])  # one frame a slice
    shorter = time_slices(Padded(torch.randn(1, 3, 5), torch.tensor([3])))  # repeated
    assert shorter.isfinite().all()


def test_random_convolution_equals_a_loop_and_repeats():
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    found = random_convolution(images, seed=4, filters=3)
    generator = torch.Generator().manual_seed(4)
    weights = (torch.randn(3, 3, 5, 5, generator=generator) / 75**0.5).double().numpy()
    bias = (torch.randn(3, generator=generator) / 2).double().numpy()
    levels = np.pad(images.double().numpy() / 127.5 - 1, ((0, 0), (0, 0), (2, 2), (2, 2)))
    for image, vector in zip(levels, found.numpy(), strict=True):
        answers = np.zeros((3, 16, 16))
        for f, y, x in np.ndindex(3, 16, 16):
            patch = image[:, 2 * y : 2 * y + 5, 2 * x : 2 * x + 5]
            answers[f, y, x] = max(0.0, (patch * weights[f]).sum() + bias[f])
        quarters = answers.reshape(3, 2, 8, 2, 8).mean(axis=(2, 4))
        np.testing.assert_allclose(vector, quarters.ravel(), atol=1e-5)
    assert random_convolution(images, seed=4, filters=3).equal(found)
    assert not random_convolution(images, seed=5, filters=3).equal(found)


def test_random_convolution_does_not_depend_on_its_blocks():
    images = torch.randint(0, 256, (259, 3, 32, 32), dtype=torch.uint8)
    whole = random_convolution(images, filters=2)
    torch.testing.assert_close(whole[256:], random_convolution(images[256:], filters=2))


def test_untrained_features_leave_the_generator_of_torch_alone(data):
    batch = inputs_of(data)
    before = torch.random.get_rng_state()
    features = untrained_features(batch)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert {name: len(rows) for name, rows in features.items()} == dict.fromkeys(batch, 6)

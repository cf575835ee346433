"""Pretrained sound encoders on real folders of tiny models: the right numbers, or one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets import scenes, sounds
from xmodal_lab.datasets.sounds import UnreadableSound
from xmodal_lab.encoders import pretrained, registry
from xmodal_lab.encoders.pretrained import WeightsMissing
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.joint.space import JointSpace

pytestmark = pytest.mark.usefixtures("nowhere_else")
NAMES = ("wav2vec2", "whisper", "ast")
RATE = 16000
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 16}  # fmt: skip


def tiny_wav2vec2(norm="group"):
    from transformers import Wav2Vec2Config

    return Wav2Vec2Config(
        **TINY, conv_dim=[8, 8, 8], conv_kernel=[10, 4, 4], conv_stride=[5, 4, 4],
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, feat_extract_norm=norm,
        vocab_size=9,
    )  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """Folders as ``save_pretrained`` writes them, heads included, as the published files have."""
    from transformers import (
        ASTConfig,
        ASTFeatureExtractor,
        ASTForAudioClassification,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    whisper = WhisperConfig(
        d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=60,
        num_mel_bins=20, max_source_positions=100, max_target_positions=8, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, suppress_tokens=[],
        begin_suppress_tokens=[],
    )  # fmt: skip
    looking = {"num_mel_bins": 32, "max_length": 104}
    made = {
        "wav2vec2": (Wav2Vec2ForCTC(tiny_wav2vec2()), Wav2Vec2FeatureExtractor()),
        "whisper": (
            WhisperForConditionalGeneration(whisper),
            WhisperFeatureExtractor(feature_size=20, chunk_length=2),
        ),
        "ast": (
            ASTForAudioClassification(
                ASTConfig(**TINY, **looking, patch_size=16, time_stride=10, frequency_stride=8)
            ),
            ASTFeatureExtractor(**looking, mean=-3.0, std=2.0),
        ),
    }
    for name, (model, processor) in made.items():
        model.save_pretrained(folder / name)
        processor.save_pretrained(folder / name)
    lacking = load_file(folder / "wav2vec2" / "model.safetensors")
    lacking.pop("wav2vec2.masked_spec_embed")  # as the published file
    save_file(lacking, folder / "wav2vec2" / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(params=NAMES)
def encoder(request, models):
    return pretrained.load(request.param, folder=models / request.param)


@pytest.fixture
def broken(models, tmp_path):
    return Path(shutil.copytree(models, tmp_path / "broken"))


def waveforms(*lengths, seed=0) -> list[np.ndarray]:
    """Noise at 16 kHz, so that nothing is resampled."""
    generator = np.random.default_rng(seed)
    return [generator.uniform(-0.5, 0.5, length).astype(np.float32) for length in lengths]


# --- the numbers ------------------------------------------------------------------------------


def theirs(name, folder, sound) -> torch.Tensor:
    """Last states of one sound as transformers gives them."""
    from transformers import (
        ASTFeatureExtractor,
        ASTModel,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2Model,
        WhisperFeatureExtractor,
        WhisperModel,
    )

    reading, looking = {
        "wav2vec2": (Wav2Vec2FeatureExtractor, Wav2Vec2Model),
        "whisper": (WhisperFeatureExtractor, WhisperModel),
        "ast": (ASTFeatureExtractor, ASTModel),
    }[name]
    made = reading.from_pretrained(folder)(sound, sampling_rate=RATE, return_tensors="pt")
    model = looking.from_pretrained(folder).eval()
    model = model.encoder if name == "whisper" else model
    with torch.no_grad():
        return model(next(iter(made.values()))).last_hidden_state[0]


@pytest.mark.parametrize("length", [4000, 7777, 16000])
def test_states_are_those_of_transformers_for_the_sound_alone(encoder, models, length):
    (sound,) = waveforms(length)
    wanted = theirs(encoder.name, models / encoder.name, sound)
    states = encoder.states(encoder.read([sound], RATE))
    count = int(states.lengths[0])
    if encoder.name == "wav2vec2":
        assert count == len(wanted)
    elif encoder.name == "whisper":
        assert len(wanted) == 100 and count == -(-length // 320)
        wanted = wanted[:count]
    else:
        high, wide = encoder.patches
        assert (high, wide) == (3, 9) and len(wanted) == 2 + high * wide
        begin = 10 * 160 * np.arange(wide)  # a cell begins where its first window does
        real = int((begin + 400 <= length).sum())
        assert count == 2 + high * real
        cells = [wanted[2 + line * wide + column] for column in range(real) for line in range(high)]
        wanted = torch.stack([*wanted[:2], *cells])
    torch.testing.assert_close(states.values[0, :count], wanted, atol=1e-5, rtol=0)


def test_the_vector_is_the_mean_of_the_real_states_or_of_asts_two(encoder):
    inputs = encoder.read(waveforms(4000, 9000), RATE)
    states = encoder.states(inputs)
    for row, length in enumerate(states.lengths.tolist()):
        told = states.values[row, : 2 if encoder.name == "ast" else length]
        torch.testing.assert_close(encoder(inputs)[row], told.mean(0))


@pytest.mark.parametrize("behind", [0.0, 0.7])
def test_padding_never_counts(encoder, behind):
    """Whatever stands behind a sound, and however long its neighbour is."""
    short, long = waveforms(3000, 15000)
    alone = encoder.states(encoder.read([short], RATE))
    values, lengths = encoder.read([short, long], RATE)
    values[0, 3000:] = behind
    beside = encoder.states(Padded(values, lengths))
    count = int(alone.lengths[0])
    assert int(beside.lengths[0]) == count < int(beside.lengths[1])
    torch.testing.assert_close(beside.values[0, :count], alone.values[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        encoder(Padded(values, lengths))[0], encoder.pool(alone)[0], atol=1e-5, rtol=0
    )


def test_why_an_attention_mask_would_not_do(models):
    """wav2vec 2.0's first layer is normalised over time: padded and masked it hears otherwise."""
    encoder = pretrained.load("wav2vec2", models / "wav2vec2")
    (sound,) = waveforms(3000)
    one = encoder.prepared(sound)[None]
    both = F.pad(one, (0, 9000))
    mask = torch.arange(12000)[None] < 3000
    with torch.no_grad():
        masked = encoder.model(both, attention_mask=mask.long()).last_hidden_state
        alone = encoder.model(one).last_hidden_state
    assert (masked[:, : alone.shape[1]] - alone).abs().max() > 0.01


def test_rows_of_one_length_are_heard_together(models, monkeypatch):
    encoder = pretrained.load("wav2vec2", models / "wav2vec2")
    heard, forward = [], encoder.model.forward
    monkeypatch.setattr(
        encoder.model, "forward", lambda x, **more: heard.append(len(x)) or forward(x, **more)
    )
    inputs = encoder.read(waveforms(3000, 5000, 3000, 3000), RATE)
    found = encoder(inputs)
    assert sorted(heard) == [1, 3]
    for row in range(4):
        single = encoder(Padded(inputs.values[[row]], inputs.lengths[[row]]))
        torch.testing.assert_close(found[row], single[0], atol=1e-5, rtol=0)


def test_a_chunk_is_as_good_as_all(encoder):
    several = waveforms(4000, 3000, 9000)
    whole = encoder.embed(several, RATE)
    assert whole.shape == (3, encoder.output_dim) and not whole.requires_grad
    torch.testing.assert_close(encoder.embed(several, RATE, chunk=2), whole, atol=1e-5, rtol=0)


# --- what it reads ----------------------------------------------------------------------------


def test_8_kilohertz_are_resampled(encoder):
    steps = (8000 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)).astype(np.int16)
    found = encoder.read([steps])
    assert encoder.rate == RATE and found.lengths.tolist() == [8000]
    wanted = sounds.resample((steps / 32768).astype(np.float32), 8000, RATE)
    assert (found.values[0].numpy() == wanted).all()


@pytest.mark.parametrize("kind", ["arrays", "tensors", "padded", "files", "steps"])
def test_every_form_of_the_same_sounds(encoder, tmp_path, kind):
    steps = [(32767 * sound).astype(np.int16) for sound in waveforms(4000, 6000)]
    arrays = [(row / 32768).astype(np.float32) for row in steps]
    paths = [tmp_path / f"{n}.flac" for n in range(2)]
    for path, row in zip(paths, steps, strict=True):
        soundfile.write(path, row, RATE)
    forms = {
        "arrays": arrays,
        "tensors": [torch.from_numpy(row) for row in arrays],
        "padded": pad(steps),
        "files": [paths[0], str(paths[1])],
        "steps": steps,
    }
    values, lengths = encoder.read(forms[kind], rate=8000 if kind == "files" else RATE)
    assert lengths.tolist() == [4000, 6000]
    np.testing.assert_allclose(values[0, :4000], arrays[0], atol=1e-6)
    np.testing.assert_allclose(values[1], arrays[1], atol=1e-6)


def test_it_reads_the_spoken_scenes(models):
    data = scenes.from_scenes(scenes.sample_scenes("test", 2, 3), seed=3)
    encoder = pretrained.load("wav2vec2", models / "wav2vec2")
    lengths = [2 * len(waveform) for waveform in data.waveforms]
    assert encoder.read(data.waveforms).lengths.tolist() == lengths
    assert encoder.embed(data.waveforms, chunk=1).shape == (2, 16)


@pytest.mark.parametrize(
    ("heard", "rate", "said"),
    [
        ([], RATE, "there is no sound"),
        (np.zeros(4000, np.float32), RATE, r"got one: write \[sound\]"),
        ("a.wav", RATE, r"got one: write \[sound\]"),
        ([np.zeros((2, 4000), np.float32)], RATE, r"samples \(time,\).*of shape \(2, 4000\)"),
        ([np.zeros(4000, np.int64)], RATE, "got int64"),
        ([np.full(4000, np.nan)], RATE, "NaN, or larger ones"),
        ([np.full(4000, 300.0)], RATE, "NaN, or larger ones"),
        ([np.zeros(0, np.float32)], RATE, "got none"),
        ([np.zeros(4000, np.float32)], 16, "rate must be from 1,000 to 192,000 Hz, got 16"),
        ([np.zeros(50, np.float32)], RATE, r"hears at least 0.0\d+ s, this sound has 0.0031\d s"),
    ],
)
def test_what_is_no_sound(encoder, heard, rate, said):
    with pytest.raises(ValueError, match=said):
        encoder.read(heard, rate)


@pytest.mark.parametrize("name", NAMES)
def test_the_shortest_and_longest_are_heard_and_no_other(models, name):
    encoder = pretrained.load(name, models / name)
    assert encoder.shortest == {"wav2vec2": 85, "whisper": 400, "ast": 400}[name]
    assert encoder.states(encoder.read(waveforms(encoder.shortest), RATE)).lengths.min() >= 1
    if name == "wav2vec2":
        assert encoder.longest is None
        return
    assert encoder.longest == {"whisper": 32000, "ast": 400 + 103 * 160}[name]
    states = encoder.states(encoder.read(waveforms(encoder.longest), RATE))
    assert states.values.shape[1] == {"whisper": 100, "ast": 2 + 3 * 9}[name]
    with pytest.raises(ValueError, match=rf"{name} hears at most .* s: give another one, or cut"):
        encoder.read(waveforms(encoder.longest + 1), RATE)


def test_the_published_wav2vec_hears_25_milliseconds(models):
    """The window of its paper, from the kernels and strides of its published configuration."""
    from transformers import Wav2Vec2Config

    encoder = pretrained.load("wav2vec2", models / "wav2vec2")
    encoder.model.config = Wav2Vec2Config()
    assert encoder.shortest == 400


def test_a_file_that_is_none_is_named(encoder, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"not a sound")
    with pytest.raises(UnreadableSound, match=r"a.wav is no WAV"):
        encoder.read([tmp_path / "a.wav"])


def test_the_models_own_numbers_prepare(models):
    """Those of the folder: a mean and spread, a number of mel bands, a length."""
    (sound,) = waveforms(4000)
    ast = pretrained.load("ast", models / "ast")
    assert ast.prepared(sound).shape == (104, 32)
    assert float(ast.prepared(sound)[-1, 0]) == pytest.approx((0 + 3.0) / (2 * 2.0))
    assert pretrained.load("whisper", models / "whisper").prepared(sound).shape == (20, 200)
    heard = pretrained.load("wav2vec2", models / "wav2vec2").prepared(sound)
    assert abs(float(heard.mean())) < 1e-6 and float(heard.std()) == pytest.approx(1, abs=1e-3)


# --- frozen, trainable, saved -----------------------------------------------------------------


def test_frozen_nothing_learns(encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert encoder.frozen and not encoder.train().training
    inputs = encoder.read(waveforms(4000), RATE)
    assert not encoder(inputs).requires_grad and encoder(inputs).equal(encoder(inputs))
    assert all(before[name].equal(value) for name, value in encoder.state_dict().items())


def test_trainable_its_weights_get_gradients(encoder, models):
    learning = pretrained.load(encoder.name, models / encoder.name, frozen=False).train()
    assert learning.training and not learning.frozen
    learning(learning.read(waveforms(8000), RATE)).square().sum().backward()
    without = {n for n, w in learning.model.named_parameters() if w.grad is None}
    assert without <= {"masked_spec_embed", "embed_positions.weight"}


def test_its_config_finds_the_same_weights_again(encoder, models, monkeypatch):
    monkeypatch.setenv("XMODAL_MODELS", str(models))
    config = json.loads(json.dumps(encoder.config))
    again = registry.build(type(encoder).__name__, config)
    assert again.config == encoder.config and "XMODAL_MODELS" in again.source
    several = waveforms(4000, 5000)
    assert again.embed(several, RATE).equal(encoder.embed(several, RATE))


def test_a_joint_space_takes_it(encoder):
    space = JointSpace({"text": TextEncoder(9, 4, 4), "audio": encoder}, dim=6)
    several = waveforms(4000, 5000)
    found = space.embed_all(Batch(audio=encoder.read(several, RATE)))["audio"]
    wanted = F.normalize(space.projections["audio"](encoder.embed(several, RATE)), dim=1)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


# --- where they come from, and what can be wrong with them ------------------------------------


def refused(name, folder, said):
    with pytest.raises(WeightsMissing, match=said) as caught:
        pretrained.load(name, folder=folder)
    text = str(caught.value)
    assert "\n" not in text and str(folder) in text and "To get them: allow the network" in text


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_one_line_says_what_to_do(name):
    with pytest.raises(WeightsMissing) as caught:
        pretrained.load(name)
    published = pretrained.MODELS[name].published[name]
    for part in (published.hub, f"{published.megabytes} MB", "folder=…", f"$XMODAL_MODELS/{name}"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_no_folder_an_empty_one_and_pickles(name, tmp_path):
    refused(name, tmp_path / "nowhere", "there is no such folder")
    refused(name, tmp_path, "model.safetensors.* missing")
    torch.save({}, tmp_path / "pytorch_model.bin")
    refused(name, tmp_path, "only pickled weights")


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_wanted(broken, name):
    (broken / name / "preprocessor_config.json").unlink()
    refused(name, broken / name, "cannot be used: preprocessor_config.json missing")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", [b"", b"\xff" * 1000, "half"])
def test_damaged_files(broken, name, damage):
    for file in ("config.json", "model.safetensors", "preprocessor_config.json"):
        path = broken / name / file
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
        refused(name, broken / name, "cannot be used: a file is damaged or of another kind")
        path.write_bytes(whole)
    pretrained.load(name, broken / name)


@pytest.mark.parametrize(("name", "other"), [("wav2vec2", "whisper"), ("whisper", "ast"),
                                             ("ast", "wav2vec2")])  # fmt: skip
def test_another_models_folder(broken, name, other):
    refused(name, broken / other, "cannot be used")


@pytest.mark.parametrize("name", NAMES)
def test_weights_that_lack_or_are_no_numbers(broken, name):
    path = broken / name / "model.safetensors"
    state = {key: tensor.clone() for key, tensor in load_file(path).items()}
    ending = "layernorm_before.weight" if name == "ast" else "layer_norm.weight"
    key = next(k for k in state if "encoder" in k and k.endswith(ending))
    save_file({k: v for k, v in state.items() if k != key}, path, {"format": "pt"})
    refused(name, broken / name, "lacks 1 weights")
    save_file(state | {key: torch.full_like(state[key], torch.inf)}, path, {"format": "pt"})
    refused(name, broken / name, "no numbers")


def test_the_names_that_published_weights_had_before(broken, models):
    """Weight normalisation was written in two other names when wav2vec 2.0 was published."""
    path = broken / "wav2vec2" / "model.safetensors"
    old = {"parametrizations.weight.original0": "weight_g",
           "parametrizations.weight.original1": "weight_v"}  # fmt: skip
    state = load_file(path)
    renamed = {next((k.replace(a, b) for a, b in old.items() if a in k), k): v
               for k, v in state.items()}  # fmt: skip
    assert sum("conv.weight_" in key for key in renamed) == 2
    save_file(renamed, path, {"format": "pt"})
    several = waveforms(4000)
    again = pretrained.load("wav2vec2", broken / "wav2vec2").embed(several, RATE)
    assert again.equal(pretrained.load("wav2vec2", models / "wav2vec2").embed(several, RATE))


def test_nothing_is_printed(models, capfd):
    for name in NAMES:
        pretrained.load(name, models / name).embed(waveforms(4000), RATE)
    assert capfd.readouterr() == ("", "")

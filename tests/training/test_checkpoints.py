"""Checkpoints: they come back whole, or not at all, and never at the cost of the old one."""

import errno
import hashlib
import json
import os
import pickle
import shutil
import struct
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from xmodal_lab.alignment.mappers import LinearMapper, MLPMapper
from xmodal_lab.batch import pad
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import WORDS
from xmodal_lab.datasets.shipped import shipped
from xmodal_lab.encoders import pretrained, registry
from xmodal_lab.encoders.audio import AudioEncoder
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.text import TextEncoder, read_captions
from xmodal_lab.encoders.text.sentences import MeanEncoder
from xmodal_lab.evaluation import embed_captions
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training import checkpoints, resuming
from xmodal_lab.training.checkpoints import CheckpointError, load, notes, save

CAPTIONS = ["a small red star", "a large blue ring above a tiny green moon"]


def space(seed: int = 0, dim: int = 8, modalities=("text",)) -> JointSpace:
    torch.manual_seed(seed)
    return JointSpace.standard(modalities, dim)


def look(model: JointSpace) -> torch.Tensor:
    return model.embed_all({"text": read_captions(CAPTIONS)})["text"]


def header_of(path: Path) -> dict[str, str]:
    """The strings at the head of a safetensors file, read as its specification says."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + size])["__metadata__"]


@pytest.fixture
def saved(tmp_path):
    return save(tmp_path / "space.safetensors", space(), {"seed": 0})


@pytest.fixture
def former(saved):
    """The same space as files of format 1 held it."""
    header = {
        "format": "xmodal_lab joint space 1",
        "config": '{"modalities": ["text"], "dim": 8}',
        "words": " ".join(WORDS),
        "seal": None,
    }
    rewrite(saved, header)
    return saved


def sealed(header: dict[str, str]) -> dict[str, str]:
    """A header with the seal that belongs to it."""
    entries = sorted(item for item in header.items() if item[0] != "seal")
    return header | {"seal": hashlib.sha256(json.dumps(entries).encode()).hexdigest()}


def test_a_space_comes_back_bit_for_bit(tmp_path):
    model = space(modalities=("text", "image", "audio"))
    pictures = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    model.train()
    for _ in range(3):  # so that there are running statistics to keep
        model({"image": pictures})
    path = save(tmp_path / "deep" / "folder" / "space.safetensors", model)
    torch.manual_seed(99)
    back = load(path)
    assert not back.training
    assert back.config == model.config
    assert look(back).equal(look(model))
    assert back.embed_all({"image": pictures})["image"].equal(
        model.embed_all({"image": pictures})["image"]
    )
    assert back.temperature.equal(model.temperature)
    assert model.training, "saving leaves the mode alone"


def test_saving_what_was_loaded_writes_the_same_again(saved, tmp_path):
    again = save(tmp_path / "again.safetensors", load(saved), notes(saved))
    assert header_of(again) == header_of(saved)
    one, other = load_file(saved), load_file(again)
    assert one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def test_a_loaded_space_can_be_trained_on(saved):
    model = load(saved).train()
    model.embed("text", read_captions(CAPTIONS))[0, 0].backward()
    assert all(w.grad is not None for n, w in model.named_parameters() if n != "log_temperature")


def test_notes_come_back(saved, tmp_path):
    assert notes(saved) == {"seed": 0}
    kept = {"recipe": {"steps": 3, "words": ["größer", "→"]}, "good": True, "loss": 0.25}
    assert notes(save(tmp_path / "b.safetensors", space(), kept)) == kept
    assert notes(save(tmp_path / "c.safetensors", space())) == {}


def test_notes_that_json_cannot_hold_leave_the_old_file(saved):
    before = saved.read_bytes()
    with pytest.raises(TypeError):
        save(saved, space(1), {"tensor": torch.zeros(2)})
    assert_kept(saved, before)


def test_nothing_is_pickled_or_unpickled(saved, monkeypatch, tmp_path):
    def never(*args, **kwargs):
        raise AssertionError("pickle was used")

    for module, names in (
        (pickle, ("dump", "dumps", "load", "loads", "Pickler", "Unpickler")),
        (torch, ("save", "load")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, never)
    path = save(tmp_path / "plain.safetensors", space())
    assert look(load(path)).equal(look(space()))
    assert header_of(path)["format"] == "xmodal_lab joint space 2"


class Malice:
    def __reduce__(self):
        return os.mkdir, ("owned",)


def test_a_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weights": Malice()}, "bad.safetensors")
    Path("worse.safetensors").write_bytes(pickle.dumps(Malice()))
    for name in ("bad.safetensors", "worse.safetensors"):
        with pytest.raises(CheckpointError, match="damaged or no safetensors file"):
            load(name)
    assert not Path("owned").exists()


@pytest.mark.parametrize("read", [load, notes])
def test_a_missing_file_is_named(tmp_path, read):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="there is no checkpoint at"):
            read(path)


@pytest.mark.parametrize("read", [load, notes])
@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.5, 0.9999])
def test_a_truncated_file_is_refused(saved, read, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match="damaged or no safetensors file"):
        read(saved)


@pytest.mark.parametrize("file", ["saved", "former"])
@pytest.mark.parametrize("place", [-1, -1000, -20_000])
def test_one_flipped_bit_in_the_weights_is_refused(request, file, place):
    path = request.getfixturevalue(file)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="do not fit their checksum"):
        load(path)


def damages(content: bytes, count: int):
    """Single bits flipped, half of them in the header, and files cut short."""
    generator = torch.Generator().manual_seed(count)
    header = 8 + struct.unpack("<Q", content[:8])[0]
    # What pads the header to whole words is spaces: the text ends before.
    for start, end in ((0, len(content[:header].rstrip())), (header, len(content))):
        for place in torch.randint(start, end, (count,), generator=generator).tolist():
            changed = bytearray(content)
            changed[place] ^= 1 << int(torch.randint(8, (), generator=generator))
            yield bytes(changed)
    for length in torch.randint(len(content), (count // 4,), generator=generator).tolist():
        yield content[:length]


@pytest.mark.parametrize("file", ["saved", "former"])
def test_of_damaged_files_none_is_read_wrong(request, file):
    path = request.getfixturevalue(file)
    model, noted, refused = load(path), notes(path), 0
    wanted = model.state_dict()
    whole = list(damages(path.read_bytes(), 120))
    for content in whole:
        path.write_bytes(content)
        try:
            found = load(path)
        except CheckpointError:
            refused += 1
        else:
            assert found.config == model.config
            assert found.encoders["text"].words == WORDS
            assert all(wanted[name].equal(t) for name, t in found.state_dict().items())
        if file == "saved":  # nothing guards the notes of format 1
            with suppress(CheckpointError):
                assert notes(path) == noted
    # In format 1 what was noted may have changed, and all the rest be sound.
    assert refused == len(whole) if file == "saved" else refused > 0.9 * len(whole)


def test_garbage_is_refused(tmp_path):
    path = tmp_path / "garbage.safetensors"
    for content in (b"\x00" * 100, b"\xff" * 100, b"PK\x03\x04" + bytes(500), b"{}" * 50):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged or no safetensors file"):
            load(path)


def rewrite(path: Path, header: dict | None = None, change=lambda tensors: tensors) -> None:
    """The same file with another header, sealed again where it has a seal, or other weights."""
    changed = {**header_of(path), **(header or {})}
    new = {key: value for key, value in changed.items() if value is not None}
    save_file(change(load_file(path)), path, sealed(new) if "seal" in new else new)


@pytest.mark.parametrize("read", [load, notes])
@pytest.mark.parametrize("header", [{"format": None}, {"format": "xmodal_lab joint space 0"}])
def test_a_foreign_or_older_file_is_refused(saved, header, read):
    rewrite(saved, header)
    with pytest.raises(CheckpointError, match=r"expected 'xmodal_lab joint space 2' or .* 1'"):
        read(saved)


@pytest.mark.parametrize("read", [load, notes])
@pytest.mark.parametrize("name", ["config", "notes", "checksum", "seal"])
def test_a_header_that_was_changed_breaks_its_seal(saved, read, name):
    header = header_of(saved)
    save_file(load_file(saved), saved, header | {name: header[name] + " "})
    with pytest.raises(CheckpointError, match="its header does not fit its seal"):
        read(saved)
    save_file(load_file(saved), saved, {k: v for k, v in header.items() if k != "seal"})
    with pytest.raises(CheckpointError, match="its header does not fit its seal"):
        read(saved)


def test_a_file_without_any_header_is_refused(tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="holds 'something else'"):
        load(tmp_path / "foreign.safetensors")


def test_a_file_of_format_1_is_the_same_space(former):
    model = load(former)
    assert look(model).equal(look(space()))
    assert notes(former) == {"seed": 0}
    assert model.config == space().config and not model.training


def test_what_ships_still_loads_and_finds_pictures():
    model = load(shipped("joint_space.safetensors"))
    assert model.config == JointSpace.standard().config
    assert notes(shipped("joint_space.safetensors"))["recipe"]["steps"] == 1200
    gallery = scenes.load("val", 60, 1, ["text", "image"], things=2)
    points = model.embed_data(gallery)
    nearest = (points["text"] @ points["image"].T).argmax(1)
    assert (nearest == torch.arange(60)).float().mean() > 0.9


def test_other_words_than_those_of_format_1_are_refused(former, monkeypatch):
    monkeypatch.setattr(checkpoints, "WORDS", (*WORDS[:-1], "zebra"))
    with pytest.raises(CheckpointError, match="trained with other words"):
        load(former)


@pytest.mark.parametrize(
    "config",
    [
        None,
        "not json",
        '{"modalities": ["taste"], "dim": 8}',
        '{"colour": 3}',
        "[1]",
        '{"modalities": ["text"], "dim": -1}',
        '{"modalities": ["text"], "dim": "big"}',
        '{"dim": 8, "encoders": [1]}',
        '{"dim": 8, "encoders": {"text": {"class": "SmallCNN", "config": {"colour": 3}}}}',
        '{"dim": 8, "encoders": {"text": {"class": "SmallCNN", "config": {"norm": "no"}}}}',
        '{"dim": -1, "encoders": {"text": {"class": "SmallCNN", "config": {}}}}',
        '{"encoders": {}}',
    ],
)
@pytest.mark.parametrize("file", ["saved", "former"])
def test_a_header_that_builds_no_model_is_refused(request, file, config, unchecked):
    path = request.getfixturevalue(file)
    rewrite(path, {"config": config})
    with pytest.raises(CheckpointError, match="does not say how to rebuild its model"):
        load(path)


def renamed(tensors):
    return {name.replace("gru", "lstm"): tensor for name, tensor in tensors.items()}


def without_one(tensors):
    return dict(sorted(tensors.items())[:-1])


def with_another(tensors):
    return {**tensors, "extra": torch.zeros(1)}


def reshaped(tensors):
    return {**tensors, "projections.text.bias": torch.zeros(9)}


@pytest.mark.parametrize("change", [renamed, without_one, with_another, reshaped])
def test_weights_that_do_not_fit_are_named(saved, change):
    rewrite(saved, change=change)
    with pytest.raises(CheckpointError, match=r"is of another architecture: [a-z]"):
        load(saved)


def test_a_size_that_is_not_that_of_the_weights_is_refused(saved):
    rewrite(saved, {"config": json.dumps(space(dim=16).config)})
    with pytest.raises(CheckpointError, match=r"another architecture: projections\.text"):
        load(saved)


# --- spaces of any encoders -----------------------------------------------------------------------


OWN = ("the", "cat", "dog", "sat", "on", "mat")


def mixed() -> tuple[JointSpace, dict]:
    """A space of every kind of encoder, none at its defaults, and a batch for it."""
    torch.manual_seed(0)
    text = TextEncoder(OWN, 6, 5)
    encoders = {
        "text": text,
        "title": MeanEncoder(OWN[::-1], 7),
        "image": SmallCNN((8, 8, 16), 9, "group"),
        "audio": AudioEncoder(6, 8, 4, "lstm"),
        "features": MLPMapper(5, 8, 6, 0.5, normalise=False),
        "anchor": LinearMapper(3, 8, normalise=True),
    }
    sentences = ["the cat sat on the mat", "the dog"]
    return JointSpace(encoders, 8, bias=-3.0), {
        "text": text.read(sentences),
        "title": encoders["title"].read(sentences),
        "image": torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8),
        "audio": pad([torch.randn(20, 6), torch.randn(33, 6)]),
        "features": torch.randn(2, 5),
        "anchor": torch.randn(2, 3),
    }


def test_a_space_of_any_encoders_comes_back_bit_for_bit(tmp_path):
    model, batch = mixed()
    model.projections["anchor"] = nn.Identity()
    model.temperature = 0.03
    for _ in range(3):
        model.train()(batch)
    path = save(tmp_path / "mixed.safetensors", model, {"kind": "mixed"})
    torch.manual_seed(99)
    back = load(path)
    assert back.config == model.config and notes(path) == {"kind": "mixed"}
    assert isinstance(back.projections["anchor"], nn.Identity)
    wanted, found = model.embed_all(batch), back.embed_all(batch)
    for modality in batch:
        assert found[modality].equal(wanted[modality]), modality
    assert back.temperature.equal(model.temperature) and back.bias.item() == -3
    assert save(tmp_path / "again.safetensors", back, notes(path)).read_bytes() == path.read_bytes()


def test_a_space_reads_captions_by_its_own_words(tmp_path):
    model, _ = mixed()
    back = load(save(tmp_path / "own.safetensors", model))
    assert back.encoders["text"].words == OWN and back.encoders["title"].words == OWN[::-1]
    captions = ["The cat sat.", "the dog on the mat"]
    assert embed_captions(back, captions).equal(embed_captions(model, captions))
    with pytest.raises(ValueError, match="unknown word 'cats': did you mean 'cat'"):
        embed_captions(back, ["the cats"])


def test_scenes_are_read_by_the_spaces_own_words(tmp_path):
    """The same weights under other numbers: a word's vector follows its word."""
    model = space()
    turned = JointSpace({"text": TextEncoder(WORDS[::-1])}, 8)
    state = model.state_dict()
    name = "encoders.text.embedding.weight"
    state[name] = torch.cat([state[name][:1], state[name][1:].flip(0)])
    turned.load_state_dict(state)
    back = load(save(tmp_path / "turned.safetensors", turned))
    data = scenes.from_scenes(scenes.sample_scenes("train", 5, 0), 0, ["text"])
    assert back.embed_data(data)["text"].equal(model.embed_data(data)["text"])


def test_looking_whether_a_space_can_be_saved_draws_no_random_number(tmp_path):
    model, _ = mixed()
    before = torch.random.get_rng_state()
    assert checkpoints.obstacle(model) == ""
    save(tmp_path / "x.safetensors", model)
    assert torch.random.get_rng_state().equal(before)


class Strange(nn.Module):
    output_dim = 3

    def forward(self, x):
        return x


class Mine(SmallCNN):
    """A class that the package does not know, though it knows its parent."""


def with_other_projection():
    model = space()
    model.projections["text"] = nn.Linear(128, 8, bias=False)
    return model


def with_other_layer():
    model = JointSpace({"image": SmallCNN((8, 8, 8), 4)}, 8)
    model.encoders["image"].dense = nn.Linear(5, 4)
    return model


def with_a_shared_encoder():
    text = TextEncoder()
    return JointSpace({"text": text, "title": text}, 8)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: JointSpace({"x": Strange()}, 8), r"'x' is a Strange.*registry\.register"),
        (lambda: JointSpace({"image": Mine()}, 8), r"'image' is a Mine.*registry\.register"),
        (with_other_projection, r"was replaced: projections\.text\.bias"),
        (with_other_layer, r"was replaced: encoders\.image\.dense"),
        (with_a_shared_encoder, "two modalities share one encoder"),
    ],
)
def test_a_space_that_could_not_be_rebuilt_is_not_written(saved, make, said):
    before = saved.read_bytes()
    with pytest.raises(CheckpointError, match=said):
        save(saved, make())
    assert_kept(saved, before)


def test_an_encoder_of_ones_own_is_saved_once_it_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_known", dict(registry._known))
    registry.register(Mine)
    path = save(tmp_path / "mine.safetensors", JointSpace({"image": Mine((8, 8, 8), 4)}, 8))
    assert type(load(path).encoders["image"]) is Mine
    monkeypatch.delitem(registry._known, "Mine")
    with pytest.raises(CheckpointError, match="no encoder is known as 'Mine', only TextEncoder"):
        load(path)


# --- pretrained encoders --------------------------------------------------------------------------


@pytest.fixture
def models(tiny_bert, monkeypatch):
    """The only place where pretrained weights lie."""
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tiny_bert / "none"))
    monkeypatch.setenv("XMODAL_MODELS", str(tiny_bert.parent))
    return tiny_bert


def with_bert(frozen: bool) -> JointSpace:
    torch.manual_seed(0)
    text = pretrained.load("minilm", frozen=frozen)
    return JointSpace({"text": text, "image": SmallCNN((8, 8, 8), 4)}, 8)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_pretrained_encoder_comes_back_with_what_it_learned(models, tmp_path, frozen):
    model = with_bert(frozen)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight += 0.01 * torch.randn_like(weight)
    path = save(tmp_path / "bert.safetensors", model)
    torch.manual_seed(99)
    back = load(path)
    assert back.config == model.config and back.encoders["text"].frozen == frozen
    assert embed_captions(back, CAPTIONS).equal(embed_captions(model.eval(), CAPTIONS))
    theirs = [name for name in load_file(path) if name.startswith("encoders.text.")]
    assert bool(theirs) != frozen, "what is frozen stays where it came from"


def test_without_the_pretrained_weights_a_space_says_what_is_missing(models, tmp_path, monkeypatch):
    path = save(tmp_path / "bert.safetensors", with_bert(True), {"seed": 0})
    monkeypatch.setenv("XMODAL_MODELS", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(pretrained.weights.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(CheckpointError, match=r"needs pretrained weights.*No weights for 'minilm'"):
        load(path)
    assert notes(path) == {"seed": 0}


def test_other_pretrained_weights_than_those_trained_with_are_refused(
    models, tmp_path, monkeypatch
):
    path = save(tmp_path / "bert.safetensors", with_bert(True))
    other = tmp_path / "models" / "minilm"
    shutil.copytree(models, other)
    state = load_file(other / "model.safetensors")
    state["embeddings.LayerNorm.bias"][0] += 1
    save_file(state, other / "model.safetensors", {"format": "pt"})
    monkeypatch.setenv("XMODAL_MODELS", str(other.parent))
    with pytest.raises(CheckpointError, match=r"needs pretrained weights.*its weights are others"):
        load(path)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_training_around_a_pretrained_encoder_goes_on(models, tmp_path, frozen):
    model, scaler = with_bert(frozen), torch.amp.GradScaler("cpu", enabled=False)
    optimiser = torch.optim.AdamW(model.parameters())
    model.embed("text", model.encoders["text"].read(CAPTIONS))[0, 0].backward()
    optimiser.step()
    assert resuming.store(tmp_path / "steps", 1, model, optimiser, scaler)
    again = with_bert(frozen)
    assert not again.projections["text"].weight.equal(model.projections["text"].weight)
    assert resuming.resume(tmp_path / "steps", again, torch.optim.AdamW(again.parameters()), scaler)
    state = again.state_dict()
    assert all(state[name].equal(tensor) for name, tensor in model.state_dict().items())
    alone = load(tmp_path / "steps" / "step-000001.safetensors")
    assert alone.projections["text"].weight.equal(model.projections["text"].weight)


# --- the old file is kept -------------------------------------------------------------------------


def assert_kept(path: Path, before: bytes) -> None:
    """The old file as it was, and nothing half-written beside it."""
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert look(load(path)).isfinite().all()


def failing(error):
    def fail(*args, **kwargs):
        raise error

    return fail


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "module, name, error",
    [
        (os, "fsync", FULL),
        (os, "replace", PermissionError(errno.EACCES, "Permission denied")),
        (tempfile, "mkstemp", OSError(errno.EROFS, "Read-only file system")),
        (tempfile, "mkstemp", FULL),
    ],
)
def test_a_disk_that_refuses_keeps_the_old_file(saved, monkeypatch, module, name, error):
    before = saved.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, failing(error))
        with pytest.raises(CheckpointError, match=f"could not write .*{error.strerror}"):
            save(saved, space(1))
    assert_kept(saved, before)


def test_a_disk_that_fills_up_in_the_middle_keeps_the_old_file(saved):
    """A real short write: no file of this process may grow beyond a part of a checkpoint."""
    resource = pytest.importorskip("resource")
    before = saved.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="An older file is kept"):
            save(saved, space(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_kept(saved, before)


def test_an_interrupt_in_the_middle_keeps_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            save(saved, space(1))
    assert_kept(saved, before)


def test_a_new_file_replaces_the_old_one_whole(saved):
    assert save(saved, space(1, dim=16)) == saved
    assert look(load(saved)).equal(look(space(1, dim=16)))
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_folder_in_the_way_is_refused(saved, tmp_path):
    for path in (saved / "inside.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="could not write"):
            save(path, space())


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CheckpointError, match="Permission denied"):
            save(tmp_path / "x.safetensors", space())
    finally:
        tmp_path.chmod(0o700)

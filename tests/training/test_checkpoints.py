"""Checkpoints: they come back whole, or not at all, and never at the cost of the old one."""

import errno
import json
import os
import pickle
import struct
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from xmodal_lab.encoders.text import read_captions
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training import checkpoints
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
    assert header_of(path)["format"] == checkpoints.FORMAT


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


@pytest.mark.parametrize("place", [-1, -1000, -20_000])
def test_one_flipped_bit_in_the_weights_is_refused(saved, place):
    content = bytearray(saved.read_bytes())
    content[place] ^= 1
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match="do not fit their checksum"):
        load(saved)


def test_garbage_is_refused(tmp_path):
    path = tmp_path / "garbage.safetensors"
    for content in (b"\x00" * 100, b"\xff" * 100, b"PK\x03\x04" + bytes(500), b"{}" * 50):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged or no safetensors file"):
            load(path)


def rewrite(path: Path, header: dict | None = None, change=lambda tensors: tensors) -> None:
    """The same file with another header or other weights."""
    changed = {**header_of(path), **(header or {})}
    new = {key: value for key, value in changed.items() if value is not None}
    save_file(change(load_file(path)), path, new)


@pytest.mark.parametrize("header", [{"format": None}, {"format": "xmodal_lab joint space 0"}])
def test_a_foreign_or_older_file_is_refused(saved, header):
    rewrite(saved, header)
    with pytest.raises(CheckpointError, match="expected 'xmodal_lab joint space 1'"):
        load(saved)


def test_a_file_without_any_header_is_refused(tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="holds 'something else'"):
        load(tmp_path / "foreign.safetensors")


def test_other_words_are_refused(saved, monkeypatch):
    monkeypatch.setattr(checkpoints, "WORDS", (*checkpoints.WORDS[:-1], "zebra"))
    with pytest.raises(CheckpointError, match="trained with other words"):
        load(saved)


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
    ],
)
def test_a_header_that_builds_no_model_is_refused(saved, config, unchecked):
    rewrite(saved, {"config": config})
    with pytest.raises(CheckpointError, match="does not say how to rebuild its model"):
        load(saved)


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
    rewrite(saved, {"config": '{"modalities": ["text"], "dim": 16}'})
    with pytest.raises(CheckpointError, match=r"another architecture: projections\.text"):
        load(saved)


def test_only_the_standard_architecture_can_be_saved(tmp_path):
    with pytest.raises(CheckpointError, match=r"JointSpace\.standard"):
        save(tmp_path / "x.safetensors", JointSpace(dict(space().encoders.items()), 8))
    assert not any(tmp_path.iterdir())


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

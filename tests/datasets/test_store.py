"""Loading: a pure function of its arguments, whatever happens to its cache."""

import errno
import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from digest import digest
from safetensors.numpy import save_file

from xmodal_lab.datasets import cache, shipped
from xmodal_lab.datasets.scenes import (
    HELD_OUT_VOICES,
    MODALITIES,
    SPLITS,
    TRAIN_VOICES,
    load,
    natural_captions,
    parse,
    split_of,
    store,
)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COUNT = 6
IMAGES, AUDIO = f"scenes-train-all-{COUNT}-0-image", f"scenes-train-all-{COUNT}-0-audio"

START = "from digest import digest; from xmodal_lab.datasets import scenes; "


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache of its own for every test."""
    monkeypatch.setenv("XMODAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def nothing_is_made(monkeypatch):
    """From here on pictures and speech can only come from the cache."""

    def forbid():
        def refuse(*_):
            raise AssertionError("made anew")

        monkeypatch.setattr(store, "_draw_all", refuse)
        monkeypatch.setattr(store, "_speak_all", refuse)

    return forbid


@pytest.fixture
def data_copy(tmp_path, monkeypatch):
    """A copy of the shipped files that a test may change."""
    copy = Path(shutil.copytree(shipped.data_folder(), tmp_path / "data"))
    monkeypatch.setenv("XMODAL_DATA", str(copy))
    return copy


def python(code, *arguments, before=(), **options):
    """Start a Python process; ``before`` stands in front of it on the command line."""
    paths = os.pathsep.join((str(ROOT), str(HERE)))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    environment |= options.pop("environment", {})
    return subprocess.Popen(
        [*before, sys.executable, "-c", code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def files(folder):
    return sorted(path.name for path in folder.iterdir())


# --- a pure function ----------------------------------------------------------------------------


@pytest.mark.parametrize("split", SPLITS)
def test_loading_twice_gives_the_same_bytes(split):
    made = load(split, COUNT, 2)
    assert len(made) == COUNT and made.modalities == MODALITIES
    assert digest(made) == digest(load(split, COUNT, 2))
    assert split == "natural" or digest(made) != digest(load(split, COUNT, 3))


def test_two_processes_at_once_anywhere_with_any_hash_seed_give_the_same_bytes(tmp_path, folder):
    # Both find an empty cache and write the same files at the same time.
    code = START + f"print(*(digest(scenes.load(s, {COUNT}, 2)) for s in scenes.SPLITS))"
    started = [
        python(code, cwd=tmp_path, environment={"PYTHONHASHSEED": str(seed)}) for seed in (1, 2)
    ]
    ended = [process.communicate(timeout=120) for process in started]
    assert [notices for _, notices in ended] == ["", ""]
    expected = [digest(load(split, COUNT, 2)) for split in SPLITS]
    assert [output.split() for output, _ in ended] == [expected, expected]
    assert files(folder) and all(name.endswith(".safetensors") for name in files(folder))


def test_a_longer_data_set_starts_with_the_shorter_one():
    for split in SPLITS:
        few, many = load(split, 3, 4), load(split, 7, 4)
        assert digest(many.select(range(3))) == digest(few), split


@pytest.mark.parametrize("wanted", [(), ("text",), ("image",), ("audio",), ("audio", "text")])
def test_a_modality_is_the_same_with_and_without_the_others(wanted):
    for split in ("train", "natural"):
        whole, part = load(split, COUNT), load(split, COUNT, modalities=wanted)
        assert part.modalities == tuple(m for m in MODALITIES if m in wanted)
        assert part.scenes == whole.scenes
        if "text" in wanted:
            assert part.captions == whole.captions
        if "image" in wanted:
            np.testing.assert_array_equal(part.images, whole.images)
        if "audio" in wanted:
            np.testing.assert_array_equal(part.waveforms.samples, whole.waveforms.samples)
            assert (part.transcripts, part.voices) == (whole.transcripts, whole.voices)


def test_rows_mean_what_they_say():
    data = load("val", 12, 1)
    for row, scene in enumerate(data.scenes):
        assert parse(data.captions[row]).key == parse(data.transcripts[row]).key == scene.key
        assert len(data.waveforms[row]) > 4000
    assert data.images.shape == (12, 3, 32, 32) and data.images.dtype == np.uint8


def test_what_is_spoken_is_drawn_independently_of_what_is_written():
    data = load("train", 200, 1, ["text", "audio"], things=2)
    written, spoken = (
        np.array([parse(text) != s for text, s in zip(texts, data.scenes, strict=True)])
        for texts in (data.captions, data.transcripts)
    )
    assert 0.35 < written.mean() < 0.65 and 0.35 < spoken.mean() < 0.65
    assert 0.35 < (written == spoken).mean() < 0.65
    assert sum(a == b for a, b in zip(data.captions, data.transcripts, strict=True)) < 10


def test_training_voices_train_and_held_out_voices_speak_new_voices_only():
    for split in SPLITS:
        voices = load(split, 90, modalities=["audio"], things=None).voices
        allowed = HELD_OUT_VOICES if split == "new_voices" else TRAIN_VOICES
        assert set(voices) <= set(allowed)
        assert len(set(voices)) > 0.8 * len(allowed), split


def test_natural_captions_are_the_recordings_as_they_are():
    recordings = natural_captions()
    data = load("natural", len(recordings), modalities=["text", "audio"])
    for row, (text, voice, waveform) in enumerate(recordings):
        assert (data.transcripts[row], data.voices[row]) == (text, voice)
        assert parse(text) == data.scenes[row] and parse(data.captions[row]).key == parse(text).key
        np.testing.assert_array_equal(data.waveforms[row], waveform)
        assert split_of(data.scenes[row]) == "test"
    assert load("natural", 5, seed=1).captions != load("natural", 5, seed=2).captions
    assert load("natural", 5, things=2).scenes == data.scenes[:5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "dev"}, "unknown split 'dev': choose one of train.*natural"),
        ({"modalities": ["text", "video"]}, r"unknown modalities \['video'\].*text, image, audio"),
        ({"count": -1}, "got -1"),
        ({"things": 3}, "got 4 and 3"),
        ({"seed": -1}, "non-negative"),
        ({"split": "natural", "count": 10_000}, "there are 100 natural .*got count=10000"),
        ({"split": "natural", "count": -1}, "got count=-1"),
        ({"split": "natural", "things": 1}, "all of two things: got count=4, things=1"),
        ({"split": "natural", "things": 3}, "things=3"),
    ],
)
def test_what_does_not_exist_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**{"count": 4, **arguments})


def test_a_single_name_is_not_a_list_of_modalities():
    with pytest.raises(ValueError, match="unknown modalities"):
        load("train", 2, modalities="image")


@pytest.mark.parametrize("split", ["train", "natural"])
def test_no_rows_are_a_data_set_too(split):
    for _ in range(2):
        data = load(split, 0)
        assert len(data) == len(data.waveforms) == 0 and data.images.shape == (0, 3, 32, 32)


# --- the cache ----------------------------------------------------------------------------------


def test_the_second_call_reads_the_cache(nothing_is_made, capsys):
    made = digest(load("train", COUNT))
    nothing_is_made()
    assert digest(load("train", COUNT)) == made
    with pytest.raises(AssertionError, match="made anew"):
        load("train", COUNT, seed=1)
    assert capsys.readouterr().err == ""


def test_changing_loaded_data_does_not_change_the_cache():
    for _ in range(2):  # once as made, once as read
        data = load("train", COUNT)
        kept = digest(data)
        data.images[:] = 0
        data.waveforms.samples[:] = 0
        assert digest(load("train", COUNT)) == kept


def test_the_cache_folder_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("XMODAL_CACHE", "~/mine")
    assert cache.cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("XMODAL_CACHE", "")  # set, but empty: as if not set
    assert cache.cache_folder().is_absolute() and "xmodal_lab" in str(cache.cache_folder())


def flip_payload(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def flip_header(path):
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)


def of_another_seed(path):
    load("train", COUNT, seed=7)
    shutil.copy(path.with_name(path.name.replace("-0-", "-7-")), path)


def of_other_arrays(path):
    save_file({"images": np.zeros((COUNT, 3, 32, 32), np.uint8)}, path)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "cut in the header": lambda path: path.write_bytes(path.read_bytes()[:30]),
    "random bytes": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "a huge header": lambda path: path.write_bytes(b"\xff" * 5000),
    "one bit of the data": flip_payload,
    "one bit of the header": flip_header,
    "another seed": of_another_seed,
    "foreign arrays": of_other_arrays,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("name", [IMAGES, AUDIO])
def test_a_damaged_file_is_made_anew_with_a_notice(folder, nothing_is_made, capsys, name, damage):
    sound = digest(load("train", COUNT))
    damage(folder / f"{name}.safetensors")
    assert digest(load("train", COUNT)) == sound
    notices = capsys.readouterr().err.splitlines()
    assert len(notices) == 1 and notices[0].startswith("Note: ")
    assert f"{name}.safetensors cannot be used" in notices[0]
    assert notices[0].endswith("making the data anew.")
    nothing_is_made()
    assert digest(load("train", COUNT)) == sound
    assert capsys.readouterr().err == ""


def test_no_flipped_bit_anywhere_is_believed(folder):
    arrays = {"images": np.arange(24, dtype=np.uint8).reshape(2, 12), "ends": np.arange(2)}
    cache.cached("small", "f", lambda: arrays)
    path = folder / "small.safetensors"
    whole = path.read_bytes()
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 1 << (place % 8)
        path.write_bytes(content)
        with pytest.raises((ValueError, cache.SafetensorError, OSError)):
            cache._read(path, "f")


def test_changed_code_makes_the_data_anew(monkeypatch, capsys):
    sound = digest(load("train", COUNT))
    monkeypatch.setattr(store, "CODE", "another version")
    assert digest(load("train", COUNT)) == sound
    assert capsys.readouterr().err.count("data of another version") == 2


@pytest.mark.parametrize("name", ["word_bank.ogg", "word_bank.json"])
def test_another_word_bank_makes_only_speech_anew(data_copy, monkeypatch, capsys, name):
    load("train", COUNT)
    with (data_copy / name).open("ab") as file:
        file.write(b"\n")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    importlib.import_module("checksums").update(name)
    load("train", COUNT)
    notices = capsys.readouterr().err
    assert notices.count("Note:") == 1 and f"{AUDIO}.safetensors" in notices


def test_a_folder_in_the_place_of_a_file_costs_the_cache_only(folder, capsys):
    (folder / f"{IMAGES}.safetensors").mkdir(parents=True)
    assert digest(load("train", COUNT)) == digest(load("train", COUNT))
    assert "could not be written" in capsys.readouterr().err
    assert not list(folder.glob(".*.part"))


# --- a cache that cannot be written ---------------------------------------------------------------


def test_a_folder_that_cannot_be_made_costs_the_cache_only(tmp_path, monkeypatch, capsys):
    sound = digest(load("train", COUNT))
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XMODAL_CACHE", str(tmp_path / "file" / "cache"))
    assert digest(load("train", COUNT)) == sound
    assert capsys.readouterr().err.count("going on without a cache") == 2


def test_a_folder_that_does_not_exist_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XMODAL_CACHE", str(tmp_path / "a" / "b" / "ö c"))
    load("train", COUNT)
    assert files(tmp_path / "a" / "b" / "ö c") == [f"{AUDIO}.safetensors", f"{IMAGES}.safetensors"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_no_space_costs_the_cache_only(folder, monkeypatch, capsys, step):
    sound = digest(load("train", COUNT))
    shutil.rmtree(folder)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.os, step, full)
    assert digest(load("train", COUNT)) == sound
    assert capsys.readouterr().err.count("No space left on device") == 2
    assert files(folder) == []


def may_mount():
    unshare = shutil.which("unshare")
    if unshare is None or sys.platform != "linux":
        return False
    probe = [unshare, "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_real_disk_without_room_costs_the_cache_only(tmp_path, trouble):
    if not may_mount():
        pytest.skip("this machine lets nobody mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    sound = digest(load("train", 40))
    options = "size=64k" if trouble == "full" else "ro"
    mount = f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"'
    # In a namespace of its own the disk is gone with its process, whatever happens.
    process = python(
        START + "import os, sys; print(digest(scenes.load('train', 40)), os.listdir(sys.argv[1]))",
        str(disk),
        before=["unshare", "-Urm", "sh", "-c", mount, str(disk)],
        environment={"XMODAL_CACHE": str(disk)},
    )
    output, notices = process.communicate(timeout=120)
    assert output.split(maxsplit=1) == [sound, "[]\n"], notices
    reason = "No space left" if trouble == "full" else "Read-only"
    assert notices.count("going on without a cache") == notices.count(reason) == 2


# --- processes that die ---------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_process_killed_while_writing_leaves_nothing_that_is_believed(folder, capsys, step):
    code = f"""
import os, signal
os.{step} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from xmodal_lab.datasets import scenes
scenes.load("train", {COUNT})
"""
    process = python(code)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    (leftover,) = folder.iterdir()
    assert leftover.name.endswith(".part")
    # It may belong to a process that is still writing: it stays for an hour.
    sound = digest(load("train", COUNT))
    assert leftover.exists()
    os.utime(leftover, (time.time() - 4000,) * 2)
    load("train", COUNT + 1)
    assert not leftover.exists()
    assert digest(load("train", COUNT)) == sound
    assert capsys.readouterr().err == ""


def test_what_safetensors_leaves_behind_is_swept_too(folder):
    folder.mkdir()
    for name, age in ((".tmpAbC123", 4000), (".tmpXyZ789", 0), ("notes.txt", 4000)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    load("train", COUNT)
    assert files(folder) == [
        ".tmpXyZ789",
        "notes.txt",
        f"{AUDIO}.safetensors",
        f"{IMAGES}.safetensors",
    ]


def test_writing_needs_no_second_copy_in_memory(folder):
    tracemalloc = pytest.importorskip("tracemalloc")
    arrays = {"samples": np.zeros(2_000_000, np.int16)}
    tracemalloc.start()
    cache._write(folder / "large.safetensors", "f", arrays)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.5 * arrays["samples"].nbytes


# --- shipped files --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["word_bank.ogg", "word_bank.json"])
def test_a_damaged_word_bank_is_refused_even_with_a_sound_cache(data_copy, name):
    sound = load("train", COUNT)
    whole = (data_copy / name).read_bytes()
    (data_copy / name).write_bytes(whole[:-1])
    # A silent answer from the cache would hide the damage until the next seed.
    with pytest.raises(shipped.DamagedFileError, match=f"git checkout -- data/{name}"):
        load("train", COUNT)
    # What needs no recorded words still works.
    seen = load("train", COUNT, modalities=["text", "image"])
    assert seen.captions == sound.captions
    (data_copy / name).write_bytes(whole)
    assert digest(load("train", COUNT)) == digest(sound)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing.*XMODAL_DATA"),
        (b"", "does not list word_bank.ogg"),
        (b"0123456789abcdef\n", "SHA256SUMS is damaged"),
        (b"\xff\xfe\x00\x01\n", "SHA256SUMS is damaged"),
    ],
)
def test_a_damaged_list_of_checksums_is_refused(data_copy, content, message):
    listing = data_copy / "SHA256SUMS"
    listing.unlink() if content is None else listing.write_bytes(content)
    with pytest.raises(shipped.DamagedFileError, match=message):
        shipped.shipped("word_bank.ogg")


def test_the_list_of_checksums_may_have_any_line_ends(data_copy):
    listing = data_copy / "SHA256SUMS"
    listing.write_bytes(listing.read_bytes().replace(b"\n", b"\r\n").replace(b"  ", b" *"))
    name = "word_bank.json"
    assert json.loads(shipped.shipped(name).read_text())["sample_rate"] == 8000
    found = hashlib.sha256((data_copy / name).read_bytes()).hexdigest()
    assert shipped.shipped_digest(name) == found


def test_files_are_not_listed_by_path(data_copy):
    for name in ("../data/word_bank.ogg", "nowhere.bin", ""):
        with pytest.raises(shipped.DamagedFileError, match="does not list"):
            shipped.shipped(name)

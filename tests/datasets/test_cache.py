"""Whatever happens to the cache: the data is right, and what is wrong is said."""

import errno
import importlib
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

from xmodal_lab.datasets import cache
from xmodal_lab.datasets.scenes import load, store

ROOT = Path(__file__).resolve().parents[2]
COUNT = 6
IMAGES, AUDIO = f"scenes-train-all-{COUNT}-0-image", f"scenes-train-all-{COUNT}-0-audio"
START = "from digest import digest; from xmodal_lab.datasets import scenes; "


def files(folder):
    return sorted(path.name for path in folder.iterdir())


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


def test_a_file_of_an_older_version_is_made_anew_without_a_word(folder, capsys):
    folder.mkdir()
    header = {"name": "small", "fingerprint": "f", "checksum": "0" * 32}
    save_file({"ends": np.arange(2)}, folder / "small.safetensors", header)
    made = cache.cached("small", "f", lambda: {"ends": np.arange(3)})
    assert made["ends"].tolist() == [0, 1, 2] and capsys.readouterr().err == ""
    assert cache.cached("small", "f", dict)["ends"].tolist() == [0, 1, 2]


def test_a_fingerprint_knows_where_its_parts_end():
    lists = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), (b"ab", "é")]
    assert len({cache.fingerprint_of(*parts) for parts in lists}) == len(lists)
    assert cache.fingerprint_of("é") == cache.fingerprint_of("é".encode())


def test_changed_code_makes_the_data_anew_without_a_word(monkeypatch, capsys):
    sound = digest(load("train", COUNT))
    monkeypatch.setattr(store, "CODE", "another version")
    drawn = []
    draw_all = store._draw_all
    monkeypatch.setattr(store, "_draw_all", lambda *args: drawn.append(1) or draw_all(*args))
    assert digest(load("train", COUNT)) == sound
    assert drawn and capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["word_bank.ogg", "word_bank.json"])
def test_another_word_bank_makes_only_speech_anew(data_copy, folder, monkeypatch, name):
    load("train", COUNT)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
    with (data_copy / name).open("ab") as file:
        file.write(b"\n")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    importlib.import_module("checksums").update(name)
    load("train", COUNT)
    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {f"{AUDIO}.safetensors"}


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
def test_a_real_disk_without_room_costs_the_cache_only(tmp_path, trouble, python):
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
def test_a_process_killed_while_writing_leaves_nothing_that_is_believed(
    folder, capsys, step, python
):
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

"""Spoken digits: the published ones checked one by one, one's own beside them. All here are made.

The archive that the tests serve holds tones instead of voices, under the published names.
"""

import io
import shutil
import zipfile

import numpy as np
import pytest
import soundfile
import torch

from xmodal_lab.datasets import resumable, spoken_digits
from xmodal_lab.datasets.digest import sha256
from xmodal_lab.datasets.download import DownloadFailed
from xmodal_lab.datasets.recordings import UnreadableRecordings
from xmodal_lab.datasets.sounds import UnreadableSound

TOP = "free-spoken-digit-dataset-1.0.10"
SPEAKERS, TAKES = ("george", "theo"), (0, 4, 5, 49)


def steps(digit, speaker, take) -> np.ndarray:
    """What a made recording holds: its length and loudness tell whose it is."""
    length = 300 + 10 * digit + SPEAKERS.index(speaker) + 100 * TAKES.index(take)
    return (1000 * (digit + 1) * np.sin(0.1 * np.arange(length))).astype(np.int16)


def wave(samples, rate=8000, **options) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def files():
    return {
        f"{digit}_{speaker}_{take}.wav": wave(steps(digit, speaker, take))
        for digit in range(10)
        for speaker in SPEAKERS
        for take in TAKES
    }


@pytest.fixture
def published(files, monkeypatch):
    """From here on these are the published recordings."""
    known = {name: sha256(files[name]) for name in sorted(files)}
    listing = "".join(f"{digest}  {name}\n" for name, digest in known.items())
    monkeypatch.setattr(spoken_digits, "published", lambda: known)
    monkeypatch.setattr(spoken_digits, "LISTING", sha256(listing))
    monkeypatch.setattr(resumable, "PAUSE_SECONDS", 0)
    return files


def packed(path, files):
    """An archive as GitHub packs it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{TOP}/README.md", "about")
        archive.writestr(f"{TOP}/acquire_data/say_numbers_prompt.py", "print('no')")
        for name, content in files.items():
            archive.writestr(f"{TOP}/recordings/{name}", content)
    return path


@pytest.fixture
def served(range_server, published, tmp_path, monkeypatch):
    range_server.body = packed(tmp_path / "served.zip", published).read_bytes()
    monkeypatch.setattr(spoken_digits, "URL", range_server.url)
    return range_server


def unpacked(folder, files):
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


# --- the checksums ----------------------------------------------------------------------------


def test_the_shipped_checksums_are_those_of_the_published_listing():
    known = spoken_digits.published()
    assert len(known) == 3000 and list(known) == sorted(known)
    assert all(spoken_digits.FILE.fullmatch(name) for name in known)
    listing = "".join(f"{digest}  {name}\n" for name, digest in known.items())
    assert sha256(listing) == spoken_digits.LISTING
    # As the publishers' own files have it, for one of them.
    first = "228ab63fccdf262d2e05817b6ec918b15e7d9e4bfb6bb20183c46ae088405240"
    assert known["0_george_0.wav"] == first


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_every_row_is_the_recording_it_says(published, tmp_path, kind):
    place = (
        packed(tmp_path / "a.zip", published)
        if kind == "zip"
        else unpacked(tmp_path / "a", published)
    )
    data = spoken_digits.load(folder=place)
    assert len(data) == len(published) and data.waveforms.values.dtype == torch.int16
    assert data.digits.dtype == data.takes.dtype == torch.int64
    for row in range(len(data)):
        wanted = steps(int(data.digits[row]), data.speakers[row], int(data.takes[row]))
        assert int(data.waveforms.lengths[row]) == len(wanted)
        assert (data.waveforms.values[row, : len(wanted)].numpy() == wanted).all()
        assert not data.waveforms.values[row, len(wanted) :].any()
    told = list(zip(data.digits.tolist(), data.speakers, data.takes.tolist(), strict=True))
    assert told == sorted(told)


def test_the_published_split_by_takes(published, tmp_path):
    place = packed(tmp_path / "a.zip", published)
    train, test = (spoken_digits.load(split, place) for split in ("train", "test"))
    assert set(test.takes.tolist()) == {0, 4} and set(train.takes.tolist()) == {5, 49}
    assert len(train) + len(test) == len(published)


def test_rows_captions_and_matches(published, tmp_path):
    data = spoken_digits.load(folder=packed(tmp_path / "a.zip", published))
    some = data.select(np.array([79, 0, 5]))
    assert some.captions == ["nine", "zero", "zero"] and some.speakers[0] == "theo"
    assert some.waveforms.values.shape[1] == int(some.waveforms.lengths.max())
    assert some.matches().tolist() == [[True, False, False]] + 2 * [[False, True, True]]
    assert some.matches(data).sum(1).tolist() == [8, 8, 8]
    with pytest.raises(ValueError, match="got a mask"):
        data.select(data.digits == 3)
    with pytest.raises(ValueError, match="no row"):
        data.select([])


def test_ones_own_recordings_at_any_rate_stand_beside_the_published(published, tmp_path):
    own = np.stack([0.5 * np.sin(0.05 * np.arange(44100)), np.zeros(44100)], axis=1)
    place = unpacked(tmp_path / "a", {"7_theo_0.wav": published["7_theo_0.wav"],
                                      "7_anna-maria_2_12.wav": wave(own, 44100)})  # fmt: skip
    data = spoken_digits.load(folder=place)
    assert data.speakers == ("anna-maria_2", "theo") and data.takes.tolist() == [12, 0]
    assert data.waveforms.lengths.tolist() == [8000, len(steps(7, "theo", 0))]
    assert len(spoken_digits.load("train", place)) == 1


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_a_wrong_recording_is_named(published, tmp_path, kind):
    files = published | {"3_theo_5.wav": published["3_theo_49.wav"]}
    place = packed(tmp_path / "a.zip", files) if kind == "zip" else unpacked(tmp_path / "a", files)
    with pytest.raises(UnreadableSound, match=r"3_theo_5.wav in .* is not the published") as caught:
        spoken_digits.load(folder=place)
    assert "rename it if it is your own" in str(caught.value)


def test_what_is_no_sound_is_named(published, tmp_path):
    place = unpacked(tmp_path / "a", {"7_anna_0.wav": b"not a sound"})
    with pytest.raises(UnreadableSound, match=r"^7_anna_0.wav in .* is no WAV"):
        spoken_digits.load(folder=place)


def test_bad_requests(published, tmp_path):
    place = unpacked(tmp_path / "a", {"7_theo_0.wav": published["7_theo_0.wav"]})
    with pytest.raises(ValueError, match="unknown split 'val': choose one of train, test"):
        spoken_digits.load("val", place)
    with pytest.raises(ValueError, match="holds no recording of the train split"):
        spoken_digits.load("train", place)
    with pytest.raises(UnreadableRecordings, match="there is no folder"):
        spoken_digits.load(folder=tmp_path / "nowhere")


# --- the network ------------------------------------------------------------------------------


def test_downloaded_once_and_checked_every_time(served, folder):
    assert not spoken_digits.available()
    data = spoken_digits.load()
    assert len(data) == 80 and served.asked == [None] and spoken_digits.available()
    assert len(spoken_digits.load("test")) == 40 and served.asked == [None]
    path = folder / "downloads" / spoken_digits.NAME
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert len(spoken_digits.load()) == 80 and served.asked == [None, None]


def test_a_broken_transfer_goes_on(served):
    half = resumable.BLOCK
    assert len(served.body) > half
    served.breaks = [half + 1]
    assert len(spoken_digits.load()) == 80
    assert served.asked == [None, f"bytes={half}-"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files.popitem(), "1 of 80 recordings are missing or others, as 9_theo_49"),
        (lambda files: files.update({"0_theo_5.wav": b"x"}), "1 of 80 .* as 0_theo_5.wav"),
        (lambda files: files.clear(), "holds no recording named as"),
    ],
)
def test_another_archive_is_refused(served, published, tmp_path, folder, change, said):
    change(files := dict(published))
    served.body = packed(tmp_path / "other.zip", files).read_bytes()
    with pytest.raises(DownloadFailed, match=said):
        spoken_digits.load()
    assert not spoken_digits.available() and not list((folder / "downloads").iterdir())


def test_more_recordings_than_the_published_do_no_harm(served, published, tmp_path):
    more = dict(published) | {"0_zoe_0.wav": wave(np.zeros(900))}
    served.body = packed(tmp_path / "more.zip", more).read_bytes()
    assert "zoe" in spoken_digits.load().speakers


def test_without_a_network_one_line_and_by_hand_it_works(served, tmp_path, folder, monkeypatch):
    monkeypatch.setenv("XMODAL_OFFLINE", "1")
    with pytest.raises(DownloadFailed, match="network is switched off") as caught:
        spoken_digits.load()
    place = folder / "downloads" / spoken_digits.NAME
    assert f"put the file at {place} by hand" in str(caught.value)
    assert "\n" not in str(caught.value)
    place.parent.mkdir(parents=True)
    shutil.copy(tmp_path / "served.zip", place)
    assert len(spoken_digits.load()) == 80

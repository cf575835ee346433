"""The data card, the checksums and the shipped files say the same; the tools keep them so."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from xmodal_lab.datasets.scenes.factors import TRAIN_VOICES
from xmodal_lab.datasets.shipped import DamagedFileError, shipped

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
SPEECH = [f"{bank}.{end}" for bank in ("natural_captions", "word_bank") for end in ("json", "ogg")]


@pytest.fixture
def data_copy(tmp_path):
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def listed(folder):
    rows = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    return {name: digest for digest, name in rows}


def table(folder):
    """Name, bytes and SHA-256 of every file in the card's table."""
    row = r"^\| `([^`]+)` \| ([\d,]+) \| `([0-9a-f]{64})` \|$"
    found = re.findall(row, (folder / "README.md").read_text(encoding="utf-8"), flags=re.M)
    return {name: (int(size.replace(",", "")), digest) for name, size, digest in found}


# --- what ships ---------------------------------------------------------------------------------


def test_every_shipped_file_is_listed_with_its_checksum():
    described = {"README.md", "SHA256SUMS"}
    files = {p.name for p in DATA.iterdir() if not p.name.startswith(".")} - described
    assert files == set(listed(DATA)) and set(SPEECH) <= files
    assert list(listed(DATA)) == sorted(files)
    for name, digest in listed(DATA).items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, name


def test_the_card_gives_size_and_checksum_of_every_file():
    expected = {name: ((DATA / name).stat().st_size, d) for name, d in listed(DATA).items()}
    assert table(DATA) == expected


def test_the_recorded_speech_stays_small():
    assert sum((DATA / name).stat().st_size for name in SPEECH) <= 2_000_000
    assert (DATA / "mood_bank.ogg").stat().st_size <= 2_500_000


def test_the_card_counts_what_the_indices_hold():
    card = (DATA / "README.md").read_text(encoding="utf-8")
    bank = json.loads((DATA / "word_bank.json").read_text())
    spans = [span for voice in bank["voices"] for span in voice["clips"].values()]
    seconds = sum(length for _, length in spans) / bank["sample_rate"]
    units = len(bank["voices"][0]["clips"])
    assert (
        f"{len(bank['voices'])} voices × {units} units = {len(spans):,} clips, {seconds:.0f} s"
    ) in card
    natural = json.loads((DATA / "natural_captions.json").read_text())
    lengths = [r["length"] / natural["sample_rate"] for r in natural["recordings"]]
    voices = {r["voice"] for r in natural["recordings"]}
    assert f"{len(lengths)} recordings by {len(voices)} voices, {sum(lengths):.0f} s" in card


def test_the_card_counts_what_the_mood_bank_holds_and_says_how_moods_were_made(tools):
    card = (DATA / "README.md").read_text(encoding="utf-8")
    bank = json.loads((DATA / "mood_bank.json").read_text())
    clips = [voice["clips"] for voice in bank["voices"]]
    spans = {m: [span for said in clips for span in said[m].values()] for m in clips[0]}
    lengths = {mood: [length for _, length in some] for mood, some in spans.items()}
    seconds = sum(sum(some) for some in lengths.values()) / bank["sample_rate"]
    words, count = len(clips[0]["sad"]), sum(len(some) for some in lengths.values())
    assert f"24 voices × 2 moods × {words} words = {count:,} clips, {seconds:.0f} s" in card
    for mood, prosody in tools("render_mood_bank").MOODS.items():
        mean = sum(lengths[mood]) / len(lengths[mood]) / bank["sample_rate"]
        row = f"| {mood} | {prosody.pitch:+d} | {prosody.pitch_range} | × {prosody.rate} "
        assert f"{row}| {mean:.2f} |" in card


def test_the_card_describes_every_voice_as_it_was_made():
    card = (DATA / "README.md").read_text(encoding="utf-8")
    bank = json.loads((DATA / "word_bank.json").read_text())
    for number, voice in enumerate(bank["voices"]):
        use = "training" if number in TRAIN_VOICES else "testing"
        accent, variant = voice["name"].split(", ")
        settings = f"{voice['pitch']} | {voice['speed']} | {use}"
        assert f"| {number} | {accent} | {variant} | {settings} |" in card


def test_the_card_names_licence_and_limits():
    card = (DATA / "README.md").read_text(encoding="utf-8")
    for needed in ("CC BY 4.0", "GPL-3.0", "8 kHz", "English only", "tools/render_word_bank.py"):
        assert needed in card


# --- tools/checksums.py -------------------------------------------------------------------------


def test_updating_unchanged_files_changes_nothing(tools, data_copy):
    before = {p.name: p.read_bytes() for p in data_copy.iterdir()}
    tools("checksums").update(folder=data_copy)
    tools("checksums").update(*SPEECH, folder=data_copy)
    assert {p.name: p.read_bytes() for p in data_copy.iterdir()} == before


def test_a_new_file_joins_the_others(tools, data_copy, monkeypatch):
    before = listed(data_copy)
    (data_copy / "more_weights.safetensors").write_bytes(b"weights")
    tools("checksums").update("more_weights.safetensors", folder=data_copy)
    digest = hashlib.sha256(b"weights").hexdigest()
    assert listed(data_copy) == before | {"more_weights.safetensors": digest}
    assert list(listed(data_copy)) == sorted(listed(data_copy))
    assert table(data_copy)["more_weights.safetensors"] == (7, digest)
    monkeypatch.setenv("XMODAL_DATA", str(data_copy))
    assert shipped("more_weights.safetensors").read_bytes() == b"weights"


def test_only_named_files_get_a_new_checksum(tools, data_copy, monkeypatch):
    # Otherwise adding one file would bless the damage of another.
    (data_copy / "word_bank.ogg").write_bytes(b"damaged")
    tools("checksums").update("word_bank.json", folder=data_copy)
    monkeypatch.setenv("XMODAL_DATA", str(data_copy))
    with pytest.raises(DamagedFileError, match="damaged"):
        shipped("word_bank.ogg")


@pytest.mark.parametrize("trouble", ["missing file", "no markers"])
def test_an_update_that_fails_writes_nothing(tools, data_copy, trouble):
    name, error = "nowhere.bin", FileNotFoundError
    if trouble == "no markers":
        name, error = "word_bank.ogg", ValueError
        (data_copy / "README.md").write_text("# A card without its table\n")
        (data_copy / "word_bank.ogg").write_bytes(b"new")
    before = {p.name: p.read_bytes() for p in data_copy.iterdir()}
    with pytest.raises(error, match=r"nowhere\.bin|end of files"):
        tools("checksums").update(name, folder=data_copy)
    assert {p.name: p.read_bytes() for p in data_copy.iterdir()} == before


# --- tools/rendering.py --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["word_bank.ogg", "natural_captions.ogg", "mood_bank.ogg"])
def test_shipped_streams_have_the_fixed_serial_and_valid_page_checksums(tools, name):
    content = (DATA / name).read_bytes()
    assert content[:4] == b"OggS" and int.from_bytes(content[14:18], "little") == 1
    assert tools("rendering").with_fixed_serial(content) == content


def test_written_audio_is_the_same_twice_and_keeps_its_clips(tools, tmp_path):
    import soundfile

    render = tools("rendering")
    times = np.arange(4000) / render.SAMPLE_RATE
    clips = [render.level(render.fade(np.sin(2 * np.pi * hz * times))) for hz in (300, 700, 1500)]
    starts = render.write_audio(tmp_path, "word_bank", clips)
    first = (tmp_path / "word_bank.ogg").read_bytes()
    assert render.write_audio(tmp_path, "word_bank", clips) == starts
    assert (tmp_path / "word_bank.ogg").read_bytes() == first
    samples, rate = soundfile.read(tmp_path / "word_bank.ogg")
    assert rate == render.SAMPLE_RATE and [p.name for p in tmp_path.iterdir()] == ["word_bank.ogg"]
    for start, clip in zip(starts, clips, strict=True):
        assert np.corrcoef(samples[start : start + len(clip)], clip)[0, 1] > 0.99


def test_clips_are_trimmed_faded_and_levelled(tools):
    render = tools("rendering")
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(2400) / render.SAMPLE_RATE)
    silence = np.zeros(1500)
    trimmed = render.trim(np.concatenate([silence, tone, silence]))
    margin = (render.MARGIN + 0.01) * render.SAMPLE_RATE
    assert len(tone) <= len(trimmed) <= len(tone) + 2 * margin
    faded = render.fade(tone)
    assert faded[0] == faded[-1] == 0
    np.testing.assert_array_equal(faded[100:-100], tone[100:-100])
    assert np.sqrt(np.mean(render.level(tone) ** 2)) == pytest.approx(render.LEVEL)
    click = np.zeros(8000)
    click[4000] = 0.1
    assert np.abs(render.level(click)).max() == pytest.approx(render.PEAK)


@pytest.mark.parametrize("tool", ["render_word_bank", "render_mood_bank"])
def test_without_espeak_the_tool_says_how_to_get_it(tools, data_copy, monkeypatch, tool):
    before = {p.name: p.read_bytes() for p in data_copy.iterdir()}
    monkeypatch.setattr(tools("rendering").shutil, "which", lambda name: None)
    monkeypatch.setattr("sys.argv", [tool, "--folder", str(data_copy)])
    with pytest.raises(SystemExit, match="apt install espeak-ng"):
        tools(tool).main()
    assert {p.name: p.read_bytes() for p in data_copy.iterdir()} == before


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_takes_every_accent_and_variant(tools):
    # espeak-ng 1.51 ignores the variant of 'en-gb+m3' without a word.
    render = tools("rendering")
    plain = {v: render.Voice(v.accent, "none", v.pitch, v.speed) for v in render.VOICES}
    for voice, without in plain.items():
        spoken, bare = render.utter("ring", voice), render.utter("ring", without)
        assert len(spoken) != len(bare) or not np.allclose(spoken, bare), voice


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize("mood", ["sad", "glad"])
def test_a_word_of_the_mood_bank_is_rendered_the_same_again(tools, mood):
    import soundfile

    render, voices = tools("render_mood_bank"), tools("rendering").VOICES
    index = json.loads((DATA / "mood_bank.json").read_text())
    samples, _ = soundfile.read(DATA / "mood_bank.ogg")
    for number in (3, 20):
        prosody = render.MOODS[mood]
        clip, again = (render.say("garden", voices[number], prosody) for _ in range(2))
        np.testing.assert_array_equal(clip, again)
        start, length = index["voices"][number]["clips"][mood]["garden"]
        assert length == len(clip), "another espeak-ng than the card names? render the bank anew"
        assert np.corrcoef(samples[start : start + length], clip)[0, 1] > 0.98


def test_a_cue_can_be_made_equal_in_both_moods(tools):
    render = tools("render_mood_bank")
    sad, glad = (prosody for _, prosody in render.equalised(["pitch"]))
    assert sad[:2] == glad[:2] == render.NEUTRAL[:2] and sad.rate < glad.rate
    sad, glad = (prosody for _, prosody in render.equalised(["rate"]))
    assert sad.rate == glad.rate == 1 and sad.pitch < glad.pitch
    assert dict(render.equalised([])) == render.MOODS

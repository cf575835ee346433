"""Sound files as people have them: read rightly, or refused in a line that says what to do."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile

from xmodal_lab.datasets.sounds import UnreadableSound, read, resample
from xmodal_lab.datasets.whole_sounds import damage

RATE = 8000
TIME = np.arange(RATE) / RATE


def tone(hertz=440.0, rate=RATE, seconds=1.0, level=0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def strongest(samples, rate=RATE) -> float:
    """Hertz of the loudest tone."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def saved(folder, samples, name="a.wav", rate=RATE, **options):
    soundfile.write(folder / name, samples, rate, **options)
    return folder / name


@pytest.mark.parametrize(
    ("name", "subtype", "step"),
    [
        ("a.wav", "PCM_U8", 2 / 256),
        ("a.wav", "PCM_16", 2 / 2**16),
        ("a.wav", "PCM_24", 2 / 2**24),
        ("a.wav", "PCM_32", 2 / 2**24),
        ("a.wav", "FLOAT", 2 / 2**24),
        ("a.wav", "DOUBLE", 2 / 2**24),
        ("a.wav", "ULAW", 0.02),
        ("a.flac", "PCM_S8", 2 / 256),
        ("a.flac", "PCM_16", 2 / 2**16),
        ("a.flac", "PCM_24", 2 / 2**24),
    ],
)
def test_every_kind_of_sample_comes_back_to_a_step(tmp_path, name, subtype, step):
    found = read(saved(tmp_path, tone(), name, subtype=subtype))
    assert found.dtype == np.float32 and found.shape == (RATE,)
    assert np.abs(found - tone()).max() <= step


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_is_near(tmp_path, subtype):
    found = read(saved(tmp_path, tone(), "a.ogg", subtype=subtype))
    assert len(found) == RATE and strongest(found) == pytest.approx(440, abs=2)
    assert np.corrcoef(found, tone())[0, 1] > 0.98


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 44101, 96000, 1000])
@pytest.mark.parametrize("wanted", [8000, 16000])
def test_another_rate_keeps_pitch_and_length(tmp_path, rate, wanted):
    found = read(saved(tmp_path, tone(300, rate), rate=rate, subtype="FLOAT"), rate=wanted)
    assert len(found) == pytest.approx(wanted, abs=1)
    middle = slice(wanted // 10, -wanted // 10)
    assert np.abs((found[:wanted] - tone(300, wanted))[middle]).max() < 0.02


def test_what_the_wanted_rate_cannot_hold_is_filtered_out(tmp_path):
    """5 kHz at 44.1 kHz would come back as 3 kHz at 8 kHz."""
    found = read(saved(tmp_path, tone(5000, 44100), rate=44100))
    assert np.abs(found[400:-400]).max() < 0.01


def test_channels_are_averaged_and_not_put_in_a_row(tmp_path):
    both = np.stack([tone(), 0.2 * tone(880)], axis=1)
    found = read(saved(tmp_path, both, subtype="FLOAT"))
    assert found.shape == (RATE,)
    np.testing.assert_allclose(found, both.mean(1), atol=1e-6)


def test_the_content_of_a_file_is_read_like_the_file(tmp_path):
    path = saved(tmp_path, tone(), "a.flac")
    assert (read(path.read_bytes()) == read(str(path))).all()


@pytest.mark.parametrize("rate", [8000, 44100, 1000])
def test_one_sample(tmp_path, rate):
    found = read(saved(tmp_path, np.array([0.25]), rate=rate, subtype="FLOAT"))
    assert len(found) >= 1 and np.isfinite(found).all()
    if rate == RATE:
        assert found == pytest.approx([0.25])


def test_silence_stays_silent(tmp_path):
    assert (read(saved(tmp_path, np.zeros(100))) == 0).all()


def test_what_is_too_loud_is_turned_down_as_a_whole(tmp_path):
    found = read(saved(tmp_path, tone(level=2.0), subtype="FLOAT"))
    assert np.abs(found).max() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found, tone(level=1.0), atol=1e-3)


def test_equal_rates_change_nothing():
    samples = tone().astype(np.float32)
    assert resample(samples, 16000, 16000) is samples


# --- what is refused --------------------------------------------------------------------------


def refused(path, said, **options):
    with pytest.raises(UnreadableSound, match=said) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    named = "this sound" if isinstance(path, bytes) else str(path)
    assert str(caught.value).startswith(named)


def test_no_file_an_empty_one_and_one_that_is_no_sound(tmp_path):
    refused(tmp_path / "a.wav", "there is no such file")
    refused(tmp_path, "there is no such file")
    (tmp_path / "a.wav").write_bytes(b"")
    refused(tmp_path / "a.wav", "is empty: download or copy it anew")
    (tmp_path / "a.wav").write_text("<html>404</html>")
    refused(tmp_path / "a.wav", "is no WAV, FLAC or Ogg file")
    refused(b"\x1a\x45\xdf\xa3" + bytes(1000), "is no WAV, FLAC or Ogg file")  # WebM, of a browser


@pytest.mark.parametrize("name", ["a.mp3", "a.aiff"])
def test_another_format_is_named(tmp_path, name):
    refused(saved(tmp_path, tone(), name), f"format {name[2:].upper()}: save it as WAV")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_no_samples(tmp_path, name):
    refused(saved(tmp_path, np.zeros(0), name), "holds no samples|is damaged|is empty")


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"),
        ("a.wav", "FLOAT"),
        ("a.flac", "PCM_16"),
        ("a.ogg", "VORBIS"),
        ("a.ogg", "OPUS"),
    ],
)
@pytest.mark.parametrize("share", [0.002, 0.1, 0.5, 0.95, 0.999])
def test_cut_short(tmp_path, name, subtype, share):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE)
    path = saved(tmp_path, noise, name, subtype=subtype)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(path, "is damaged|or a damaged one")


@pytest.mark.parametrize("name", ["a.flac", "a.ogg"])
@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_flipped_byte(tmp_path, name, place):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE)
    path = saved(tmp_path, noise, name)
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    path.write_bytes(content)
    refused(path, "is damaged")


def test_a_wave_whose_length_was_not_known_yet_is_whole(tmp_path):
    """As programs write it that send a recording on while it is made."""
    content = bytearray(saved(tmp_path, tone(), subtype="PCM_16").read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = content[4:8] = b"\xff\xff\xff\xff"
    assert damage(bytes(content)) == ""
    assert len(read(bytes(content))) == RATE


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number(tmp_path, wrong):
    samples = tone()
    samples[[1234, 5000]] = wrong
    refused(saved(tmp_path, samples, subtype="FLOAT"), "NaN or infinity, first at sample 1234")


def test_steps_of_16_bits_saved_as_real_numbers(tmp_path):
    refused(saved(tmp_path, 20_000 * tone(), subtype="FLOAT"), "up to 10,000, where 1 is the loud")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_an_hour_is_refused_without_being_decoded(tmp_path, name):
    path = tmp_path / name
    subtype = "VORBIS" if name == "a.ogg" else "PCM_U8" if name == "a.wav" else "PCM_16"
    with soundfile.SoundFile(path, "w", RATE, 1, subtype=subtype) as file:
        for _ in range(3600):
            file.write(np.zeros(RATE))
    tracemalloc.start()
    refused(path, "lasts 3,600 s, the limit is 60 s: cut it, or give seconds=…")
    assert tracemalloc.get_traced_memory()[1] < path.stat().st_size + 5e6
    tracemalloc.stop()


def test_the_limits_are_the_callers(tmp_path):
    path = saved(tmp_path, tone(seconds=2.0))
    refused(path, "lasts 2 s, the limit is 1.5 s", seconds=1.5)
    refused(path, "has 0.0 MB, the limit is 0.01", megabytes=0.01)
    assert len(read(path, seconds=2.0)) == 2 * RATE


def test_a_file_that_is_too_large_is_not_opened(tmp_path):
    with (tmp_path / "a.wav").open("wb") as file:
        file.truncate(60_000_000)
    refused(tmp_path / "a.wav", "has 60.0 MB, the limit is 50: cut it")


@pytest.mark.parametrize("rate", [1, 500_000])
def test_a_file_that_tells_of_an_impossible_rate(tmp_path, rate):
    refused(saved(tmp_path, np.zeros(100), rate=rate), f"tells of {rate} samples a second")


def test_too_many_channels():
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((10, 33)), RATE, format="WAV")
    refused(buffer.getvalue(), "has 33 channels, at most 32")


def test_a_header_that_promises_more_than_there_is_costs_nothing():
    """44 bytes that speak of 4 gigabytes."""
    head = b"RIFF" + struct.pack("<I", 2**32 - 2) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    refused(head + b"data" + struct.pack("<I", 2**32 - 40), "0 of 4,294,967,256 bytes of sound")


@pytest.mark.parametrize("rate", [0, -8000, 300_000])
def test_a_wanted_rate_that_is_none(tmp_path, rate):
    with pytest.raises(ValueError, match="rate must be from 1,000 to 192,000 Hz"):
        read(tmp_path / "a.wav", rate=rate)

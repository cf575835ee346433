"""Shipped files that are damaged are refused, with the way to mend them."""

import hashlib
import json

import pytest
from digest import digest

from xmodal_lab.datasets import shipped
from xmodal_lab.datasets.scenes import load

COUNT = 6


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

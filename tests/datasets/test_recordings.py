"""Folders and archives of recordings: the right files in order, or one line."""

import re
import stat
import zipfile
import zlib

import pytest

from xmodal_lab.datasets import recordings as room
from xmodal_lab.datasets.recordings import UnreadableRecordings, recordings

PATTERN = re.compile(r"[0-9]_[a-z]+_[0-9]\.wav")


@pytest.fixture(params=["folder", "zip"])
def put(request, tmp_path):
    """Writes files into a folder or an archive and gives its path."""

    def write(files):
        if request.param == "zip":
            with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in files.items():
                    archive.writestr(name, content)
            return tmp_path / "a.zip"
        for name, content in files.items():
            path = tmp_path / "folder" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / "folder"

    return write


@pytest.mark.parametrize("where", ["", "recordings/", "some-1.0/recordings/"])
def test_files_whose_name_fits_in_their_order(put, where):
    place = put({f"{where}{name}": name.encode() for name in
                 ("1_b_0.wav", "0_a_1.wav", "notes.txt", "0_A_1.wav", "._0_a_1.wav", "0_a_1.mp3")
                 })  # fmt: skip
    found = list(recordings(place, PATTERN))
    assert found == [("0_a_1.wav", b"0_a_1.wav"), ("1_b_0.wav", b"1_b_0.wav")]
    assert list(recordings(str(place), PATTERN)) == found


def refused(place, said):
    with pytest.raises(UnreadableRecordings, match=said) as caught:
        list(recordings(place, PATTERN))
    assert str(place) in str(caught.value) and "\n" not in str(caught.value)


def test_none_at_all_and_files_too_deep(put):
    refused(put({"readme.txt": b"", "a/b/c/0_a_1.wav": b"x"}), "holds no recording named as")


def test_the_same_name_twice(put):
    refused(put({"0_a_1.wav": b"one", "copy/0_a_1.wav": b"two"}), "0_a_1.wav twice")


def test_no_such_place(tmp_path):
    refused(tmp_path / "nowhere", "there is no folder or .zip")


def test_too_large(put, monkeypatch):
    monkeypatch.setattr(room, "LARGEST", 1000)
    monkeypatch.setattr(room, "ALL", 1500)
    refused(put({"0_a_1.wav": bytes(1001)}), "holds too much: 0_a_1.wav")


def test_too_much_together(put, monkeypatch):
    monkeypatch.setattr(room, "ALL", 1500)
    refused(put({f"{n}_a_1.wav": bytes(600) for n in range(3)}), "holds too much")


def test_a_bomb_is_not_unfolded(tmp_path, monkeypatch):
    """A gigabyte of zeros in a megabyte: its size is read, never its content."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0_a_1.wav", bytes(10**7))
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unfolded"))
    refused(path, "0_a_1.wav has 10.0 MB, a recording may have 5")


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_says(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0_a_1.wav", bytes(10**7))
    content = path.read_bytes()
    path.write_bytes(content.replace((10**7).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    refused(path, "0_a_1.wav in .* cannot be read")  # a hundred zeros have another checksum


@pytest.mark.parametrize("name", ["../../0_a_1.wav", "/etc/0_a_1.wav"])
def test_names_that_lead_elsewhere_write_nothing(tmp_path, name):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    path = tmp_path / "in" / "deep" / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"x")
    before = sorted(tmp_path.rglob("*"))
    assert list(recordings(path, PATTERN)) == [("0_a_1.wav", b"x")]
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_that_is_none_or_half(tmp_path):
    path = tmp_path / "a.zip"
    path.write_text("<html>404</html>")
    refused(path, "is no .zip archive, or a damaged one")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0_a_1.wav", bytes(1000))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "is no .zip archive, or a damaged one")


def test_a_flipped_byte_in_an_archive(tmp_path):
    path = tmp_path / "a.zip"
    body = zlib.crc32(b"x").to_bytes(4, "little") * 300
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0_a_1.wav", body)
    content = bytearray(path.read_bytes())
    content[content.index(body) + 500] ^= 0xFF
    path.write_bytes(content)
    refused(path, "0_a_1.wav in .* cannot be read .*download or copy it anew")


def test_a_locked_archive(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0_a_1.wav", b"x" * 100)
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(start) + flags] |= 1  # "encrypted"
    path.write_bytes(content)
    refused(path, "cannot be read .*(encrypted|password)")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "0_a_1.wav"
    path.write_bytes(b"x")
    path.chmod(0)
    try:
        path.read_bytes()
        pytest.skip("this user may read everything")
    except PermissionError:
        refused(tmp_path, "0_a_1.wav in .* cannot be read")
    finally:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)

"""A broken transfer goes on where it ended; what is not the wanted file is never believed."""

import errno
import os
from pathlib import Path

import pytest

from xmodal_lab.datasets import resumable
from xmodal_lab.datasets.download import DownloadFailed

BODY = bytes(range(256)) * 2000
BLOCK = resumable.BLOCK


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(resumable, "PAUSE_SECONDS", 0)


@pytest.fixture
def server(range_server):
    range_server.body = BODY
    return range_server


def complaint(path: Path) -> str:
    return "" if path.read_bytes() == BODY else "it is another one"


def fetched(server, folder, most=10**7):
    return resumable.fetch_checked(server.url, complaint, most, folder=folder)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_once(server, tmp_path):
    for _ in range(2):
        assert fetched(server, tmp_path / "new") == tmp_path / "new" / "file.bin"
    assert server.asked == [None]
    assert (tmp_path / "new" / "file.bin").read_bytes() == BODY
    assert left_in(tmp_path / "new") == ["file.bin"]


def test_a_broken_transfer_asks_for_the_rest_at_once(server, tmp_path):
    server.breaks = [BLOCK, 3 * BLOCK + 7, 0]
    assert fetched(server, tmp_path).read_bytes() == BODY
    assert server.asked == [None, f"bytes={BLOCK}-", *2 * [f"bytes={4 * BLOCK}-"]]
    assert left_in(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("way", ["ranges", "whole", "chunked"])
def test_what_came_is_kept_for_another_day(server, tmp_path, way):
    server.way, server.breaks = way, [n * BLOCK for n in (1, 2, 3, 4)]
    with pytest.raises(DownloadFailed, match=r"broke in the middle.*Try again: what has come"):
        fetched(server, tmp_path)
    kept = (1 + 2 + 3 + 4 if way == "ranges" else 4) * BLOCK
    assert left_in(tmp_path) == ["file.bin.partial"]
    assert (tmp_path / "file.bin.partial").stat().st_size == kept
    assert fetched(server, tmp_path).read_bytes() == BODY
    assert server.asked[4] == f"bytes={kept}-"


@pytest.mark.parametrize("way", ["whole", "chunked", "wrong part"])
def test_a_server_that_gives_no_ranges_gives_the_whole_again(server, tmp_path, way):
    server.way, server.breaks = way, [5 * BLOCK]
    assert fetched(server, tmp_path).read_bytes() == BODY
    assert server.asked[:2] == [None, f"bytes={5 * BLOCK}-"]


@pytest.mark.parametrize("size", [1000, len(BODY), len(BODY) + 5])
def test_the_beginning_of_another_file_is_thrown_away(server, tmp_path, size):
    """As an archive that was packed anew in the meantime."""
    (tmp_path / "file.bin.partial").write_bytes(b"x" * size)
    assert fetched(server, tmp_path).read_bytes() == BODY
    assert server.asked == [f"bytes={size}-", None]


def test_a_transfer_that_ended_just_before_it_was_renamed(server, tmp_path):
    (tmp_path / "file.bin.partial").write_bytes(BODY)
    assert fetched(server, tmp_path).read_bytes() == BODY
    assert server.asked == [f"bytes={len(BODY)}-"]


def test_another_content_than_expected(server, tmp_path):
    server.body = b"<html>please log in</html>"
    with pytest.raises(DownloadFailed, match=r"another file than expected: it is another one; not"):
        fetched(server, tmp_path)
    assert left_in(tmp_path) == []


def test_404(server, tmp_path):
    server.way = "404"
    with pytest.raises(DownloadFailed, match="server answered 404") as caught:
        fetched(server, tmp_path)
    assert f"put the file at {tmp_path / 'file.bin'} by hand" in str(caught.value)
    assert "is kept" not in str(caught.value) and server.asked == [None]


def test_a_file_without_end_is_given_up(server, tmp_path):
    with pytest.raises(DownloadFailed, match="more than 100,000 bytes"):
        fetched(server, tmp_path, most=100_000)
    assert left_in(tmp_path) == []


def test_without_a_network(server, tmp_path):
    server.url = "http://127.0.0.1:9/file.bin"  # nobody listens at the port of 'discard'
    with pytest.raises(DownloadFailed, match=r"no connection to the server.*by hand"):
        fetched(server, tmp_path)
    (tmp_path / "file.bin").write_bytes(BODY)
    assert fetched(server, tmp_path) == tmp_path / "file.bin"


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "XMODAL_OFFLINE"])
def test_the_network_can_be_switched_off(server, tmp_path, monkeypatch, switch):
    monkeypatch.setenv(switch, "1")
    with pytest.raises(DownloadFailed, match=f"switched off.*{switch}"):
        fetched(server, tmp_path)
    assert server.asked == []


def test_a_damaged_file_stays_until_a_sound_one_comes(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"damaged")
    server.way = "404"
    with pytest.raises(DownloadFailed, match=r"is damaged \(it is another one\): replace it"):
        fetched(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == b"damaged"
    server.way = "ranges"
    assert fetched(server, tmp_path).read_bytes() == BODY


def test_a_full_disk_is_named(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(resumable, "_rest", full)
    with pytest.raises(DownloadFailed, match="disk is full, make room"):
        fetched(server, tmp_path)


def test_a_real_full_disk_keeps_what_came(server, tmp_path):
    """/dev/full takes nothing: the error comes from writing, not from a stand-in."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    (tmp_path / "file.bin.partial").symlink_to("/dev/full")
    with pytest.raises(DownloadFailed, match="disk is full, make room"):
        fetched(server, tmp_path)


def test_a_folder_that_is_none(server, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DownloadFailed, match="folder cannot be written"):
        fetched(server, tmp_path / "taken")

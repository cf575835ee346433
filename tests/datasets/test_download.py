"""A download is whole and right, or there is one clear sentence and nothing else."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from xmodal_lab.datasets import download
from xmodal_lab.datasets.download import DownloadFailed, fetch

BODY = bytes(range(256)) * 400
SHA256, MD5 = hashlib.sha256(BODY).hexdigest(), hashlib.md5(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path.startswith("/broken"):
            self.wfile.write(BODY[:1000])
        elif self.path.startswith("/slow"):
            self.wfile.write(BODY[:70000])
            self.wfile.flush()
            self.server.released.wait(30)
        else:
            self.wfile.write(BODY)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "XMODAL_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.released = [], threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def left_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("checksum", [{"sha256": SHA256}, {"md5": MD5}, {"md5": MD5.upper()}])
def test_a_file_is_fetched_once(server, tmp_path, checksum):
    for _ in range(2):
        path = fetch(f"{server.url}/some/file.bin?x=1", **checksum, folder=tmp_path)
        assert path == tmp_path / "file.bin" and path.read_bytes() == BODY
    assert len(server.asked) == 1
    assert left_in(tmp_path) == ["file.bin"]


def test_it_lies_in_the_users_cache_under_the_name_that_was_given(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XMODAL_CACHE", str(tmp_path))
    path = fetch(f"{server.url}/file.bin", SHA256, name="mine.bin")
    assert path == tmp_path / "downloads" / "mine.bin"


@pytest.mark.parametrize("damage", [BODY[:-1], b"", b"\0" + BODY[1:]])
def test_a_damaged_copy_is_fetched_anew(server, tmp_path, damage):
    (tmp_path / "file.bin").write_bytes(damage)
    assert fetch(f"{server.url}/file.bin", SHA256, folder=tmp_path).read_bytes() == BODY


@pytest.mark.parametrize(
    ("page", "checksum", "said"),
    [
        ("file.bin", {"sha256": "0" * 64}, r"another file.*sha256 is .*not 000000000000…"),
        ("file.bin", {"md5": "0" * 32}, r"another file.*md5 is"),
        ("broken.bin", {"sha256": SHA256}, r"broken.bin.*connection broke in the middle"),
        ("missing.bin", {"sha256": SHA256}, r"missing.bin.*server answered 404"),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(server, tmp_path, page, checksum, said):
    with pytest.raises(DownloadFailed, match=said) as caught:
        fetch(f"{server.url}/{page}", **checksum, folder=tmp_path)
    # What, from where, what to do.
    assert str(tmp_path / page) in str(caught.value) and server.url in str(caught.value)
    assert left_in(tmp_path) == []


def test_without_a_network_one_sentence_says_what_to_do(server, tmp_path):
    server.released.set()
    closed = "http://127.0.0.1:9"  # nobody listens at the port of 'discard'
    with pytest.raises(DownloadFailed, match="no connection to the server") as caught:
        fetch(f"{closed}/file.bin", SHA256, folder=tmp_path)
    assert f"put the file at {tmp_path / 'file.bin'} by hand" in str(caught.value)
    (tmp_path / "file.bin").write_bytes(BODY)  # … and by hand it works
    assert fetch(f"{closed}/file.bin", SHA256, folder=tmp_path).read_bytes() == BODY


def test_a_damaged_copy_stays_where_no_better_one_comes(server, tmp_path):
    (tmp_path / "missing.bin").write_bytes(b"half of a fi")
    with pytest.raises(DownloadFailed, match=r"missing.bin is damaged: replace it"):
        fetch(f"{server.url}/missing.bin", SHA256, folder=tmp_path)
    assert (tmp_path / "missing.bin").read_bytes() == b"half of a fi"


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "XMODAL_OFFLINE"])
def test_the_network_can_be_switched_off(server, tmp_path, monkeypatch, switch):
    monkeypatch.setenv(switch, "1")
    with pytest.raises(DownloadFailed, match=f"switched off.*{switch}"):
        fetch(f"{server.url}/file.bin", SHA256, folder=tmp_path)
    assert server.asked == []


def test_a_server_that_falls_silent_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "READ_SECONDS", 0.2)
    with pytest.raises(DownloadFailed):
        fetch(f"{server.url}/slow.bin", SHA256, folder=tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.slow
def test_a_killed_download_leaves_no_half_file(server, tmp_path):
    code = f"""from xmodal_lab.datasets.download import fetch
fetch("{server.url}/slow.bin", "{SHA256}", folder={str(tmp_path)!r})"""
    child = subprocess.Popen([sys.executable, "-c", code])
    end = time.monotonic() + 60
    while not any(p.stat().st_size for p in tmp_path.iterdir()) and time.monotonic() < end:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (leftover,) = left_in(tmp_path)
    assert leftover.endswith(".part")  # under no name that anybody would read
    os.utime(tmp_path / leftover, (0, 0))
    fetch(f"{server.url}/file.bin", SHA256, folder=tmp_path)
    assert left_in(tmp_path) == ["file.bin"]  # swept away, once it is an hour old


def test_a_full_disk_is_named(server, tmp_path, monkeypatch):
    def full(_url, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(download, "_download", full)
    with pytest.raises(DownloadFailed, match="disk is full, make room"):
        fetch(f"{server.url}/file.bin", SHA256, folder=tmp_path)
    assert left_in(tmp_path) == []


def test_a_folder_that_is_none(server, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DownloadFailed, match="folder cannot be written"):
        fetch(f"{server.url}/file.bin", SHA256, folder=tmp_path / "taken")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "exactly one checksum"),
        ({"sha256": SHA256, "md5": MD5}, "exactly one checksum"),
        ({"sha256": MD5}, "sha256 has 64 hexadecimal digits"),
        ({"md5": "z" * 32}, "md5 has 32 hexadecimal digits"),
        ({"md5": MD5, "name": "../file"}, "plain file name"),
        ({"md5": MD5, "name": ""}, "plain file name"),
        ({"md5": MD5, "url": "file:///etc/passwd"}, "expected an address"),
        ({"md5": MD5, "url": "https://host"}, "plain file name"),
        ({"md5": MD5, "url": "https://host/%2e%2e"}, "plain file name"),
    ],
)
def test_bad_requests_are_refused(tmp_path, arguments, said):
    with pytest.raises(ValueError, match=said):
        fetch(**{"url": "https://host/file.bin", **arguments}, folder=tmp_path)
    assert left_in(tmp_path) == []

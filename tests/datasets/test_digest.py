"""The digest is SHA-256 as others compute it, of whatever pieces."""

import hashlib

import numpy as np

from xmodal_lab.datasets.digest import sha256


def test_files_texts_and_bytes_are_one_stream(tmp_path):
    array = np.arange(300, dtype=np.uint8)
    (tmp_path / "file").write_bytes(b"\0\xff\n")
    content = b"\0\xff\n" + "größer".encode() + array.tobytes()
    wanted = hashlib.sha256(content).hexdigest()
    assert sha256(tmp_path / "file", "größer", array.data) == wanted == sha256(content)
    assert sha256() == hashlib.sha256().hexdigest()

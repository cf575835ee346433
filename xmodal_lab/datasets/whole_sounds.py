"""Whether a WAV or Ogg file came whole. Their readers stay silent where a half or a page is gone.

A cut WAV gives fewer samples, a damaged Ogg page leaves a hole; libsndfile tells neither. FLAC's
reader checks every frame by itself.
"""

from __future__ import annotations

import zlib

# Sizes that programs write who do not know yet how long a sound becomes.
UNKNOWN = (0, 0xFFFFFFFF, 0x7FFFFFFF)
PAGE = 27  # bytes of an Ogg page before the table of its pieces
MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def damage(content: bytes) -> str:
    """What is wrong with the bytes of a sound file; empty where nothing is, or it is another kind.

    Source: RIFF (IBM and Microsoft 1991); Ogg, RFC 3533 (Pfeiffer 2003).
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return _cut_wave(content)
    return _broken_pages(content) if content[:4] == b"OggS" else ""


def _cut_wave(content: bytes) -> str:
    at = 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        if content[at : at + 4] == b"data":
            there = len(content) - at - 8
            cut = size > there and size not in UNKNOWN
            return f"{there:,} of {size:,} bytes of sound are there" if cut else ""
        at += 8 + size + size % 2  # chunks begin at even places
    return "it has no sound in it"


def _broken_pages(content: bytes) -> str:
    at = 0
    while at < len(content):
        table = content[at + PAGE : at + PAGE + (content[at + 26] if at + 26 < len(content) else 0)]
        end = at + PAGE + len(table) + sum(table)
        if content[at : at + 4] != b"OggS":
            return f"no page begins at byte {at:,}"
        if at + PAGE > len(content) or len(table) < content[at + 26] or end > len(content):
            return f"its page at byte {at:,} is cut short"
        if _checksum(content[at:end]) != int.from_bytes(content[at + 22 : at + 26], "little"):
            return f"its page at byte {at:,} has another checksum"
        at = end
    return ""


def _checksum(page: bytes) -> int:
    """Ogg's CRC-32: polynomial 0x04c11db7, highest bit first, from 0; its own field counts as 0.

    zlib's goes lowest bit first, so that mirrored bytes give the mirrored number.
    """
    blank = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(blank.translate(MIRROR), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)

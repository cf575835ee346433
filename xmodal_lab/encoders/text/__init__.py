"""Words and sentences become vectors."""

from xmodal_lab.encoders.text.captions import TextEncoder, read_captions

__all__ = ["TextEncoder", "read_captions"]

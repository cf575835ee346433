"""Pictures become vectors."""

from xmodal_lab.encoders.image.small import SmallCNN

__all__ = ["SmallCNN"]

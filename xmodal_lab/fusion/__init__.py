"""How several modalities answer one question."""

from xmodal_lab.fusion.hops import Hops

__all__ = ["Hops"]

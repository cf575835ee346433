"""How several modalities answer one question."""

from xmodal_lab.fusion.film import FiLM
from xmodal_lab.fusion.hops import Hops
from xmodal_lab.fusion.tally import Tally

__all__ = ["FiLM", "Hops", "Tally"]

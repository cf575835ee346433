"""How a space is trained, anywhere: a loop that stays in the learner's hands."""

from xmodal_lab.training import checkpoints
from xmodal_lab.training.loop import fit
from xmodal_lab.training.order import easy_first, shuffled

__all__ = ["checkpoints", "easy_first", "fit", "shuffled"]

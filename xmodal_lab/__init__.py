"""xmodal_lab: the helper package of the cross-modal alignment workbook.

Four words mean one thing in every room: ``rows`` are numbers of rows, or how many there are;
``batch_size`` is how many a step trains on; ``chunk`` how many are handled at a time where nothing
is trained; ``tile`` how many rows of a matrix of similarities are held at a time.
"""

from xmodal_lab import _torchaudio_guard

try:
    _torchaudio_guard.install()
except ModuleNotFoundError as error:
    # Not installed at all: what needs it will say so, and a chapter's first cell installs it.
    if error.name != "torchaudio":
        raise

__version__ = "0.1.0"

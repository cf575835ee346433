"""xmodal_lab: the helper package of the cross-modal alignment workbook."""

from xmodal_lab import _torchaudio_guard

_torchaudio_guard.install()

__version__ = "0.1.0"

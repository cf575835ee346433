"""Sound becomes vectors."""

from xmodal_lab.encoders.audio.log_mel import LogMel
from xmodal_lab.encoders.audio.recurrent import AudioEncoder

__all__ = ["AudioEncoder", "LogMel"]

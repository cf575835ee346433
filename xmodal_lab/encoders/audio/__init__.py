"""Sound becomes vectors.

``spectrum`` and ``cells`` write out what the encoders take from torch and torchaudio; ``augment``
changes what is heard, ``listening`` asks where an encoder listens, ``memory`` how far back,
``transcript`` reads words in order. They are modules of their own, imported by their names.
"""

from xmodal_lab.encoders.audio.convolutional import AudioCNN
from xmodal_lab.encoders.audio.log_mel import LogMel
from xmodal_lab.encoders.audio.planar import SpectrogramCNN
from xmodal_lab.encoders.audio.raw import LearnedFilters, RawAudioEncoder
from xmodal_lab.encoders.audio.recurrent import AudioEncoder

__all__ = [
    "AudioCNN",
    "AudioEncoder",
    "LearnedFilters",
    "LogMel",
    "RawAudioEncoder",
    "SpectrogramCNN",
]

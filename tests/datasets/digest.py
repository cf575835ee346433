"""One line for all that a data set holds; also used by the processes that tests start."""

import hashlib


def digest(data):
    texts = repr([data.scenes, data.captions, data.transcripts, data.voices])
    found = hashlib.sha256(texts.encode())
    for array in (data.images, data.waveforms.samples, data.waveforms.ends):
        found.update(array.tobytes())
    return found.hexdigest()

"""What the tests of the data world share."""

import numpy as np
import pytest

from xmodal_lab.datasets.scenes import stream


class OnlyRandom(np.random.Generator):
    """A generator that has random() and nothing else: other methods may change with NumPy."""

    def __getattribute__(self, name):
        if name != "random" and not name.startswith("_"):
            raise AssertionError(f"drew from {name}(), which is not the same in every NumPy")
        return super().__getattribute__(name)


@pytest.fixture
def only_random():
    """``stream``, but its generators can only do ``random()``."""
    return lambda *numbers: OnlyRandom(stream(*numbers).bit_generator)

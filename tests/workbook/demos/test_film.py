"""The film stands twins side by side."""

import torch

from xmodal_lab.datasets import scenes
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.workbook.demos.film import Film

BOTH = ["text", "image"]


def test_twins_stand_beside_each_other_in_every_frame():
    torch.manual_seed(0)
    space = JointSpace.standard(BOTH)
    pairs = scenes.minimal_pairs("relation", "val", 12, modalities=BOTH)
    film = Film(pairs, scenes.load("val", 20, 1, BOTH, things=2), steps=80, count=3)
    film.take(space, 0)
    film.take(space, 60)
    true, foil = (space.embed_data(part.select(range(3))) for part in (pairs.true, pairs.foil))
    frame = film.frames[0]
    assert frame.shape == (6, 6)
    torch.testing.assert_close(frame[0::2, 0::2], true["text"] @ true["image"].T)
    torch.testing.assert_close(frame[1::2, 0::2], foil["text"] @ true["image"].T)
    assert [len(curve) for curve in film.curves.values()] == [2, 2]
    assert all(0 <= value <= 100 for curve in film.curves.values() for value in curve)
    marked = film.draw(50).axes[1].lines[-1].get_xdata()
    assert list(marked) == [60, 60]
    assert film.draw(50).axes[1].get_xlim() == (0, 80)  # the end is in sight from the beginning
    # Of a training that was stopped there are the frames that were taken.
    assert [axis.get_title() for axis in film.strip(0, 60, 80).axes[:2]] == ["step 0", "step 60"]

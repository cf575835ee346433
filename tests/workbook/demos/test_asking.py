"""A typed question: its answer, the truth beside it, and the network's own maps."""

import numpy as np
import pytest
import torch

from xmodal_lab.batch import Batch, pad
from xmodal_lab.datasets import crowds
from xmodal_lab.tasks.questions import cells_of, load_answerer, load_trunk
from xmodal_lab.workbook.demos.asking import Asking
from xmodal_lab.workbook.kit.figures import alt_of


@pytest.fixture(scope="module")
def asking():
    return Asking(load_trunk(), load_answerer(), crowds.load("test", 30))


def test_answer_and_truth_are_those_of_this_question_and_picture(asking):
    asked = crowds.questions(asking.data.crowds, kinds=("colour",))
    right = 0
    for number in range(8):
        question = asked[number]
        told = alt_of(asking.ask(question.text, question.crowd_row))
        assert f"true: {question.answer}" in told and question.text in told
        right += f"answer: {question.answer}," in told
    assert right >= 7


def test_a_picture_is_lit_by_the_networks_own_maps(asking):
    text = "what colour is the thing left of the moon?"
    fig = asking.ask(text, 3)
    cells = cells_of(asking.trunk, asking.data.images[3:4])
    maps = asking.answerer.looks(Batch(text=pad([crowds.encode(text)]), image=cells))[0]
    picture = np.asarray(fig.axes[0].images[0].get_array())
    for axis, look in zip(fig.axes[1:], maps, strict=True):
        shown = np.asarray(axis.images[0].get_array())
        light = (shown.sum((1, 2)) / picture.sum((1, 2))).reshape(8, 8).mean(1)
        assert light.argmax() == look.view(8, 8).amax(1).argmax()


def test_what_nobody_can_tell_is_said_in_place_of_the_truth(asking):
    crowd = asking.data.crowds[0]
    missing = next(s for s in ("star", "ring", "moon", "cross") if s not in str(crowd.things))
    told = alt_of(asking.ask(f"what colour is the {missing}?"))
    assert f"there is no {missing} here" in told and "true:" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [("why the moon?", "unknown word 'why'"), ("the moon is what colour?", "You can ask: 'what")],
)
def test_a_text_that_is_no_question_is_told_why(asking, text, told):
    with pytest.raises(ValueError, match=told):
        asking.ask(text)


def test_no_gradient_is_kept(asking):
    asking.ask()
    assert all(p.grad is None for p in asking.answerer.parameters()) and torch.is_grad_enabled()

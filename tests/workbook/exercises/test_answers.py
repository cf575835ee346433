"""Answers that nobody wrote for a checker: right ones pass, wrong ones get what they deserve.

Each exercise has a file beside this one, `chNN/name.py`, whose answers share no code with its
oracle or its misconceptions. Else the checker would be asked whether it agrees with itself.
"""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch.utils._pytree import tree_map

from xmodal_lab.workbook.exercises import EXERCISES, Exercise
from xmodal_lab.workbook.kit import at_work
from xmodal_lab.workbook.kit.attempt import Attempt, Mistake
from xmodal_lab.workbook.kit.checking import Verdict, judge

FORMED = {name: x for name, x in EXERCISES.items() if isinstance(x, Exercise)}


def answers(name):
    found = list(Path(__file__).parent.glob(f"ch*/{name}.py"))
    assert len(found) == 1, f"write the answers to {name} that its checker has to judge"
    spec = importlib.util.spec_from_file_location(f"answers_to_{name}", found[0])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases(kind):
    return [
        pytest.param(EXERCISES[name], answer, id=f"{name}-{place}")
        for name in FORMED
        for place, answer in enumerate(getattr(answers(name), kind))
    ]


@pytest.mark.parametrize(("exercise", "answer"), cases("RIGHT"))
def test_a_right_answer_written_another_way_passes(exercise, answer, monkeypatch):
    monkeypatch.setattr(at_work, "LIMIT", 0.3)  # how slow one is, is asked in kit/test_at_work.py
    assert judge(exercise, answer)._replace(cost="", warning="") == Verdict()


@pytest.mark.parametrize(("exercise", "answer"), cases("WRONG"))
def test_a_wrong_answer_is_told_what_is_wrong(exercise, answer):
    function, message = answer
    said = judge(exercise, function).mistake
    assert said, "a wrong answer passed"
    assert message in said
    assert "could not be compared" not in said and "\n" not in said


@pytest.mark.parametrize("name", FORMED)
def test_there_are_enough_answers(name):
    wrong = [judge(FORMED[name], function).mistake for function, _ in answers(name).WRONG]
    assert len(set(wrong)) >= 3 and len(answers(name).RIGHT) >= 2


@pytest.mark.parametrize("exercise", FORMED.values(), ids=FORMED)
def test_each_misconception_is_wrong_and_gets_its_own_question(exercise):
    assert len(exercise.misconceptions) >= 3
    for question, wrong in exercise.misconceptions:
        attempt = Attempt(exercise.reference, exercise.reference)
        attempt.function = wrong
        with pytest.raises(Mistake) as caught:
            exercise.checker(attempt)
        assert str(caught.value).endswith(question)


PROMISED = [
    pytest.param(x, parameter, id=f"{name}-{parameter}")
    for name, x in FORMED.items()
    for parameter in x.gradient
]


@pytest.mark.parametrize(("exercise", "parameter"), PROMISED)
def test_each_gradient_that_is_promised_is_looked_at(exercise, parameter):
    attempt = Attempt(exercise.reference, exercise.reference)
    place = attempt.parameters.index(parameter)

    def detached(*inputs):
        inputs = list(inputs)
        inputs[place] = tree_map(lambda x: torch.as_tensor(x).detach(), inputs[place])
        return exercise.reference(*inputs)

    attempt.function = detached
    alone = len(exercise.gradient) == 1  # then nothing is left that has a gradient
    said = "no gradient flows back" if alone else f"the gradient of `{parameter}` is not"
    with pytest.raises(Mistake, match=said):
        exercise.checker(attempt)


@pytest.mark.parametrize("exercise", FORMED.values(), ids=FORMED)
def test_the_praise_counts_the_cases(exercise):
    assert f" {len(list(exercise.cases()))} " in exercise.praise


@pytest.mark.parametrize("exercise", FORMED.values(), ids=FORMED)
def test_the_reference_passes(exercise):
    attempt = Attempt(exercise.reference, exercise.reference)
    exercise.checker(attempt)
    assert len(attempt.calls) == len(list(exercise.cases()))

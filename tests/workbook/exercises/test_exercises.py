"""Exercises of the older form: the reference passes, each typical mistake gets its question.

Those of the newer form are asked in test_answers.py.
"""

import pytest
import torch

from xmodal_lab.workbook.exercises import EXERCISES as ALL
from xmodal_lab.workbook.exercises.record import Exercise
from xmodal_lab.workbook.kit.attempt import Attempt, Mistake
from xmodal_lab.workbook.kit.checking import judge
from xmodal_lab.workbook.kit.compare import Case, require_numbers

EXERCISES = {name: x for name, x in ALL.items() if isinstance(x, Exercise)}
MUTANTS = [
    pytest.param(exercise, mutant, id=f"{name}-{number}")
    for name, exercise in EXERCISES.items()
    for number, mutant in enumerate(exercise.mutants)
]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_the_reference_passes(exercise):
    exercise.checker(Attempt(exercise.reference, exercise.reference))


@pytest.mark.parametrize(("exercise", "mutant"), MUTANTS)
def test_a_typical_mistake_gets_its_question(exercise, mutant):
    message = judge(exercise, mutant.function).mistake
    assert message, "a wrong answer passed"
    assert mutant.message in message
    assert "could not be compared" not in message and "\n" not in message


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_enough_kinds_of_mistakes_are_known(exercise):
    assert len({mutant.message for mutant in exercise.mutants}) >= 3
    assert len({judge(exercise, mutant.function).mistake for mutant in exercise.mutants}) >= 3


PROMISED = {
    "pair_loss": "a b",
    "triplet_loss": "a b",
    "sigmoid_loss": "a b temperature bias",
    "info_nce_with_foils": "a b foils temperature",
    "skip_gram_loss": "centre context noise",
    "glove_loss": "words contexts word_bias context_bias",
}


@pytest.mark.parametrize(
    ("name", "parameter"), [(name, p) for name, all_ in PROMISED.items() for p in all_.split()]
)
def test_each_gradient_that_is_promised_is_looked_at(name, parameter):
    exercise = EXERCISES[name]
    attempt = Attempt(exercise.reference, exercise.reference)
    place = attempt.parameters.index(parameter)

    def detached(*inputs):
        inputs = list(inputs)
        inputs[place] = torch.as_tensor(inputs[place]).detach()
        return exercise.reference(*inputs)

    attempt.function = detached
    with pytest.raises(Mistake, match=f"the gradient of `{parameter}` is not"):
        exercise.checker(attempt)


def misjudged(function, *cases):
    def double(x):
        return 2.0 * x

    cases = [Case((x,), 2.0 * x, suspects, f"twice {x}") for x, suspects in cases]
    with pytest.raises(Mistake) as caught:
        require_numbers(Attempt(function, double), cases, "the double", "Add x to itself.")
    return str(caught.value)


def test_of_two_suspects_the_one_that_fits_the_other_cases_is_asked():
    cases = (2, [("8?", 8), ("cube?", 8)]), (3, [("8?", 8), ("cube?", 27)])
    assert misjudged(lambda x: x**3, *cases) == "twice 2 should be 4.00, yours is 8.00. cube?"
    assert misjudged(lambda x: 8, *cases) == "twice 2 should be 4.00, yours is 8.00. 8?"


def test_a_suspect_without_a_value_is_not_refuted():
    cases = (2, [("cube?", 8)]), (3, [("cube?", None)])
    assert misjudged(lambda x: x**3, *cases).endswith("8.00. cube?")
    assert misjudged(lambda x: x**3, *cases[::-1]).endswith("27.00. Add x to itself.")


def test_the_first_wrong_case_is_reported_even_where_a_later_one_stops():
    cases = (1, [("one?", 1)]), (0, [("one?", 1)])
    assert misjudged(lambda x: 1 / x, *cases) == "twice 1 should be 2.00, yours is 1.00. one?"
    assert "stopped with ZeroDivisionError" in misjudged(lambda x: 1 / x, *cases[::-1])

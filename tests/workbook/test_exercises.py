"""Every exercise: the reference passes, and each typical mistake gets its own question."""

import pytest

from xmodal_lab.workbook.checking import judge
from xmodal_lab.workbook.compare import Attempt
from xmodal_lab.workbook.exercises import EXERCISES

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
    message = judge(exercise, mutant.function)
    assert message is not None, "a wrong answer passed"
    assert mutant.message in message
    assert "could not be compared" not in message and "\n" not in message


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_enough_kinds_of_mistakes_are_known(exercise):
    assert len({mutant.message for mutant in exercise.mutants}) >= 3
    assert len({judge(exercise, mutant.function) for mutant in exercise.mutants}) >= 3

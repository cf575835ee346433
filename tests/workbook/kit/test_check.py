"""check(): one line, whatever comes; the chapter always goes on."""

import functools

import numpy as np
import pytest
import torch

from xmodal_lab.alignment import diagnostics
from xmodal_lab.workbook import check
from xmodal_lab.workbook.exercises import EXERCISES, start_here
from xmodal_lab.workbook.exercises.record import Exercise, Mutant
from xmodal_lab.workbook.kit.checking import is_stub

STUBS = [
    "    ...",
    "    pass",
    '    """A docstring."""',
    '    """A docstring."""\n    ...',
    "    raise NotImplementedError",
    '    raise NotImplementedError("later")',
    '    """A docstring."""\n    # a comment\n    raise NotImplementedError()',
]
ATTEMPTS = [
    "    return image",
    "    return ...",
    "    x = 1",
    "    print(image)",
    "    raise ValueError",
    "    raise NotImplementedError(image)",
    "    yield image",
]


def define(body, name="mirror", parameters="image"):
    """A function whose source nobody can read, as in a kernel without history."""
    space = {"np": np, "torch": torch}
    exec(f"def {name}({parameters}):\n{body}\n", space)
    return space[name]


@pytest.mark.parametrize("body", STUBS)
def test_a_stub_is_not_attempted(capsys, body):
    assert check(define(body)) is start_here.mirror
    assert capsys.readouterr().out == (
        "○ mirror: not attempted yet, continuing with the reference solution.\n"
    )


@pytest.mark.parametrize("body", ATTEMPTS)
def test_an_attempt_is_no_stub(capsys, body):
    assert check(define(body)) is start_here.mirror
    assert capsys.readouterr().out.startswith("✗ mirror: ")


def test_return_none_was_written_by_somebody(capsys):
    def mirror(image):
        return None

    assert not is_stub(mirror)
    check(mirror)
    assert "returns None. Did you forget `return`?" in capsys.readouterr().out


def test_a_stub_whose_source_is_known():
    def mirror(image):
        """Flip."""
        ...

    assert is_stub(mirror)


def test_a_right_answer_is_used_and_may_be_checked_again(capsys):
    def mirror(image):
        return np.flip(image, 2)

    assert check(check(mirror)) is mirror
    lines = capsys.readouterr().out.splitlines()
    assert len(set(lines)) == 1 and len(lines) == 2
    assert lines[0] == (
        "✓ mirror: equal to a loop over all pixels on 8 images; your version is used from here on."
    )


def test_the_reference_itself_is_no_attempt(capsys):
    assert check(start_here.mirror) is start_here.mirror
    assert capsys.readouterr().out.startswith("○ mirror")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    return image[:, :, 99, 7]", "stopped with IndexError"),
        ("    return mirror(image)", "calls itself without end"),
        ("    import sys; sys.exit('x')", "stopped with SystemExit: x"),
        ("    raise KeyboardInterrupt", "was interrupted"),
        ("    return 3", "should be an array, yours is an int"),
        ("    image[:] = 0; return image", "in place? Make a new one instead."),
        ("    return torch.as_tensor(image)[:, :, ::-1]", "use numpy, or torch.flip."),
        ("    return image[0]", "the shape should be [3, 2, 3], yours is [2, 3]"),
        ("    print('x' * 99); import warnings; warnings.warn('w'); return image", "return the in"),
    ],
)
def test_whatever_goes_wrong_is_one_line(capsys, body, said):
    assert check(define(body)) is start_here.mirror
    out, err = capsys.readouterr()
    assert out.startswith("✗ mirror: ") and out.count("\n") == 1 and err == ""
    assert said in out and out.endswith(" Continuing with the reference solution.\n")


def test_an_error_names_its_line(capsys):
    def mirror(image):
        width = image.shape[2]
        return image[:, :, width]

    check(mirror)
    assert "`return image[:, :, width]`)" in capsys.readouterr().out


@pytest.mark.parametrize("parameters", ["", "image, other", "picture", "*images"])
def test_a_wrong_signature(capsys, parameters):
    check(define("    return 1", parameters=parameters))
    assert f"expected the signature mirror(image), yours is mirror({parameters})." in (
        capsys.readouterr().out
    )


def test_extra_parameters_with_defaults_are_welcome():
    def modality_gap(a, b, eps=0.0):
        return diagnostics.modality_gap(a, b) + eps

    assert check(modality_gap) is modality_gap


def test_plain_floats_are_welcome_where_a_number_is_asked_for():
    def recall_at_1(similarity, target):
        rows = zip(similarity.tolist(), target.tolist(), strict=True)
        hits = [sum(x >= row[goal] for x in row) == 1 for row, goal in rows]
        return sum(hits) / len(hits)

    assert check(recall_at_1) is recall_at_1


def test_the_example_of_the_message(capsys):
    def modality_gap(a, b):
        return (a.mean(0) - b.mean(0)).norm()

    check(modality_gap)
    said = capsys.readouterr().out
    assert said == (
        "✗ modality_gap: the gap between 3 and 3 embeddings should be 1.35, yours is 3.99. "
        "Did you normalise the rows? Continuing with the reference solution.\n"
    )


def test_checking_leaves_random_numbers_alone():
    torch.manual_seed(7)
    wanted = torch.rand(2)
    torch.manual_seed(7)
    check(define("    torch.manual_seed(0); return image"))
    assert torch.equal(torch.rand(2), wanted)


def test_an_unknown_name_is_told_with_its_neighbours():
    with pytest.raises(ValueError, match=r"'miror': did you mean mirror\?"):
        check(define("    ...", name="miror"))
    with pytest.raises(ValueError, match="info_nce"):
        check(define("    ...", name="qqq"))


@pytest.mark.parametrize("thing", [3, None, functools.partial(start_here.mirror), np.zeros(2)])
def test_the_function_itself_is_wanted(thing):
    with pytest.raises(TypeError, match="takes the function itself"):
        check(thing)


def test_a_checker_that_stumbles_gives_a_line_too(capsys, monkeypatch):
    def stumbling(attempt):
        raise KeyError("odd")

    exercise = EXERCISES["mirror"]
    broken = Exercise("x", exercise.reference, stumbling, "", exercise.mutants)
    monkeypatch.setitem(EXERCISES, "mirror", broken)
    check(define("    return image"))
    assert "could not be compared (KeyError: 'odd')" in capsys.readouterr().out


def test_an_exercise_needs_three_mutants():
    with pytest.raises(ValueError, match="at least three"):
        Exercise("x", start_here.mirror, print, "", (Mutant(print, "x"),) * 2)

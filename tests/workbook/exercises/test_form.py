"""The engine behind an exercise, on one that is quickly understood: twice a number, or an array."""

import numpy as np
import pytest
import torch

from xmodal_lab.workbook.exercises.form import Case, Entries, Exercise, Misconception, Number
from xmodal_lab.workbook.kit.attempt import Attempt, Mistake
from xmodal_lab.workbook.kit.gradients import require_gradients


def double(x):
    return x + x


def twice(*inputs, suspects=(), result=None, **more):
    return Exercise(
        reference=double,
        oracle=lambda x: 2 * x,
        cases=lambda: [Case((x,), f"twice {x}") for x in inputs],
        result=result or Number("the double"),
        misconceptions=[Misconception(*suspect) for suspect in suspects],
        advice="Add x to itself.",
        praise="",
        **more,
    )


def told(exercise, function):
    with pytest.raises(Mistake) as caught:
        exercise.checker(Attempt(function, double))
    return str(caught.value)


EIGHT, CUBE = ("8?", lambda x: 8), ("cube?", lambda x: x**3)


def test_of_two_misconceptions_the_one_that_fits_the_other_cases_is_asked_about():
    exercise = twice(2, 3, suspects=(EIGHT, CUBE))
    assert told(exercise, lambda x: x**3) == "twice 2 should be 4, yours is 8. cube?"
    assert told(exercise, lambda x: 8) == "twice 2 should be 4, yours is 8. 8?"


def test_of_two_that_fit_equally_the_first_is_asked_about():
    assert told(twice(2, suspects=(CUBE, EIGHT)), lambda x: 8).endswith("cube?")


def test_a_misconception_has_to_explain_the_case_that_is_reported():
    # It fits the second case, which is right, and says nothing about the first.
    assert told(twice(3, 2, suspects=[("4?", lambda x: 4)]), lambda x: 4 if x == 2 else 5) == (
        "twice 3 should be 6, yours is 5. Add x to itself."
    )


def test_a_misconception_that_contradicts_more_than_it_explains_is_not_asked_about():
    exercise = twice(2, 3, 4, suspects=[("6?", lambda x: 6)])
    assert told(exercise, lambda x: x + 4) == "twice 2 should be 4, yours is 6. Add x to itself."


def test_a_result_that_is_not_finite_is_asked_about():
    exercise = twice(2, result=Number("the double", if_not_finite="Too large?"))
    assert told(exercise, lambda x: np.inf) == "twice 2 should be 4.00, yours is inf. Too large?"
    assert told(exercise, lambda x: 9.0).endswith("yours is 9.00. Add x to itself.")


def test_an_input_with_nan_may_be_left_alone_but_not_changed():
    exercise = twice(torch.tensor([1.0, np.nan]), result=Entries())
    exercise.checker(Attempt(double, double))
    assert "changes its input `x`" in told(exercise, lambda x: x.mul_(2))


def test_a_case_where_an_answer_stops_gives_its_advice_too():
    cases = [Case((1,), "twice 1"), Case((0,), "twice 0", "Mind the zero.")]
    exercise = Exercise(**{**vars(twice()), "cases": lambda: cases})
    assert told(exercise, lambda x: 2 // x).endswith(". Mind the zero.")


def test_a_misconception_that_stops_says_nothing():
    def stops(x):
        if x == 3:
            raise ValueError
        return x**3

    assert told(twice(2, 3, suspects=[("cube?", stops)]), lambda x: x**3).endswith("cube?")
    assert told(twice(3, 2, suspects=[("cube?", stops)]), lambda x: x**3).endswith("itself.")


def test_a_misconception_may_spoil_its_input():
    def spoils(x):
        x += 1
        return x

    start = torch.zeros(2)
    exercise = twice(start, start, suspects=[("one more?", spoils)], result=Entries())
    assert told(exercise, lambda x: x + 1).endswith("one more?") and start.sum() == 0


def test_the_first_wrong_case_is_reported_even_where_a_later_one_stops():
    exercise = twice(1, 0, suspects=[("one?", lambda x: 1)])
    assert told(exercise, lambda x: 1 / x) == "twice 1 should be 2.00, yours is 1.00. one?"
    assert "stopped with ZeroDivisionError" in told(twice(0, 1), lambda x: 1 / x)


def test_a_case_has_advice_of_its_own():
    exercise = twice()
    cases = [Case((1,), "twice 1"), Case((9,), "twice 9", "Mind the nine.")]
    exercise = Exercise(**{**vars(exercise), "cases": lambda: cases})
    assert told(exercise, lambda x: 2 * x + (x == 9)).endswith("yours is 19. Mind the nine.")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: 2 * x[:1], "the shape should be [3], yours is [1]. Keep all."),
        (lambda x: 2 * x[None], "the shape should be [3], yours is [1, 3]. new axis?"),
        (lambda x: 2.0 * x, "the result should hold whole numbers, yours is float32. Round."),
        (lambda x: (2 * x).tolist(), "the result should be a tensor, yours is a list."),
        (lambda x: x.flip(0), "the list: entry [0] should be 2, yours is 3. Add x to itself."),
        (lambda x: None, "your version returns None. Did you forget `return`?"),
    ],
)
def test_what_is_said_about_entries(function, said):
    exercise = Exercise(
        reference=double,
        oracle=lambda x: [2 * n for n in x],
        cases=lambda: [Case((torch.tensor([1, 2, 3]),), "the list")],
        result=Entries(if_shape="Keep all.", if_fraction="Round."),
        misconceptions=[Misconception("new axis?", lambda x: 2 * x[None])],
        advice="Add x to itself.",
        praise="",
    )
    exercise.checker(Attempt(lambda x: x * 2, double))
    assert told(exercise, function) == said


def test_large_whole_numbers_are_compared_exactly():
    exercise = twice(np.array([10**6]), result=Entries(type=np.ndarray))
    assert "entry [0] should be 2000000, yours is 2000001." in told(exercise, lambda x: 2 * x + 1)


def test_the_oracle_is_given_arrays_in_float64():
    seen = []
    exercise = Exercise(**{**vars(twice(torch.ones(2), result=Entries())), "oracle": seen.append})
    with pytest.raises(Mistake):
        exercise.checker(Attempt(double, double))
    assert isinstance(seen[0], np.ndarray) and seen[0].dtype == np.float64


def test_a_number_among_the_inputs_may_have_a_gradient_too():
    exercise = twice(3.0, gradient=("x",))
    exercise.checker(Attempt(double, double))
    assert "no gradient flows back" in told(exercise, lambda x: 2 * torch.as_tensor(x).item())

    def wrong_way_back(x):
        return 3 * x - (x.detach() if isinstance(x, torch.Tensor) else x)

    assert "the gradient of `x` is not" in told(exercise, wrong_way_back)


def test_the_gradient_of_a_result_of_many_entries_is_compared_too():
    exercise = twice(torch.tensor([1.0, -2.0, 3.0]), result=Entries(), gradient=("x",))
    exercise.checker(Attempt(double, double))
    assert "no gradient flows back" in told(exercise, lambda x: 2 * x.detach())
    assert "the gradient of `x` is not" in told(exercise, lambda x: x + x.detach())

    def entries_swapped_on_the_way_back(x):
        return 2 * x.detach() + 2 * (x - x.detach()).flip(0)

    # Added up, both have the same slope in each entry: it takes unequal weights to see this.
    assert "the gradient of `x` is not" in told(exercise, entries_swapped_on_the_way_back)


@pytest.mark.parametrize("answer", [8, np.int64(8), torch.tensor(8), np.array(8)])
def test_a_whole_number_may_come_as_a_tensor(answer):
    exercise = twice(4, result=Number("the double", if_fraction="Round."))
    exercise.checker(Attempt(lambda x: answer, double))


@pytest.mark.parametrize("answer", [8.0, torch.tensor(8.0), np.float64(8)])
def test_a_fraction_is_no_whole_number_even_where_it_could_be_one(answer):
    exercise = twice(4, result=Number("the double", if_fraction="Round."))
    assert told(exercise, lambda x: answer) == (
        "the double should be a whole number, yours is 8.0. Round."
    )
    twice(4).checker(Attempt(lambda x: answer, double))


def times(x, factor=2, *, method="product"):
    return x * factor


WITH_A_DEFAULT = Exercise(
    reference=times,
    oracle=lambda x, factor=2: factor * x,
    cases=lambda: [Case((4,), "4 times 2"), Case((4, 3), "4 times 3")],
    result=Number("the product"),
    misconceptions=(),
    advice="Multiply.",
    praise="",
)


def test_a_parameter_with_a_default_is_given_and_left_out():
    WITH_A_DEFAULT.checker(Attempt(lambda x, factor=2: factor * x, times))
    for wrong, said in (
        (lambda x, factor=3: factor * x, "4 times 2 should be 8, yours is 12. Multiply."),
        (lambda x, factor=2: 2 * x, "4 times 3 should be 12, yours is 8. Multiply."),
    ):
        with pytest.raises(Mistake) as caught:
            WITH_A_DEFAULT.checker(Attempt(wrong, times))
        assert str(caught.value) == said


@pytest.mark.parametrize(
    ("wrong", "own"),
    [
        (lambda x: 2 * x, "(x)"),
        (lambda x, factor: factor * x, "(x, factor)"),
        (lambda x, times=2: times * x, "(x, times=2)"),
    ],
)
def test_a_default_belongs_to_the_signature_and_a_keyword_of_the_package_does_not(wrong, own):
    with pytest.raises(Mistake) as caught:
        Attempt(wrong, times)
    assert str(caught.value) == f"expected the signature times(x, factor=2), yours is times{own}."


def test_an_input_with_a_default_that_is_changed_is_named():
    cases = [Case((torch.full((2,), 3.0), torch.ones(2)), "3 times 1")]
    exercise = Exercise(**{**vars(WITH_A_DEFAULT), "cases": lambda: cases, "result": Entries()})
    with pytest.raises(Mistake, match="changes its input `factor`"):
        exercise.checker(Attempt(lambda x, factor=2: factor.mul_(x), times))


def test_where_a_plain_number_is_promised_a_tensor_is_not_one():
    exercise = twice(2, 3, result=Number("the double", if_tensor="Take the number out."))
    exercise.checker(Attempt(lambda x: np.int64(2 * x), double))
    for wrap in (torch.tensor, np.array):
        assert told(exercise, lambda x, wrap=wrap: wrap(2 * x)).endswith(
            f"yours is {'a tensor' if wrap is torch.tensor else 'an array'}. Take the number out."
        )


def test_a_right_result_by_a_forbidden_operation_is_refused():
    x = torch.ones(2)
    exercise = twice(x, result=Entries(), forbidden=("mul",))
    exercise.checker(Attempt(double, double))
    assert "PyTorch's own mul made it" in told(exercise, lambda x: 2 * x)
    assert "entry [0] should be 2.00, yours is 3.00" in told(exercise, lambda x: 3 * x)


def test_gradients_are_looked_at_in_as_many_cases_as_asked_for():
    inputs = (torch.tensor(1.0), torch.tensor(2.0))

    def detached_at_two(x):
        return 2 * (x.detach() if x == 2 else x)

    twice(*inputs, gradient=("x",)).checker(Attempt(detached_at_two, double))
    asked = twice(*inputs, gradient=("x",), gradient_cases=2)
    assert "no gradient flows back" in told(asked, detached_at_two)


def added(parts, more):
    return sum(parts) + more["this"]


PARTS = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])]
OF_PARTS = Exercise(
    reference=added,
    oracle=lambda parts, more: parts[0] + parts[1] + more["this"],
    cases=lambda: [Case((PARTS, {"this": torch.ones(2), "that": torch.ones(2)}), "the sum")],
    result=Entries(),
    misconceptions=(),
    advice="Add them up.",
    praise="",
    gradient=("parts",),
)


def test_tensors_in_a_list_and_a_dict_are_inputs_too():
    attempt = Attempt(added, added)
    OF_PARTS.checker(attempt)
    assert [x.requires_grad for x in PARTS] == [False, False]


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda parts, more: parts.append(0), "parts"),
        (lambda parts, more: parts[1].add_(1), "parts"),
        (lambda parts, more: more["that"].add_(1), "more"),
        (lambda parts, more: more.pop("that"), "more"),
    ],
)
def test_one_that_is_changed_is_found(spoil, name):
    def spoils(parts, more):
        result = added(parts, more)
        spoil(parts, more)
        return result

    with pytest.raises(Mistake, match=f"changes its input `{name}`"):
        OF_PARTS.checker(Attempt(spoils, added))


def test_each_tensor_of_a_list_has_its_gradient():
    for detached in range(2):

        def one_stands_still(parts, more, detached=detached):
            return parts[1 - detached] + parts[detached].detach() + more["this"]

        with pytest.raises(Mistake, match="the gradient of `parts` is not"):
            OF_PARTS.checker(Attempt(one_stands_still, added))


def test_a_tensor_written_into_after_it_was_used_is_told():
    def writes(parts, more):
        total = torch.zeros(2)
        for place in range(2):
            total[place] = parts[0][place] * parts[1][place]
            total = total * 1
            product = total * total  # keeps `total` for the way back
            total[place] = total[place] * 1
        return product

    with pytest.raises(Mistake, match="written into after it had been used"):
        require_gradients(Attempt(writes, added), None, OF_PARTS.cases()[0].inputs, ["parts"])


def rolled(n, generator):
    return torch.rand(n, generator=generator)


def test_to_draw_from_a_generator_is_no_change_and_each_call_begins_anew():
    attempt, generator = Attempt(rolled, rolled), torch.Generator().manual_seed(1)
    assert torch.equal(attempt(3, generator), attempt(3, generator))

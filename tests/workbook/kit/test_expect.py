"""expect() and predict(): what they print, live and recorded."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from xmodal_lab.workbook import expect, predict
from xmodal_lab.workbook.kit.predicting import question_view

SANITIZER = Path(__file__).parents[2] / "notebooks" / "sanitize.cfg"


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("XMODAL_STATIC", "1")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("XMODAL_STATIC", raising=False)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((0.9694, 0.95, 1), "✓ x: ≈ 0.969   expected 0.95 … 1"),
        ((91.23, 85, 100, "%"), "✓ x: ≈ 91.2 %   expected 85 … 100 %"),
        ((0.2, 0.95, 1), "✗ x: ≈ 0.2   expected 0.95 … 1"),
        ((0.9496, 0.95, 1), "✗ x: ≈ 0.9496   expected 0.95 … 1"),
        ((math.nan, 0, 1), "✗ x: ≈ nan   expected 0 … 1"),
        ((math.inf, 0, 1), "✗ x: ≈ inf   expected 0 … 1"),
        ((-2.5, -3, math.inf), "✓ x: ≈ -2.5   expected at least -3"),
        ((0, -math.inf, 0.5), "✓ x: ≈ 0   expected at most 0.5"),
        ((12345.6, 1e4, 2e4, "s"), "✓ x: ≈ 12,346 s   expected 10,000 … 20,000 s"),
        ((3.2e-7, 0, 1e-6), "✓ x: ≈ 3.20e-07   expected 0 … 1.00000e-06"),
        ((torch.tensor(0.5), 0, 1), "✓ x: ≈ 0.5   expected 0 … 1"),
        ((np.float32(0.5), 0.5, 0.5), "✓ x: ≈ 0.5   expected 0.5 … 0.5"),
    ],
)
def test_expect(capsys, arguments, line):
    verdict = expect("x", *arguments)
    assert verdict == line.startswith("✓") and repr(verdict) == str(bool(verdict))
    assert capsys.readouterr().out == line + "\n"


def test_expect_refuses_what_is_no_claim():
    with pytest.raises(ValueError, match="empty"):
        expect("x", 1, 2, 1)
    with pytest.raises(ValueError, match="empty"):
        expect("x", 1, math.nan, 1)
    with pytest.raises(TypeError, match=r"wants one number, got shape \[2\]"):
        expect("x", torch.ones(2), 0, 1)


def test_the_sanitizer_hides_digits_and_nothing_else(capsys):
    (about, to), _ = re.findall(r"^regex: (.*)$\n^replace: (.*)$", SANITIZER.read_text(), re.M)
    for value in (0.969, 91.2, 12345.6, 3.2e-7, -2):
        expect("x", value, -9, 1e9)
        line = capsys.readouterr().out
        assert re.sub(about, to, line).startswith("✓ x: ≈ N   expected -9 … ")
    expect("x", math.nan, 0, 1)
    assert "nan" in re.sub(about, to, capsys.readouterr().out)


def test_predict_static(static, capsys):
    guess = predict("Up or down?", ["up", "down"])
    guess.reveal("down")
    assert capsys.readouterr().out == (
        "? Up or down?\n  ○ up\n  ○ down\n  (No guess recorded.)\n"
        "No guess yet: choose above and run this cell again, or open the answer.\n"
    )
    assert guess.guess is None


def test_a_guess_is_kept_and_compared(live, capsys):
    guess = predict("Up or down?", ["up", "down"])
    view = question_view(guess)
    view.children[1].value = "up"
    assert guess.guess == "up" and "Up or down?" in view.children[0].value
    capsys.readouterr()
    guess.reveal("up")
    guess.reveal("down")
    assert capsys.readouterr().out == (
        "You guessed: up. That is right.\n"
        "You guessed: up. The answer is: down. What surprised you?\n"
    )


def test_predict_refuses_nonsense(static):
    for options in (["one"], ["a", "a"], "ab"):
        with pytest.raises(ValueError, match="at least two different"):
            predict("?", options)
    with pytest.raises(ValueError, match="no option"):
        predict("?", ["a", "b"]).reveal("c")
    numbered = {"a": 1, "b": 2}
    for options, outcome in (
        (["a", "b"], 3),
        (numbered, math.nan),
        (numbered, [1, 2]),
    ):
        with pytest.raises(ValueError, match="give predict a dict"):
            predict("?", options).reveal(outcome)


@pytest.mark.parametrize(
    ("options", "outcome", "answer"),
    [
        ({"few": 5, "half": 50, "most": 95}, 31.2, "half"),
        ({"few": 5, "half": 50, "most": 95}, torch.tensor(88.0), "most"),
        ({"smaller": False, "larger": True}, True, "larger"),
        ({"an error": None, "it falls": 0.0, "it stays": 4.0}, 0.3, "it falls"),
        ({"both": (True, True), "one": (True, False)}, [True, False], "one"),
        ({"rises": (40, 40), "rises, then falls": (30, 0)}, (26.4, 1.2), "rises, then falls"),
        (["hard", "random"], max("hard", "random"), "random"),
    ],
)
def test_what_came_out_stands_for_the_nearest_option(static, capsys, options, outcome, answer):
    guess = predict("?", options)
    assert guess.options == tuple(options)
    guess.choose(answer)
    guess.reveal(outcome)
    assert capsys.readouterr().out.endswith(f"You guessed: {answer}. That is right.\n")


def test_without_a_guess_the_answer_is_folded_away(static, monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr("xmodal_lab.workbook.kit.predicting.in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **k: shown.append(bundle))
    predict("Up or down?", {"up & away": 1, "down": -1}).reveal(0.5)
    (bundle,) = shown
    seen, folded = bundle["text/html"].split("</summary>")
    assert "up" not in bundle["text/plain"] + seen and "<details>" in seen
    assert folded == "<p>The answer is: up &amp; away.</p></details>"


def test_a_number_with_a_gradient_is_a_number(recwarn):
    expect("temperature", torch.tensor(0.05, requires_grad=True), 0, 1)
    assert not recwarn.list

"""Guess before you look: a question whose answer is compared with what really happens."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

from xmodal_lab.workbook.kit.mode import in_notebook, is_static

NO_GUESS = "No guess yet: choose above and run this cell again, or open the answer."


class Prediction:
    """A question, and the guess somebody made (``guess`` is None before)."""

    def __init__(self, question: str, options: Sequence[str] | Mapping[str, object]) -> None:
        self.question = question
        self.options = tuple(map(str, options))
        self._values = dict(options) if isinstance(options, Mapping) else {}
        self.guess: str | None = None

    def choose(self, option: str) -> None:
        """Record a guess; raises ValueError for anything that is no option."""
        self._known(option)
        self.guess = option

    def reveal(self, outcome) -> None:
        """Tell the guess beside what came out; where nobody guessed, the answer stays folded.

        Args:
            outcome: what the cell computed. Numbers, or True or False, stand for the option whose
                value is nearest; a computed text is an option itself.

        Raises:
            ValueError: where no option stands for the outcome.
        """
        answer = self._option_for(outcome)
        if self.guess is None:
            _fold(f"The answer is: {answer}.")
        elif self.guess == answer:
            print(f"You guessed: {self.guess}. That is right.")
        else:
            print(f"You guessed: {self.guess}. The answer is: {answer}. What surprised you?")

    def _option_for(self, outcome) -> str:
        if isinstance(outcome, str):
            self._known(outcome)
            return outcome
        if hasattr(outcome, "detach"):  # a tensor, perhaps on another device
            outcome = outcome.detach().cpu()
        found = np.asarray(outcome, dtype=float)
        values = {o: np.asarray(v, float) for o, v in self._values.items() if v is not None}
        fitting = [option for option, value in values.items() if value.shape == found.shape]
        if not fitting or not np.isfinite(found).all():
            raise ValueError(
                f"no option of {self.question!r} stands for {outcome!r}: give predict a dict of "
                f"options and their values, got {self._values or list(self.options)}"
            )
        return min(fitting, key=lambda option: np.linalg.norm(values[option] - found))

    def _known(self, option: str) -> None:
        if option not in self.options:
            known = ", ".join(map(repr, self.options))
            raise ValueError(f"{option!r} is no option of {self.question!r}: choose one of {known}")

    def __repr__(self) -> str:
        return f"Prediction({self.question!r}, guess={self.guess!r})"

    def _ipython_display_(self) -> None:
        """Nothing: the question stands there already when a cell ends on ``predict(…)``."""


def _fold(answer: str) -> None:
    if not in_notebook():
        print(NO_GUESS)
        return
    from IPython.display import display

    summary = f"<summary>{html.escape(NO_GUESS)}</summary>"
    page = f"<details>{summary}<p>{html.escape(answer)}</p></details>"
    display({"text/html": page, "text/plain": NO_GUESS}, raw=True)


def predict(question: str, options: Sequence[str] | Mapping[str, object]) -> Prediction:
    """Ask for a guess before a result is shown.

    Args:
        question: what will happen?
        options: at least two different answers; as a dict, each with the value it stands for (a
            number, several, or True or False; None for what the code cannot come out with).

    Returns:
        The prediction, with ``guess`` and ``reveal(outcome)``.

    Raises:
        ValueError: for fewer than two options, or options that repeat.
    """
    if isinstance(options, str) or len(options) < 2 or len(set(options)) < len(options):
        raise ValueError(f"predict needs at least two different options, got {options!r}")
    prediction = Prediction(question, options)
    if is_static() or not in_notebook():
        print(f"? {question}")
        for option in prediction.options:
            print(f"  ○ {option}")
        print("  (No guess recorded.)")
    else:
        from IPython.display import display

        display(question_view(prediction))
    return prediction


def question_view(prediction: Prediction):
    """The live question: an ``ipywidgets.VBox`` of the text and one radio button per option."""
    import ipywidgets

    buttons = ipywidgets.RadioButtons(options=prediction.options, index=None)
    buttons.layout.width = "auto"
    buttons.observe(lambda change: prediction.choose(change["new"]), names="value")
    return ipywidgets.VBox([ipywidgets.HTML(f"<b>{html.escape(prediction.question)}</b>"), buttons])

"""Guess before you look: a question whose answer is compared with what really happens."""

from __future__ import annotations

from collections.abc import Sequence

from xmodal_lab.workbook.kit.mode import in_notebook, is_static


class Prediction:
    """A question, and the guess somebody made (``guess`` is None before)."""

    def __init__(self, question: str, options: Sequence[str]) -> None:
        self.question = question
        self.options = tuple(options)
        self.guess: str | None = None

    def choose(self, option: str) -> None:
        """Record a guess; raises ValueError for anything that is no option."""
        self._known(option)
        self.guess = option

    def reveal(self, answer: str) -> None:
        """Print the guess beside the answer; raises ValueError where the answer is no option."""
        self._known(answer)
        if self.guess is None:
            print(f"Answer: {answer}. (No guess recorded.)")
        elif self.guess == answer:
            print(f"You guessed: {self.guess}. That is right.")
        else:
            print(f"You guessed: {self.guess}. The answer is: {answer}. What surprised you?")

    def _known(self, option: str) -> None:
        if option not in self.options:
            known = ", ".join(map(repr, self.options))
            raise ValueError(f"{option!r} is no option of {self.question!r}: choose one of {known}")

    def __repr__(self) -> str:
        return f"Prediction({self.question!r}, guess={self.guess!r})"

    def _ipython_display_(self) -> None:
        """Nothing: the question stands there already when a cell ends on ``predict(…)``."""


def predict(question: str, options: Sequence[str]) -> Prediction:
    """Ask for a guess before a result is shown.

    Args:
        question: what will happen?
        options: at least two different answers.

    Returns:
        The prediction, with ``guess`` and ``reveal(answer)``.

    Raises:
        ValueError: for fewer than two options, or options that repeat.
    """
    if isinstance(options, str) or len(options) < 2 or len(set(options)) < len(options):
        raise ValueError(f"predict needs at least two different options, got {options!r}")
    prediction = Prediction(question, [str(option) for option in options])
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
    import html

    import ipywidgets

    buttons = ipywidgets.RadioButtons(options=prediction.options, index=None)
    buttons.layout.width = "auto"
    buttons.observe(lambda change: prediction.choose(change["new"]), names="value")
    return ipywidgets.VBox([ipywidgets.HTML(f"<b>{html.escape(prediction.question)}</b>"), buttons])

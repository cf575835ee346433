"""Two opinions under somebody's hands: a line to turn, a threshold to move.

Each class answers ``explore``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

from xmodal_lab.workbook.charts import moods

LEVELS = np.round(np.linspace(0.02, 0.98, 49), 2)


class StraightLine:
    """A straight line through the plane of two opinions, to be turned and shifted.

    Args:
        points: what each of two judges thinks of each row; brought to spread 1.
        truth: True where yes is right.
        axes: what the two judges are.
    """

    def __init__(
        self,
        points: Float[np.ndarray, "rows 2"],
        truth: Bool[np.ndarray, " rows"],
        axes: tuple[str, str],
    ) -> None:
        points = np.asarray(points, dtype=float)
        self.points, self.axes = points / points.std(axis=0), axes
        self.truth = np.asarray(truth, dtype=bool)

    def right(self, angle: float, shift: float) -> float:
        """Per cent of rows on the side of the line where they belong."""
        return 100 * float(((self.rule(angle, shift)(self.points) > 0) == self.truth).mean())

    def best(self) -> tuple[float, float, float]:
        """The best line of 72 angles by 61 shifts: angle, shift, and per cent of rows right."""
        tried = [(a, s) for a in range(0, 360, 5) for s in np.linspace(-3, 3, 61)]
        angle, shift = max(tried, key=lambda one: self.right(*one))
        return angle, float(shift), self.right(angle, shift)

    def draw(self, angle: int = 90, shift: float = 0.0) -> Figure:
        """The plane, shaded on the line's yes side.

        Args:
            angle: in degrees, to where yes lies: 0 is right, 90 up, 180 left.
            shift: how far the line lies from the middle, in standard deviations.
        """
        return moods.opinions(
            self.points, self.truth, {"your line": self.rule(angle, shift)}, self.axes
        )

    @staticmethod
    def rule(angle: float, shift: float) -> moods.Rule:
        """Score of points, above 0 on the yes side of a line; arguments as for ``draw``."""
        turn = np.deg2rad(angle)
        return lambda points: points @ np.array([np.cos(turn), np.sin(turn)]) - shift


class Threshold:
    """A threshold on the scores of two classes, one of which may be rare.

    Args:
        scores: of each row, from 0 to 1: how sure of the rare class.
        truth: True for the rare class.
        names: of the rare class and of the other.
    """

    def __init__(
        self,
        scores: Float[np.ndarray, " rows"],
        truth: Bool[np.ndarray, " rows"],
        names: tuple[str, str] = ("ironic", "plain"),
    ) -> None:
        self.scores, self.names = np.asarray(scores, dtype=float), names
        self.truth = np.asarray(truth, dtype=bool)
        self._measured = cache(self._measured)

    def cut(self, threshold: float = 0.5, rare: int = 10) -> Figure:
        """Scores and figures of a test in which ``rare`` per cent belong to the rare class.

        Args:
            threshold: yes from there on.
            rare: per cent; the first rows of the rare class stay, as many as are needed.

        Raises:
            ValueError: where there are not as many, or none would stay.
        """
        rows, figures = self._measured(rare)
        return moods.threshold(
            self.scores[rows], self.truth[rows], threshold, figures, LEVELS, self.names
        )

    def _measured(self, rare: int):
        from sklearn.metrics import accuracy_score, precision_recall_fscore_support

        common, few = np.flatnonzero(~self.truth), np.flatnonzero(self.truth)
        count = round(len(common) * rare / (100 - rare)) if 0 < rare < 100 else 0
        if not 0 < count <= len(few):
            raise ValueError(f"cannot make {rare} % of these rows {self.names[0]}: give fewer")
        rows = np.concatenate([common, few[:count]])
        scores, truth = self.scores[rows], self.truth[rows]
        measured = []
        for level in LEVELS:
            said = scores >= level
            precision, recall, f1, _ = precision_recall_fscore_support(
                truth, said, average="binary", zero_division=0
            )
            measured.append((accuracy_score(truth, said), precision, recall, f1))
        names = ("accuracy", "precision", "recall", "F1")
        return rows, dict(zip(names, 100 * np.array(measured).T, strict=True))

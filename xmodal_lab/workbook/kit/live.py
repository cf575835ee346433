"""A figure that is drawn again and again while a cell runs."""

from __future__ import annotations

import base64
import time

from matplotlib.figure import Figure

from xmodal_lab.workbook.kit import figures
from xmodal_lab.workbook.kit.mode import in_notebook, is_static


class Live:
    """One place below a cell where figures replace each other; a recording shows the last alone.

    ``live = Live()``; inside the loop ``if live.due(): live.draw(figure)``; after it
    ``live.finish(figure)``. It uses display updates, which JupyterLab, Colab and VS Code
    all know, and no widget.

    Args:
        every: seconds between two drawings, so that drawing never eats the training's time.
    """

    def __init__(self, every: float = 1.0) -> None:
        self.every = every
        self._silent = is_static() or not in_notebook()
        self._handle = None
        self._next = 0.0

    def due(self) -> bool:
        """True where somebody watches and the last drawing is old enough."""
        return not self._silent and time.monotonic() >= self._next

    def draw(self, fig: Figure) -> None:
        """Show a figure in place of the one before."""
        if self._silent:
            return
        from IPython.display import display

        picture, width, height = figures.render(fig)
        figures.close(fig)
        bundle = {"image/png": base64.b64encode(picture).decode()}
        metadata = {"image/png": {"width": width, "height": height}}
        if self._handle is None:
            self._handle = display(bundle, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(bundle, metadata=metadata, raw=True)
        # The next drawing is due a while after this one has ended.
        self._next = time.monotonic() + self.every

    def finish(self, fig: Figure, alt: str | None = None) -> None:
        """Show the last figure, with its alt text, and take the moving one away."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
        figures.show(fig, alt=alt)

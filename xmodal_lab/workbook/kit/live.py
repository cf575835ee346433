"""A figure that is drawn again and again while a cell runs."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

from matplotlib.figure import Figure

from xmodal_lab.workbook.kit import figures
from xmodal_lab.workbook.kit.mode import in_notebook, is_static


class Live:
    """One place below a cell where figures replace each other; a recording shows the last alone.

    ``live = Live()``; inside the loop ``live.draw(chart, step)``, where ``chart(step)`` answers a
    figure; after it ``live.finish(figure)``. Draw in every step: a figure is made only where
    it, and the last one, fit into their share of the time. It uses display updates, which
    JupyterLab, Colab and VS Code all know, and no widget.

    Args:
        share: of the time since the beginning that drawing may take.
    """

    def __init__(self, share: float = 0.1) -> None:
        self.share = share
        self._silent = is_static() or not in_notebook()
        self._handle = None
        self._begin, self._spent, self._last = time.monotonic(), 0.0, 0.0

    def draw(self, chart: Callable[..., Figure], *arguments) -> None:
        """Show ``chart(*arguments)`` in place of the figure before, where time allows."""
        begin = time.monotonic()
        room = self.share * (begin - self._begin)
        if self._silent or self._spent + 2 * self._last > room:
            return
        self._show(chart(*arguments))
        self._last = time.monotonic() - begin
        self._spent += self._last

    def _show(self, fig: Figure) -> None:
        from IPython.display import display

        picture, width, height = figures.render(fig, small=False)
        figures.close(fig)
        bundle = {"image/png": base64.b64encode(picture).decode()}
        metadata = {"image/png": {"width": width, "height": height}}
        if self._handle is None:
            self._handle = display(bundle, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(bundle, metadata=metadata, raw=True)

    def finish(self, fig: Figure, alt: str | None = None) -> None:
        """Show the last figure, with its alt text, and take the moving one away."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
        figures.show(fig, alt=alt)

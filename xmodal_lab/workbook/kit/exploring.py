"""A figure with controls: live under somebody's hands, one plain picture where it is recorded."""

from __future__ import annotations

import html
import inspect
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from pathlib import Path

from matplotlib.figure import Figure

from xmodal_lab.workbook.kit import figures
from xmodal_lab.workbook.kit.mode import in_notebook, is_static
from xmodal_lab.workbook.kit.stopping import cut_short
from xmodal_lab.workbook.kit.style import frame

PACKAGE = Path(__file__).parents[2]
SLOW = 0.15  # seconds; a slower drawing waits until the slider is let go


def explore(fn: Callable, *, alt: str | Callable[..., str] | None = None, **controls) -> None:
    """Draw ``fn(**values)`` again whenever a control moves; where recording, draw it once.

    Args:
        fn: answers a matplotlib ``Figure`` (made with ``Figure()``, not pyplot) or an HTML string.
        alt: what the picture shows, where it does not bring its own alt text; a function of the
            values where it changes with them.
        controls: by parameter name, ``(low, high)`` or ``(low, high, step)`` for a slider, a list
            or a dict of labels and values for a menu, True or False for a box, a text for a field,
            or an ipywidget. Starts at the parameter's own default where it has one.

    Raises:
        ValueError: for a control ``fn`` has no parameter for, or of an unknown kind; for a missing
            alt text.
    """
    _require_parameters(fn, controls)
    start = {name: default(fn, name, control) for name, control in controls.items()}
    if is_static() or not in_notebook():
        result = fn(**start)
        _show(result, _alt(alt, start, result))
        return
    from IPython.display import display

    display(view(fn, alt, controls))


def _require_parameters(fn: Callable, controls: Mapping) -> None:
    parameters = inspect.signature(fn).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters]
    for name in controls:
        if name not in known:
            raise ValueError(f"no parameter {name!r} in {fn.__name__}({', '.join(known)})")


def default(fn: Callable, name: str, control):
    """The value a control starts with, found without making a widget."""
    parameter = inspect.signature(fn).parameters.get(name)
    given = inspect.Parameter.empty if parameter is None else parameter.default
    if hasattr(control, "value"):
        return control.value
    if isinstance(control, (bool, str)):
        return control
    if isinstance(control, tuple):
        return _on_slider(name, control, given)
    if isinstance(control, (list, Mapping)) and len(control):
        values = _values(control)
        known = given is not inspect.Parameter.empty and given in values
        return given if known else values[0]
    raise ValueError(
        f"control {name}={control!r}: give (low, high[, step]), a list or dict, True or False, "
        "a text, or an ipywidget"
    )


def _on_slider(name: str, control: tuple, given):
    if len(control) not in (2, 3) or not all(isinstance(n, Real) for n in control):
        raise ValueError(
            f"control {name}={control!r}: a slider is (low, high) or (low, high, step)"
        )
    low, high, *step = control
    if low >= high or any(s <= 0 for s in step):
        raise ValueError(f"control {name}={control!r}: low < high and a positive step are needed")
    if given is not inspect.Parameter.empty and low <= given <= high:
        return given
    middle = low + (high - low) / 2
    if step:
        middle = low + step[0] * int((middle - low) / step[0])
    whole = all(isinstance(n, Integral) for n in control)
    return int(middle) if whole else float(middle)


def _values(options) -> list:
    if isinstance(options, Mapping):
        return list(options.values())
    pairs = all(isinstance(o, tuple) and len(o) == 2 for o in options)
    return [o[1] for o in options] if pairs else list(options)


def _alt(alt, values: dict, result) -> str:
    if not isinstance(result, (Figure, str)):
        kind = type(result).__name__
        raise TypeError(f"explore wants a matplotlib Figure or an HTML string, got {kind}")
    return figures.alt_of(result, alt(**values) if callable(alt) else alt)


def _show(result, alt: str) -> None:
    if isinstance(result, Figure):
        figures.show(result, alt=alt)
    elif in_notebook():
        from IPython.display import display

        display({"text/html": str(result), "text/plain": alt}, raw=True)
    else:
        print(alt)


def view(fn: Callable, alt, controls: Mapping):
    """The live widget: an ``ipywidgets.VBox`` of controls, picture, message and description."""
    import ipywidgets

    _require_parameters(fn, controls)
    made = {name: _widget(fn, name, control) for name, control in controls.items()}
    picture = ipywidgets.Image(format="png", layout={"max_width": "100%", "display": "none"})
    page = ipywidgets.HTML()
    message = ipywidgets.HTML()  # stands where the answer would, so that nobody looks below it
    spoken = ipywidgets.HTML()
    one_at_a_time = threading.Lock()  # callbacks may come from another thread

    def redraw(_change=None) -> float:
        begin = time.perf_counter()
        with one_at_a_time:
            try:
                values = {name: widget.value for name, widget in made.items()}
                result = fn(**values)
                words = _alt(alt, values, result)
                _fill(result, picture, page)
                spoken.value = _description(words)
                message.value = ""
            except figures.NoDescription:  # the mistake of who wrote the cell, not of who moves
                raise
            except Exception as error:  # a traceback in a callback would be seen by nobody
                # The answer before belongs to another question.
                picture.layout.display, page.value, spoken.value = "none", "", ""
                message.value = _readable(error, fn)
        return time.perf_counter() - begin

    slow = redraw() > SLOW
    for widget in made.values():
        # Half a word is not worth a drawing: a text is read when it is entered.
        if (slow or isinstance(widget, ipywidgets.Text)) and widget.has_trait("continuous_update"):
            widget.continuous_update = False
        widget.observe(redraw, names="value")
    return ipywidgets.VBox([ipywidgets.VBox(list(made.values())), message, picture, page, spoken])


def _widget(fn: Callable, name: str, control):
    from ipywidgets import interactive

    start = default(fn, name, control)
    if isinstance(control, Mapping):  # ipywidgets 7 warns about these
        control = list(control.items())
    if hasattr(control, "value"):  # whose value need not be ours to set, as that of FileUpload
        widget = control
    else:
        widget = interactive.widget_from_abbrev(control)
        widget.value = start
    if not widget.description:
        widget.description = name.replace("_", " ")
    widget.style.description_width = "initial"
    if isinstance(start, str) and not hasattr(widget, "options"):
        widget.layout.width, widget.layout.max_width = "36em", "98%"  # a whole caption in sight
    return widget


def _fill(result, picture, page) -> None:
    if isinstance(result, Figure):
        png, width, _ = figures.render(result)
        figures.close(result)
        picture.value, picture.width = png, str(width)
        picture.layout.display, page.value = "", ""
    else:
        picture.layout.display, page.value = "none", str(result)


def _description(alt: str) -> str:
    # ipywidgets' Image has no alt text: the words stand below the picture, folded.
    folded = f"<details><summary>Description</summary>{html.escape(alt)}</details>"
    return html.escape(cut_short(before_this_cell=True)) + folded


def _readable(error: Exception, fn: Callable) -> str:
    """What to do about it, in the package's words; of any other error also what it is and where."""
    frames = traceback.extract_tb(error.__traceback__)
    text = str(error)
    if not (isinstance(error, ValueError) and Path(frames[-1].filename).is_relative_to(PACKAGE)):
        text = f"{type(error).__name__}: {error}"
        code = getattr(inspect.unwrap(fn), "__code__", None)
        # The learner's own line, not the line of a library that it led to.
        if own := [f for f in frames if code and f.filename == code.co_filename]:
            text += f" (line {own[-1].lineno}: {own[-1].line})"
    words = f'<b aria-hidden="true">✗</b> {html.escape(text)}'
    return f'<div role="alert" style="{frame("vermilion")};padding:.3em .6em">{words}</div>'

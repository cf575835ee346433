"""A figure that is redrawn while a cell runs."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure

from xmodal_lab.workbook.kit import live as module
from xmodal_lab.workbook.kit.live import Live

ALT = "A line that rises from zero to one."


class Clock:
    """Time goes on only where a test says so."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


def figure():
    fig = Figure(figsize=(2, 2))
    fig.subplots().plot([0, 1], [0, 1])
    return fig


@pytest.fixture
def shell(monkeypatch):
    monkeypatch.setenv("XMODAL_STATIC", "0")
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_a_recording_shows_the_last_figure_alone(shell, monkeypatch):
    monkeypatch.setenv("XMODAL_STATIC", "1")
    with capture_output() as captured:
        live = Live()
        live.draw(pytest.fail, "nobody watches")
        live.finish(figure(), ALT)
    assert len(captured.outputs) == 1
    assert captured.outputs[0].metadata["image/png"]["alt"] == ALT


def test_watched_figures_replace_each_other(shell, clock):
    with capture_output() as captured:
        live = Live()
        live.draw(figure)
        clock.now += 1
        live.draw(figure)
        live.finish(figure(), ALT)
    moving, again, gone, last = captured.outputs
    assert not moving.update and again.update and gone.update
    assert "image/png" not in gone.data
    assert last.metadata["image/png"]["alt"] == ALT


@pytest.mark.parametrize("cost", [0.1, 0.5, 2])
def test_drawing_takes_at_most_a_tenth_of_the_time(shell, clock, cost):
    spent, drawn_at = 0.0, []

    def chart(step):
        nonlocal spent
        spent += cost
        clock.now += cost
        drawn_at.append(step)
        return figure()

    with capture_output():
        live = Live()
        for step in range(600):
            clock.now += 0.1
            live.draw(chart, step)
        live.finish(chart(600), ALT)
    assert spent <= 0.1 * clock.now + 1e-9
    # Somebody sees a picture at once, and as many as there is time for.
    assert drawn_at[0] == 0 and spent + 3 * cost > 0.1 * clock.now


def test_one_slow_drawing_does_not_stop_the_film(shell, clock):
    costs, drawn = iter([3, *[0.2] * 99]), []

    def chart(step):
        clock.now += next(costs)
        drawn.append(step)
        return figure()

    with capture_output():
        live = Live()
        for step in range(1200):
            clock.now += 0.1
            live.draw(chart, step)
    assert 25 < len(drawn) < 60

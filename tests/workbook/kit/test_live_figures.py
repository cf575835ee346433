"""A figure that is redrawn while a cell runs."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure

from xmodal_lab.workbook.kit.live import Live

ALT = "A line that rises from zero to one."


def figure():
    fig = Figure(figsize=(2, 2))
    fig.subplots().plot([0, 1], [0, 1])
    return fig


@pytest.fixture
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_a_recording_shows_the_last_figure_alone(shell, monkeypatch):
    monkeypatch.setenv("XMODAL_STATIC", "1")
    with capture_output() as captured:
        live = Live(every=0)
        assert not live.due()
        live.draw(figure())
        live.finish(figure(), ALT)
    assert len(captured.outputs) == 1
    assert captured.outputs[0].metadata["image/png"]["alt"] == ALT


def test_watched_figures_replace_each_other(shell, monkeypatch):
    monkeypatch.setenv("XMODAL_STATIC", "0")
    with capture_output() as captured:
        live = Live(every=0)
        assert live.due()
        live.draw(figure())
        live.draw(figure())
        live.finish(figure(), ALT)
    moving, again, gone, last = captured.outputs
    assert moving.update is False or moving.update is None
    assert again.update and gone.update
    assert "image/png" not in gone.data
    assert last.metadata["image/png"]["alt"] == ALT


def test_drawing_waits_its_turn(shell, monkeypatch):
    monkeypatch.setenv("XMODAL_STATIC", "0")
    with capture_output():
        live = Live(every=60)
        assert live.due()
        live.draw(figure())
        assert not live.due()

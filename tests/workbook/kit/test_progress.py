"""progress(): one line, a Stop that ends the loop and not the cell, and what is said afterwards."""

import gc
import re
import signal
from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from jupyter_client.manager import start_new_kernel
from matplotlib.figure import Figure

from xmodal_lab.workbook import expect, progress, show
from xmodal_lab.workbook.kit import progressing, stopping


class Clock:
    """Stands still unless told to go on."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progressing, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.delenv("XMODAL_STATIC", raising=False)
    yield
    stopping._unfinished.clear()


@pytest.fixture
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def lines(capsys):
    return [line.strip() for line in capsys.readouterr().out.split("\r") if line]


def steps(count, first=1):
    """As a training yields them: numbered from 1, or from where it resumed."""
    yield from (SimpleNamespace(number=n) for n in range(first, first + count))


def press_stop():
    signal.raise_signal(signal.SIGINT)


def test_a_recording_is_silent_and_leaves_stop_alone(monkeypatch, capsys):
    monkeypatch.setenv("XMODAL_STATIC", "1")
    assert list(progress(range(5), label="x")) == [0, 1, 2, 3, 4]
    with pytest.raises(KeyboardInterrupt):
        for _ in progress(range(5)):
            press_stop()
    assert capsys.readouterr() == ("", "") and stopping.cut_short() == ""


def test_step_of_how_many_and_time_left(clock, capsys):
    for _ in progress(steps(4), 4):
        clock.now += 30
    told = lines(capsys)
    assert told[:4] == [
        "training: step 0 of 4",
        "training: step 1 of 4 · about 90 s left",
        "training: step 2 of 4 · about 60 s left",
        "training: step 3 of 4 · about 30 s left",
    ]
    assert told[-1] == "training: step 4 of 4 · 2 min"


def test_a_resumed_training_counts_only_what_it_does_itself(clock, capsys):
    for _ in progress(steps(80, first=401), 480):
        clock.now += 1
    assert lines(capsys)[1] == "training: step 401 of 480 · about 79 s left"


def test_lines_are_not_written_more_often_than_read(clock, capsys):
    for _ in progress(range(1000)):
        clock.now += progressing.SECONDS_BETWEEN_REDRAWS / 10
    assert 95 <= len(lines(capsys)) <= 105


def test_without_a_length_the_time_so_far_is_told(clock, capsys):
    for _ in progress((n for n in range(3)), label="reading", unit="page"):
        clock.now += 2
    assert lines(capsys)[2] == "reading: page 2 · 4 s"


def test_stop_ends_the_loop_after_the_step_it_is_in(capsys):
    seen = []
    for step in progress(steps(480), 480):
        if step.number == 96:
            press_stop()
        seen.append(step.number)  # the body is not cut in two
    assert seen == list(range(1, 97))
    out, err = capsys.readouterr()
    assert err == "" and out.endswith("training: stopped at step 96 of 480 · 0 s\n")
    assert out.count("\n") == 1


def test_stop_in_the_last_step_stops_nothing(capsys):
    for step in progress(steps(3), 3):
        if step.number == 3:
            press_stop()
    assert capsys.readouterr().out.endswith("\rtraining: step 3 of 3 · 0 s\n")
    assert stopping.cut_short() == ""


def test_stop_while_a_step_is_made(capsys):
    def interrupted():
        yield from steps(5)
        raise KeyboardInterrupt

    assert len(list(progress(interrupted(), 480))) == 5
    assert capsys.readouterr().out.endswith("training: stopped at step 5 of 480 · 0 s\n")


def test_who_presses_twice_is_obeyed_at_once():
    with pytest.raises(KeyboardInterrupt):
        for _ in progress(range(9)):
            press_stop()
            press_stop()
    gc.collect()
    assert stopping.cut_short() == "(training was stopped at step 0 of 9)"


def test_stop_reaches_the_loop_around():
    done = []
    for outer in progress(range(3), label="temperatures"):
        for inner in progress(range(3), label="one of them"):
            done.append((outer, inner))
            press_stop()
    assert done == [(0, 0)]


@pytest.mark.parametrize("leave", ["to its end", "break", "error", "stop"])
def test_stop_is_as_it_was_once_the_loop_is_left(leave):
    before = signal.getsignal(signal.SIGINT)
    try:
        for _ in progress(range(3)):
            assert signal.getsignal(signal.SIGINT) is not before
            if leave == "break":
                break
            if leave == "error":
                raise ZeroDivisionError
            if leave == "stop":
                press_stop()
    except ZeroDivisionError:
        pass
    gc.collect()
    assert signal.getsignal(signal.SIGINT) is before


def test_bands_say_that_a_training_was_cut_short_until_it_has_run(capsys):
    for step in progress(steps(480), 480, "the joint space"):
        if step.number == 96:
            break
    del step
    for _ in progress(steps(3), 3, "a control"):
        pass
    capsys.readouterr()
    expect("R@1", 40, 78, 95, "%")
    expect("R@1", 80, 78, 95, "%")
    missed, met = capsys.readouterr().out.splitlines()
    assert missed == (
        "✗ R@1: ≈ 40 %   expected 78 … 95 %   (the joint space was stopped at step 96 of 480)"
    )
    assert met == "✓ R@1: ≈ 80 %   expected 78 … 95 %"

    for _ in progress(steps(480), 480, "the joint space"):
        pass
    capsys.readouterr()
    expect("R@1", 40, 78, 95, "%")
    assert capsys.readouterr().out == "✗ R@1: ≈ 40 %   expected 78 … 95 %\n"


def test_pictures_of_later_cells_say_it_too(shell):
    def picture():
        show(Figure(), alt="An empty figure, for want of a better one.")

    with capture_output() as training:
        for _ in progress(range(9)):
            break
        picture()
    assert training.stdout == ""
    shell.execution_count += 1
    with capture_output() as later:
        picture()
    assert later.stdout == "(training was stopped at step 0 of 9)\n"


def test_in_a_notebook_one_display_is_updated(shell, clock):
    with capture_output() as captured:
        for _ in progress(range(3)):
            clock.now += 1
    assert captured.stdout == ""
    first, *others = captured.outputs
    assert not first.update and all(o.update for o in others)
    assert others[-1].data == {"text/plain": "training: step 3 of 3 · 3 s"}


def test_a_label_in_the_place_of_the_total_is_told():
    with pytest.raises(TypeError, match="total counts the steps, got 'adding'"):
        progress(range(3), "adding")


CELL = """
import time
from xmodal_lab.workbook import progress
for step in progress(range(10_000), 10_000):
    time.sleep(0.01)
print("the cell goes on after", step > 0)
"""


def test_the_stop_button_of_a_real_kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        told, printed = [], []

        def hear(message):
            content = message["content"]
            if message["msg_type"] in ("display_data", "update_display_data"):
                told.append(content["data"]["text/plain"])
                if len(told) == 2:  # it runs
                    manager.interrupt_kernel()
            elif message["msg_type"] == "stream":
                printed.append(content["text"])

        reply = client.execute_interactive(CELL, output_hook=hear, timeout=60)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok"
    assert re.fullmatch(r"training: stopped at step \d+ of 10000 · \d+ s", told[-1])
    assert printed == ["the cell goes on after True\n"]

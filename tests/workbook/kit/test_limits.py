"""within(): what never ends is ended, what ends is left alone."""

import _thread
import contextlib
import threading
import time

import pytest

from xmodal_lab.workbook.kit.limits import TimeUp, within


def for_ever():
    while True:
        pass


def deaf_to_errors():
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


def deaf_to_everything():
    end = time.monotonic() + 4
    while time.monotonic() < end:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)


def workers():
    """Threads at work; some may be left behind by other tests, and end by themselves."""
    return {thread for thread in threading.enumerate() if thread.name == "check"}


def test_a_result_comes_through():
    assert within(5, lambda x, y: x + y, 1, 2) == 3


def test_an_error_comes_through():
    with pytest.raises(KeyError, match="odd"):
        within(5, {}.__getitem__, "odd")


def test_slow_is_not_endless():
    assert within(2, lambda: time.sleep(0.5) or "done") == "done"


@pytest.mark.parametrize("function", [for_ever, deaf_to_errors])
def test_a_loop_without_end_is_ended(function):
    before, begin = workers(), time.monotonic()
    with pytest.raises(TimeUp, match="True"):
        within(0.2, function)
    assert time.monotonic() - begin < 2
    assert workers() <= before


@pytest.mark.parametrize("function", [deaf_to_everything, lambda: time.sleep(4)])
def test_what_cannot_be_ended_is_left_behind(function):
    begin = time.monotonic()
    with pytest.raises(TimeUp, match="False"):
        within(0.2, function)
    assert time.monotonic() - begin < 3


def test_it_works_in_any_thread():
    ended = []

    def callback():
        try:
            within(0.2, for_ever)
        except TimeUp:
            ended.append(True)

    thread = threading.Thread(target=callback)
    thread.start()
    thread.join(5)
    assert ended


def test_stop_is_heard_at_once():
    before = workers()
    threading.Timer(0.3, _thread.interrupt_main).start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        within(30, for_ever)
    assert time.monotonic() - begin < 3
    assert workers() <= before

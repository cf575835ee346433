"""show(), listen() and explore(): pictures with words, sounds with words, both recorded stably."""

import io
import re
import subprocess
import sys
import wave

import ipywidgets
import matplotlib
import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from xmodal_lab.datasets import scenes
from xmodal_lab.workbook import explore, listen, show
from xmodal_lab.workbook.charts.words import word_map
from xmodal_lab.workbook.kit import exploring, figures, style
from xmodal_lab.workbook.kit.sounds import Clips, wav_bytes

ALT = "A line rises from 0 to 4 in two steps."


def draw(slope=2.0, title="t"):
    fig = Figure(figsize=(4, 3))
    ax = fig.subplots()
    ax.plot([0, 1, 2], [0, slope, 2 * slope], label="loss")
    ax.set(title=title, xlabel="step")
    ax.legend()
    return fig


def test_the_digest_of_the_specification():
    assert figures.digest(draw()) == (
        "Figure [t | x: step | y: – | 1 line, 3 points | legend: loss]"
    )


def test_a_digest_names_what_was_drawn():
    fig = Figure()
    left, right = fig.subplots(1, 2)
    left.scatter([1, 2], [3, 4])
    left.bar(["a", "b", "c"], [1, 2, 3])
    left.annotate("here", (1, 2))
    picture = right.imshow(np.random.rand(8, 6, 3))
    right.axis("off")
    fig.colorbar(picture, ax=right, label="share")
    fig.suptitle("Two\npanels")
    assert figures.digest(fig) == (
        "Figure Two panels: [– | x: – | y: – | 2 points, 3 bars] "
        "[– | no axes | image 8×6×3] [– | x: – | y: share | colour bar]"
    )


def test_equal_panels_are_counted():
    fig = Figure()
    for ax in fig.subplots(4, 4).flat:
        ax.imshow(np.random.rand(4, 4))
        ax.axis("off")
    assert figures.digest(fig) == "Figure 16 × [– | no axes | image 4×4]"


def test_a_digest_holds_no_measured_number():
    assert figures.digest(draw(0.123)) == figures.digest(draw(4.567))


@pytest.mark.parametrize(
    "note",
    [
        lambda fig: fig.axes[0].text(1, 2, "a label that found room"),
        lambda fig: fig.axes[0].annotate("0.79", (1, 2), arrowprops={"arrowstyle": "->"}),
        lambda fig: fig.text(0.1, 0.1, "the nearest word is cat"),
    ],
)
def test_a_digest_does_not_know_how_many_notes_found_room(note):
    noted = draw()
    note(noted)
    note(noted)
    assert figures.digest(noted) == figures.digest(draw())


def test_a_digest_tells_what_the_data_decide():
    longer, labelled, more = draw(), draw(), draw()
    longer.axes[0].lines[0].set_data(range(4), range(4))
    labelled.axes[0].set_xlabel("epoch")
    more.axes[0].scatter([1, 2], [3, 4])
    told = {figures.digest(fig) for fig in (draw(), draw(title="u"), longer, labelled, more)}
    assert len(told) == 5


def test_a_map_of_words_has_one_digest_in_every_layout():
    words = ["cat", "dog", "car", "bus", "sun", "sea", "far"]
    near = np.zeros((7, 2))  # six points in one place: a name has four sides to stand on
    near[-1] = 1, 1
    far = np.stack([np.arange(7), np.arange(7) % 3], axis=1).astype(float)
    maps = [
        word_map(places, words, {"all": words}, named=words, title="t") for places in (near, far)
    ]
    written = [len(fig.axes[0].texts) for fig in maps]
    assert written[0] < written[1], "this test wants a layout in which a name finds no room"
    assert figures.digest(maps[0]) == figures.digest(maps[1])


def test_pictures_are_the_same_bytes_and_sharp():
    first, width, height = figures.render(draw())
    assert first == figures.render(draw())[0]
    assert (width, height) == (400, 300)
    with Image.open(io.BytesIO(first)) as image:
        assert image.size == (600, 450)
        assert "Software" not in image.info


def test_large_pictures_are_shrunk():
    fig = Figure()
    fig.subplots().imshow(np.random.default_rng(0).random((400, 400, 3)))
    png = figures.render(fig)[0]
    buffer = io.BytesIO()
    fig.savefig(buffer, dpi=150, metadata={"Software": None})
    assert len(png) < 0.6 * len(buffer.getvalue())


@pytest.mark.parametrize("alt", [None, "", "a plot", "figure.png", "x" * 60, 3])
def test_show_wants_words(alt):
    with pytest.raises(ValueError, match="describe in a sentence"):
        show(draw(), alt=alt)


def test_a_figure_that_brings_its_words_needs_no_others(monkeypatch):
    fig = figures.described(draw(), f"  {ALT}\n")
    assert figures.alt_of(fig) == ALT
    assert figures.alt_of(fig, "What a cell knows better.") == "What a cell knows better."
    with pytest.raises(figures.NoDescription, match="too short"):
        figures.described(draw(), "a plot")
    shown = displayed(monkeypatch)
    monkeypatch.setenv("XMODAL_STATIC", "1")
    show(fig)
    explore(lambda slope=2: figures.described(draw(slope), f"The slope of the line is {slope}."))
    explore(lambda: figures.described("<p>page</p>", ALT))
    told = [options["metadata"]["image/png"]["alt"] for _, options in shown[:2]]
    assert told == [ALT, "The slope of the line is 2."]
    assert shown[2][0][0] == {"text/html": "<p>page</p>", "text/plain": ALT}


def test_the_description_of_a_live_picture_follows_it():
    def fn(slope):
        return figures.described(draw(slope), f"The slope of the line is {slope}.")

    controls, _, _, _, spoken = exploring.view(fn, None, {"slope": (0, 5)}).children
    assert "line is 2" in spoken.value
    controls.children[0].value = 4
    assert "line is 4" in spoken.value


def test_show_wants_a_figure():
    with pytest.raises(TypeError, match="wants a matplotlib Figure, got ndarray"):
        show(np.zeros(2), alt=ALT)


def test_show_displays_once_and_closes(monkeypatch, capsys):
    fig, ax = pyplot.subplots()
    ax.plot([1, 2])
    shown = displayed(monkeypatch)
    show(fig, alt=ALT)
    assert not pyplot.fignum_exists(fig.number)
    ((data,), options) = shown[0]
    assert len(shown) == 1 and options["raw"]
    assert options["metadata"]["image/png"]["alt"] == ALT
    assert data["text/plain"].startswith("Figure [") and data["image/png"].startswith("iVBOR")


def displayed(monkeypatch):
    """Pretend to be in a notebook; the list receives what is displayed."""
    import IPython.display

    shown = []
    for module in ("figures", "sounds", "exploring"):
        monkeypatch.setattr(f"xmodal_lab.workbook.kit.{module}.in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda *a, **k: shown.append((a, k)))
    return shown


def test_outside_a_notebook_the_digest_is_printed(capsys):
    show(draw(), alt=ALT)
    assert capsys.readouterr().out.startswith("Figure [t")


def test_the_look_has_a_second_cue():
    looks = style.MODALITY.values()
    assert len({look.marker for look in looks}) == len({look.linestyle for look in looks}) == 3
    assert matplotlib.rcParams["font.family"] == ["DejaVu Sans"]
    assert len(style.CYCLE) == len(style.LINE_STYLES)
    Figure().subplots().plot([0, 1], [0, 1], **style.MODALITY["text"].line)


def test_importing_the_kit_makes_no_widgets():
    code = "import sys, xmodal_lab.workbook; print('ipywidgets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_sounds(monkeypatch):
    shown = displayed(monkeypatch)
    listen([torch.zeros(16000), np.ones(4000)], 8000, ["silence", "<a click>"])
    ((clips,), _) = shown[0]
    assert repr(clips) == "Audio [8000 Hz | 2.0 s “silence” | 0.5 s “<a click>”]"
    page = clips._repr_html_()
    assert "2.0 s" in page and "0.5 s" in page and 'preload="none"' not in page
    assert page.count("<audio controls") == 2 and page.count("&lt;a click&gt;") == 2
    with wave.open(io.BytesIO(wav_bytes(np.array([0.5, -4.0]), 8000))) as file:
        assert np.frombuffer(file.readframes(2), "<i2").tolist() == [4096, -32767]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((np.zeros((2, 3)), 8000, "x"), r"shape \(time,\)"),
        ((np.zeros(0), 8000, "x"), r"shape \(time,\)"),
        ((np.array([np.nan]), 8000, "x"), "NaN"),
        ((np.zeros(9), 8000, " "), "needs a caption"),
        ((np.zeros(9), 0, "x"), "rate"),
        (([np.zeros(9)], 8000, ["x", "y"]), "as many captions"),
    ],
)
def test_listen_refuses_nonsense(arguments, said):
    with pytest.raises(ValueError, match=said):
        listen(*arguments)


def test_a_recorded_sound_is_small():
    assert len(Clips([np.zeros(24000)], 8000, ["x"])._repr_html_()) < 66_000


CONTROLS = {
    "whole": (0, 9),
    "step": (1, 10, 4),
    "real": (0.0, 1.0),
    "menu": ["a", "b"],
    "pairs": [("one", 1), ("two", 2)],
    "table": {"one": 1, "two": 2},
    "box": True,
    "text": "hello",
}


def test_a_recording_starts_where_the_live_controls_do():
    seen = []

    def fn(**values):
        seen.append(values)
        return "<p>page</p>"

    exploring.view(fn, ALT, CONTROLS)
    explore(fn, alt=ALT, **CONTROLS)
    assert seen[0] == seen[1]
    assert seen[0] == {
        "whole": 4, "step": 5, "real": 0.5, "menu": "a", "pairs": 1, "table": 1, "box": True,
        "text": "hello",
    }  # fmt: skip
    for name, control in CONTROLS.items():
        if isinstance(control, tuple):
            made = ipywidgets.interactive.widget_from_abbrev(control)
            assert made.value == seen[0][name]


def test_a_parameters_own_default_wins():
    assert exploring.default(draw, "slope", (0.0, 5.0)) == 2.0
    assert exploring.default(draw, "slope", (3.0, 5.0)) == 4.0
    assert exploring.default(draw, "title", ["s", "t"]) == "t"
    assert exploring.default(draw, "slope", ipywidgets.FloatSlider(value=0.25)) == 0.25


def test_moving_a_slider_redraws():
    box = exploring.view(draw, lambda slope: f"A line with the slope {slope}.", {"slope": (0, 5)})
    controls, message, picture, _, spoken = box.children
    before = bytes(picture.value)
    assert before.startswith(b"\x89PNG") and picture.width == "400"
    controls.children[0].value = 4
    assert bytes(picture.value) != before and "slope 4." in spoken.value and message.value == ""


def test_a_bug_in_a_cells_own_function_is_told_with_its_line():
    def fn(n):
        if n > 5:
            torch.zeros(2) @ torch.zeros(3)
        return "<p>n <is> fine</p>"

    box = exploring.view(fn, ALT, {"n": (0, 9)})
    controls, message, picture, page, spoken = box.children
    assert page.value == "<p>n <is> fine</p>" and picture.layout.display == "none"
    controls.children[0].value = 8
    assert "✗</b> RuntimeError: " in message.value and "torch.zeros(2) @" in message.value
    assert page.value == spoken.value == ""
    controls.children[0].value = 1
    assert message.value == "" and page.value == "<p>n <is> fine</p>" and ALT in spoken.value


def test_an_error_of_the_package_takes_the_answer_away_and_says_what_to_do():
    def fn(caption):
        scenes.parse(caption)
        return draw()

    box = exploring.view(fn, ALT, {"caption": "a big yellow moon"})
    controls, message, picture, _, spoken = box.children
    assert picture.layout.display == ""
    controls.children[0].value = "a big yelow moon <b>"
    # Above the place of the answer, so that nobody takes the answer before for this one's.
    assert box.children.index(message) < box.children.index(picture)
    assert picture.layout.display == "none" and spoken.value == ""
    assert "did you mean &#x27;yellow&#x27;" in message.value and 'role="alert"' in message.value
    assert not re.search(r"Error|line \d|raise|parse", message.value)
    controls.children[0].value = "a big yellow moon"
    assert message.value == "" and picture.layout.display == "" and ALT in spoken.value


def test_a_slow_drawing_waits_for_the_slider(monkeypatch):
    monkeypatch.setattr(exploring, "SLOW", 60)
    assert exploring.view(draw, ALT, {"slope": (0, 5)}).children[0].children[0].continuous_update
    monkeypatch.setattr(exploring, "SLOW", 0)
    box = exploring.view(draw, ALT, {"slope": (0, 5)})
    assert not box.children[0].children[0].continuous_update


def test_a_text_is_read_when_it_is_entered():
    box = exploring.view(draw, ALT, {"title": "t"})
    assert not box.children[0].children[0].continuous_update


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"slop": (0, 1)}, r"no parameter 'slop' in draw\(slope, title\)"),
        ({"slope": (1, 0)}, "low < high"),
        ({"slope": (1, 2, 0)}, "positive step"),
        ({"slope": (1,)}, "a slider is"),
        ({"slope": 3}, "give \\(low, high"),
        ({"title": []}, "give \\(low, high"),
    ],
)
def test_explore_refuses_nonsense(monkeypatch, controls, said):
    with pytest.raises(ValueError, match=said):
        explore(draw, alt=ALT, **controls)
    with pytest.raises(ValueError, match="describe in a sentence"):
        explore(draw, slope=(0, 3))
    displayed(monkeypatch)
    monkeypatch.setenv("XMODAL_STATIC", "0")
    with pytest.raises(ValueError, match="describe in a sentence"):
        explore(draw, slope=(0, 3))


def test_explore_wants_a_figure_or_a_page(capsys):
    with pytest.raises(TypeError, match="wants a matplotlib Figure or an HTML string, got int"):
        explore(lambda: 3, alt=ALT)
    explore(lambda: "<p>page</p>", alt=ALT)
    assert capsys.readouterr().out == ALT + "\n"

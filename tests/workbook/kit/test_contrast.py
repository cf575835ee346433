"""Words and frames in HTML stay legible in JupyterLab's light and dark theme (WCAG 2.2)."""

import re

import numpy as np
import pytest

from xmodal_lab.datasets import scenes
from xmodal_lab.workbook.demos.answers import ASKED_FOR, TWIN, cards
from xmodal_lab.workbook.kit import exploring
from xmodal_lab.workbook.kit.sounds import Clips

# JupyterLab 4: --jp-layout-color0 and --jp-content-font-color1, as (words, their opacity, page).
THEMES = {"light": ("#000000", 0.87, "#FFFFFF"), "dark": ("#FFFFFF", 1.0, "#111111")}
WORDS, FRAMES = 4.5, 3.0  # contrast asked for by success criteria 1.4.3 and 1.4.11


def levels(colour):
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def luminance(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(front, back):
    light, dark = sorted((luminance(front), luminance(back)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def pages():
    data = scenes.from_scenes(scenes.sample_scenes("test", 2, 3), seed=3)
    yield cards(data, [0, 1], [0.5, 0.4], heading="Found", labels={0: ASKED_FOR, 1: TWIN})
    yield Clips([np.zeros(800)], 8000, ["a caption"])._repr_html_()
    box = exploring.view(lambda n: 1 / n, "An alt text of some words.", {"n": [0, 1]})
    yield box.children[1].value


def test_the_measure_knows_its_ends():
    assert contrast(levels("#000000"), levels("#FFFFFF")) == pytest.approx(21)
    assert contrast(levels("#767676"), levels("#FFFFFF")) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_words_and_frames_stand_out(theme):
    words, opacity, page = THEMES[theme]
    seen = "".join(pages())
    opacities = [float(found) for found in re.findall(r"opacity: ?([.\d]+)", seen)]
    assert opacities, "no caption is paler than its text: this test looks past what it is about"
    for paler in (1, *opacities):
        blended = levels(page) + opacity * paler * (levels(words) - levels(page))
        assert contrast(blended, levels(page)) >= WORDS
    frames = re.findall(r"border[^;\"]*(#\w{6})", seen)
    assert len(frames) == 3
    for colour in frames:
        assert contrast(levels(colour), levels(page)) >= FRAMES


def test_words_have_the_colour_of_the_theme():
    assert not re.search(r"[;\"\s]color:", "".join(pages()))

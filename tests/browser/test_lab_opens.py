"""`make lab` opens the first notebook; cells run and widgets live in a real JupyterLab."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SLIDER = """
import ipywidgets as widgets

slider = widgets.IntSlider(value=3, min=0, max=10, description="Step")
echo = widgets.Label(value="step is 3")
slider.observe(lambda change: setattr(echo, "value", f"step is {change.new}"), names="value")
widgets.VBox([slider, echo])
"""


def test_lab_opens_the_first_notebook(lab, page):
    page.goto(lab.entry)
    page.wait_for_function(
        "path => window.jupyterapp?.shell?.currentWidget?.context?.path === path", arg=lab.start
    )
    page.get_by_role("heading", name="Start here").wait_for()


def test_nothing_is_asked_and_no_site_is_called(lab, page):
    called = []
    page.on("request", lambda request: called.append(request.url))
    page.goto(lab.entry)
    page.wait_for_function(
        "() => window.jupyterapp?.shell?.currentWidget?.context?.isReady"
        " && window.jupyterapp.commands.hasCommand('notebook:run-all-cells')"
    )
    page.wait_for_timeout(3000)  # the question would come once everything is restored
    assert page.locator(".Toastify__toast, .jp-Dialog").count() == 0
    assert not [url for url in called if "/lab/api/news" in url or "/lab/api/update" in url]


def test_run_all_returns_texts_and_errors(page, run_all, write_notebook, tmp_path):
    notebook = write_notebook(tmp_path / "tiny.ipynb", "Tiny", "print('six')\n6", "1 / 0")
    run = run_all(page, notebook)
    assert run.texts == ["six\n", "6"]
    assert run.errors == ["ZeroDivisionError: division by zero"]


def test_slider_appears_and_obeys_the_keyboard(page, run_all, write_notebook, tmp_path):
    run = run_all(page, write_notebook(tmp_path / "slider.ipynb", "A slider", SLIDER))
    assert run.errors == []
    echo = page.locator(".jp-OutputArea .widget-label", has_text="step is")
    expect(echo).to_have_text("step is 3")
    handle = page.locator(".widget-slider .noUi-handle")
    assert handle.count() == 1, "the widget's view did not appear"
    handle.focus()
    page.keyboard.press("ArrowRight")
    expect(echo).to_have_text("step is 4")

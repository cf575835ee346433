"""Open a chapter in notebook 6.5's classic page, in Chromium, run it and move a slider."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

CHAPTER = "00_start_here"
TOKEN = "classic"
SECONDS = 120  # for anything: shared cores can stall for long
# Until then the page asks the kernel for widgets of before; cells that keep the kernel busy
# meanwhile show no widgets at all (ipywidgets 7). A person reads the head first.
SETTLING = 8_000  # milliseconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
READY = "window.Jupyter?.notebook?._fully_loaded && Jupyter.notebook.kernel?.widget_manager"
RUN_ALL = "Jupyter.notebook.execute_all_cells()"
# What was queued has an execution number, or an error further up has stopped it.
DONE = """() => {
    const cells = Jupyter.notebook.get_cells().filter(cell => cell.cell_type === "code");
    const filled = cells.filter(cell => cell.get_text().trim());
    const outputs = cells.flatMap(cell => cell.output_area.outputs);
    const failed = outputs.some(output => output.output_type === "error");
    return failed || filled.every(cell => Number.isInteger(cell.input_prompt_number));
}"""
ERRORS = """() => Jupyter.notebook.get_cells()
    .flatMap(cell => cell.output_area?.outputs ?? [])
    .filter(output => output.output_type === "error")
    .map(output => `${output.ename}: ${output.evalue}`)"""


@contextmanager
def server(python: Path, content: Path, environment: dict[str, str]) -> Iterator[str]:
    """A classic notebook server with a folder as its root; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = [python, "-m", "notebook", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    line += [f"--NotebookApp.token={TOKEN}", f"--NotebookApp.notebook_dir={content}"]
    line += ["--allow-root", "--port-retries=0"]
    state = content.parent / "jupyter"
    own = {f"JUPYTER_{name}_DIR": str(state / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    log = (content.parent / "server.log").open("w", encoding="utf-8")
    outer = {name: value for name, value in os.environ.items() if name != "XMODAL_STATIC"}
    started = subprocess.Popen(
        line, env={**outer, **environment, **own}, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.wait(timeout=30)
        log.close()


def wait_for(address: str, page: Page) -> None:
    """Open the chapter as soon as the server answers."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            page.goto(f"{address}/notebooks/{CHAPTER}.ipynb?token={TOKEN}")
            return
        except Error:  # not yet
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def slide(page: Page) -> float:
    """Move the slider 'seed' a step; the seconds until another picture stands there."""
    control = page.locator(".widget-hslider", has_text="seed").first
    output = page.locator(".output_area", has=control).first
    picture = output.locator("img").first
    before = picture.get_attribute("src")
    handle = control.locator(".ui-slider-handle").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    start = time.perf_counter()
    handle.press("ArrowRight")
    while picture.get_attribute("src") == before:
        if time.perf_counter() - start > SECONDS:
            raise TimeoutError("the slider moved and the picture stayed")
        page.wait_for_timeout(20)
    return time.perf_counter() - start


def moved_slider(
    python: Path, content: Path, environment: dict[str, str], shot: Path | None = None
):
    """What to put into the table, and everything that is wrong.

    Args:
        python: an interpreter with notebook 6.5.
        content: the folder that holds the chapter.
        environment: differs from the outer one by these variables.
        shot: where to save what the page looks like in the end.
    """
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        return "✗", ["no Chromium is installed (on Debian: apt install chromium)"]
    with server(python, content, environment) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(SECONDS * 1000)
        wait_for(address, page)
        page.wait_for_function(READY)
        page.wait_for_timeout(SETTLING)
        page.evaluate(RUN_ALL)
        page.wait_for_function(DONE)
        errors = page.evaluate(ERRORS)
        seconds = 0.0 if errors else slide(page)
        if shot is not None:
            page.screenshot(path=shot)
        browser.close()
    return ("✗", errors) if errors else (f"✓ new picture after {seconds:.2f} s", [])

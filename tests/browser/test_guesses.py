"""A question in a real JupyterLab: what is stored shows no answer, and running the cells does."""

import nbformat
import pytest
from guesses import fold
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ASK = """\
from xmodal_lab.workbook import predict

guess = predict("Which share?", {"about half": 0.5, "nearly all": 0.95})"""
REVEAL = """\
share = 0.93
print(f"measured: {share}")
guess.reveal(share)"""
OPEN = """path => window.jupyterapp?.shell?.currentWidget?.context?.path === path
    && window.jupyterapp.shell.currentWidget.context.isReady"""

RUN_LAST = """() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = content.widgets.length - 1;
    return window.jupyterapp.commands.execute("notebook:run-cell");
}"""


def recorded(path):
    """A notebook with stored outputs, folded as the recorder folds them."""
    notebook = nbformat.read(path, as_version=4)
    for cell, text in zip(notebook.cells[1:], ("? Which share?", "measured: 0.93"), strict=True):
        cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    fold(notebook)
    nbformat.write(notebook, path)
    return path


def test_no_answer_before_the_guess(page, lab, run_all, write_notebook, tmp_path):
    notebook = recorded(write_notebook(tmp_path / "guess.ipynb", "A guess", ASK, REVEAL))
    (lab.root / "stored.ipynb").write_bytes(notebook.read_bytes())
    page.goto(lab.address_of("stored.ipynb"))
    page.wait_for_function(OPEN, arg="stored.ipynb")
    outputs = page.locator(".jp-OutputArea-output")
    expect(outputs.get_by_text("? Which share?")).to_be_visible()
    expect(outputs.get_by_text("measured: 0.93")).not_to_be_visible()

    assert run_all(page, notebook).errors == []
    expect(outputs.get_by_text("measured: 0.93")).to_be_visible()
    answer = outputs.locator("details p", has_text="The answer is: nearly all.")
    expect(answer).not_to_be_visible()  # nobody has guessed yet
    outputs.get_by_text("open the answer").click()
    expect(answer).to_be_visible()

    page.get_by_label("about half").check()
    page.evaluate(RUN_LAST)
    expect(
        outputs.get_by_text("You guessed: about half. The answer is: nearly all.")
    ).to_be_visible()

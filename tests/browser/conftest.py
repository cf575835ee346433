"""A real JupyterLab, started by the very command of `make lab`, and a Chromium that drives it.

`lab` is the server, with a temporary folder as its root; `page` an empty browser page; `run_all`
copies a notebook there, opens it, runs every cell and returns what came out.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
START = "notebooks/start.ipynb"
TOKEN = "browser-tests"
SECONDS = 90  # to wait for anything: generous, since a shared core can stall for long

# Without the network flags Chromium calls hosts of its own at every start.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

RUN_ALL = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await window.jupyterapp.commands.execute("notebook:run-all-cells");
    return panel.content.model.sharedModel.toJSON().cells;
}"""

# True once the notebook in front is loaded, its kernel answers and the command is there.
IS_READY = """(path) => {
    const app = window.jupyterapp;
    const panel = app?.shell?.currentWidget;
    return panel?.context?.path === path
        && panel.context.isReady
        && panel.sessionContext.isReady
        && panel.sessionContext.session?.kernel?.status === "idle"
        && app.commands.hasCommand("notebook:run-all-cells");
}"""

SHUT_DOWN = """async () => {
    const sessions = window.jupyterapp?.serviceManager?.sessions;
    if (sessions) await sessions.shutdownAll();
}"""


@dataclass
class Lab:
    """A running JupyterLab: where it listens, which folder it shows and opens on which file."""

    address: str
    root: Path
    start: str = START

    @property
    def entry(self) -> str:
        # The server sends this on to its default address, which names the file to open.
        return f"{self.address}/?token={TOKEN}"

    def address_of(self, path: str) -> str:
        # A workspace of its own, or the tabs of the test before would open again.
        return f"{self.address}/lab/workspaces/{uuid.uuid4().hex}/tree/{path}?token={TOKEN}"


@dataclass
class NotebookRun:
    """What running a notebook in the browser gave, in the order of its cells."""

    texts: list[str]  # streams and text/plain
    errors: list[str]  # "NameError: name 'x' is not defined"
    cells: list[dict]


def unavailable(reason: str) -> None:
    """Skip, or fail where everything has to be there: in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} With CI=true the browser tests must run.", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        path = shutil.which(name)
        if path:
            return path
    unavailable("No Chromium is installed (on Debian: apt install chromium).")


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # The user's own Chromium: Playwright's would have to be downloaded.
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(SECONDS * 1000)
    yield page
    page.evaluate(SHUT_DOWN)  # kernels would otherwise share the cores with the tests that follow
    page.close()


@pytest.fixture(scope="session")
def lab(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    # Asking for chromium_path first spares the start where there is no browser.
    expect.set_options(timeout=SECONDS * 1000)
    if shutil.which("make") is None:
        unavailable("make is not installed.")
    root = tmp_path_factory.mktemp("workbook")
    home = tmp_path_factory.mktemp("home")
    save_notebook(root / START, "# Start here", "print('started')")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    arguments = f"--no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0"
    # A root of its own, although `make lab` names one already: any argument may be given.
    arguments += f" --LabApp.expose_app_in_browser=True --ServerApp.root_dir={root}"
    # `-o setup`: the environment that runs this test is the one to use, whichever it is.
    command = ["make", "-C", str(home), "-f", str(ROOT / "Makefile"), "-o", "setup", "lab"]
    command += [f"LAB_CONFIG={ROOT / 'tools' / 'lab'}"]
    command += [f"VENV_PYTHON={sys.executable}", f"START={START}", f"LAB_ARGS={arguments}"]
    log = home / "lab.log"
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(
            command,
            env=lab_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    lab = Lab(f"http://127.0.0.1:{port}", root)
    try:
        wait_until_it_answers(lab, server, log)
        yield lab
    finally:
        stop(lab, server)


def lab_environment(home: Path) -> dict[str, str]:
    """Return an environment in which no setting of the user's takes part."""
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    environment |= {name: str(home / folder) for name, folder in own.items()}
    environment |= {"JUPYTER_TOKEN": TOKEN, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment.pop("XMODAL_STATIC", None)  # the point is to see live widgets
    return environment


def wait_until_it_answers(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{lab.address}/api/status?token={TOKEN}", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}", pytrace=False)


def stop(lab: Lab, server: subprocess.Popen) -> None:
    """Ask the server to end, which also ends its kernels; insist where it does not."""
    request = urllib.request.Request(f"{lab.address}/api/shutdown?token={TOKEN}", method="POST")
    request.add_header("Authorization", f"token {TOKEN}")
    try:
        urllib.request.urlopen(request, timeout=5).close()
        server.wait(timeout=20)
    except (urllib.error.URLError, OSError, subprocess.TimeoutExpired):
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)  # kernels end when their parent is gone
        server.wait()


@pytest.fixture
def write_notebook():
    """Return `write_notebook(path, text, *code)`, for tests that need a notebook of their own."""
    return save_notebook


def save_notebook(path: Path, text: str, *code: str) -> Path:
    """Write a notebook of one text cell and these code cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    notebook.cells = [nbformat.v4.new_markdown_cell(text)]
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in code]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def run_all(lab: Lab):
    """Return `run_all(page, notebook)`, which runs a copy of a notebook from top to bottom."""

    def run_all(page: Page, notebook: Path) -> NotebookRun:
        folder = lab.root / uuid.uuid4().hex
        folder.mkdir()
        copy = folder / notebook.name
        shutil.copy(notebook, copy)
        path = f"{folder.name}/{copy.name}"
        page.goto(lab.address_of(path))
        page.wait_for_function(IS_READY, arg=path)
        return collect(page.evaluate(RUN_ALL))

    return run_all


def collect(cells: list[dict]) -> NotebookRun:
    """Gather texts and errors from the cells of a notebook."""
    run = NotebookRun([], [], cells)
    for cell in cells:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                run.errors.append(f"{output['ename']}: {output['evalue']}")
            elif output["output_type"] == "stream":
                run.texts.append(join(output["text"]))
            elif "text/plain" in output["data"]:
                run.texts.append(join(output["data"]["text/plain"]))
    return run


def join(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)

"""An environment that sees the packages of this one but for some, and knows no network.

Git finds the workbook's address on this disk, pip finds the wheels that a test has made.
"""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

from fresh_machine import stand_in_for_colab

OURS = ("xmodal_lab", "__editable__")
# Runs cells as a notebook does and tells what each did.
SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
if {colab}:
    import google.colab
shell = InteractiveShell.instance()
for cell in {cells!r}:
    print("«", flush=True)
    done = shell.run_cell(cell)
    error = done.error_before_exec or done.error_in_exec
    print("»" + json.dumps([type(error).__name__, str(error)] if error else None), flush=True)
    if error:
        break  # as Run All does
"""


class Machine:
    """A virtual environment without the workbook, and without the packages named."""

    def __init__(self, folder: Path, environment: dict[str, str], without: tuple[str, ...] = ()):
        self.folder, self.environment = folder, environment
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        (self.site,) = (folder / "env").glob("lib/python*/site-packages")
        self.packages, self.wheels = folder / "packages", folder / "wheels"
        self.packages.mkdir()
        self.wheels.mkdir()
        left_out = tuple(name.replace("-", "_") for name in without) + OURS
        for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
            if not entry.name.startswith(left_out):
                (self.packages / entry.name).symlink_to(entry)
        (self.site / "packages.pth").write_text(f"{self.packages}\n", encoding="utf-8")

    def run(self, *cells: str, colab: bool = False, **changes: str):
        """What each cell printed, and its error as (name, words) or None."""
        stand_in = self.folder / "colab"
        if colab and not stand_in.exists():
            stand_in_for_colab(stand_in)
        environment = {
            **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "XMODAL_DATA")},
            **self.environment,
            "HOME": str(self.folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's way of saying: no isolation
            "PIP_ROOT_USER_ACTION": "ignore",
            **({"PYTHONPATH": str(stand_in)} if colab else {}),
            **changes,
        }
        code = SHELL.format(cells=list(cells), colab=colab)
        line = [self.folder / "env" / "bin" / "python", "-c", code]
        done = subprocess.run(
            line, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300
        )
        parts = done.stdout.split("«\n")[1:]
        assert parts, done.stderr
        told = [part.split("»") for part in parts]
        return [(printed, json.loads(error.splitlines()[0])) for printed, error in told]

    def versions(self) -> dict[str, str]:
        """Every package and its version, without the workbook."""
        found = {}
        for package in metadata.distributions(path=[str(self.site), str(self.packages)]):
            found.setdefault(package.metadata["Name"].lower(), package.version)
        found.pop("xmodal-lab", None)
        return found

    def add(self, name: str, version: str, needs: str = "", where: str = "wheels") -> None:
        """A package of one module: as a wheel that can be found, or here already."""
        info = f"{name}-{version}.dist-info"
        files = {
            f"{name}/__init__.py": f'__version__ = "{version}"\n',
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            + (f"Requires-Dist: {needs}\n" if needs else ""),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        if where == "wheels":
            with zipfile.ZipFile(self.wheels / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
                for path, text in files.items():
                    wheel.writestr(path, text)
        else:
            for path, text in files.items():
                (self.packages / path).parent.mkdir(exist_ok=True)
                (self.packages / path).write_text(text, encoding="utf-8")


def add_copy(machine: Machine, name: str) -> None:
    """The wheel of a package that is installed here."""
    package = metadata.distribution(name)
    wheel = machine.wheels / f"{name.replace('-', '_')}-{package.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for path in package.files:
            if ".." not in path.parts and "__pycache__" not in path.parts:
                file.write(path.locate(), str(path))

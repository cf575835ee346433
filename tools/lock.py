"""Writes constraints.txt: the exact version of everything the project installs with `dev`.

    .venv/bin/python tools/lock.py                      # Pythons found by name: python3.10 … 3.13
    .venv/bin/python tools/lock.py --python PATH …      # or name them

The tested versions are those of the Python that runs this tool, so: upgrade the packages in
`.venv`, run `make test`, then run this. For every other Python the same versions are taken
wherever they exist for it; where they do not, the newest that exists gets a line with an
environment marker.

Nothing is installed and no wheel is downloaded: pip resolves with `--dry-run --report`, from
metadata alone, in throw-away environments. A package that only CUDA builds of torch bring is
left out, and a version's local part (`+cpu`) is dropped, so that the CPU and the CUDA build of
torch both satisfy the file. What only macOS or Windows install (appnope, colorama, pywinpty)
is not seen from Linux and stays without a pin.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from door_cell import project
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
EXTRA = "dev"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
# Installers are tools, not requirements, so a resolution does not list them.
INSTALLERS = ("pip", "setuptools")
CUDA_ONLY = re.compile(r"(nvidia|cuda)-.+|triton")

HEADER = """\
# The exact versions this workbook is tested with: {pythons}.
# Written by tools/lock.py; do not edit by hand. Ranges stand in pyproject.toml.
#     python -m pip install -c constraints.txt -e ".[dev]"
# torch has no local part here, so that its CPU and its CUDA build both fit. Packages that only a
# CUDA build brings are left to that build.
"""

Pins = dict[str, str]


def read_requirements(extra: str) -> list[str]:
    """Return the project's requirements with `extra`, extras of the project itself spelled out."""
    table = project()
    own_name = canonicalize_name(table["name"])
    found = list(table["dependencies"])
    waiting = [extra]
    while waiting:
        for line in table["optional-dependencies"][waiting.pop()]:
            requirement = Requirement(line)
            if canonicalize_name(requirement.name) == own_name:
                waiting.extend(requirement.extras)
            else:
                found.append(line)
    return found


def read_installed(python: str) -> Pins:
    """Return the version of every package that `python` has, without local parts."""
    command = [python, "-m", "pip", "list", "--format=json", "--exclude-editable"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {canonicalize_name(p["name"]): Version(p["version"]).public for p in listed}


def make_environment(python: str, folder: Path, pip_version: str) -> str:
    """Make a virtual environment whose pip is recent enough to resolve from metadata alone."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    own_python = str(folder / "bin" / "python")
    install = [own_python, "-m", "pip", "install", "--quiet", f"pip=={pip_version}"]
    subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    return own_python


def resolve(python: str, requirements: list[str], wanted: Pins) -> Pins:
    """Return what pip would install for `python` if it kept to the `wanted` versions."""
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "wanted.txt")
        constraints.write_text("".join(f"{n}=={v}\n" for n, v in wanted.items()), encoding="utf-8")
        report = Path(folder, "report.json")
        command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", "-c", str(constraints), "--report", str(report)]
        done = subprocess.run([*command, *requirements], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{python}: pip found no set of versions.\n{done.stderr}")
        installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    pins = {}
    for item in installs:
        name = canonicalize_name(item["metadata"]["name"])
        if not CUDA_ONLY.fullmatch(name):
            pins[name] = Version(item["metadata"]["version"]).public
    return pins


def resolve_near(python: str, requirements: list[str], tested: Pins) -> Pins:
    """Resolve for `python`, keeping every tested version that exists for it."""
    newest = resolve(python, requirements, {"torch": tested["torch"]})
    # Where even the newest is older than the tested version, the tested one is not for this Python.
    wanted = {
        name: version
        for name, version in tested.items()
        if name in newest and Version(newest[name]) >= Version(version)
    }
    return resolve(python, requirements, wanted)


def write_marker(pythons: set[str]) -> str:
    """Return the environment marker that holds for exactly these of PYTHONS."""
    if pythons == set(PYTHONS):
        return ""
    chosen = [i for i, python in enumerate(PYTHONS) if python in pythons]
    first, last = chosen[0], chosen[-1]
    if last - first + 1 != len(chosen):
        return " or ".join(f'python_version == "{PYTHONS[i]}"' for i in chosen)
    bounds = []
    if first > 0:
        bounds.append(f'python_version >= "{PYTHONS[first]}"')
    if last < len(PYTHONS) - 1:
        bounds.append(f'python_version < "{PYTHONS[last + 1]}"')
    return " and ".join(bounds)


def write_lines(pins: dict[str, Pins]) -> list[str]:
    """Return one line a package, or one a version where the Pythons need different ones."""
    lines = []
    for name in sorted(set().union(*pins.values())):
        wanted_by: dict[str, set[str]] = {}
        for python, versions in pins.items():
            if name in versions:
                wanted_by.setdefault(versions[name], set()).add(python)
        if len(wanted_by) == 1:  # a pin does no harm to a Python that does not need the package
            lines.append(f"{name}=={next(iter(wanted_by))}")
            continue
        for version in sorted(wanted_by, key=Version):
            lines.append(f"{name}=={version} ; {write_marker(wanted_by[version])}")
    return lines


def pythons(named: list[str]) -> dict[str, str]:
    """Return {"3.10": path, …} for those of PYTHONS that are here; the running one is its own."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = {own: sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    by_name = [shutil.which(f"python{version}") for version in PYTHONS]
    for path in [*named, *sorted(map(str, pyenv.glob("3.*/bin/python"))), *by_name]:
        if path is None:
            continue
        ask = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        asked = subprocess.run(ask, capture_output=True, text=True)
        if asked.returncode == 0:  # a pyenv shim is there for versions that it does not run
            found.setdefault(asked.stdout.strip(), path)
    return {version: found[version] for version in PYTHONS if version in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", nargs="+", default=[], metavar="PATH", help="Pythons to serve")
    parser.add_argument("--output", type=Path, default=ROOT / "constraints.txt")
    arguments = parser.parse_args()

    requirements = read_requirements(EXTRA)
    tested = read_installed(sys.executable)
    found = pythons(arguments.python)
    missing = [version for version in PYTHONS if version not in found]
    if missing:
        sys.exit(f"No Python {', '.join(missing)} found: name each with --python PATH.")

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(max_workers=2) as pool:

        def pin(version: str) -> Pins:
            environment = Path(folder, version)
            python = make_environment(found[version], environment, tested["pip"])
            return resolve_near(python, requirements, tested)

        pins = dict(zip(PYTHONS, pool.map(pin, PYTHONS), strict=True))

    for versions in pins.values():
        versions.update({name: tested[name] for name in INSTALLERS})
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    differing = [name for name, v in pins[own].items() if tested.get(name, v) != v]
    if differing:
        sys.exit(f"The tested versions do not fit pyproject.toml: {', '.join(differing)}.")
    others = ", ".join(version for version in PYTHONS if version != own)
    header = HEADER.format(pythons=f"Python {own} (resolved, not run, for {others})")
    lines = write_lines(pins)
    arguments.output.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{arguments.output.name}: {len(lines)} lines")


if __name__ == "__main__":
    main()

"""The set-up files agree: ranges, exact versions, conda, licences; and the package stays light."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")  # pytest itself brings it to Python 3.10

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]

# Google Colab, late 2025 to 2026, beside what constraints-colab.txt holds: Python 3.12, packages
# that are there before anyone installs.
COLAB = {
    "torch": ["2.8.0+cu126", "2.9.0+cu126", "2.10.0+cu128", "2.11.0+cu128"],
    "torchaudio": ["2.8.0+cu126", "2.9.0+cu126", "2.10.0+cu128", "2.11.0+cu128"],
    "numpy": ["2.0.2"],
    "scipy": ["1.16.3"],
    "scikit-learn": ["1.6.1"],
    "matplotlib": ["3.10.0"],
    "ipywidgets": ["7.7.1"],
    "umap-learn": ["0.5.9.post2"],
    "soundfile": ["0.13.1"],
    "safetensors": ["0.5.3", "0.7.0"],
}


@cache
def read_project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read_requirements(python: str, extras: tuple[str, ...] = ()) -> list[Requirement]:
    """Return what the project asks for on Linux with `python`, extras spelled out."""
    project = read_project()["project"]
    lines, waiting = list(project["dependencies"]), list(extras)
    while waiting:
        for line in project["optional-dependencies"][waiting.pop()]:
            requirement = Requirement(line)
            if canonicalize_name(requirement.name) == canonicalize_name(project["name"]):
                waiting.extend(requirement.extras)
            else:
                lines.append(line)
    return [r for r in map(Requirement, lines) if applies(r, python)]


def applies(requirement: Requirement, python: str) -> bool:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def read_pins(python: str, file: str = "constraints.txt") -> dict[str, str]:
    """Return the exact versions of a file of constraints for `python`."""
    pins: dict[str, str] = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", f"not an exact version: {line}"
        if applies(requirement, python):
            name = canonicalize_name(requirement.name)
            assert name not in pins, f"two versions of {name} for Python {python}"
            pins[name] = specifier.version
    return pins


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_cover_every_dependency_within_its_range(python):
    pins = read_pins(python)
    for requirement in read_requirements(python, extras=("dev",)):
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} has no pin: run tools/lock.py"
        assert requirement.specifier.contains(pins[name]), f"{requirement} against {pins[name]}"
    assert {"pip", "setuptools"} <= pins.keys()


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_name_no_build_of_torch(python):
    pins = read_pins(python)
    assert not [name for name in pins if name.startswith(("nvidia-", "cuda-")) or name == "triton"]
    assert not [version for version in pins.values() if "+" in version]


def test_supported_pythons_are_the_pinned_ones():
    supported = SpecifierSet(read_project()["project"]["requires-python"])
    assert [f"3.{minor}" for minor in range(8, 17) if supported.contains(f"3.{minor}")] == PYTHONS
    assert read_project()["tool"]["ruff"]["target-version"] == "py" + PYTHONS[0].replace(".", "")


def test_colab_keeps_the_packages_it_has():
    for requirement in read_requirements("3.12"):
        for version in COLAB.get(canonicalize_name(requirement.name), []):
            assert requirement.specifier.contains(version), f"{requirement} moves {version}"
    # What the first cell finds missing there, and has to install.
    pins, missing = read_pins("3.13", "constraints-colab.txt"), []
    for requirement in read_requirements("3.13"):
        version = pins.get(canonicalize_name(requirement.name))
        if version is None:
            missing.append(requirement.name)
        else:
            assert requirement.specifier.contains(version), f"{requirement} moves {version}"
    assert missing == ["jaxtyping"]


def test_ranges_have_no_upper_bound():
    # A bound that a host outgrows would make its pip replace torch or numpy.
    for requirement in read_requirements("3.12"):
        assert {s.operator for s in requirement.specifier} == {">="}, str(requirement)


def test_conda_installs_what_pip_installs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *from_conda, from_pip = environment["dependencies"]
    assert from_conda == ["python=3.11", "pip"]
    constraints, project, *named = from_pip["pip"]
    assert (constraints, project) == ("-c constraints.txt", "-e .[dev]")
    assert environment["name"] == read_project()["project"]["name"]
    # Names alone, so that no version is written twice: what runs, the laboratory, and the checker.
    wanted = [requirement.name for requirement in read_requirements("3.11", extras=("lab",))]
    assert named == [*wanted, "nbval"]


def test_licences_are_named_and_shipped():
    project = read_project()["project"]
    assert project["license"] == "MIT AND CC-BY-4.0"
    assert project["license-files"] == ["LICENSE", "LICENSE-CC-BY-4.0"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    notice = (ROOT / "LICENSE-CC-BY-4.0").read_text(encoding="utf-8")
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in notice


def test_import_stays_light():
    heavy = ["umap", "transformers", "sklearn", "matplotlib", "ipywidgets", "IPython", "numba"]
    code = f"import sys, xmodal_lab; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr

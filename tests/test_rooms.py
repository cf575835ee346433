"""The rooms stand in the order of the data's way: each knows only those before it."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import jaxtyping
import pytest
import torch

PACKAGE = Path(__file__).parents[1] / "xmodal_lab"
ORDER = (
    "_torchaudio_guard",
    "runtime",
    "door",
    "batch",
    "objective",
    "datasets",
    "encoders",
    "alignment",
    "fusion",
    "joint",
    "tasks",
    "evaluation",
    "training",
    "widgets",
    "workbook",
)
# Rooms whose face exports main names.
FACES = ("encoders", "alignment", "fusion", "joint", "evaluation", "training")
LONGEST = 300
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name_of(path).split(".")
                keep = len(package) - node.level + (path.name == "__init__.py")
                base = ".".join([*package[:keep], *([base] if base else [])])
            # What is imported may be a module or a name in one; a name does no harm here.
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] == "xmodal_lab"}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_every_file_stands_in_a_known_room():
    assert {room_of(name_of(path)) for path in FILES} <= {"", *ORDER}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_imports_only_rooms_before_it(path):
    own = room_of(name_of(path))
    if not own:  # the package itself may only install the guard: importing it stays light
        assert {room_of(name) for name in imports_of(path)} <= {"", "_torchaudio_guard"}
        return
    wrong = [name for name in imports_of(path) if ORDER.index(own) < _place(name)]
    assert not wrong, f"{own} must not know {wrong}"


def _place(module: str) -> int:
    room = room_of(module)
    return ORDER.index(room) if room in ORDER else -1


def test_no_module_imports_itself_by_a_detour():
    modules = {name_of(path): path for path in FILES}
    # A package's own __init__ gathers names from its modules; these never import the package.
    graph = {name: (imports_of(path) & modules.keys()) - {name} for name, path in modules.items()}
    packages = {name_of(path) for path in FILES if path.name == "__init__.py"}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join((*way, name))
        if name in done:
            return
        for needed in graph[name]:
            # 'from xmodal_lab.a import b' runs a/__init__ first, which is no circle of modules.
            if not (needed in packages and name.startswith(needed + ".")):
                visit(needed, (*way, name))
        done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_file_is_longer_than_one_reads_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_faces_stay_light():
    """In one process: a room's face imports neither what compiles nor what takes seconds to load.

    ``import xmodal_lab`` alone is looked at in test_packaging.
    """
    heavy = ("umap", "numba", "transformers", "ipywidgets", "matplotlib", "sklearn", "pooch")
    rooms = ", ".join(f"xmodal_lab.{room}" for room in FACES)
    code = f"import sys, {rooms}; print(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize("room", FACES)
def test_a_face_exports_what_it_says_and_hides_no_module(room):
    face = importlib.import_module(f"xmodal_lab.{room}")
    assert face.__doc__ and all(hasattr(face, name) for name in face.__all__)
    assert face.__all__ == sorted(face.__all__)
    modules = {path.stem for path in (PACKAGE / room).glob("*.py")}
    for name in modules & set(face.__all__):  # a function of a module's name would stand before it
        assert getattr(face, name) is sys.modules[f"xmodal_lab.{room}.{name}"]


def test_shapes_in_signatures_are_checked_while_testing(request):
    """See conftest.py; without its hook the other tests would check less than they seem to."""
    from xmodal_lab.alignment.losses import info_nce

    with pytest.raises(jaxtyping.TypeCheckError, match="batch"):
        info_nce(torch.zeros(3, 2), torch.zeros(4, 2), 0.1)
    request.getfixturevalue("unchecked")
    with pytest.raises(ValueError, match="expected two batches of one shape"):
        info_nce(torch.zeros(3, 2), torch.zeros(4, 2), 0.1)

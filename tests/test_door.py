"""The first cell of every chapter, run where the workbook is missing, or a part of it."""

import pytest
from door_cell import first_cell, project
from fresh_environment import Machine, add_copy
from fresh_machine import leading_to, remote

VERSION = project()["version"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """The stand-in for the web: a git repository with the version's tag."""
    folder = tmp_path_factory.mktemp("remote") / "workbook"
    folder.mkdir()
    return folder, remote(folder)


@pytest.fixture
def machine(tmp_path, repository):
    return lambda *without: Machine(tmp_path, repository[1], without)


def test_on_colab_all_is_installed_nothing_moves_and_no_restart_is_needed(machine):
    colab = machine("jaxtyping", "wadler-lindig")
    add_copy(colab, "jaxtyping")
    add_copy(colab, "wadler-lindig")
    before = colab.versions()
    asks = "import google.colab; print(google.colab.ENABLED)"
    uses = (
        "from xmodal_lab.datasets.shipped import shipped\n"
        "from xmodal_lab.training import checkpoints\n"
        "path = shipped('joint_space.safetensors'); print(path, checkpoints.load(path).dim)"
    )
    first, widgets, used, again = colab.run(first_cell(), asks, uses, first_cell(), colab=True)
    assert first[1] is None, first
    assert "Installing jaxtyping" in first[0]
    assert f"✓ xmodal_lab {VERSION} is installed. Nothing that was here has moved." in first[0]
    assert "device     cpu" in first[0] and "T4 GPU" in first[0]
    assert widgets == ("['widgets']\n", None)
    assert used[1] is None and str(colab.site / "xmodal_lab" / "data") in used[0], used
    assert again[1] is None
    after = colab.versions()
    new = {name.replace("-", "_") for name in after.keys() - before.keys()}
    assert new == {"jaxtyping", "wadler_lindig"}
    assert {name: after[name] for name in before} == before
    # A second notebook on the same machine: nothing to say, but widgets are enabled there, too.
    assert colab.run(first_cell(), asks, colab=True) == [("", None), ("['widgets']\n", None)]


def test_without_a_network_nothing_runs_and_pip_says_why(machine):
    here = machine()
    lost = leading_to(here.folder / "nowhere")
    ran = here.run(first_cell(), "print('went on')", **lost)
    assert len(ran) == 1, "the next cell ran"
    printed, (kind, said) = ran[0]
    assert (kind, said) == ("ModuleNotFoundError", "No module named 'xmodal_lab'")
    assert "a network?" in printed, "the line that failed, with its hint, is shown"
    assert "ERROR" in printed or "fatal" in printed


def test_a_package_that_cannot_be_had_is_named(machine):
    (ran,) = machine("jaxtyping").run(first_cell())
    assert ran[1][0] == "DoorError"
    assert "pip could not install jaxtyping" in ran[1][1] and "Is there a network?" in ran[1][1]


def test_a_package_that_would_move_another_is_refused_and_nothing_moves(machine):
    here = machine("jaxtyping", "wadler-lindig")
    here.add("kept", "1.0", where="here")
    here.add("kept", "2.0")
    here.add("jaxtyping", "99.0", needs="kept>=2")
    before = here.versions()
    (ran,) = here.run(first_cell())
    assert ran[1][0] == "DoorError" and "conflict" in ran[1][1].lower(), ran
    assert here.versions() == before


def test_a_package_that_is_too_old_is_left_alone_and_named(machine):
    here = machine("jaxtyping")
    here.add("jaxtyping", "0.1.0", where="here")
    (ran,) = here.run(first_cell())
    assert ran[1][0] == "DoorError"
    assert "needs jaxtyping>=" in ran[1][1] and "0.1.0 is here" in ran[1][1]
    assert "%pip install --upgrade 'jaxtyping>=" in ran[1][1]


def test_the_chapters_own_version_takes_the_place_of_another(machine, tmp_path, repository):
    here = machine()
    (tmp_path / "older").mkdir()
    older = remote(tmp_path / "older", version="0.0.1")
    (ran,) = here.run(first_cell().replace(VERSION, "0.0.1"), **older)
    assert ran[1] is None and "✓ xmodal_lab 0.0.1 is installed" in ran[0], ran
    late, early = "import xmodal_lab.runtime", "import xmodal_lab; print(xmodal_lab.__version__)"
    used = here.run(late, first_cell())[1]
    assert used[1][0] == "DoorError" and "restart the kernel" in used[1][1]
    ran, told = here.run(first_cell(), early)
    assert ran[1] is None and f"✓ xmodal_lab {VERSION} is installed" in ran[0], ran
    assert told == (f"{VERSION}\n", None)
    assert here.run(first_cell()) == [("", None)]


def test_a_moved_package_is_named(monkeypatch):
    from xmodal_lab import door

    monkeypatch.setattr(door, "_checkout", lambda: None)
    monkeypatch.setattr(door, "_missing", lambda here: ["jaxtyping>=0.2"])
    monkeypatch.setattr(door, "_pip_install", lambda what, here: None)
    found = iter([{"numpy": "2.1.3", "torch": "2.11.0"}, {"numpy": "2.2.0"}])
    monkeypatch.setattr(door, "_installed", lambda: next(found))
    with pytest.raises(door.DoorError, match=r"numpy 2\.1\.3 → 2\.2\.0, torch 2\.11\.0 → gone"):
        door.enter(VERSION)


def test_in_a_checkout_nothing_is_said_or_done(monkeypatch, capsys):
    from xmodal_lab import door

    monkeypatch.setattr(door, "_installed", lambda: pytest.fail("it looked around"))
    door.enter(VERSION)
    assert capsys.readouterr().out == ""
    with pytest.raises(door.DoorError, match=r"belongs to version 9\.9; .* git checkout v9\.9"):
        door.enter("9.9")

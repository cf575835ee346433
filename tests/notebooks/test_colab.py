"""`make colab`: a chapter that opens where the workbook is missing is ✓, what went wrong a ✗."""

import colab
import pytest
from fresh_environment import Machine
from tiny import PLAIN

pytestmark = pytest.mark.slow
RUNTIME = colab.Machine("a runtime")


class Here(colab.Replica):
    """A replica that is this machine without the workbook, and without a network."""

    def __init__(self, machine):
        self.machine, self.python = machine, machine.folder / "env" / "bin" / "python"
        self.preinstalled = self.packages()

    def packages(self):
        return self.machine.versions()

    def freshen(self):
        pass


@pytest.fixture
def replica(tmp_path, monkeypatch):
    for name, value in {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}.items():
        monkeypatch.setenv(name, value)
    return Here(Machine(tmp_path / "here", {}))


def source(tmp_path, text):
    path = tmp_path / "00_plain.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_chapter_opens_where_the_workbook_is_missing(replica, tmp_path):
    said, problems = colab.run(source(tmp_path, PLAIN), replica, RUNTIME)
    assert problems == [] and said.startswith("✓ 1 of 1 claims, ")
    # Now it is there, so the first cell has nothing to do; and a claim does not hold.
    spoilt = PLAIN.replace("✓ share", "✗ share")
    replica.preinstalled["numpy"] = "0.1"
    said, problems = colab.run(source(tmp_path, spoilt), replica, RUNTIME)
    assert said.startswith("✗ 0 of 1 claims, ")
    assert any(each.startswith("✗ share: ") for each in problems)
    assert any(each.startswith("moved: numpy 0.1 → ") for each in problems)
    assert "the first cell said ''" in problems


def test_a_cell_that_raises_is_told(replica, tmp_path):
    said, problems = colab.run(source(tmp_path, PLAIN + "\n\n1 / 0\n"), replica, RUNTIME)
    assert said == "✗" and "ZeroDivisionError" in problems[0]


def test_what_is_added_is_taken_away_and_what_moved_comes_back(replica, monkeypatch):
    before = dict(replica.preinstalled)
    now = before | {"jaxtyping": "9", "added": "1.0"}
    asked = []
    monkeypatch.setattr(replica, "packages", lambda: now)
    monkeypatch.setattr(replica, "pip", lambda *arguments: asked.append(arguments))
    colab.Replica.freshen(replica)
    assert asked[0] == ("uninstall", "--yes", "added")
    assert asked[1][0] == "install" and f"jaxtyping=={before['jaxtyping']}" in asked[1]


def test_an_unknown_machine_is_refused(capsys):
    with pytest.raises(SystemExit):
        colab.main(["tpu-runtime"])
    assert "no machine tpu-runtime; there are: gpu-runtime" in capsys.readouterr().err

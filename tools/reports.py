"""What a pytest run did, test by test, read from the report it writes (JUnit's XML)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

COLOURS = re.compile(r"(\x1b|#x1B)\[[0-9;]*m")


@dataclass(frozen=True)
class Outcome:
    """One test, or one cell of a notebook: where it stands, how long it took, why it failed."""

    place: str  # 'tests.joint.test_atlas' or 'notebooks.06_joint_space.ipynb'
    name: str
    seconds: float
    failure: str | None
    skipped: bool = False

    @property
    def notebook(self) -> str:
        """The stem of the notebook that a cell belongs to; '' for a test."""
        parts = self.place.split(".")
        return parts[-2] if parts[-1] == "ipynb" else ""


def read_report(report: Path) -> list[Outcome]:
    """All outcomes of a run; none where it ended before it wrote its report."""
    if not report.exists():
        return []
    return [_outcome(case) for case in ElementTree.parse(report).iter("testcase")]


def _outcome(case: ElementTree.Element) -> Outcome:
    found = [mark for mark in case if mark.tag in ("failure", "error")]
    said = "\n".join(mark.text or mark.get("message", "") for mark in found)
    return Outcome(
        # A file that cannot be collected stands in the name alone.
        case.get("classname") or case.get("name", ""),
        case.get("name", ""),
        float(case.get("time", 0)),
        COLOURS.sub("", said).strip() or "failed" if found else None,
        any(mark.tag == "skipped" for mark in case),
    )

"""Checkers judge for the device they run on: here always the CPU, unless a test says otherwise."""

import pytest
import torch

from xmodal_lab.workbook.kit import checking


@pytest.fixture(autouse=True)
def runtime_on_the_cpu(monkeypatch):
    monkeypatch.setattr(checking, "chosen_device", lambda: torch.device("cpu"))

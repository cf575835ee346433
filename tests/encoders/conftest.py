"""What tests of several encoders need."""

import pytest


@pytest.fixture
def nowhere_else(monkeypatch, tmp_path):
    """No network, no cache, no folder of this machine's user."""
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("XMODAL_MODELS", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

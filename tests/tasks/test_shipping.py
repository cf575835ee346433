"""Trained models on disk: whole, without pickles, the same bytes for the same model."""

import pytest
import torch

from xmodal_lab.datasets.digest import sha256
from xmodal_lab.tasks import shipping
from xmodal_lab.tasks.questions import hopping


def test_a_written_model_comes_back_with_what_is_known_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XMODAL_DATA", str(tmp_path))
    torch.manual_seed(3)
    model, path = hopping(dim=5).eval(), tmp_path / "mine.safetensors"
    shipping.write(path, model, recipe={"steps": 3, "a": 1})
    digest = sha256(path)
    shipping.write(path, model, recipe={"a": 1, "steps": 3})
    assert sha256(path) == digest  # the same model gives the same bytes
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  {path.name}\n")
    assert shipping.about(path.name) == {"recipe": {"a": 1, "steps": 3}}
    again = shipping.filled(path.name, hopping(dim=5).train())
    assert not again.training
    for name, tensor in model.state_dict().items():
        assert again.state_dict()[name].equal(tensor)
    with pytest.raises(RuntimeError, match="size mismatch"):
        shipping.filled(path.name, hopping(dim=6))

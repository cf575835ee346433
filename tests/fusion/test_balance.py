"""OGM-GE: who is ahead gets less of its gradient."""

import math

import pytest
import torch
from torch import nn

from xmodal_lab.batch import Batch
from xmodal_lab.fusion.balance import BalancedCrossEntropy, modulation

LABELS = torch.tensor([0, 1])
# Softmax gives the right class 0.9 and 0.5: the first is ahead by 1.8.
SURE, UNSURE = torch.tensor([[9.0, 1.0], [1.0, 9.0]]).log(), torch.zeros(2, 2)


def test_the_leader_is_slowed_down_by_how_far_it_is_ahead():
    found = modulation({"text": SURE, "image": UNSURE}, LABELS, alpha=0.5)
    assert found == {"text": pytest.approx(1 - math.tanh(0.5 * 1.8)), "image": 1.0}


def test_three_are_held_against_the_mean_of_the_others():
    found = modulation({"a": SURE, "b": UNSURE, "c": UNSURE}, LABELS, alpha=1.0)
    assert found == {"a": pytest.approx(1 - math.tanh(1.8)), "b": 1.0, "c": 1.0}


def test_equals_and_alpha_of_nothing_are_left_alone():
    assert set(modulation({"a": SURE, "b": SURE.clone()}, LABELS).values()) == {1.0}
    assert set(modulation({"a": SURE, "b": UNSURE}, LABELS, alpha=0.0).values()) == {1.0}
    with pytest.raises(ValueError, match=r"nothing to balance \['a'\] with"):
        modulation({"a": SURE}, LABELS)


class Two(nn.Module):
    """Two linear encoders whose outputs are the logits; the first begins far ahead."""

    def __init__(self):
        super().__init__()
        self.encoders = nn.ModuleDict({name: nn.Linear(2, 2) for name in ("text", "image")})
        with torch.no_grad():
            self.encoders["text"].weight.copy_(3 * torch.eye(2))

    def forward(self, batch):
        return {name: encoder(batch[name]) for name, encoder in self.encoders.items()}


def rows(count=40):
    labels = torch.arange(count) % 2
    seen = torch.eye(2)[labels] + 0.1 * torch.randn(count, 2)
    return Batch(text=seen, image=seen.clone(), labels=labels)


def gradients(noise, close=False):
    torch.manual_seed(0)
    model, batch = Two(), rows()
    plain = nn.functional.cross_entropy(sum(model(batch).values()), batch["labels"])
    wanted = torch.autograd.grad(plain, list(model.parameters()))
    objective = BalancedCrossEntropy(model.encoders, alpha=1.0, noise=noise)
    if close:
        objective.close()
    loss = objective(model(batch), batch)
    assert loss.item() == pytest.approx(plain.item())
    loss.backward()
    names = [name.split(".")[1] for name, _ in model.named_parameters()]
    found = [parameter.grad for parameter in model.parameters()]
    return objective.kept, list(zip(names, wanted, found, strict=True))


def test_the_encoders_gradients_are_scaled_and_nothing_else():
    kept, triples = gradients(noise=False)
    assert kept["text"] < 0.5 and kept["image"] == 1.0
    for name, wanted, found in triples:
        torch.testing.assert_close(found, kept[name] * wanted)


def test_noise_has_the_gradients_own_spread():
    torch.manual_seed(0)
    layer = nn.Linear(300, 300)
    objective = BalancedCrossEntropy({"text": layer}, noise=True)
    objective.kept = {"text": 0.25}
    steps = torch.randn(300, 300)
    (layer.weight * steps).sum().backward()
    rest = layer.weight.grad - 0.25 * steps
    assert rest.std() == pytest.approx(1.0, rel=0.02) and abs(rest.mean()) < 0.02


def test_behind_close_gradients_are_as_they_were():
    for _, wanted, found in gradients(noise=True, close=True)[1]:
        torch.testing.assert_close(found, wanted)

"""Fine-tuning: what moves, what stays, and how the model is left."""

from copy import deepcopy

import pytest
import torch

from xmodal_lab.encoders.image import DeepCNN
from xmodal_lab.runtime import Runtime
from xmodal_lab.tasks.classification import Classifier
from xmodal_lab.training.fine_tuning import fine_tune
from xmodal_lab.training.guards import TrainingError

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Classifier(DeepCNN(8, width=4), 3, "image").eval()


@pytest.fixture
def data():
    random = torch.Generator().manual_seed(1)
    labels = torch.arange(12) % 3
    images = torch.randint(0, 60, (12, 3, 32, 32), generator=random).byte()
    images[range(12), labels] += 150  # red, green or blue
    return {"image": images, "labels": labels}


def after(model, data, **options):
    tuned = deepcopy(model)
    losses = list(fine_tune(tuned, data, runtime=CPU, **options))
    return tuned, losses


def moved(one, other):
    """Which parts of the state differ."""
    pairs = zip(one.state_dict().items(), other.state_dict().values(), strict=True)
    return {name for (name, a), b in pairs if not torch.equal(a, b)}


def test_it_learns(model, data):
    tuned, losses = after(model, data, steps=30, body_rate=3e-3)
    assert losses[-1] < 0.5 * losses[0]
    assert torch.equal(tuned.predict(data), data["labels"])


def test_a_body_with_rate_0_stays_bit_for_bit(model, data):
    tuned, _ = after(model, data, steps=3, body_rate=0)
    assert moved(model, tuned) == {"head.weight", "head.bias"}


def test_statistics_move_only_where_they_may(model, data):
    kept, _ = after(model, data, steps=3)
    assert not {name for name in moved(model, kept) if "running" in name}
    assert {name for name in moved(model, kept) if name.startswith("encoder")}
    updated, _ = after(model, data, steps=3, keep_statistics=False)
    statistics = {name for name in model.state_dict() if "running" in name}
    assert statistics and statistics <= moved(model, updated)


def test_each_part_has_its_own_rate(model, data):
    # AdamW's first step is as long as the learning rate, which of 6 steps rises in the first.
    tuned = deepcopy(model)
    next(fine_tune(tuned, data, steps=6, body_rate=1e-3, head_rate=1e-2, runtime=CPU))
    for part, rate in (("encoder.stack.stem.convolution.weight", 1e-3), ("head.bias", 1e-2)):
        step = (tuned.state_dict()[part] - model.state_dict()[part]).abs().max().item()
        assert step == pytest.approx(rate, rel=0.1), part


def test_the_same_seed_gives_the_same_weights(model, data):
    one, other = (after(model, data, steps=4, batch_size=5)[0] for _ in range(2))
    assert not moved(one, other)
    assert moved(one, after(model, data, steps=4, batch_size=5, seed=1)[0])


def test_the_model_is_left_in_evaluation_mode_also_by_a_break(model, data):
    for _ in fine_tune(model, data, steps=5, keep_statistics=False, runtime=CPU):
        assert model.encoder.training
        break
    assert not any(module.training for module in model.modules())


def test_a_loss_that_is_no_number_is_told(model, data):
    torch.nn.init.constant_(model.head.weight, float("nan"))
    with pytest.raises(TrainingError, match="the loss of step 1 is nan"):
        after(model, data)


def test_no_gradient_is_longer_than_clip(model, data):
    next(fine_tune(model, data, clip=0.01, runtime=CPU))
    norms = torch.stack([weight.grad.norm() for weight in model.parameters()])
    assert norms.norm().item() == pytest.approx(0.01, rel=1e-3)

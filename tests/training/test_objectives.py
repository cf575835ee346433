"""One loop for any objective: a contrast with a learned bias, a classification, BERT's two tasks.

Micro-batches, resuming, controls, clipping, guards, autocast and the loss scaler hold for each.
"""

import math
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import nn

from xmodal_lab.alignment.losses import over_pairs, sigmoid_loss
from xmodal_lab.batch import Batch, Padded
from xmodal_lab.encoders.text import bert
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.objective import mean_over
from xmodal_lab.runtime import Runtime
from xmodal_lab.tasks import Classifier, cross_entropy
from xmodal_lab.training.backward import backward
from xmodal_lab.training.controls import Controls
from xmodal_lab.training.loop import TrainingError, fit

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)
ROWS, STEPS = 24, 6


class Layer(nn.Sequential):
    output_dim = 6

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 6))


@dataclass
class Case:
    """A model, what it is asked for, and what it learns from."""

    make: callable
    objective: callable
    data: callable
    spoiled: str  # an entry that may hold NaN


def vectors() -> Batch:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, 4, generator=generator)
    return Batch(x=x, y=x.flip(1), labels=(x[:, 0] > 0).long())


def sentences() -> Batch:
    generator = torch.Generator().manual_seed(1)
    lengths = 3 + torch.arange(ROWS) % 5
    ids = torch.randint(5, 20, (ROWS, 7), generator=generator)
    ids = ids.masked_fill(~Padded(ids, lengths).mask, 0)
    hidden = (torch.rand(ids.shape, generator=generator) < 0.4) & (ids > 0)
    return Batch(
        pages=Padded(ids, lengths),
        kinds=Padded(torch.zeros_like(ids), lengths),
        labels=Padded(torch.where(hidden, ids, -100), lengths),
        follows=torch.arange(ROWS) % 2 == 0,
        weight=torch.ones(ROWS),
    )


def weighted(outputs, batch):
    """``two_losses``, times a number of the batch that a test may spoil."""
    found = bert.two_losses(outputs, batch)
    return {name: value * batch["weight"].mean() for name, value in found.items()}


weighted.terms = bert.two_losses.terms

CASES = {
    "contrast with a learned bias": Case(
        lambda: JointSpace({"x": Layer(), "y": Layer()}, 5, bias=-2.0),
        partial(over_pairs, loss=sigmoid_loss),
        vectors,
        "y",
    ),
    "classification": Case(lambda: Classifier(Layer(), 2, "x"), cross_entropy, vectors, "x"),
    "masked words and next sentence": Case(
        lambda: bert.TwoTasks(bert.tiny_bert(20, hidden=8, layers=1, heads=2, longest=8).train()),
        weighted,
        sentences,
        "weight",
    ),
}


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]


def made(case: Case) -> nn.Module:
    torch.manual_seed(0)
    return case.make()


def train(case, model, data=None, runtime=CPU, **options):
    options = {"steps": STEPS, "batch_size": 8, "learning_rate": 0.01, "warmup": 2, **options}
    return fit(model, case.objective, data or case.data(), runtime=runtime, **options)


def weights(model) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def without_dropout(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def test_every_weight_that_the_objective_reaches_learns(case):
    model = made(case)
    before = weights(model)
    losses = [step.loss for step in train(case, model)]
    assert len(losses) == STEPS and all(map(math.isfinite, losses))
    moved = {name for name, tensor in weights(model).items() if not tensor.equal(before[name])}
    assert {n for n, p in model.named_parameters() if p.grad is not None} <= moved
    assert not isinstance(model, JointSpace) or "bias" in moved
    assert not model.training


def test_the_parts_are_reported_one_by_one(case):
    step = next(iter(train(case, made(case))))
    if case.objective is weighted:
        assert set(step.parts) == {
            *("masked words", "next sentence", "hidden piece found", "next sentence right")
        }
        learned = step.parts["masked words"] + step.parts["next sentence"]
        assert step.loss == pytest.approx(learned, rel=1e-6)
    else:
        assert step.parts == {}
    assert (step.number, step.steps, step.samples_seen) == (1, STEPS, 8)


@pytest.mark.parametrize("size", [1, 5, 8])
def test_micro_batches_give_the_gradient_of_the_whole_batch(case, size):
    model, batch = without_dropout(made(case)).double(), case.data()
    batch = Batch({n: v.double() if n in "xy" or n == "weight" else v for n, v in batch.items()})
    whole = backward(model, case.objective, batch)
    wanted = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    found = backward(model, case.objective, batch, size)
    assert {n: v.item() for n, v in found.items()} == pytest.approx(
        {n: v.item() for n, v in whole.items()}, abs=1e-7
    )
    for name, parameter in model.named_parameters():
        if name in wanted:
            torch.testing.assert_close(parameter.grad, wanted[name], atol=1e-9, rtol=1e-6)


def test_a_training_goes_on_bit_for_bit(case, tmp_path):
    whole, first, second = made(case), made(case), made(case)
    for _ in train(case, whole):
        pass
    torch.manual_seed(0)  # dropout goes on where it was
    case.make()
    for step in train(case, first, folder=tmp_path, every=2):
        if step.number == 4:
            break
    torch.manual_seed(99)
    numbers = [step.number for step in train(case, second, folder=tmp_path)]
    assert numbers == [5, 6]
    assert same(weights(second), weights(whole))


def test_controls_turn_the_learning_rate_and_stop(case):
    model, controls, seen = made(case), Controls(), []
    for step in train(case, model, controls=controls):
        seen.append(weights(model))
        if step.number == 2:
            controls.learning_rate = 0
        if step.number == 4:
            controls.stop()
    assert len(seen) == 4 and same(seen[1], seen[3]) and not same(seen[0], seen[1])


def test_the_gradient_is_clipped(case):
    model, norms = made(case), []
    for _ in train(case, model, clip=1e-3):
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        norms.append(torch.stack([g.norm() for g in grads]).norm().item())
    assert norms == pytest.approx([1e-3] * STEPS, rel=1e-3)


def test_a_row_that_is_no_number_is_named_and_the_weights_stay(case):
    model, data = made(case), case.data()
    data[case.spoiled][13] = torch.nan
    order = lambda step: torch.arange(8) + 8 * step  # noqa: E731
    with pytest.raises(TrainingError, match=r"step 2: loss nan.*Rows \[13\] hold NaN"):
        for _ in train(case, model, data, order=order):
            kept = weights(model)
    assert same(weights(model), kept)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_half_precision_and_the_scaler(case, precision):
    """On a CPU too: the objective itself is computed in float32."""
    dtypes = set()

    def watched(outputs, batch):
        rows = outputs.values() if isinstance(outputs, dict) else [outputs]
        dtypes.update(x.dtype for x in rows)
        return case.objective(outputs, batch)

    if hasattr(case.objective, "terms"):
        watched.terms = case.objective.terms
    runtime = Runtime(torch.device("cpu"), precision, seed=0, threads=1)
    half, plain = without_dropout(made(case)), without_dropout(made(case))
    found = [s.loss for s in train(Case(case.make, watched, case.data, ""), half, runtime=runtime)]
    wanted = [step.loss for step in train(case, plain)]
    assert dtypes == {torch.float32}
    assert found[0] == pytest.approx(wanted[0], rel=0.1)
    if precision == torch.bfloat16:  # the scaler leaves out steps until it has found its scale
        assert found == pytest.approx(wanted, rel=0.1)
    assert all(map(math.isfinite, found))
    assert not same(weights(half), weights(plain))


class BiasedLoss(nn.Module):
    """A cross-entropy with a learned offset of the first class."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.tensor(0.5))

    def forward(self, logits, batch):
        moved = torch.stack([logits[:, 0] + self.offset, logits[:, 1]], dim=1)
        return nn.functional.cross_entropy(moved, batch["labels"])


def test_what_the_objective_holds_is_trained_kept_and_resumed(tmp_path):
    model, objective = Classifier(Layer(0.0), 2, "x"), BiasedLoss()
    torch.manual_seed(0)
    for step in fit(model, objective, vectors(), STEPS, 8, folder=tmp_path, every=2, runtime=CPU):
        if step.number == 4:
            kept, learned = weights(model), objective.offset.item()
            break
    assert learned != 0.5
    again, other = Classifier(Layer(0.0), 2, "x"), BiasedLoss()
    steps = fit(again, other, vectors(), STEPS, 8, folder=tmp_path, runtime=CPU)
    controls = next(steps)
    assert controls.number == 5 and not same(weights(again), kept)
    steps.close()
    assert abs(other.offset.item() - learned) < 0.01


def test_an_objective_without_any_gradient_says_so():
    with pytest.raises(ValueError, match="nothing that the objective gives has a gradient"):
        backward(Classifier(Layer(), 2, "x"), lambda outputs, batch: torch.tensor(1.0), vectors())


def test_outputs_that_are_no_rows_cannot_be_split_without_a_word():
    def ragged(outputs, batch):
        return outputs["some"].sum()

    class Some(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Layer(0.0)

        def forward(self, batch):
            return {"some": self.layer(batch["x"])[batch["labels"] > 0]}

    backward(Some(), ragged, vectors())  # in one piece: fine
    with pytest.raises(ValueError, match=r"a row for each of the batch's 5.*mean_over"):
        backward(Some(), ragged, vectors(), 5)
    backward(
        Some(), mean_over(lambda batch: int((batch["labels"] > 0).sum()))(ragged), vectors(), 5
    )

"""The training loop: that it trains, and what it leaves behind however it ends."""

import math
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

import xmodal_lab
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.runtime import Runtime
from xmodal_lab.training.loop import TrainingError, fit
from xmodal_lab.training.optimisation import schedule

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)
ROWS, BATCH = 48, 16


class Small(nn.Module):
    """An encoder of vectors with all a loop must care for: matrices, biases, norm, statistics."""

    output_dim = 8

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 12), nn.BatchNorm1d(12), nn.ReLU())
        self.last = nn.Linear(12, 8)

    def forward(self, x):
        return self.last(self.layers(x))


def model(seed: int = 0) -> JointSpace:
    torch.manual_seed(seed)
    return JointSpace({"x": Small(), "y": Small()}, 6)


def data(rows: int = ROWS) -> dict[str, torch.Tensor]:
    """Two views of the same causes."""
    generator = torch.Generator().manual_seed(1)
    causes = torch.randn(rows, 5, generator=generator)
    return {"x": causes, "y": causes @ torch.randn(5, 5, generator=generator)}


def train(space, steps=12, loss=over_pairs, batch=None, **options):
    options = {"batch_size": BATCH, "warmup": 2, "runtime": CPU, **options}
    return fit(space, loss, batch or data(), steps=steps, **options)


def weights(space) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in space.state_dict().items()}


def same(one, other) -> bool:
    return all(one[name].equal(other[name]) for name in one.keys() | other.keys())


def test_the_loss_falls_and_pairs_are_found():
    space = model()
    steps = list(train(space, steps=120, learning_rate=1e-2))
    assert sum(s.loss for s in steps[-5:]) / 5 < 0.3 * steps[0].loss
    found = space.embed_all(data())
    assert ((found["x"] @ found["y"].T).argmax(1) == torch.arange(ROWS)).double().mean() > 0.6


def test_each_step_says_what_it_did():
    space = model()
    for count, step in enumerate(train(space, steps=9, learning_rate=0.01), start=1):
        assert step.number == count
        assert step.samples_seen == count * BATCH
        assert step.learning_rate == pytest.approx(0.01 * schedule(count, 9, 2))
        assert dict(step.parts) == {}
        assert step.samples_per_second == pytest.approx(step.samples_seen / step.seconds)
    assert count == 9


def test_the_first_loss_is_that_of_the_untrained_model():
    space, fresh = model(), model().train()
    rows = torch.arange(7, 23)
    first = next(iter(train(space, order=lambda step: rows)))
    batch = {name: values[rows] for name, values in data().items()}
    assert first.loss == pytest.approx(over_pairs(fresh(batch)).item())


def test_the_schedule_rises_in_a_line_and_falls_along_a_cosine_to_zero():
    shares = [schedule(number, 100, 20) for number in range(1, 101)]
    assert shares[:20] == pytest.approx([number / 20 for number in range(1, 21)])
    assert max(shares) == shares[19] == 1.0
    assert all(before > after for before, after in pairwise(shares[19:]))
    assert shares[59] == pytest.approx(0.5)
    assert shares[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("steps, warmup", [(1, 0), (5, 0), (5, 5), (5, 30), (1, 1)])
def test_odd_schedules_stay_between_zero_and_one(steps, warmup):
    shares = [schedule(number, steps, warmup) for number in range(1, steps + 1)]
    assert all(0 <= share <= 1 for share in shares)


def test_only_matrices_decay():
    """With a loss without slope, AdamW does nothing but decay: by Π (1 - rate · decay)."""
    space = model()
    before = {name: weight.detach().clone() for name, weight in space.named_parameters()}

    def flat(outputs, batch):
        return sum(rows.sum() for rows in outputs.values()) * 0

    steps = train(space, 10, flat, learning_rate=0.1, weight_decay=0.2)
    shrunk = math.prod(1 - step.learning_rate * 0.2 for step in steps)
    assert shrunk < 0.95
    for name, weight in space.named_parameters():
        if weight.ndim >= 2:
            torch.testing.assert_close(weight, before[name] * shrunk)
        else:  # biases, norms, temperature
            assert weight.equal(before[name]), name


def test_gradients_are_clipped():
    space = model()
    steep = lambda outputs, batch: 1e4 * over_pairs(outputs, batch)  # noqa: E731
    for _ in train(space, 3, steep, clip=0.25):
        norm = torch.cat([w.grad.flatten() for w in space.parameters()]).norm()
        assert norm.item() == pytest.approx(0.25, rel=1e-4)


def test_gradients_are_clipped_at_their_true_size_in_half_precision():
    """Not while they are still scaled up: hardly anything would be left of them."""
    space = model()
    half = Runtime(torch.device("cpu"), torch.float16, seed=0, threads=1)
    for _ in train(
        space,
        25,
        lambda outputs, batch: 10 * over_pairs(outputs, batch),
        runtime=half,
        learning_rate=1e-5,
        clip=0.25,
    ):
        pass
    norm = torch.cat([w.grad.flatten() for w in space.parameters()]).norm()
    assert norm.item() == pytest.approx(0.25, rel=1e-2)


def test_the_same_seed_gives_the_same_weights_bit_for_bit():
    one, again, other = model(), model(), model()
    losses = [[s.loss for s in train(m, seed=s)] for m, s in ((one, 4), (again, 4), (other, 5))]
    assert losses[0] == losses[1] != losses[2]
    assert same(weights(one), weights(again))
    assert not same(weights(one), weights(other))


def test_the_whole_workbook_model_repeats_bit_for_bit():
    batch = inputs_of(scenes.from_scenes(scenes.sample_scenes("train", 12, 0), 0))
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        space = JointSpace.standard(dim=16)
        before = weights(space)
        for _ in fit(space, over_pairs, batch, steps=2, batch_size=6, runtime=CPU):
            pass
        found.append(weights(space))
    assert same(*found)
    still = [name for name, tensor in before.items() if tensor.equal(found[0][name])]
    assert not still, f"never trained: {still}"


def test_a_stranger_in_the_loop_does_not_change_the_training():
    """Looking at the model between the steps, or drawing random numbers, leaves no trace."""
    plain, watched = model(), model()
    for _ in train(plain):
        pass
    for _ in train(watched):
        watched.embed_all(data())
        watched.eval()
        torch.rand(3)
    assert same(weights(plain), weights(watched))


def test_leaving_the_loop_keeps_what_was_learned_so_far():
    space, longer = model(), model()
    for step in train(space, steps=12):
        if step.number == 5:
            break
    kept = weights(space)
    for step in train(longer, steps=12):
        if step.number == 5:
            assert same(weights(longer), kept)
    assert not space.training
    assert space(data())["x"].isfinite().all()


def test_the_model_trains_inside_the_loop_and_evaluates_after_it():
    space = model().eval()
    steps = train(space, steps=2)
    for _ in steps:
        assert space.training
    assert not space.training
    with pytest.raises(TrainingError):
        list(train(space, batch={**data(), "x": torch.full((ROWS, 5), torch.nan)}))
    assert not space.training


def test_nothing_happens_before_the_first_step():
    space = model()
    before = weights(space)
    train(space)
    assert list(train(space, steps=0)) == []
    assert same(weights(space), before)


def spoilt(row: int, value: float) -> dict[str, torch.Tensor]:
    batch = data()
    batch["y"][row, 2] = value
    return batch


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_nan_in_the_data_stops_with_step_and_row_and_harms_nothing(value):
    """Weights, and the running statistics that the forward pass has already moved."""
    space = model()
    order = lambda step: torch.arange(16) + 16 * min(step, 2)  # noqa: E731
    good = None
    with pytest.raises(TrainingError, match=r"step 3: .*Rows \[37\] hold NaN or infinity"):
        for _ in train(space, batch=spoilt(37, value), order=order):
            good = weights(space)
    assert same(weights(space), good)
    assert all(tensor.isfinite().all() for tensor in good.values())
    # And the training can go on with the rows that are good.
    for _ in train(space, batch=data()):
        pass
    assert all(tensor.isfinite().all() for tensor in weights(space).values())


def test_nan_in_frames_of_speech_is_found_too():
    batch = inputs_of(scenes.from_scenes(scenes.sample_scenes("train", 6, 0), 0))
    batch["audio"].values[4, 3, 1] = torch.nan
    with pytest.raises(TrainingError, match=r"step 1: .*Rows \[4\] hold NaN"):
        list(fit(JointSpace.standard(dim=8), over_pairs, batch, batch_size=6, runtime=CPU))


def test_a_loss_that_is_no_number_is_not_blamed_on_the_data():
    space = model()
    before = weights(space)
    with pytest.raises(TrainingError, match=r"step 1: loss nan.*all finite: lower the learning"):
        list(train(space, loss=lambda outputs, batch: over_pairs(outputs, batch) * torch.nan))
    assert same(weights(space), before)


def test_a_gradient_that_is_no_number_stops_although_the_loss_is_one():
    def kinked(outputs, batch):
        rows = outputs["x"]
        return (rows - rows.detach()).sum().sqrt()  # 0, with slope infinity

    space = model()
    before = weights(space)
    with pytest.raises(TrainingError, match=r"step 1: loss 0, gradient norm (nan|inf)"):
        list(train(space, loss=kinked))
    assert same(weights(space), before)


def test_half_precision_skips_an_overflowing_step_and_trains_on():
    space = model()
    before = weights(space)
    half = Runtime(torch.device("cpu"), torch.float16, seed=0, threads=1)
    steps = list(train(space, steps=60, runtime=half, learning_rate=1e-2))
    assert sum(s.loss for s in steps[-5:]) / 5 < 0.7 * steps[0].loss
    assert all(tensor.dtype == before[name].dtype for name, tensor in space.state_dict().items())


@pytest.mark.parametrize("rows", [15, 0])
def test_fewer_rows_than_a_batch_are_refused(rows):
    with pytest.raises(ValueError, match=f"a batch of 16 needs as many rows, got {rows}"):
        list(train(model(), batch=data(rows)))


def test_views_of_different_length_are_refused_before_they_are_paired_wrongly():
    batch = data()
    batch["y"] = batch["y"][:-1]
    with pytest.raises(ValueError, match="'x': 48, 'y': 47"):
        list(train(model(), batch=batch))


def test_modalities_of_unequal_length_are_refused_under_a_given_order_too():
    batch = data()
    batch["y"] = batch["y"][:-1]
    with pytest.raises(ValueError, match="'x': 48, 'y': 47"):
        list(train(model(), batch=batch, order=lambda step: torch.arange(16)))


COMPILED = """
import sys
sys.path.insert(0, sys.argv[1])
import torch, test_loop as t
torch.set_num_threads(1)
plain, compiled = t.model(), t.model()
wanted = [step.loss for step in t.train(plain, steps=3)]
found = [step.loss for step in t.train(compiled, steps=3, compiled=True)]
assert found == t.pytest.approx(wanted, rel=1e-3), (found, wanted)
assert not compiled.training
assert t.weights(plain).keys() == t.weights(compiled).keys()
"""


@pytest.mark.slow
def test_a_compiled_model_trains_as_the_plain_one():
    """In a process of its own: the compiler cannot read the checks of shapes that tests add."""
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        pytest.skip("torch.compile needs a C++ compiler, and there is none here")
    here = str(Path(__file__).parent)
    package = str(Path(xmodal_lab.__file__).parents[1])
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMPILED, here],
        env={**os.environ, "PYTHONPATH": package, "TORCHINDUCTOR_COMPILE_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if process.returncode and "CppCompileError" in process.stderr:
        pytest.skip("the C++ compiler here cannot compile what torch writes")
    assert process.returncode == 0, process.stderr


def test_half_precision_reaches_the_encoders_but_not_the_loss():
    runtime = Runtime(torch.device("cpu"), torch.bfloat16, seed=0, threads=1)
    data = inputs_of(
        scenes.from_scenes(scenes.sample_scenes("train", 16, 0), modalities=["text", "image"])
    )
    space = JointSpace.standard(["text", "image"])
    inside, seen = [], []
    space.encoders["image"].dense.register_forward_hook(lambda m, i, o: inside.append(o.dtype))

    def loss(outputs, batch):
        seen.extend(points.dtype for points in outputs.values())
        seen.append((outputs["text"] @ outputs["image"].T).dtype)
        return over_pairs(outputs, batch)

    steps = list(fit(space, loss, data, steps=2, batch_size=8, runtime=runtime))
    assert set(inside) == {torch.bfloat16}
    assert set(seen) == {torch.float32}
    assert all(math.isfinite(step.loss) for step in steps)

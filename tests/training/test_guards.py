"""A step that fails or is interrupted leaves a model whose parts belong together."""

import os
import signal
import threading
import time

import pytest
import torch
from torch import nn

from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.batch import Batch, pad
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.runtime import Runtime
from xmodal_lab.training import resuming
from xmodal_lab.training.controls import Controls
from xmodal_lab.training.guards import Snapshot, suspects, undone_on_error, uninterrupted
from xmodal_lab.training.loop import TrainingError, fit
from xmodal_lab.training.random_state import random_state

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)
HALF = Runtime(torch.device("cpu"), torch.float16, seed=0, threads=1)


class Encoder(nn.Module):
    output_dim = 8

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 8)
        )

    def forward(self, x):
        return self.layers(x)


def model() -> JointSpace:
    torch.manual_seed(0)
    return JointSpace({"x": Encoder(), "y": Encoder()}, 5)


def data(rows=24) -> dict[str, torch.Tensor]:
    x = torch.randn(rows, 4, generator=torch.Generator().manual_seed(1))
    return {"x": x, "y": x.flip(1)}


def train(space, steps=12, loss=over_pairs, batch=None, **options):
    options = {"batch_size": 8, "warmup": 2, "runtime": CPU, **options}
    return fit(space, loss, batch or data(), steps=steps, **options)


def everything(space) -> dict[str, torch.Tensor]:
    state = {name: tensor.clone() for name, tensor in space.state_dict().items()}
    return state | {"random numbers": random_state()["torch"]}


def same(one, other) -> bool:
    return all(one[name].equal(other[name]) for name in one.keys() | other.keys())


# A step that fails ----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_what_a_failed_step_moved_is_put_back(error):
    space = model().train()
    before = everything(space)
    with pytest.raises(error), undone_on_error(space):
        space(data())
        assert not same(everything(space), before)
        raise error
    assert same(everything(space), before)


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_settled_stays(fails):
    space = model().train()
    try:
        with undone_on_error(space) as before:
            space(data())
            after = everything(space)
            before.settled = True
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert same(everything(space), after)


def test_a_snapshot_can_be_returned_to_again_and_again():
    space = model().train()
    snapshot, before = Snapshot(space), everything(space)
    for _ in range(3):
        space(data())
        snapshot.restore()
        assert same(everything(space), before)


def break_at(number, how):
    """A loss that is what it should be until one step; by then all statistics have moved."""
    count = []

    def loss(outputs, batch):
        count.append(1)
        value = over_pairs(outputs, batch)
        return how(value, outputs) if len(count) == number else value

    return loss


def infinite_slope(value, outputs):
    rows = outputs["x"]
    return value.detach() + (rows - rows.detach()).sum().sqrt()


@pytest.mark.parametrize(
    "how",
    [
        lambda value, _: value * torch.nan,
        lambda value, _: value * torch.inf,
        lambda value, _: -value / 0,
        infinite_slope,
    ],
)
def test_a_number_that_is_none_costs_nothing_of_the_last_good_step(how, tmp_path):
    """The model, its checkpoint and the random numbers: the training can be gone on with."""
    whole, space = model(), model()
    for _ in train(whole):
        pass
    torch.manual_seed(0)
    space, good = model(), None
    with pytest.raises(TrainingError, match=r"step 6: loss .* The weights are those of the step"):
        for _ in train(space, loss=break_at(6, how), folder=tmp_path):
            good = everything(space)
    assert same(everything(space), good)
    assert not space.training
    again = model()
    assert [step.number for step in train(again, folder=tmp_path)] == list(range(6, 13))
    assert same(everything(again), everything(whole))


def test_the_error_names_the_rows_of_the_batch():
    spoilt = data()
    spoilt["y"][[3, 17], 1] = torch.inf
    with pytest.raises(TrainingError, match=r"step 1: .*Rows \[3, 17\] hold NaN or infinity: mend"):
        list(train(model(), batch=spoilt, order=lambda step: torch.tensor([17, 0, 3, 5]).sort()[0]))


def test_suspects_look_at_whole_numbers_and_at_sequences_too():
    batch = {
        "ids": pad([[1, 2], [3], [4]]),
        "frames": pad([torch.zeros(2, 3), torch.full((1, 3), torch.nan), torch.zeros(1, 3)]),
        "levels": torch.zeros(3, 3, 2, 2, dtype=torch.uint8),
    }
    rows = torch.tensor([50, 7, 9])
    assert "Rows [7] hold NaN" in suspects(Batch(batch), rows)
    del batch["frames"]
    assert "Rows [50, 7, 9] … are all finite" in suspects(Batch(batch), rows)


# Half precision -------------------------------------------------------------------------------


def test_half_precision_skips_single_overflows():
    """At step 20, when the scale has found its size and every step moves the weights."""
    space, weights = model(), [None]
    for _ in train(space, steps=30, loss=break_at(20, infinite_slope), runtime=HALF):
        weights.append(everything(space)["projections.x.weight"])
    assert not weights[19].equal(weights[18])
    assert weights[20].equal(weights[19])
    assert not weights[29].equal(weights[20])


def test_half_precision_does_not_skip_for_ever():
    """Sixteen halvings, then there is nothing left to scale: the gradient itself is at fault."""
    space = model()
    before = {name: weight.clone() for name, weight in space.named_parameters()}

    def always(outputs, batch):
        return infinite_slope(over_pairs(outputs, batch), outputs)

    with pytest.raises(TrainingError, match=r"step 1\d: loss .*, gradient norm (nan|inf)"):
        list(train(space, steps=100, loss=always, runtime=HALF))
    for name, weight in space.named_parameters():
        assert weight.equal(before[name]), name


def test_half_precision_stops_at_a_loss_that_is_no_number():
    with pytest.raises(TrainingError, match="step 3: loss nan"):
        list(train(model(), loss=break_at(3, lambda value, _: value * torch.nan), runtime=HALF))


# Ctrl-C ---------------------------------------------------------------------------------------


def press() -> None:
    """Ctrl-C, to this very process."""
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        press()
        time.sleep(0.01)
        press()
        done.append("whole")
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_ctrl_c_the_block_is_just_a_block():
    with uninterrupted():
        pass
    with pytest.raises(ZeroDivisionError), uninterrupted():
        print(1 / 0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_gets_what_was_held_back():
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with uninterrupted():
            press()
            time.sleep(0.01)
            assert not heard
        time.sleep(0.01)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            press()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_trains_as_well():
    """It receives no Ctrl-C, and may not ask for it: ``signal.signal`` would raise there."""
    steps, errors = [], []

    def work():
        try:
            steps.extend(train(model()))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert not errors and len(steps) == 12


class Pressing(torch.optim.AdamW):
    """Somebody presses Ctrl-C after the first of two groups of weights has been written."""

    at = 4

    def step(self, *arguments, **options):
        self.count = getattr(self, "count", 0) + 1
        if self.count != self.at:
            return super().step(*arguments, **options)
        groups, self.param_groups = self.param_groups, self.param_groups[:1]
        super().step(*arguments, **options)
        press()
        time.sleep(0.01)
        self.param_groups = groups[1:]
        super().step(*arguments, **options)
        self.param_groups = groups


def interrupted(space, folder, **options) -> int:
    number = 0
    with pytest.raises(KeyboardInterrupt):
        for step in train(space, folder=folder, **options):
            number = step.number
    assert not space.training
    return number


def test_ctrl_c_while_weights_are_written_comes_after_the_last_of_them(tmp_path, monkeypatch):
    whole, stopped, again = model(), model(), model()
    for step in train(whole):
        if step.number == 4:
            fourth = everything(whole)
    torch.manual_seed(0)
    stopped = model()
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", Pressing)
        assert interrupted(stopped, tmp_path) == 3  # the fourth was done, but never told
    assert same(everything(stopped), fourth)
    assert [step.number for step in train(again, folder=tmp_path)] == list(range(5, 13))
    assert same(everything(again), everything(whole))


@pytest.mark.parametrize("place", ["forward", "backward", "clipping", "body", "pause"])
def test_ctrl_c_anywhere_leaves_a_checkpoint_that_goes_on_bit_for_bit(tmp_path, monkeypatch, place):
    whole = model()
    for _ in train(whole):
        pass
    count, stopped = [], model()

    def at(step):
        count.append(1)
        if len(count) == step:
            press()
            time.sleep(0.01)

    def loss(outputs, batch):
        if place == "forward":
            at(5)
        elif place == "backward":
            outputs["y"].register_hook(lambda gradient: at(5))
        return over_pairs(outputs, batch)

    controls = Controls()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if place == "clipping":
            clip = nn.utils.clip_grad_norm_
            patch.setattr(nn.utils, "clip_grad_norm_", lambda *a: (at(5), clip(*a))[1])
        for step in train(stopped, loss=loss, folder=tmp_path, controls=controls):
            if place == "body":
                at(4)
            elif place == "pause" and step.number == 4:
                controls.pause()
                threading.Timer(0.3, press).start()
    assert not stopped.training
    assert sorted(p.name for p in tmp_path.iterdir())[0] == "step-000004.resume"
    again = model()
    assert [step.number for step in train(again, folder=tmp_path)] == list(range(5, 13))
    assert same(everything(again), everything(whole))


def test_an_impatient_second_ctrl_c_does_not_cost_the_checkpoint(tmp_path, monkeypatch):
    space, written = model(), resuming.store

    def slow(*arguments):
        press()
        time.sleep(0.01)
        return written(*arguments)

    monkeypatch.setattr(resuming, "store", slow)

    def loss(outputs, batch):
        if outputs["temperature"].item() != 0.07 and (tmp_path / "go").exists():
            press()
            time.sleep(0.01)
        return over_pairs(outputs, batch)

    with pytest.raises(KeyboardInterrupt):
        for step in train(space, loss=loss, folder=tmp_path / "run"):
            if step.number == 3:
                (tmp_path / "go").touch()
    assert (tmp_path / "run" / "step-000003.resume").exists()
    assert not list((tmp_path / "run").glob(".*"))

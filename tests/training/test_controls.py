"""Knobs that are turned while training runs, from the loop's body and from other threads."""

import math
import threading
import time

import pytest
import torch
from torch import nn

from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.runtime import Runtime
from xmodal_lab.training.controls import Controls
from xmodal_lab.training.loop import fit
from xmodal_lab.training.optimisation import schedule

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)


class Line(nn.Linear):
    output_dim = 6

    def __init__(self):
        super().__init__(4, 6)


def model() -> JointSpace:
    torch.manual_seed(0)
    return JointSpace({"x": Line(), "y": Line()}, 5)


def data() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    causes = torch.randn(24, 4, generator=generator)
    return {"x": causes, "y": causes.flip(1)}


def train(space, controls=None, steps=12, loss=over_pairs, **options):
    options = {"batch_size": 8, "warmup": 2, "runtime": CPU, **options}
    return fit(space, loss, data(), steps=steps, controls=controls, **options)


def weights(space) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in space.state_dict().items()}


def same(one, other) -> bool:
    return all(one[name].equal(other[name]) for name in one.keys() | other.keys())


def after(seconds: float, *actions) -> threading.Timer:
    def act():
        for action in actions:
            action()

    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def test_untouched_controls_change_nothing():
    plain, controlled, controls = model(), model(), Controls()
    one = [step.loss for step in train(plain)]
    assert [step.loss for step in train(controlled, controls)] == one
    assert same(weights(plain), weights(controlled))
    assert (controls.learning_rate, controls.paused, controls.stopped) == (None, False, False)


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf, -math.inf])
def test_a_learning_rate_that_is_none_is_refused_and_the_old_one_stays(value):
    controls = Controls()
    controls.learning_rate = 0.5
    with pytest.raises(ValueError, match="a learning rate is a number ≥ 0, got"):
        controls.learning_rate = value
    assert controls.learning_rate == 0.5


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf])
def test_a_temperature_that_is_none_is_refused(value):
    controls = Controls()
    controls.set_temperature(0.5)
    with pytest.raises(ValueError, match="a temperature is a number > 0, got"):
        controls.set_temperature(value)
    space = model()
    controls.turn(space)
    assert space.temperature.item() == pytest.approx(0.5)
    space.temperature = 0.2
    controls.turn(space)  # it is handed out once
    assert space.temperature.item() == pytest.approx(0.2)


def test_a_new_learning_rate_holds_from_the_next_step_and_follows_the_schedule():
    controls = Controls()
    for step in train(model(), controls, learning_rate=0.01):
        highest = 0.01 if step.number <= 4 or step.number > 8 else 0.3
        assert step.learning_rate == pytest.approx(highest * schedule(step.number, 12, 2))
        if step.number == 4:
            controls.learning_rate = 0.3
        if step.number == 8:
            controls.learning_rate = None


def test_a_learning_rate_of_zero_is_a_value_and_freezes_the_weights():
    space, controls = model(), Controls()
    kept = None
    for step in train(space, controls, learning_rate=0.05):
        if step.number == 3:
            controls.learning_rate = 0
            kept = weights(space)
        elif 3 < step.number <= 8:
            assert step.learning_rate == 0
            assert same(weights(space), kept)
        if step.number == 8:
            controls.learning_rate = 0.05
        if step.number == 9:
            assert not same(weights(space), kept)


def test_a_temperature_is_used_in_the_next_step_and_then_learned_on():
    space, controls, seen = model(), Controls(), []

    def watched(outputs, batch):
        seen.append(outputs["temperature"].item())
        return over_pairs(outputs, batch)

    learned = []
    for step in train(space, controls, loss=watched, learning_rate=0.02):
        learned.append(space.temperature.item())
        if step.number == 5:
            controls.set_temperature(0.5)
    assert seen[4] == pytest.approx(0.07, rel=0.2)
    assert seen[5] == pytest.approx(0.5)
    assert learned[5] != pytest.approx(0.5, rel=1e-4)  # the optimiser has moved it on
    assert seen[6:] == pytest.approx(learned[5:-1])  # and nobody has put it back
    assert learned[5:] == pytest.approx([0.5] * 7, rel=0.3)
    assert space.log_temperature.requires_grad


@pytest.mark.parametrize("asked, given", [(1e-6, 0.01), (100.0, 1.0)])
def test_a_temperature_beyond_the_bounds_ends_on_them(asked, given):
    controls, seen = Controls(), []
    controls.set_temperature(asked)

    def watched(outputs, batch):
        seen.append(outputs["temperature"].item())
        return over_pairs(outputs, batch)

    next(iter(train(model(), controls, loss=watched)))
    assert seen == pytest.approx([given])


def test_a_pause_from_another_thread_really_pauses_and_goes_on_as_if_nothing_had_been():
    plain, space, controls, count = model(), model(), Controls(), []

    def work():
        for step in train(space, controls, steps=400):
            count.append(step.number)
            time.sleep(0.001)

    for _ in train(plain, steps=400):
        pass
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while len(count) < 5:
        time.sleep(0.005)
    controls.pause()
    assert controls.paused
    time.sleep(0.3)  # the step that was under way may end
    standing = len(count)
    assert standing < 400
    time.sleep(0.5)
    assert len(count) == standing
    controls.go_on()
    thread.join(30)
    assert count == list(range(1, 401))
    assert same(weights(plain), weights(space))


def test_going_on_wakes_the_loop_at_once_and_not_at_the_next_look():
    controls = Controls()
    controls.pause()
    after(0.05, controls.go_on)
    start = time.perf_counter()
    assert controls.wait()
    assert time.perf_counter() - start < 0.19


def test_stopping_ends_a_pause_too():
    space, controls = model(), Controls()
    count = 0
    start = time.perf_counter()
    for step in train(space, controls):
        count = step.number
        if count == 3:
            controls.pause()
            after(0.3, controls.stop)
    assert count == 3
    assert time.perf_counter() - start >= 0.29
    assert controls.stopped and not space.training


def test_pausing_after_stopping_does_not_wait_for_ever():
    controls = Controls()
    controls.stop()
    after(0.3, controls.go_on)  # so that a failure is seen and not waited for
    controls.pause()
    start = time.perf_counter()
    assert not controls.wait()
    assert time.perf_counter() - start < 0.25


def test_stopping_before_the_first_step_trains_nothing(tmp_path):
    space, controls = model(), Controls()
    before = weights(space)
    controls.stop()
    assert list(train(space, controls, folder=tmp_path)) == []
    assert same(weights(space), before)
    assert not any(tmp_path.iterdir())


def test_stopping_finishes_the_step_and_leaves_a_checkpoint_to_go_on_from(tmp_path):
    whole, space, controls = model(), model(), Controls()
    for _ in train(whole):
        pass
    for step in train(space, controls, folder=tmp_path, every=100):
        if step.number == 7:
            controls.stop()
    assert [p.name for p in sorted(tmp_path.iterdir())] == [
        "step-000007.resume",
        "step-000007.safetensors",
    ]
    again = model()
    assert [step.number for step in train(again, Controls(), folder=tmp_path)] == [*range(8, 13)]
    assert same(weights(again), weights(whole))


def test_many_threads_may_turn_at_once():
    """Every value that comes out is one that somebody put in, whole, and each at most once."""
    space, controls, over = model(), Controls(), threading.Event()
    wild = []

    def turn(number):
        value = 0.02 + number / 100
        while not over.is_set():
            try:
                controls.set_temperature(value)
                controls.learning_rate = value
                controls.pause()
                controls.go_on()
            except Exception as error:  # a thread's error would be lost
                wild.append(error)
            time.sleep(0)

    threads = [threading.Thread(target=turn, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    allowed = [0.02 + n / 100 for n in range(4)]
    try:
        steps = list(train(space, controls, steps=60))
    finally:
        over.set()
        controls.go_on()
        for thread in threads:
            thread.join(10)
    assert not wild and len(steps) == 60
    for step in steps[2:-1]:
        highest = step.learning_rate / schedule(step.number, 60, 2)
        assert min(abs(highest - value) for value in allowed) < 1e-9

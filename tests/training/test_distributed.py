"""Several processes train as one would with all the rows: measured on two and on four."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import several_processes as questions
import torch

from xmodal_lab.training import distributed

WORKER = Path(__file__).with_name("several_processes.py")
CASES = [f"{loss} {rows}" for loss in questions.LOSSES for rows in questions.MICRO_BATCHES]


def ask(count: int, folder: Path) -> list[dict]:
    """What each of several processes found; none of them outlives this call."""
    worker = subprocess.Popen(
        [sys.executable, str(WORKER), str(count), str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, errors = worker.communicate(timeout=2 * questions.SECONDS)
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
        worker.kill()
    assert worker.returncode == 0, errors
    return [torch.load(folder / f"found-{rank}.pt", weights_only=True) for rank in range(count)]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return ask(2, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return ask(4, tmp_path_factory.mktemp("four"))


@pytest.fixture(params=[2, 4])
def several(request):
    return request.getfixturevalue({2: "two", 4: "four"}[request.param])


def of_encoders(found: dict[str, torch.Tensor]) -> torch.Tensor:
    """The gradients of all weights but the temperature, as one vector."""
    return torch.cat(
        [g.flatten() for n, g in found.items() if n not in ("loss", "log_temperature")]
    )


def compare(found: dict, alone: dict) -> tuple[float, float, float]:
    """Norm ratio and cosine of the encoders' gradients, ratio of the temperature's."""
    here, there = of_encoders(found), of_encoders(alone)
    cosine = here @ there / (here.norm() * there.norm()) if here.any() else torch.tensor(torch.nan)
    temperature = found["log_temperature"] / alone["log_temperature"]
    return (here.norm() / there.norm()).item(), cosine.item(), temperature.item()


def same(one: dict, other: dict) -> bool:
    return all(one[name].equal(other[name]) for name in one.keys() | other.keys())


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_one_process_with_all_rows(several, case):
    alone = questions.gradients_of_losses()[case]
    for found in several:
        found = found["gradients_of_losses"][case]
        assert compare(found, alone) == pytest.approx((1, 1, 1), abs=1e-9)
        assert found["loss"].item() == pytest.approx(alone["loss"].item(), abs=1e-12)
        for name, gradient in alone.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-8, atol=1e-12)


def test_other_objectives_too_see_the_rows_and_the_labels_of_all_processes(several):
    for case, alone in questions.objectives().items():
        for found in several:
            found = found["objectives"][case]
            assert found.keys() == alone.keys()
            for name, value in alone.items():
                torch.testing.assert_close(found[name], value, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("loss", questions.LOSSES)
def test_without_the_others_rows_it_would_be_another_gradient(loss):
    """The test above can fail: a process that sees its own rows alone goes elsewhere."""
    alone = questions.gradients_of_losses()[f"{loss} None"]
    rows = questions.data().rows(torch.arange(questions.BATCH // 2))
    space = questions.model()
    questions.backward(space, partial(questions.over_pairs, loss=questions.LOSSES[loss]), rows)
    assert compare(questions.gradients(space), alone)[1] < 0.95


def test_each_kind_of_backward_scales_the_gradient_as_it_says(several):
    """Only 'sum' is exact. The temperature stands behind the gather and never notices."""
    alone, count = questions.gradients_of_kinds()["sum"], len(several)
    for found in several:
        table = {k: compare(g, alone) for k, g in found["gradients_of_kinds"].items()}
        assert table["sum"] == pytest.approx((1, 1, 1), abs=1e-9)
        assert table["own"] == pytest.approx((1 / count, 1, 1), abs=1e-9)
        assert table["none"] == pytest.approx((0, torch.nan, 1), abs=1e-9, nan_ok=True)


def test_a_whole_training_ends_with_the_weights_of_one_process(several):
    for case, alone in questions.whole_training().items():
        weights = [found["whole_training"][case] for found in several]
        assert all(same(weights[0], other) for other in weights[1:]), "processes have parted"
        close = 1e-9 if "float64" in case else 1e-5
        for name, tensor in alone.items():
            torch.testing.assert_close(weights[0][name], tensor, rtol=close, atol=close)


def test_batch_norm_gets_a_warning(two):
    for found in two:
        assert any("is BatchNorm" in text for text in found["batch_norm"])


def test_no_warning_without_reason(two):
    assert questions.batch_norm() == []  # one process, one piece: nothing is split


def test_only_the_first_process_writes_checkpoints(two):
    files = [f"step-{step:06d}.{end}" for step in (2, 4) for end in ("resume", "safetensors")]
    assert sorted(two[0]["checkpoints"]["files"]) == sorted(files)
    assert two[0]["checkpoints"]["written"]
    assert two[1]["checkpoints"]["written"] == []


def test_all_processes_go_on_from_a_checkpoint_bit_for_bit(two):
    """Their random numbers included: with dropout the weights would not agree otherwise."""
    for found in two:
        found = found["checkpoints"]
        assert found["numbers"] == [5, 6]
        assert same(found["resumed"], found["whole"])
    assert same(two[0]["checkpoints"]["whole"], two[1]["checkpoints"]["whole"])


def test_dropout_does_not_drop_the_same_units_everywhere(two):
    assert not two[0]["dropped_units"].equal(two[1]["dropped_units"])


def test_a_checkpoint_that_cannot_be_written_stops_nobody(two):
    """Whether it was written is known to all: who tries again at the end does not try alone."""
    first, second = (found["checkpoint_that_cannot_be_written"] for found in two)
    assert any("no checkpoint of step 6" in text for text in first)
    assert second == []


def test_rows_that_cannot_be_shared_are_refused(two):
    for found in two:
        assert found["unequal_shares"] == "15 rows cannot be shared by 2 processes equally"


def test_not_a_number_in_one_share_stops_all_and_all_name_the_row(two):
    for found in two:
        found = found["not_a_number"]
        assert "step 2: loss nan" in found["text"]
        assert "Rows [31] hold NaN" in found["text"]
        assert found["finite"]


def test_frozen_and_unused_weights_stay_as_they_are(two):
    for found in two:
        still = {name for name, unchanged in found["frozen_weights"].items() if unchanged}
        assert still == {"unused.weight", "unused.bias", "encoders.x.layers.0.weight"}


def test_unlike_beginnings_become_the_first_process_s(two):
    alone = questions.unlike_beginnings()
    assert same(two[0]["unlike_beginnings"], two[1]["unlike_beginnings"])
    for name, tensor in two[1]["unlike_beginnings"].items():
        torch.testing.assert_close(tensor, alone[name], rtol=1e-9, atol=1e-9)


def test_where_one_is_stopped_all_stop_after_the_same_step(two):
    assert [found["stopped_by_one"] for found in two] == [3, 3]


def test_processes_that_see_different_checkpoints_are_refused(two):
    for found in two:
        assert "checkpoints of different steps, [2, 0]" in found["folders_of_their_own"]


def test_a_process_that_fails_alone_does_not_leave_the_others_waiting(two):
    assert two[1]["one_that_dies"] == "this one alone"
    assert "nothing was raised" not in two[0]["one_that_dies"]


def test_one_process_is_left_alone():
    rows = torch.randn(4, 2, requires_grad=True)
    assert distributed.gather(rows) is rows
    assert not distributed.gather(rows, "none").requires_grad
    assert distributed.shard(torch.arange(5)).tolist() == [0, 1, 2, 3, 4]
    assert distributed.all_gather_object("x") == ["x"]
    assert distributed.all_agree(True) and not distributed.all_agree(False)
    assert (distributed.rank(), distributed.world_size()) == (0, 1)
    distributed.finish()


def test_an_unknown_backward_is_refused():
    with pytest.raises(ValueError, match="'both': choose 'sum', 'own' or 'none'"):
        distributed.gather(torch.zeros(2, 2), "both")

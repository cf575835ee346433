"""The gradient of a whole batch, however few of its rows fit into memory at a time."""

import math
import warnings

import pytest
import torch
from torch import nn

from xmodal_lab.alignment.losses import info_nce, over_pairs, sigmoid_loss
from xmodal_lab.batch import Batch, pad
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.runtime import Runtime
from xmodal_lab.training import backward as room
from xmodal_lab.training.backward import Gradient
from xmodal_lab.training.guards import Snapshot
from xmodal_lab.training.loop import fit
from xmodal_lab.training.random_state import random_state

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)
ROWS = 12


class Encoder(nn.Module):
    """Two layers with dropout between them, and a norm to choose."""

    output_dim = 10

    def __init__(self, dropout=0.4, norm=nn.Identity):
        super().__init__()
        self.first, self.norm = nn.Linear(6, 16), norm(16)
        self.dropout, self.last = nn.Dropout(dropout), nn.Linear(16, 10)

    def forward(self, x):
        return self.last(self.dropout(torch.relu(self.norm(self.first(x)))))


class OwnDropout(nn.Module):
    """Drops what the row itself decides: the same units, however a batch is split."""

    def forward(self, x):
        return x * (torch.sin(1e4 * x.detach()) > -0.2) * 1.5


def space(**options) -> JointSpace:
    torch.manual_seed(0)
    return JointSpace({"x": Encoder(**options), "y": Encoder(**options)}, 5).double().train()


def data(rows=ROWS) -> Batch:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, 6, generator=generator, dtype=torch.float64)
    return Batch({"x": x, "y": x.roll(1, dims=1) + 0.1 * x.flip(1)})


def sigmoid(outputs, batch):
    return over_pairs(outputs, batch, sigmoid_loss)


def backward(*arguments, **options) -> torch.Tensor:
    """The loss alone."""
    return room.backward(*arguments, **options)[""]


def gradients(model) -> dict[str, torch.Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def clear(model, seed=3):
    model.zero_grad(set_to_none=True)
    torch.manual_seed(seed)


def assert_equal(found, wanted, tolerance=1e-9):
    assert found.keys() == wanted.keys()
    for name in wanted:
        scale = wanted[name].abs().max().clamp(min=1e-3)
        assert (found[name] - wanted[name]).abs().max() <= tolerance * scale, name
        assert wanted[name].abs().max() > 1e-7, f"{name}: nothing to compare"


def with_one_graph(model, loss, batch, size):
    """The big batch itself: its parts draw their dropout one after the other, in one graph."""
    parts = torch.arange(len(batch["x"])).tensor_split(math.ceil(len(batch["x"]) / size))
    pieces = [model(batch.rows(part)) for part in parts]
    joined = {name: torch.cat([piece[name] for piece in pieces]) for name in batch}
    value = loss({**joined, "temperature": model.temperature}, batch)
    value.backward()
    return value.detach()


@pytest.mark.parametrize("loss", [over_pairs, sigmoid])
@pytest.mark.parametrize("size", [1, 4, 5, 11])
def test_micro_batches_with_dropout_give_the_gradient_of_the_big_batch(loss, size):
    model = space()
    clear(model)
    value = with_one_graph(model, loss, data(), size)
    wanted = gradients(model)
    clear(model)
    found = backward(model, loss, data(), size)
    assert found.item() == pytest.approx(value.item(), abs=1e-12)
    assert_equal(gradients(model), wanted)
    clear(model, seed=4)
    backward(model, loss, data(), size)
    with pytest.raises(AssertionError):  # dropout was on: another draw, another gradient
        assert_equal(gradients(model), wanted, 1e-3)


@pytest.mark.parametrize("loss", [over_pairs, sigmoid])
@pytest.mark.parametrize("size", [1, 4, 5, 11])
def test_units_that_a_row_drops_by_itself_make_it_equal_to_one_forward_pass(loss, size):
    model = space()
    for encoder in model.encoders.values():
        encoder.dropout = OwnDropout()
    value = backward(model, loss, data())
    wanted = gradients(model)
    clear(model)
    found = backward(model, loss, data(), size)
    assert found.item() == pytest.approx(value.item(), abs=1e-12)
    assert_equal(gradients(model), wanted)


@pytest.mark.parametrize("loss", [over_pairs, sigmoid])
def test_the_temperature_gets_its_gradient_once_and_not_once_a_part(loss):
    model = space(dropout=0.0)
    backward(model, loss, data(), 3)
    found = model.log_temperature.grad.item()
    with torch.no_grad():
        points, start, step = model(data()), model.log_temperature.item(), 1e-5
        moved = [
            torch.tensor(math.exp(start + sign * step), dtype=torch.float64) for sign in (1, -1)
        ]
        values = [loss({**points, "temperature": t}, data()).item() for t in moved]
    assert found == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-6)


def test_a_learned_bias_of_the_loss_gets_its_gradient_once_too():
    model, bias = space(dropout=0.0), torch.tensor(-2.0, dtype=torch.float64, requires_grad=True)

    def biased(e, batch):
        return sigmoid_loss(e["x"], e["y"], e["temperature"], bias)

    backward(model, biased, data())
    wanted, bias.grad = bias.grad.item(), None
    backward(model, biased, data(), 3)
    assert bias.grad.item() == pytest.approx(wanted, rel=1e-9)


def test_adding_up_the_losses_of_the_parts_is_something_else():
    """What the replay is for: so that the tests above are not true of anything."""
    model = space(dropout=0.0)
    backward(model, over_pairs, data())
    wanted = gradients(model)
    clear(model)
    for part in torch.arange(ROWS).split(3):
        over_pairs(model(data().rows(part))).backward()
    with pytest.raises(AssertionError):
        assert_equal(gradients(model), wanted, 1e-2)


@pytest.mark.parametrize("size", [ROWS, ROWS + 1, 10**6])
def test_a_micro_batch_that_holds_all_rows_is_the_plain_step(size):
    model = space()
    clear(model)
    backward(model, over_pairs, data())
    wanted = gradients(model)
    clear(model)
    backward(model, over_pairs, data(), size)
    assert all(wanted[name].equal(found) for name, found in gradients(model).items())


def test_gradients_are_added_to_those_that_are_there_already():
    model = space(dropout=0.0)
    backward(model, over_pairs, data(), 4)
    once = gradients(model)
    backward(model, over_pairs, data(), 4)
    assert_equal(gradients(model), {name: 2 * gradient for name, gradient in once.items()})


def test_a_scaled_loss_scales_every_gradient_and_not_the_loss_that_is_told():
    model = space()
    clear(model)
    value = backward(model, over_pairs, data(), 4)
    wanted = gradients(model)
    clear(model)
    assert backward(model, over_pairs, data(), 4, lambda v: 1024 * v).equal(value)
    assert_equal(gradients(model), {name: 1024 * gradient for name, gradient in wanted.items()})


def test_the_random_numbers_go_on_and_do_not_come_twice():
    model = space()
    clear(model)
    seen = []
    for _ in range(4):
        seen.append(random_state()["torch"])
        backward(model, over_pairs, data(), 4)
    assert len({bytes(state.numpy()) for state in seen}) == 4


def test_random_numbers_in_the_loss_do_not_meet_those_of_the_model():
    """The loss draws after all rows are embedded, and the next step after the loss."""
    model, drawn = space(), []

    def noisy(outputs, batch):
        drawn.append(torch.rand(()).item())
        return over_pairs(outputs, batch) * (1 + drawn[-1])

    clear(model)
    with_one_graph(model, noisy, data(), 4)
    wanted = gradients(model)
    clear(model)
    backward(model, noisy, data(), 4)
    assert_equal(gradients(model), wanted)
    assert drawn[0] == drawn[1]
    assert torch.rand(()).item() != drawn[1]


def test_sentences_of_different_length_may_be_split():
    torch.manual_seed(0)
    encoders = {name: TextEncoder(9, 6, 5) for name in ("one", "other")}
    model = JointSpace(encoders, 5).double().train()
    words = [[1 + (row * word) % 9 for word in range(1, 2 + row % 7)] for row in range(ROWS)]
    batch = {"one": pad(words), "other": pad([[*line[::-1], 1] for line in words])}
    backward(model, over_pairs, batch)
    wanted = gradients(model)
    clear(model)
    backward(model, over_pairs, batch, 5)
    assert_equal(gradients(model), wanted)


def test_a_modality_that_the_loss_leaves_out_gets_no_gradient():
    torch.manual_seed(0)
    model = JointSpace({name: Encoder(0.0) for name in "xyz"}, 5).double().train()
    batch = {**data(), "z": data()["x"]}

    def two(e, batch):
        return info_nce(e["x"], e["y"], e["temperature"])

    backward(model, two, batch)
    wanted = {n: w.grad for n, w in model.named_parameters() if w.grad is not None}
    clear(model)
    backward(model, two, batch, 5)
    assert_equal({n: w.grad for n, w in model.named_parameters() if w.grad is not None}, wanted)
    assert not any(".z." in name for name in wanted)


def test_a_modality_without_anything_to_learn_may_be_split():
    model = space(dropout=0.0)
    model.encoders["y"].requires_grad_(False)
    model.projections["y"].requires_grad_(False)
    backward(model, over_pairs, data())
    wanted = {n: w.grad for n, w in model.named_parameters() if w.requires_grad}
    clear(model)
    backward(model, over_pairs, data(), 5)
    assert_equal({n: w.grad for n, w in model.named_parameters() if w.requires_grad}, wanted)


def test_bfloat16_is_split_under_its_own_precision():
    torch.manual_seed(0)
    model = JointSpace({"x": Encoder(0.0), "y": Encoder(0.0)}, 5).train()
    batch = {name: values.float() for name, values in data().items()}
    half = Runtime(torch.device("cpu"), torch.bfloat16, seed=0, threads=1)
    backward(model, over_pairs, batch, autocast=half.autocast)
    wanted = gradients(model)
    clear(model)
    backward(model, over_pairs, batch, 5, autocast=half.autocast)
    assert_equal(gradients(model), wanted, 0.05)


# Out of memory --------------------------------------------------------------------------------


class Tight(nn.Module):
    """A space on a device where only so many rows fit."""

    def __init__(self, inner, fits, error=None, only_with_graph=False):
        super().__init__()
        self.inner, self.fits, self.tried = inner, fits, []
        self.error = error or torch.cuda.OutOfMemoryError("CUDA out of memory.")
        self.only_with_graph = only_with_graph

    def forward(self, batch):
        rows = len(batch["x"])
        self.tried.append(rows)
        found = self.inner(batch)  # random numbers and statistics have moved by then
        if rows > self.fits and (torch.is_grad_enabled() or not self.only_with_graph):
            raise self.error
        return found


def attempt(model, micro_batch=None, batch=None, **options):
    gradient = Gradient(model, over_pairs, CPU, micro_batch, **options)
    found = gradient(batch or data(), lambda loss: loss, Snapshot(model).restore)
    return gradient, found[""]


@pytest.mark.parametrize("only_with_graph", [False, True])
@pytest.mark.parametrize("fits, size", [(11, 6), (6, 6), (5, 3), (1, 1)])
def test_out_of_memory_shrinks_to_what_fits_with_the_same_gradient(
    fits, size, only_with_graph, capsys
):
    model = space()
    clear(model)
    value = with_one_graph(model, over_pairs, data(), size)
    wanted = gradients(model)
    clear(model)
    gradient, found = attempt(Tight(model, fits, only_with_graph=only_with_graph))
    assert gradient.micro_batch == size
    assert found.item() == pytest.approx(value.item(), abs=1e-12)
    assert_equal(gradients(model), wanted)
    said = capsys.readouterr().out
    assert said == (
        f"Note: out of memory; going on with micro-batches of {size} rows, same gradient.\n"
    )


def test_it_is_said_once_and_never_tried_again(capsys):
    model = Tight(space(), 4)
    gradient, _ = attempt(model)
    for _ in range(3):
        model.tried.clear()
        gradient(data(), lambda loss: loss, Snapshot(model).restore)
        assert max(model.tried) <= 4
    assert capsys.readouterr().out.count("out of memory") == 1


def test_memory_that_runs_out_in_the_middle_of_the_replay_leaves_no_half_gradient():
    """Some rows have sent their gradients back already; they must not count twice."""
    model = space()
    clear(model)
    with_one_graph(model, over_pairs, data(), 3)
    wanted = gradients(model)

    class Moody(Tight):
        def forward(self, batch):
            # The last part of six rows: two were embedded without graph, one with.
            self.fits = 3 if len(self.tried) == 3 else 6
            return super().forward(batch)

    clear(model)
    gradient, _ = attempt(Moody(model, 6), micro_batch=6)
    assert gradient.micro_batch == 3
    assert_equal(gradients(model), wanted)


def test_memory_that_runs_out_in_the_loss_or_on_the_way_back_counts_too():
    model, tries = space(dropout=0.0), []
    backward(model, over_pairs, data())
    wanted = gradients(model)

    def full(gradient):
        tries.append(len(gradient))
        if len(tries) == 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    def loss(outputs, batch):
        if not tries:
            outputs["x"].register_hook(full)
        return over_pairs(outputs, batch)

    clear(model)
    gradient = Gradient(model, loss, CPU, None)
    gradient(data(), lambda value: value, Snapshot(model).restore)
    assert gradient.micro_batch == 6
    assert_equal(gradients(model), wanted)


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
        ),
    ],
)
def test_every_device_says_it_in_its_own_words(error):
    assert attempt(Tight(space(), 6, error))[0].micro_batch == 6


def test_another_error_is_not_taken_for_it():
    model = Tight(space(), 6, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        attempt(model)
    assert model.tried == [ROWS]


def test_a_single_row_that_does_not_fit_is_an_error(capsys):
    with pytest.raises(torch.cuda.OutOfMemoryError):
        attempt(Tight(space(), 0))
    assert capsys.readouterr().out == ""


def test_a_whole_training_out_of_memory_is_the_one_that_was_split_from_the_start(capsys):
    """Bit for bit, dropout and running statistics included."""

    def run(wrap, micro_batch):
        model = JointSpace({"x": Encoder(norm=nn.BatchNorm1d), "y": Encoder()}, 5)
        for step in fit(
            wrap(model), over_pairs, batch, 8, 12, warmup=2, runtime=CPU, micro_batch=micro_batch
        ):
            assert math.isfinite(step.loss)
        return model.state_dict()

    batch = {name: values.float() for name, values in data(40).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(7)
        wanted = run(lambda model: model, 3)
        torch.manual_seed(7)
        found = run(lambda model: Tight(model, 5), None)
    assert all(wanted[name].equal(found[name]) for name in wanted)
    assert capsys.readouterr().out.count("out of memory") == 1


def test_memory_that_never_suffices_leaves_the_model_as_it_was():
    model = Tight(space(norm=nn.BatchNorm1d), 0).float()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    randoms = random_state()["torch"]
    batch = {name: values.float() for name, values in data().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((torch.cuda.OutOfMemoryError, ValueError)):  # BatchNorm of one row
            list(fit(model, over_pairs, batch, 5, 12, runtime=CPU))
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())
    assert random_state()["torch"].equal(randoms)
    assert not model.training


# BatchNorm ------------------------------------------------------------------------------------


def test_batch_norm_is_named_where_a_batch_is_split():
    model = space(norm=nn.BatchNorm1d)
    with pytest.warns(UserWarning, match=r"encoders\.x\.norm \(one of 2\) is BatchNorm: each part"):
        Gradient(model, over_pairs, CPU, 4)


def test_batch_norm_is_named_once_memory_runs_out():
    model = Tight(space(norm=nn.BatchNorm1d), 6)
    with pytest.warns(UserWarning, match="is BatchNorm") as said:
        attempt(model)
    assert len(said) == 1


@pytest.mark.parametrize(
    "norm, micro_batch",
    [(nn.BatchNorm1d, None), (nn.LayerNorm, 4), (lambda width: nn.GroupNorm(4, width), 4)],
)
def test_nothing_is_said_where_the_gradient_is_exact(norm, micro_batch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attempt(space(norm=norm), micro_batch)


@pytest.mark.parametrize("norm", [nn.LayerNorm, lambda width: nn.GroupNorm(4, width)])
def test_norms_within_a_row_stay_exact(norm):
    model = space(norm=norm)
    clear(model)
    with_one_graph(model, over_pairs, data(), 5)
    wanted = gradients(model)
    clear(model)
    backward(model, over_pairs, data(), 5)
    assert_equal(gradients(model), wanted)


def test_running_statistics_move_once_a_part_and_not_twice():
    model, other = space(norm=nn.BatchNorm1d), space(norm=nn.BatchNorm1d)
    backward(model, over_pairs, data(), 4)
    for part in torch.arange(ROWS).split(4):
        other(data().rows(part))
    wanted = dict(other.named_buffers())
    for name, buffer in model.named_buffers():
        torch.testing.assert_close(buffer, wanted[name], rtol=0, atol=1e-12)


def test_no_part_is_a_single_row_where_more_are_allowed():
    """BatchNorm would refuse it: 13 rows by 4 are 4, 3, 3, 3 and not 4, 4, 4, 1."""
    model = Tight(space(norm=nn.BatchNorm1d), 4)
    backward(model, over_pairs, data(13), 4)
    assert sorted(model.tried) == [3] * 6 + [4] * 2


@pytest.mark.parametrize("size", [0, -3])
def test_a_micro_batch_of_nothing_is_refused(size):
    with pytest.raises(ValueError, match=f"micro_batch must be at least 1, got {size}"):
        Gradient(space(), over_pairs, CPU, size)

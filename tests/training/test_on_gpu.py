"""Training on a GPU, in its precision: the loss falls, a break costs nothing, weights travel."""

import pytest
import torch

from xmodal_lab import runtime
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training import checkpoints
from xmodal_lab.training.backward import backward
from xmodal_lab.training.loop import fit

pytestmark = pytest.mark.gpu
STEPS = 24


@pytest.fixture(scope="module")
def inputs():
    return inputs_of(scenes.load("train", 96, 0))


def train(inputs, space=None, folder=None, stop=STEPS, **recipe) -> tuple[JointSpace, list]:
    """The workbook's own space on a few scenes, to the end or to a step."""
    runtime.setup(0, quiet=True)
    space, losses = space or JointSpace.standard(), []
    options = {"steps": STEPS, "batch_size": 32, "warmup": 4, "folder": folder, **recipe}
    for step in fit(space, over_pairs, inputs, **options):
        losses.append((step.number, step.loss))
        if step.number == stop:
            break
    return space, losses


def mean(losses: list) -> float:
    return sum(loss for _, loss in losses) / len(losses)


def test_the_loss_falls_there_in_the_precision_of_the_card(inputs, gpu):
    seen = set()
    space = JointSpace.standard()
    convolution = next(m for m in space.modules() if isinstance(m, torch.nn.Conv2d))
    convolution.register_forward_hook(
        lambda *given: seen.add((given[-1].device.type, given[-1].dtype))
    )
    _, losses = train(inputs, space)
    assert seen == {(gpu.type, runtime.current().precision)}
    assert {weight.device.type for weight in space.parameters()} == {gpu.type}
    assert {weight.dtype for weight in space.parameters()} == {torch.float32}
    assert mean(losses[-4:]) < 0.8 * mean(losses[:2])


def test_a_training_goes_on_where_it_was_stopped(inputs, gpu, tmp_path):
    _, whole = train(inputs)
    _, first = train(inputs, folder=tmp_path, stop=10)
    space, second = train(inputs, folder=tmp_path)
    assert [number for number, _ in first + second] == list(range(1, STEPS + 1))
    # Not bit for bit: a GPU adds up in an order of its own.
    assert mean(second[-4:]) == pytest.approx(mean(whole[-4:]), rel=0.2)
    assert space.device.type == gpu.type


def test_a_space_trained_there_is_saved_and_embeds_on_the_cpu_alike(inputs, gpu, tmp_path):
    space, _ = train(inputs)
    checkpoints.save(tmp_path / "space.safetensors", space)
    there = space.embed_all(inputs)
    here = checkpoints.load(tmp_path / "space.safetensors", "cpu").embed_all(inputs)
    for name, points in there.items():
        assert points.device.type == gpu.type and points.dtype == torch.float32
        cosines = (points.cpu() * here[name]).sum(dim=1)
        # Convolutions may be computed in TF32, of 10 bits.
        torch.testing.assert_close(cosines, torch.ones(96), atol=1e-3, rtol=0)


def test_micro_batches_give_the_gradient_of_the_whole_batch_there_too(gpu):
    # No BatchNorm, so that the parts of a batch do not depend on each other.
    layers = {name: torch.nn.Linear(5, 8) for name in "xy"}
    for layer in layers.values():
        layer.output_dim = 8
    space, gradients = JointSpace(layers, 6).to(gpu), []
    batch = {name: torch.randn(12, 5, device=gpu) for name in "xy"}
    for micro_batch in (None, 5):
        space.zero_grad()
        backward(space, over_pairs, batch, micro_batch)
        gradients.append([weight.grad.clone() for weight in space.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)


def test_memory_that_runs_out_is_met_with_smaller_parts(inputs, gpu, capsys):
    """Memory is made scarce by a hook that refuses more than so many rows at a time."""
    space = JointSpace.standard(("text", "image"))

    def refuse(module, given):
        if len(given[0]) > 10:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory (made up by a test)")

    space.encoders["image"].register_forward_pre_hook(refuse)
    pairs = {name: inputs[name] for name in ("text", "image")}
    with pytest.warns(UserWarning, match="BatchNorm"):
        _, losses = train(pairs, space, stop=3)
    assert len(losses) == 3
    assert "going on with micro-batches of 8 rows" in capsys.readouterr().out

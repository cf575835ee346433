"""A training that was killed, interrupted or robbed of its disk goes on as if nothing had been."""

import errno
import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch

import xmodal_lab
from xmodal_lab import runtime
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.runtime import Runtime
from xmodal_lab.training import checkpoints, resuming
from xmodal_lab.training.checkpoints import CheckpointError
from xmodal_lab.training.loop import fit
from xmodal_lab.training.order import easy_first

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)
HALF = Runtime(torch.device("cpu"), torch.float16, seed=0, threads=1)

# A training with everything that must come back: dropout, running statistics, moments, an order.
# Tests in this process and processes of their own read the same lines.
TRAINING = """
import hashlib, os, signal, sys, time
import torch
from torch import nn
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.runtime import Runtime
from xmodal_lab.training.loop import fit

torch.set_num_threads(1)

class Encoder(nn.Module):
    output_dim = 8

    def __init__(self, width=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.ReLU(),
                                    nn.Dropout(0.3), nn.Linear(width, 8))

    def forward(self, x):
        return self.layers(x)

def model(width=16):
    torch.manual_seed(0)
    return JointSpace({"x": Encoder(width), "y": Encoder(width)}, 5)

def data():
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(1))
    return {"x": x, "y": x.flip(1)}

def train(space, folder, steps=40, **options):
    runtime = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)
    options = {"batch_size": 8, "warmup": 5, "runtime": runtime, "every": 2, **options}
    return fit(space, over_pairs, data(), steps=steps, folder=folder, **options)

def fingerprint(space):
    state = space.state_dict() | {"random": torch.get_rng_state()}
    return hashlib.sha256(b"".join(t.numpy().tobytes() for t in state.values())).hexdigest()
"""
ROOM: dict = {}
exec(TRAINING, ROOM)
model, data, train, fingerprint = (ROOM[n] for n in ("model", "data", "train", "fingerprint"))

# Trains in one process after another, each of which is killed but the last.
KILLED = (
    TRAINING
    + """
def die():
    os.kill(os.getpid(), signal.SIGKILL)

def run(folder, at=-1):
    # Every checkpoint is two renames: 2n is before, 2n + 1 after the n-th of them.
    rename, count = os.replace, [0]
    def replace(*paths):
        if count[0] == at:
            die()
        rename(*paths)
        if count[0] + 1 == at:
            die()
        count[0] += 2
    os.replace = replace
    space = model()
    for step in train(space, folder):
        print("step", step.number, flush=True)
        time.sleep(0.003)
    print("whole", fingerprint(space), flush=True)

folder, *kills = sys.argv[1:]
next(iter(train(model(), None)))  # what the first step imports is imported once for all
for kill in kills:
    process = os.fork()
    if process == 0:
        run(folder, -1 if "." in kill else int(kill))
        os._exit(0)
    if "." in kill:
        time.sleep(float(kill))
        os.kill(process, signal.SIGKILL)
    print("killed" if os.WIFSIGNALED(os.waitpid(process, 0)[1]) else "over",
          sum(name.endswith(".part") for name in os.listdir(folder)), flush=True)
run(folder)
"""
)


def environment() -> dict[str, str]:
    """A new process finds the package where this one has it."""
    here = str(Path(xmodal_lab.__file__).parents[1])
    path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def child(source, folder, *arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", source, str(folder), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def finish(process) -> list[str]:
    """What a process said to its end, which must be of its own will."""
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    return said.split("\n")


@pytest.fixture(scope="module")
def wanted() -> str:
    """Weights, statistics and random numbers after a training that nobody disturbed."""
    space = model()
    for _ in train(space, None):
        pass
    return fingerprint(space)


def names(folder) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def assert_goes_on(folder, wanted, steps) -> None:
    space = model()
    assert [step.number for step in train(space, folder)] == list(steps)
    assert fingerprint(space) == wanted


posix = pytest.mark.skipif(os.name != "posix", reason="kill -9 needs a POSIX system")

# Killed ---------------------------------------------------------------------------------------


@pytest.mark.slow
@posix
def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path, wanted):
    moments = [random.uniform(0.02, 0.15) for _ in range(8)]
    said = finish(child(KILLED, tmp_path, *moments))
    assert sum(line.startswith("killed") for line in said) >= 4, said
    assert said[-2] == f"whole {wanted}"
    # No more than one interval is lost to each of them.
    reached, begun = 0, True
    for line in said:
        kind, _, number = line.partition(" ")
        if kind == "step":
            assert not begun or int(number) >= reached - 1
            reached, begun = int(number), False
        begun = begun or kind == "killed"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
@posix
def test_killed_in_the_middle_of_writing_it_uses_the_checkpoint_before(tmp_path, wanted):
    """Before and after each rename: nothing there, weights without their resume file, both."""
    # Two renames a checkpoint, so that the third is the first of the second checkpoint.
    said = finish(child(KILLED, tmp_path, 0, 1, 2, 3, 4, 5, 6, 7, 10, 13))
    ends = [line.split() for line in said if line.startswith(("killed", "over"))]
    assert [kind for kind, _ in ends] == ["killed"] * 10
    assert int(ends[0][1]) == 1, "the test has killed nothing half-way"
    # Where each went on: a checkpoint counts from its second rename on, and not before.
    on = [int(line.split()[5].strip(",")) for line in said if line.startswith("Note")]
    assert on == [2, 4, 6, 8, 12, 16, 22]
    assert said[-2] == f"whole {wanted}"
    assert names(tmp_path) == [
        f"step-0000{n}.{kind}" for n in (36, 38, 40) for kind in ("resume", "safetensors")
    ]


INTERRUPTED = (
    TRAINING
    + """
class Slow(torch.optim.AdamW):
    def step(self, *arguments, **options):
        print("writing", flush=True)
        groups, self.param_groups = self.param_groups, self.param_groups[:1]
        super().step(*arguments, **options)
        time.sleep(0.02)
        self.param_groups = groups[1:]
        super().step(*arguments, **options)
        self.param_groups = groups
        print("written", flush=True)

torch.optim.AdamW = Slow
space = model()
try:
    for step in train(space, sys.argv[1], every=1000):
        print(step.number, flush=True)
except KeyboardInterrupt:
    print("stopped", space.training, fingerprint(space), flush=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is still to come of a double press
"""
)


@pytest.mark.slow
@posix
@pytest.mark.parametrize("cue, wait", [("writing", 0.01), ("writing", None)])
def test_ctrl_c_from_outside_leaves_whole_weights_and_a_checkpoint(tmp_path, wanted, cue, wait):
    process = child(INTERRUPTED, tmp_path)
    count = 0
    for line in process.stdout:
        count += line.strip() == cue
        if count == 7:
            break
    time.sleep(random.random() / 40 if wait is None else wait)
    process.send_signal(signal.SIGINT)
    said = finish(process)[-2].split()
    assert said[:2] == ["stopped", "False"]
    number = max(int(n[5:11]) for n in names(tmp_path))
    assert number >= 6
    if cue == "writing" and wait:
        # Held back until that checkpoint was whole; a busy machine may be a step further by then.
        assert number >= 7
    again = model()
    next(iter(train(again, tmp_path, steps=number)), None)
    assert fingerprint(again) == said[2]
    assert_goes_on(tmp_path, wanted, range(number + 1, 41))


def test_ctrl_c_in_a_notebook_leaves_a_usable_model_and_a_checkpoint(tmp_path, wanted):
    """In a real kernel, interrupted as the stop button of JupyterLab does."""
    manager_of = pytest.importorskip("jupyter_client.manager")
    manager, client = manager_of.start_new_kernel(kernel_name="python3", env=environment())

    def run(code, until=None):
        """What a cell prints; with ``until`` the kernel is interrupted once that is printed."""
        said = []

        def hear(message):
            if message["msg_type"] == "stream":
                said.append(message["content"]["text"])
                if until and until in "".join(said):
                    hear.__defaults__ = None
                    manager.interrupt_kernel()

        reply = client.execute_interactive(code, output_hook=hear, timeout=60)["content"]
        return reply, "".join(said)

    try:
        assert run(TRAINING)[0]["status"] == "ok"
        loop = (
            f"space = model()\nfor step in train(space, {str(tmp_path)!r}, every=1000):\n"
            "    print(step.number, end=' ', flush=True); time.sleep(0.02)"
        )
        reply, said = run(loop, until=" 5 ")
        assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
        number = int(said.split()[-1])
        assert number < 40
        reply, said = run(
            "print(space.training, space.embed_all(data())['x'].isfinite().all().item())"
        )
        assert said.split() == ["False", "True"]
        # The same cell again: it goes on where it was, to the same end.
        reply, said = run(loop)
        assert reply["status"] == "ok"
        assert (
            f"going on after step {number}" in said or f"going on after step {number + 1}" in said
        )
        assert run("print(fingerprint(space))")[1].strip() == wanted
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# Left, and gone on with -----------------------------------------------------------------------


@pytest.mark.parametrize("left", [1, 2, 5, 39, 40])
def test_leaving_the_loop_leaves_a_checkpoint_to_go_on_from(tmp_path, wanted, left):
    space = model()
    for step in train(space, tmp_path, every=1000):
        if step.number == left:
            break
    assert names(tmp_path) == [f"step-0000{left:02}.resume", f"step-0000{left:02}.safetensors"]
    assert_goes_on(tmp_path, wanted, range(left + 1, 41))


def test_an_error_in_the_loops_body_leaves_one_too(tmp_path, wanted):
    with pytest.raises(ZeroDivisionError):
        for step in train(model(), tmp_path, every=1000):
            print(1 / (step.number - 9))
    assert_goes_on(tmp_path, wanted, range(10, 41))


def test_learning_rate_and_rows_go_on_where_they_were(tmp_path):
    def run(folder, stop=None):
        order, seen = easy_first(torch.arange(40).numpy() < 16, 10, 8, seed=3), []

        def noted(step):
            seen.append((step, order(step).tolist()))
            return order(step)

        rates = []
        for step in train(model(), folder, order=noted):
            rates.append((step.number, step.learning_rate))
            if step.number == stop:
                break
        return seen, rates

    whole, first, second = run(None), run(tmp_path, 13), run(tmp_path)
    assert first[0] + second[0] == whole[0]
    assert first[1] + second[1] == whole[1]


def test_checkpoints_do_not_disturb_a_training(tmp_path, wanted):
    space = model()
    for _ in train(space, tmp_path, every=1):
        pass
    assert fingerprint(space) == wanted


@pytest.mark.parametrize(
    "every, kept", [(1, [38, 39, 40]), (7, [28, 35, 40]), (30, [30, 40]), (1000, [40])]
)
def test_the_latest_three_are_kept(tmp_path, every, kept):
    for _ in train(model(), tmp_path, every=every):
        pass
    assert names(tmp_path) == [
        f"step-0000{n}.{kind}" for n in kept for kind in ("resume", "safetensors")
    ]


@pytest.mark.parametrize("every", [0, -1])
def test_an_interval_of_nothing_is_refused_before_the_first_step(tmp_path, every):
    with pytest.raises(ValueError, match=f"every must be at least 1, got {every}"):
        list(train(model(), tmp_path, every=every))


def test_a_finished_training_trains_no_further_and_says_so(tmp_path, capsys):
    whole, again = model(), model()
    for _ in train(whole, tmp_path):
        pass
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert list(train(again, tmp_path)) == []
    assert fingerprint(again) == fingerprint(whole)
    assert not again.training
    assert "going on after step 40, from " in capsys.readouterr().out
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_new_folder_is_made_and_a_full_one_keeps_what_is_not_ours(tmp_path):
    folder = tmp_path / "deep" / "run"
    for step in train(model(), folder):
        if step.number == 2:
            for name in ("step-1.png", "step-by-step.resume", "step-000001.txt", "notes.part"):
                (folder / name).write_text("mine")
        if step.number == 30:
            break
    kept = {"step-1.png", "step-by-step.resume", "step-000001.txt", "notes.part"}
    assert kept <= set(names(folder))
    assert [step.number for step in train(model(), folder)] == list(range(31, 41))
    assert kept <= set(names(folder))


def test_steps_are_ordered_by_number_and_not_by_letters(tmp_path):
    for number in (999_999, 1_000_000):
        resuming.store(tmp_path, number, model(), torch.optim.AdamW(model().parameters()), SCALER)
    optimiser = torch.optim.AdamW(model().parameters())
    assert resuming.resume(tmp_path, model(), optimiser, SCALER) == 1_000_000


SCALER = torch.amp.GradScaler("cpu", enabled=False)


def test_the_workbooks_own_space_comes_back_with_all_its_statistics(tmp_path):
    """Its weights are a checkpoint of their own, which everybody can load."""
    batch = inputs_of(scenes.from_scenes(scenes.sample_scenes("train", 8, 0), 0))

    def run(folder, stop=None):
        torch.manual_seed(0)
        space = JointSpace.standard(dim=8)
        for step in fit(
            space, over_pairs, batch, 4, 4, warmup=1, runtime=CPU, folder=folder, every=100
        ):
            if step.number == stop:
                break
        return space

    whole = run(None)
    run(tmp_path, stop=2)
    resumed = run(tmp_path)
    for name, tensor in whole.state_dict().items():
        assert tensor.equal(resumed.state_dict()[name]), name
    alone = checkpoints.load(tmp_path / "step-000004.safetensors")
    assert checkpoints.notes(tmp_path / "step-000004.safetensors") == {"step": 4}
    texts = {"text": batch["text"]}
    assert alone.embed_all(texts)["text"].equal(whole.embed_all(texts)["text"])


def test_weights_that_two_layers_share_can_be_stored(tmp_path):
    def tied():
        torch.manual_seed(0)
        encoder = ROOM["Encoder"]()
        return JointSpace({"x": encoder, "y": encoder}, 5)

    whole, left, again = tied(), tied(), tied()
    for _ in train(whole, None):
        pass
    torch.manual_seed(0)
    left = tied()
    for step in train(left, tmp_path):
        if step.number == 11:
            break
    for _ in train(again, tmp_path):
        pass
    assert again.encoders["x"] is again.encoders["y"]
    assert fingerprint(again) == fingerprint(whole)


def test_half_precision_goes_on_with_its_scale(tmp_path):
    def run(folder, stop=None):
        space, seen = model(), []
        for step in train(space, folder, runtime=HALF):
            seen.append(step.loss)
            if step.number == stop:
                break
        return space, seen

    whole, losses = run(None)
    _, first = run(tmp_path, 21)
    again, second = run(tmp_path)
    assert first + second == losses
    assert fingerprint(again) == fingerprint(whole)


@pytest.mark.parametrize("first, then", [(CPU, HALF), (HALF, CPU)])
def test_a_training_may_move_to_a_device_of_another_precision(tmp_path, first, then):
    for step in train(model(), tmp_path, runtime=first):
        if step.number == 11:
            break
    numbers = [step.number for step in train(model(), tmp_path, runtime=then)]
    assert numbers == list(range(12, 41))


@pytest.mark.parametrize("wanted", ["float16", "bfloat16"])
def test_a_wish_for_a_precision_reaches_training_and_checkpoints(tmp_path, monkeypatch, wanted):
    """On the CPU, as everybody can check what a GPU's precision does; and on in another one."""
    monkeypatch.setattr(runtime, "_current", None)
    monkeypatch.setenv("XMODAL_DEVICE", "cpu")
    monkeypatch.setenv("XMODAL_PRECISION", wanted)
    seen = set()

    def hook(module, inputs, output):
        seen.add(output.dtype)

    space = model()
    space.encoders["x"].register_forward_hook(hook)
    for step in train(space, tmp_path, runtime=None):
        if step.number == 11:
            break
    assert seen == {runtime.PRECISIONS[wanted]}
    state = resuming._read(tmp_path / "step-000011.resume")[0]
    assert bool(state["scaler"]) == (wanted == "float16")
    monkeypatch.setattr(runtime, "_current", None)
    monkeypatch.delenv("XMODAL_PRECISION")
    numbers = [step.number for step in train(model(), tmp_path, runtime=None)]
    assert numbers == list(range(12, 41))


# Damaged --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> Path:
    """Checkpoints of the steps 10, 20 and 30 of a training of 40."""
    folder = tmp_path_factory.mktemp("three")
    for step in train(model(), folder, every=10):
        if step.number == 30:
            break
    assert len(names(folder)) == 6
    return folder


@pytest.fixture
def folder(three, tmp_path) -> Path:
    return Path(shutil.copytree(three, tmp_path / "run"))


def cut(share):
    return lambda content: content[: int(len(content) * share)]


def flip(place):
    def flipped(content):
        changed = bytearray(content)
        changed[int(len(content) * place)] ^= 0x10
        return bytes(changed)

    return flipped


DAMAGE = {
    "empty": lambda content: b"",
    "short by one byte": lambda content: content[:-1],
    "longer by one byte": lambda content: content + b"\0",
    "a quarter": cut(0.25),
    "a half": cut(0.5),
    "a bit at the start": flip(0.0),
    "a bit of the checksum": flip(0.001),
    "a bit in the middle": flip(0.5),
    "a bit at the end": flip(0.99999),
    "zeros": lambda content: bytes(len(content)),
    "a text": lambda content: "größer".encode(),
    "another version": lambda content: content.replace(b"training 1", b"training 9", 1),
}


@pytest.mark.parametrize(
    "damage, kind",
    [(damage, kind) for damage in DAMAGE for kind in ("resume", "safetensors")][:-1],
)
def test_a_damaged_file_is_named_and_the_one_before_it_used(folder, wanted, kind, damage, capsys):
    path = folder / f"step-000030.{kind}"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert_goes_on(folder, wanted, range(21, 41))
    assert "step-000030.resume cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["resume", "safetensors"])
def test_a_missing_half_is_passed_over(folder, wanted, kind):
    (folder / f"step-000030.{kind}").unlink()
    assert_goes_on(folder, wanted, range(21, 41))


def test_halves_of_two_checkpoints_do_not_make_one(folder, wanted, capsys):
    shutil.copy(folder / "step-000010.safetensors", folder / "step-000030.safetensors")
    assert_goes_on(folder, wanted, range(21, 41))
    assert "of another step" in capsys.readouterr().err


def test_two_damaged_ones_are_passed_over_too(folder, wanted):
    (folder / "step-000030.resume").write_bytes(b"")
    (folder / "step-000020.safetensors").write_bytes(b"")
    assert_goes_on(folder, wanted, range(11, 41))


def test_damaged_ones_take_no_sound_ones_place(folder, wanted):
    """Three damaged later ones, and a kill soon after: what is new must not be tidied away."""
    for number in (97, 98, 99):
        (folder / f"step-0000{number}.resume").write_bytes(b"damaged")
    for step in train(model(), folder, every=1):
        if step.number == 33:
            break
    found = set(names(folder))
    assert {f"step-0000{n}.resume" for n in (31, 32, 33, 97, 98, 99)} <= found
    assert "step-000030.resume" not in found
    assert_goes_on(folder, wanted, range(34, 41))


def test_nothing_sound_is_an_error_that_deletes_nothing(folder):
    for path in folder.glob("*.resume"):
        path.write_bytes(path.read_bytes()[:1000])
    before, space = {p: p.read_bytes() for p in folder.iterdir()}, model()
    untouched = fingerprint(space)
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is sound: step-000030.*Train"):
        list(train(space, folder))
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    assert fingerprint(space) == untouched


def sealed(payload: bytes) -> bytes:
    """A resume file with a checksum that fits, as a forger would write it."""
    return resuming.FORMAT + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


class Malice:
    def __reduce__(self):
        return os.mkdir, ("owned",)


@pytest.mark.parametrize("state", [Malice(), {}, [1], {"step": 30}, "text", None])
def test_a_forged_file_runs_nothing_and_is_passed_over(folder, wanted, state, monkeypatch):
    monkeypatch.chdir(folder.parent)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    (folder / "step-000030.resume").write_bytes(sealed(buffer.getvalue()))
    assert_goes_on(folder, wanted, range(21, 41))
    assert not Path("owned").exists()


@pytest.mark.parametrize("payload", [b"", b"PK\x03\x04", b"\x80\x02.", b"not a pickle"])
def test_a_sealed_file_of_garbage_is_passed_over(folder, wanted, payload):
    (folder / "step-000030.resume").write_bytes(sealed(payload))
    assert_goes_on(folder, wanted, range(21, 41))


def test_another_architecture_is_named_and_nothing_changed(folder):
    before, other = {p: p.read_bytes() for p in folder.iterdir()}, model(width=24)
    weights = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"step-000030.* another architecture: encoders\.x"):
        list(train(other, folder))
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    assert all(weights[name].equal(tensor) for name, tensor in other.state_dict().items())


# No room, no permission -----------------------------------------------------------------------


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 72 kB: room for one checkpoint of this training and half of another."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=72k", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no disk may be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_costs_warnings_but_neither_training_nor_checkpoint(tiny_disk, wanted):
    space = model()
    with pytest.warns(UserWarning, match=r"no checkpoint of step \d+: .*No space left") as said:
        for step in train(space, tiny_disk, every=5):
            if step.number == 5:
                room = shutil.disk_usage(tiny_disk).free
                assert 0 < room < 40_000, room
    assert fingerprint(space) == wanted
    assert {int(str(w.message).split("step ")[1].split(":")[0]) for w in said} >= {10, 40}
    assert names(tiny_disk) == ["step-000005.resume", "step-000005.safetensors"]
    again = model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert next(iter(train(again, tiny_disk, every=1000))).number == 6


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("call", [1, 2])
def test_a_disk_that_refuses_keeps_the_older_ones(folder, wanted, monkeypatch, code, call):
    """At the weights, and at the resume file beside weights that are there already."""
    before, count, fsync = names(folder), [], os.fsync

    def refuse(handle):
        count.append(1)
        if len(count) % 2 == call % 2 or call == 1:
            raise OSError(code, os.strerror(code))
        return fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.warns(UserWarning, match=os.strerror(code)):
            for step in train(model(), folder, every=3):
                if step.number == 34:
                    break
    assert set(before) <= set(names(folder))
    assert not [name for name in names(folder) if name.endswith(".part")]
    assert_goes_on(folder, wanted, range(31, 41))


def test_a_file_in_the_folders_place_is_said_and_trained_past(tmp_path, wanted):
    (tmp_path / "run").write_text("a file")
    space = model()
    with pytest.warns(UserWarning, match="no checkpoint of step"):
        for _ in train(space, tmp_path / "run"):
            pass
    assert fingerprint(space) == wanted
    assert (tmp_path / "run").read_text() == "a file"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_read_only_folder_is_said_and_trained_past(folder, wanted):
    folder.chmod(0o500)
    try:
        with pytest.warns(UserWarning, match="Permission denied"):
            assert_goes_on(folder, wanted, range(31, 41))
    finally:
        folder.chmod(0o700)
    assert_goes_on(folder, wanted, range(31, 41))

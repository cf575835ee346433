"""``python -m xmodal_lab.training``: what it accepts, prints and writes, and how it is stopped."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import pytest

from xmodal_lab.training import __main__ as command
from xmodal_lab.training import checkpoints, distributed, options
from xmodal_lab.training.loop import TrainingError
from xmodal_lab.training.options import OptionError, parse

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="groups of processes and their signals"),
    pytest.mark.slow,
]

TINY = {
    "pairs": 300,
    "steps": 4,
    "batch_size": 16,
    "easy_steps": 1,
    "warmup": 2,
    "gallery": 20,
    "progress": 2,
    "every": 2,
}
SECONDS = 120
FIGURES = 6 + 2 * 3 + 4  # recalls, attributes seen and unseen, swaps


def arguments(folder=None, **more) -> list[str]:
    given = {**TINY, **({"folder": folder} if folder else {}), **more}
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for all tests here, and for the processes they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XMODAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XMODAL_DEVICE", "cpu")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@contextmanager
def started(*words: str):
    """A process of its own group, of which nothing is left afterwards, however long it hangs."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "GLOO_SOCKET_IFNAME": loopback()},
        start_new_session=True,
    )
    limit = threading.Timer(SECONDS, lambda: end(process))
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        end(process)
        process.communicate()


def loopback() -> str:
    return "lo" if sys.platform == "linux" else "lo0"


def end(process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def torchrun(*words: str):
    return started("torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", *words)


def wait_for(process, text: str) -> str:
    """What was printed until a line began with the text."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(text):
            return "".join(lines)
    raise AssertionError("".join(lines) + process.stderr.read())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run from a configuration file, as people start it."""
    folder = tmp_path_factory.mktemp("whole")
    config = folder / "recipe.yaml"
    config.write_text(
        "# as in the README\n"
        + "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in TINY.items())
        + f"folder: {folder / 'run'}\nmodalities: [text, image, audio]\nmicro_batch:\nsteps: 9\n",
        encoding="utf-8",
    )
    words = ("--config", str(config), "--steps", "4", "--json", str(folder / "copy.json"))
    with started("xmodal_lab.training", *words) as process:
        out, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder, out


def test_it_says_where_it_runs_how_it_goes_and_what_came_out(whole):
    _, out = whole
    assert out.startswith("device     cpu\n")
    assert [line.split()[1] for line in out.splitlines() if line.startswith("step")] == [
        "1/4",
        "2/4",
        "4/4",
    ]
    table = out[out.index("20 two-thing scenes of the val split") :].splitlines()[1:]
    assert table[0].split("  ")[0] == "per cent"
    assert len(table) == 1 + FIGURES
    assert len({len(line) for line in table}) == 1, "columns are aligned"


def test_it_writes_results_and_weights(whole):
    folder, _ = whole
    files = {path.name for path in (folder / "run").iterdir()}
    assert {"recipe.json", "results.json", "joint_space.safetensors"} < files
    assert {f"step-{n:06d}.{end}" for n in (2, 4) for end in ("resume", "safetensors")} < files
    results = json.loads((folder / "run" / "results.json").read_text(encoding="utf-8"))
    assert results == json.loads((folder / "copy.json").read_text(encoding="utf-8"))
    assert results["recipe"]["steps"] == 4  # the command line overruled the file
    assert len(results["per cent"]) == FIGURES
    assert results["per cent"]["text→image R@1"].keys() == {"trained", "chance", "cca"}
    space = checkpoints.load(folder / "run" / "joint_space.safetensors")
    assert list(space.encoders) == ["text", "image", "audio"]


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(whole, tmp_path, capsys):
    """kill -9 after a checkpoint: nothing in the process could prepare for it."""
    words = arguments(tmp_path, progress=1)
    with started("xmodal_lab.training", *words) as process:
        wait_for(process, "step 3/4")
        process.kill()
        process.wait()
    (tmp_path / "step-000004.resume").unlink(missing_ok=True)  # it may have been too quick for us
    assert command.main(words) == 0
    assert "step 3/4" in capsys.readouterr().out
    name = "joint_space.safetensors"
    assert (tmp_path / name).read_bytes() == (whole[0] / "run" / name).read_bytes()


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_how_to_go_on(whole, tmp_path, capsys, monkeypatch, number, code):
    words, tell = arguments(tmp_path, every=100), command.tell

    def press(step, space, given):
        tell(step, space, given)
        if step.number == 1:
            signal.raise_signal(number)

    before = signal.getsignal(number)
    monkeypatch.setattr(command, "tell", press)
    assert command.main(words) == code
    assert capsys.readouterr().err == (
        f"xmodal_lab.training: stopped after step 1 of 4; its checkpoint is in {tmp_path}, "
        "the same command goes on from there\n"
    )
    assert signal.getsignal(number) == before
    monkeypatch.setattr(command, "tell", tell)
    assert command.main(words) == 0
    assert "step 1/4" not in capsys.readouterr().out
    name = "joint_space.safetensors"
    assert (tmp_path / name).read_bytes() == (whole[0] / "run" / name).read_bytes()


def test_impatience_ends_a_run_at_once(monkeypatch, capsys):
    def press(step, space, given):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command, "tell", press)
    assert command.main(arguments()) == 130
    assert capsys.readouterr().err.startswith("xmodal_lab.training: interrupted;")


def test_without_a_folder_nothing_is_kept_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(
        command, "tell", lambda step, space, given: signal.raise_signal(signal.SIGINT)
    )
    assert command.main(arguments()) == 130
    assert "stopped after step 1 of 4; nothing is kept" in capsys.readouterr().err


def test_a_finished_run_is_evaluated_again_not_trained(whole, capsys):
    folder = whole[0] / "run"
    weights = (folder / "joint_space.safetensors").read_bytes()
    assert command.main(arguments(folder, split="test")) == 0
    assert "all 4 steps were done before" in capsys.readouterr().out
    assert json.loads((folder / "results.json").read_text(encoding="utf-8"))["split"] == "test"
    assert (folder / "joint_space.safetensors").read_bytes() == weights


def test_a_folder_of_another_training_is_refused(whole, capsys):
    folder = whole[0] / "run"
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    assert command.main(arguments(folder, seed=3, loss="sigmoid")) == 2
    assert f"{folder} holds a training with --seed 0 --loss info_nce:" in capsys.readouterr().err
    assert kept == {path: path.read_bytes() for path in folder.iterdir()}


def test_a_damaged_recipe_is_named(whole, tmp_path, capsys):
    (tmp_path / "recipe.json").write_text("{")
    (tmp_path / "step-000002.resume").write_text("")
    assert command.main(arguments(tmp_path)) == 2
    assert f"{tmp_path / 'recipe.json'} is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("loss", options.LOSSES)
def test_every_loss_trains(loss, monkeypatch):
    last = []
    monkeypatch.setattr(command, "conclude", lambda *given: last.append(given[-1]))
    assert command.main(arguments(loss=loss, modalities="image,text", steps=2)) == 0
    assert math.isfinite(last[0].loss)
    assert last[0].number == 2


@pytest.mark.filterwarnings("ignore:.*is BatchNorm")
@pytest.mark.parametrize(
    "modalities, there, missing",
    [("image,text", "text→image R@1", "audio"), ("audio,image", "audio→image R@1", "one thing")],
)
def test_two_modalities_are_evaluated_by_what_they_can_answer(modalities, there, missing, capsys):
    assert command.main(arguments(modalities=modalities, steps=1, micro_batch=8)) == 0
    out = capsys.readouterr().out
    assert there in out and missing not in out


@pytest.mark.parametrize(
    "words, message",
    [
        (["--stepps", "4"], "unknown option --stepps: did you mean --steps"),
        (["--qqq=4"], "unknown option --qqq=4; there are --pairs --steps"),
        (["--steps", "x"], "argument --steps: expected a whole number ≥ 1, got 'x'"),
        (["--batch-size", "1"], "argument --batch-size: expected a whole number ≥ 2, got '1'"),
        (["--seed", str(2**32)], "argument --seed: expected a whole number in 0 … 4294967295"),
        (["--learning-rate", "nan"], "argument --learning-rate: expected a number > 0, got 'nan'"),
        (["--loss", "triplet"], "argument --loss: invalid choice: 'triplet'"),
        (["--split", "train"], "argument --split: invalid choice: 'train'"),
        (["--modalities", "text"], "argument --modalities: expected two or three of"),
        (["--modalities", "text,text"], "argument --modalities: expected two or three of"),
        (["--modalities", "text,smell"], "argument --modalities: expected two or three of"),
        (["--pairs", "40", "--batch-size", "64"], "a batch of 64 needs as many rows, got 40"),
        (["--pairs", "300", "--easy-steps", "2"], "a batch of 128 needs as many rows, got 83"),
        (["--config", "nowhere.yaml"], "cannot read nowhere.yaml"),
    ],
)
def test_bad_options_get_one_line(words, message, capsys):
    assert command.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"xmodal_lab.training: {message}")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "text, message",
    [
        ("stpes: 4", r"unknown entry 'stpes': did you mean --steps"),
        ("config: other.yaml", "unknown entry 'config'"),
        ("steps: many", "argument --steps: expected a whole number ≥ 1, got 'many'"),
        ("steps: 2.5", "argument --steps: expected a whole number ≥ 1, got '2.5'"),
        ("steps: true", "argument --steps: expected a whole number ≥ 1, got 'True'"),
        ("steps: {a: 1}", "steps must be one value"),
        ("steps: [1, 2]", "got '1,2'"),
        ("- steps", "must hold lines such as 'steps: 480'"),
        ("steps: [", "is no YAML: while parsing"),
        ("steps: !!python/object/apply:os.getcwd []", "is no YAML: could not determine"),
    ],
)
def test_bad_files_get_one_line(text, message, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OptionError, match=message) as caught:
        parse(["--config", str(path)])
    assert "\n" not in str(caught.value)


def test_a_file_s_entries_are_options_and_the_command_line_overrules(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("learning_rate: 1e-3\nsteps: 7\nwarmup: null\nmodalities: [image, text]\n")
    found = parse(["--config", str(path), "--steps=9"])
    assert (found.learning_rate, found.steps, found.warmup) == (1e-3, 9, 30)
    assert found.modalities == ["text", "image"]
    path.write_text("")
    assert parse(["--config", str(path)]).steps == parse([]).steps


def test_a_missing_yaml_reader_is_only_missed_where_it_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert parse(["--steps", "3"]).steps == 3
    with pytest.raises(OptionError, match="pip install pyyaml"):
        parse(["--config", "recipe.yaml"])


def test_a_folder_that_cannot_be_made_is_found_before_the_training(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert command.main(arguments(tmp_path / "file" / "run")) == 2
    assert "Not a directory" in capsys.readouterr().err


def test_a_failed_training_is_one_line_too(monkeypatch, capsys):
    def failing(*given, **named):
        raise TrainingError("step 3: loss nan")
        yield

    monkeypatch.setattr(command, "fit", failing)
    assert command.main(arguments()) == 1
    assert capsys.readouterr().err == "xmodal_lab.training: step 3: loss nan\n"


def test_rows_that_cannot_be_shared_are_refused_at_once(monkeypatch, capsys):
    monkeypatch.setattr(distributed, "start", lambda: (0, 3))
    assert command.main(arguments()) == 2
    assert "--batch-size 16 cannot be shared by 3 processes" in capsys.readouterr().err


def test_the_same_command_trains_on_two_processes(whole, tmp_path):
    with torchrun("xmodal_lab.training", *arguments(tmp_path)) as process:
        out, errors = process.communicate()
    assert process.returncode == 0, errors
    lines = out.splitlines()
    assert "processes  2" in lines
    assert sum(line.startswith("device") for line in lines) == 1, "one process speaks"
    assert [line.split()[1] for line in lines if line.startswith("step")] == ["1/4", "2/4", "4/4"]
    assert errors.count("is BatchNorm") == 1
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["processes"] == 2
    assert len(results["per cent"]) == FIGURES
    alone = json.loads((whole[0] / "copy.json").read_text(encoding="utf-8"))
    # Nearly: BatchNorm normalises each process's share by itself.
    assert results["loss"] == pytest.approx(alone["loss"], abs=0.1)
    checkpoints.load(tmp_path / "joint_space.safetensors")


def test_ctrl_c_stops_two_processes_together(tmp_path):
    words = arguments(tmp_path, steps=100_000, every=100_000)
    with torchrun("xmodal_lab.training", *words) as process:
        wait_for(process, "step      2/100000")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, errors = process.communicate()
    assert process.returncode != 0
    [checkpoint] = tmp_path.glob("step-*.resume")
    step = int(checkpoint.stem.removeprefix("step-"))
    assert errors.count(f"stopped after step {step} of 100000; its checkpoint is in") == 1
    assert not (tmp_path / "results.json").exists()

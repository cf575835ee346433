"""Train the joint space from the command line, on one process or several.

    python -m xmodal_lab.training --folder runs/first
    python -m xmodal_lab.training --config recipe.yaml --seed 1
    torchrun --nproc-per-node 2 -m xmodal_lab.training --folder runs/second

The folder receives checkpoints, at the end ``results.json`` and ``joint_space.safetensors``. The
same command again goes on where it was stopped. Exit codes: 0 done, 1 training failed, 2 the
options make no sense, 130 or 143 stopped by Ctrl-C or by a signal to end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from xmodal_lab import runtime
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.batch import Batch
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.atomic import replacing
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.datasets.shipped import DamagedFileError
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.evaluation import report
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training import checkpoints, distributed
from xmodal_lab.training.checkpoints import CheckpointError
from xmodal_lab.training.controls import Controls
from xmodal_lab.training.loop import Step, TrainingError, fit
from xmodal_lab.training.options import LOSSES, OptionError, parse, recipe_of
from xmodal_lab.training.order import Order, easy_first

RECIPE, RESULTS, WEIGHTS = "recipe.json", "results.json", "joint_space.safetensors"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say.

    Returns:
        The exit code, see the module.
    """
    try:
        return run(parse(sys.argv[1:] if arguments is None else arguments))
    except (OptionError, CheckpointError, DamagedFileError) as error:
        return complain(error, 2)
    except (TrainingError, OSError) as error:
        return complain(error, 1)
    except KeyboardInterrupt:
        return complain(
            "interrupted; with --folder the same command goes on from a checkpoint", 130
        )


def run(options: Namespace) -> int:
    """Load, train, evaluate, write."""
    prepare(options)
    with distributed.first_one_first():  # the others find the data in the cache
        data = scenes.load("train", options.pairs, options.seed, options.modalities)
    order = order_of(options, data)
    batch = inputs_of(data, modalities=options.modalities)
    space = JointSpace.standard(options.modalities)
    controls, step = Controls(), None
    with stopping(controls) as received:
        for step in fit(
            space,
            partial(over_pairs, loss=LOSSES[options.loss]),
            batch,
            steps=options.steps,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            warmup=options.warmup,
            order=order,
            controls=controls,
            micro_batch=options.micro_batch,
            folder=options.folder,
            every=options.every,
        ):
            tell(step, space, options)
    stopped = not distributed.all_agree(not controls.stopped)
    if stopped and (step is None or step.number < options.steps):
        distributed.finish()
        return complain(how_to_go_on(step, options), 128 + max(received, default=signal.SIGINT))
    if distributed.rank() == 0:
        conclude(options, space, batch, step)
    distributed.finish()
    return 0


def prepare(options: Namespace) -> None:
    """Find the other processes, the device and the folder.

    Raises:
        OptionError: for what cannot be had, before anything is computed.
    """
    try:
        number, count = distributed.start()
        runtime.setup(options.seed, quiet=number != 0)
    except ValueError as error:
        raise OptionError(error) from error
    if number != 0:
        warnings.simplefilter("ignore")  # the first process says it for all
    elif count > 1:
        print(f"{'processes':<10} {count}")
    if options.batch_size % count:
        raise OptionError(
            f"--batch-size {options.batch_size} cannot be shared by {count} processes"
        )
    try:
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
        if options.folder:
            options.folder.mkdir(parents=True, exist_ok=True)
            check_recipe(options)
    except (OSError, ValueError) as error:
        raise OptionError(error) from error
    if options.folder and number == 0:
        write_json(options.folder / RECIPE, recipe_of(options))


def check_recipe(options: Namespace) -> None:
    """Whether the checkpoints in the folder, if any, are of this very training.

    Raises:
        OptionError: where they were made with other options. Their optimiser and their place in
            the data would go on, but what comes out would be neither this training nor that one.
    """
    path = options.folder / RECIPE
    if not path.exists() or not any(options.folder.glob("step-*.resume")):
        return
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        unlike = {key: kept[key] for key, v in recipe_of(options).items() if kept[key] != v}
    except (ValueError, KeyError, TypeError) as error:
        raise OptionError(f"{path} is damaged ({error!r}): choose another --folder") from error
    if unlike:
        words = (f"--{k.replace('_', '-')} {option_text(v)}" for k, v in unlike.items())
        raise OptionError(
            f"{options.folder} holds a training with {' '.join(words)}: "
            "go on with that, or choose another --folder"
        )


def option_text(value) -> str:
    """A value as it is written on the command line."""
    return ",".join(value) if isinstance(value, list) else str(value)


def order_of(options: Namespace, data: SceneData) -> Order:
    """One-thing scenes first, then all.

    Raises:
        OptionError: where there are not enough of them for one batch.
    """
    try:
        return easy_first(
            data.thing_counts == 1, options.easy_steps, options.batch_size, options.seed
        )
    except ValueError as error:
        easy = int((data.thing_counts == 1).sum())
        raise OptionError(
            f"{error} (--pairs {options.pairs}, {easy} of them of one thing, for --easy-steps)"
        ) from error


@contextmanager
def stopping(controls: Controls) -> Iterator[list[int]]:
    """Let Ctrl-C, and a signal to end, stop the training after the present step.

    Under torchrun one Ctrl-C reaches a process twice, so only a lone process takes the second
    one for impatience.

    Yields:
        The numbers of the signals received.
    """
    received: list[int] = []

    def stop(number: int, frame) -> None:
        if received and distributed.world_size() == 1:
            raise KeyboardInterrupt
        received.append(number)
        controls.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell(step: Step, space: JointSpace, options: Namespace) -> None:
    """A line of progress, now and then."""
    if distributed.rank() == 0 and (step.number % options.progress == 0 or step.number == 1):
        print(
            f"step {step.number:>{len(str(options.steps))}}/{options.steps}  "
            f"loss {step.loss:.3f}  temperature {space.temperature.item():.3f}  "
            f"learning rate {step.learning_rate:.1e}  {step.samples_per_second:,.0f} rows/s",
            flush=True,
        )


def how_to_go_on(step: Step | None, options: Namespace) -> str:
    """What to say to somebody who stopped the training."""
    if step is None:
        return "stopped before the first step; the same command begins again"
    place = f"stopped after step {step.number} of {options.steps}"
    if options.folder is None:
        return f"{place}; nothing is kept without --folder"
    if not (options.folder / f"step-{step.number:06d}.resume").exists():
        return f"{place}; its checkpoint could not be written to {options.folder}"
    return f"{place}; its checkpoint is in {options.folder}, the same command goes on from there"


def conclude(options: Namespace, space: JointSpace, batch: Batch, step: Step | None) -> None:
    """Say what the space knows, and write it beside the weights."""
    if step is None:
        print(f"all {options.steps} steps were done before", flush=True)
    if options.folder:  # the weights first: nothing that follows can lose them
        checkpoints.save(options.folder / WEIGHTS, space, {"recipe": recipe_of(options)})
    gallery = scenes.load(options.split, options.gallery, 1, options.modalities, things=2)
    table = report.results(space, batch, gallery, options.split, options.seed)
    print(f"\n{options.gallery} two-thing scenes of the {options.split} split")
    print(report.as_text(table), flush=True)
    figures = {
        "recipe": recipe_of(options),
        "split": options.split,
        "gallery": options.gallery,
        "processes": distributed.world_size(),
        "runtime": dict(line.split(None, 1) for line in runtime.current().describe().splitlines()),
        "loss": step and step.loss,
        "temperature": space.temperature.item(),
        "seconds": step and step.seconds,
        "per cent": table,
    }
    if options.folder:
        write_json(options.folder / RESULTS, figures)
    if options.json:
        write_json(options.json, figures)


def write_json(path: Path, content: dict) -> None:
    """Write a whole file or none."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def complain(error: Exception | str, code: int) -> int:
    """One line for people, from the first process alone; the exit code."""
    # The processes need not have met yet, so torchrun's variable is asked.
    if os.environ.get("RANK", "0") == "0":
        print(f"xmodal_lab.training: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a console without arrows must not end a training
    sys.exit(main())

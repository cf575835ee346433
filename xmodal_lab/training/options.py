"""What ``python -m xmodal_lab.training`` can be told: on the command line, or in a YAML file.

A file's entries become arguments that stand before those of the command line. So both are checked
by the same code, with the same messages, and what is typed overrules what is written.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from xmodal_lab.alignment import losses
from xmodal_lab.datasets.scenes import MODALITIES
from xmodal_lab.runtime import MAX_SEED

LOSSES = {
    "info_nce": losses.info_nce,
    "info_nce_tiled": losses.info_nce_tiled,
    "sigmoid": losses.sigmoid_loss,
    "sigmoid_tiled": losses.sigmoid_loss_tiled,
}
# Natural recordings are few, and have no foils.
SPLITS = ("val", "test", "new_pairs", "new_voices")
# What a training must share with its checkpoints to go on from them as if nothing had happened.
RECIPE = (
    "pairs",
    "steps",
    "batch_size",
    "learning_rate",
    "warmup",
    "easy_steps",
    "seed",
    "loss",
    "modalities",
)


class OptionError(ValueError):
    """Options that make no sense, in words for whoever wrote them."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(message)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options, from the command line and the file it names with ``--config``.

    Raises:
        OptionError: for an unknown option or entry, with the nearest known ones; a value that is
            none; a file that cannot be read.
    """
    first = _Parser(add_help=False, allow_abbrev=False)
    first.add_argument("--config", type=Path)
    path = first.parse_known_args(arguments)[0].config
    written = _arguments_of(path) if path else []
    options, unknown = _parser().parse_known_args([*written, *arguments])
    if unknown:
        raise OptionError(f"unknown option {unknown[0]}{_nearest(unknown[0])}")
    return options


def recipe_of(options: argparse.Namespace) -> dict[str, object]:
    """The options that decide about the weights, as JSON can hold them."""
    return {name: getattr(options, name) for name in RECIPE}


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m xmodal_lab.training",
        description="Train the joint space of text, pictures and sound, and say what it knows. "
        "On several processes: torchrun --nproc-per-node 2 -m xmodal_lab.training …",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add, count = parser.add_argument, _whole(1)
    add("--config", type=Path, metavar="FILE.yaml", help="a file of options: 'steps: 480' …")
    add("--pairs", type=count, default=8000, help="scenes to train on")
    add("--steps", type=count, default=480, help="steps in all")
    add("--batch-size", type=_whole(2), default=128, help="rows a step, over all processes")
    add("--learning-rate", type=_positive, default=2e-3, help="at its highest")
    add("--warmup", type=_whole(0), default=30, help="steps until then")
    add("--easy-steps", type=_whole(0), default=80, help="first steps, on one-thing scenes alone")
    add("--seed", type=_whole(0, MAX_SEED), default=0, help="of data, weights and order")
    add("--micro-batch", type=count, help="rows embedded with a graph at a time; less memory")
    add("--loss", choices=LOSSES, default="info_nce", help="see xmodal_lab.alignment.losses")
    add(
        "--modalities",
        type=_modalities,
        default=",".join(MODALITIES),
        help="two or three, with commas between them",
    )
    add("--split", choices=SPLITS, default="val", help="scenes to evaluate on")
    add("--gallery", type=_whole(10), default=500, help="how many of them")
    add("--folder", type=Path, help="for checkpoints and results; goes on from what lies there")
    add("--every", type=count, default=100, help="steps from checkpoint to checkpoint")
    add("--progress", type=count, default=20, help="steps from line to line on the screen")
    add("--json", type=Path, metavar="FILE", help="also write the results to this file")
    return parser


def _arguments_of(path: Path) -> list[str]:
    try:
        import yaml
    except ImportError:
        raise OptionError(
            "--config needs PyYAML: 'pip install pyyaml', or give the options on the command line"
        ) from None
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise OptionError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if entries is None:
        return []
    if not isinstance(entries, dict):
        raise OptionError(f"{path} must hold lines such as 'steps: 480', got {entries!r}")
    arguments = []
    for key, value in entries.items():
        option = "--" + str(key).replace("_", "-")
        if option not in _known():
            raise OptionError(f"{path}: unknown entry {key!r}{_nearest(option)}")
        if isinstance(value, dict):
            raise OptionError(f"{path}: {key} must be one value, got {value}")
        if isinstance(value, list):
            value = ",".join(map(str, value))
        if value is not None:  # 'micro_batch:' with nothing behind it leaves the default
            arguments.append(f"{option}={value}")
    return arguments


def _known() -> list[str]:
    """What can stand in a file: every option but the file itself, and --help."""
    names = [name for action in _parser()._actions for name in action.option_strings]
    return [name for name in names if name not in ("-h", "--help", "--config")]


def _nearest(option: str) -> str:
    near = get_close_matches(option.split("=")[0], _known(), n=3)
    return f": did you mean {' or '.join(near)}?" if near else f"; there are {' '.join(_known())}"


def _whole(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    wanted = f"≥ {lowest}" if highest is None else f"in {lowest} … {highest}"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = lowest - 1
        if value < lowest or (highest is not None and value > highest):
            raise argparse.ArgumentTypeError(f"expected a whole number {wanted}, got {text!r}")
        return value

    return read


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a number > 0, got {text!r}")
    return value


def _modalities(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if len(names) < 2 or len(set(names)) < len(names) or not set(names) <= set(MODALITIES):
        raise argparse.ArgumentTypeError(
            f"expected two or three of {','.join(MODALITIES)}, got {text!r}"
        )
    return [name for name in MODALITIES if name in names]

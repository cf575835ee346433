"""What the training loop costs beside one written by hand, and its data path beside a DataLoader.

    python benchmarks/training_loop.py                 # about two minutes of one CPU core
    python benchmarks/training_loop.py --steps 20 --batches 50

The loop by hand does the same work (optimiser, clipping, schedule, order of the rows) and nothing
else: no guard against a step that fails, no snapshot, no feed, no controls. Both end with the same
weights, bit for bit, or the benchmark stops. They take turns step by step, so that what slows the
machine slows both; on a CPU the process's own time counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import _table as table
import torch
from _race import clock
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from xmodal_lab import evaluation, runtime
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training.feed import Feed
from xmodal_lab.training.loop import fit
from xmodal_lab.training.optimisation import parameter_groups, schedule
from xmodal_lab.training.order import Order, easy_first, shuffled

LIMIT = 1.0  # per cent of a step
NO_GPU = "no GPU here: not measured"
BATCH_SIZE, RATE, WARMUP = 128, 2e-3, 30
SKIPPED = 5  # first steps, in which memory is found and kernels are chosen
FULL = {"pairs": 12_000, "steps": 1200, "easy_steps": 180}
GOAL, GALLERY = 90.0, 500


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--steps", type=int, default=80, help="measured steps of each loop")
    arguments.add_argument("--batches", type=int, default=200, help="batches of each data path")
    options = arguments.parse_args()
    runtime.setup(0)
    batch = inputs_of(scenes.load("train", 2_000, 0))
    figures = {
        "loop": loops(batch, options.steps),
        "data path": data_paths(batch, options.batches),
        "GPU": on_gpu(batch, options.steps) if torch.cuda.is_available() else NO_GPU,
    }
    table.show(f"A step, in ms (wanted: at most {LIMIT:.0f} % more)", figures["loop"])
    table.show("A batch of 128 rows brought, nothing trained, in ms", figures["data path"])
    if isinstance(figures["GPU"], str):
        print(f"\nOn a GPU: {NO_GPU}")
    else:
        table.show("On a GPU", figures["GPU"])
    table.write(options.json, figures)


# The loop -------------------------------------------------------------------------------------


def by_hand(space: nn.Module, data: Batch, order: Order, steps: int) -> Iterator[float]:
    """A training loop as one writes it."""
    active = runtime.current()
    optimiser = torch.optim.AdamW(parameter_groups(space, 0.01), lr=RATE)
    scaler = torch.amp.GradScaler(active.device.type, enabled=active.needs_scaler)
    space.train()
    for number in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = RATE * schedule(number, steps, WARMUP)
        optimiser.zero_grad(set_to_none=True)
        with active.autocast():
            outputs = space(data.rows(order(number - 1)))
        loss = over_pairs(outputs)
        scaler.scale(loss).backward()
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(space.parameters(), 1.0)
        scaler.step(optimiser)
        scaler.update()
        yield loss.item()


class Tiny(nn.Linear):
    """Next to nothing to compute: what is left is what the loop itself takes."""

    output_dim = 8

    def __init__(self) -> None:
        super().__init__(8, 8)


def loops(batch: Batch, steps: int) -> list[dict]:
    small = torch.randn(1_000, 8)
    return [
        side_by_side("the workbook's space", JointSpace.standard, batch, steps),
        side_by_side(
            "next to nothing",
            lambda: JointSpace({"x": Tiny(), "y": Tiny()}, 8),
            Batch({"x": small, "y": small.flip(1)}),
            10 * steps,
        ),
    ]


def side_by_side(name: str, make, data: Batch, steps: int) -> dict:
    device, total = runtime.current().device, steps + SKIPPED
    data, spaces = data.to(device), []
    for _ in range(2):
        torch.manual_seed(0)
        spaces.append(make().to(device))
    order = shuffled(data.size, BATCH_SIZE, 0)
    hand = by_hand(spaces[0], data, order, total)
    ours = fit(spaces[1], over_pairs, data, total, BATCH_SIZE, learning_rate=RATE, warmup=WARMUP)
    seconds = {"hand": [], "ours": []}
    for number in range(total):
        turns = [("hand", hand), ("ours", ours)]
        # Who comes second finds the rows in the cache: each does, every other step.
        for key, loop in turns if number % 2 else turns[::-1]:
            start = clock(device)
            next(loop)
            seconds[key].append(clock(device) - start)
    for loop in (hand, ours):
        loop.close()
    one, other = (space.state_dict() for space in spaces)
    if device.type == "cpu" and not all(one[key].equal(other[key]) for key in one):
        raise SystemExit("the two loops did not do the same work: their weights differ")
    hand_ms, ours_ms = (1e3 * statistics.median(seconds[key][SKIPPED:]) for key in ("hand", "ours"))
    # Step by step: rows of one step are equally long for both, those of two steps are not.
    pairs = zip(seconds["ours"][SKIPPED:], seconds["hand"][SKIPPED:], strict=True)
    more = 100 * (statistics.median(a / b for a, b in pairs) - 1)
    bounded = name == "the workbook's space"
    return {
        "model": name,
        "by hand": f"{hand_ms:.3f}",
        "fit": f"{ours_ms:.3f}",
        "fit / by hand": f"{1 + more / 100:.4f}",
        "more, %": f"{more:.2f}",
        "": ("reached" if more <= LIMIT else "MISSED") if bounded else "not bounded",
    }


# The data path --------------------------------------------------------------------------------


class Rows(Dataset):
    """The data as DataLoader wants it: a row at a time, or the rows of a list at once."""

    def __init__(self, data: Batch) -> None:
        self.data = data

    def __len__(self) -> int:
        return self.data.size

    def __getitem__(self, row):
        if isinstance(row, list):
            return self.data.rows(torch.tensor(row))
        return {
            name: values.values[row, : values.lengths[row]]
            if isinstance(values, Padded)
            else values[row]
            for name, values in self.data.items()
        }


def collate(rows: list[dict[str, Tensor]]) -> Batch:
    """Single rows become a batch; sequences are padded to the longest."""
    parts = {name: [row[name] for row in rows] for name in rows[0]}
    return Batch({name: torch.stack(p) if name == "image" else pad(p) for name, p in parts.items()})


def data_paths(data: Batch, batches: int) -> list[dict]:
    """Wall time, since two workers are other processes: to the first batch, and to each further."""
    device = runtime.current().device
    order = shuffled(data.size, BATCH_SIZE, 0)
    chosen = [order(step).tolist() for step in range(batches)]
    pinned = {"num_workers": 2, "pin_memory": device.type == "cuda"}

    def ours() -> Iterator[Batch]:
        feed = Feed(data, order, device)
        return (feed(step)[1] for step in range(batches))

    def loader(**options) -> Iterator[Batch]:
        for batch in DataLoader(Rows(data), **options, **pinned):
            yield batch.to(device)

    paths = {
        "Feed": ours,
        "DataLoader, 2 workers, row by row": lambda: loader(
            batch_sampler=chosen, collate_fn=collate
        ),
        "DataLoader, 2 workers, a batch at once": lambda: loader(batch_size=None, sampler=chosen),
    }
    measured = {name: drained(path(), device) for name, path in paths.items()}
    ours_ms = measured["Feed"][1]
    return [
        {"path": name, "first": f"{first:.2f}", "each further": f"{further:.2f}",
         "÷ Feed": f"{further / ours_ms:.1f}"}
        for name, (first, further) in measured.items()
    ]  # fmt: skip


def drained(batches: Iterator[Batch], device: torch.device) -> tuple[float, float]:
    """Milliseconds to the first batch, and the mean of the others: a queue fills in between."""
    start, count, first = time.perf_counter(), 0, 0.0
    for _ in batches:
        count += 1
        if count == 1:
            first = time.perf_counter() - start
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 1e3 * first, 1e3 * (time.perf_counter() - start - first) / max(count - 1, 1)


# On a GPU -------------------------------------------------------------------------------------


def on_gpu(data: Batch, steps: int) -> list[dict]:
    device = runtime.current().device
    bare = step_ms(lambda space: still(space, data, steps + SKIPPED), device)
    rows = [{"figure": "a step on one batch that never changes, ms", "value": f"{bare:.3f}"}]
    resident = step_ms(lambda space: fit(space, over_pairs, data, steps + SKIPPED), device)
    free = torch.cuda.mem_get_info
    torch.cuda.mem_get_info = lambda *_: (0, 0)  # so that nothing stays on the device
    try:
        streamed = step_ms(lambda space: fit(space, over_pairs, data, steps + SKIPPED), device)
    finally:
        torch.cuda.mem_get_info = free
    for name, found in (("on the device", resident), ("in pinned memory", streamed)):
        text = f"{found:.3f} ({found / bare:.3f} of that)"
        rows.append({"figure": f"a step of fit, data {name}, ms", "value": text})
    reached = seconds_to_goal()
    rows.append({"figure": f"seconds to text→image R@1 {GOAL:.0f} (val)", "value": reached})
    return rows


def still(space: nn.Module, data: Batch, steps: int) -> Iterator[float]:
    """The loop by hand, on the same rows every time: no data path at all."""
    device = runtime.current().device
    batch = data.rows(shuffled(data.size, BATCH_SIZE, 0)(0)).to(device)
    everything = torch.arange(BATCH_SIZE, device=device)
    return by_hand(space, batch, lambda step: everything, steps)


def step_ms(make, device: torch.device) -> float:
    torch.manual_seed(0)
    loop, seconds, start = make(JointSpace.standard().to(device)), [], clock(device)
    for _ in loop:
        now = clock(device)
        seconds.append(now - start)
        start = now
    return 1e3 * statistics.median(seconds[SKIPPED:])


def seconds_to_goal(every: int = 50) -> str:
    """Training alone counts, not the looks at the gallery in between."""
    runtime.setup(0, quiet=True)
    data = scenes.load("train", FULL["pairs"], 0)
    order = easy_first(data.thing_counts == 1, FULL["easy_steps"], seed=0)
    gallery = scenes.load("val", GALLERY, 1, things=2)
    batch, seen = inputs_of(data), inputs_of(gallery)
    space, spent, start = JointSpace.standard(), 0.0, time.perf_counter()
    for step in fit(space, over_pairs, batch, steps=FULL["steps"], order=order):
        if step.number % every and step.number != FULL["steps"]:
            continue
        torch.cuda.synchronize()
        spent += time.perf_counter() - start
        found = evaluation.recalls(space.embed_all(seen), gallery)["text→image R@1"]
        if found >= GOAL:
            return f"{spent:.1f} ({step.number} steps)"
        start = time.perf_counter()
    return f"not within {FULL['steps']} steps: {found:.1f} after {spent:.1f} s"


if __name__ == "__main__":
    main()

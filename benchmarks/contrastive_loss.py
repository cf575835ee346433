"""Time and memory of the contrastive losses, forward and backward, against other libraries.

    python benchmarks/contrastive_loss.py                          # B = 256 … 8k: some minutes
    python benchmarks/contrastive_loss.py --batches 16384
    python benchmarks/contrastive_loss.py --device cuda --batches 65536 131072

Peers, each of them left out where it is missing:

    pip install transformers pytorch-metric-learning sentence-transformers

The textbook is CLIP's sketch: two products of matrices and two cross-entropies. transformers'
loss is a function of the matrix of similarities, so its product is ours. pytorch-metric-learning's
NTXentLoss looks from a to b alone, so it is called twice; it compares every positive with every
negative pair of the batch, a matrix of B × B(B - 1), which ends it below a batch of 1024.
sentence-transformers' cached loss saves the memory of an *encoder*; here its encoder does nothing,
so that what is measured is the loss, from a to b alone, in mini-batches of 512. It goes backward
within its forward pass, so what that keeps at its end says little and is not shown.

'saved MiB' is what the forward pass keeps for the backward pass, each storage counted once; on a
GPU 'peak MiB' is the most memory ever taken, the embeddings included. 'nats' is the loss: those
that claim to be the same must show the same. A loss that would hold more than ``--limit`` GiB is
not run.
"""

from __future__ import annotations

from collections.abc import Callable

import _race
import _table as table
import torch
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab import runtime
from xmodal_lab.alignment.losses import (
    info_nce,
    info_nce_tiled,
    sigmoid_loss,
    sigmoid_loss_tiled,
)

TEMPERATURE = 0.07
TEXTBOOK = "textbook, two products"
# Matrices of (batch, batch) in float32 that a loss holds at its highest, and one more to be safe.
MATRICES = 8
CUBIC = "pytorch-metric-learning, both ways"
GOAL = {"batch": 8192, "dim": 512, "saved MiB": 40, "× textbook": 1.0}


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--batches", type=int, nargs="+", default=[256, 1024, 2048, 4096, 8192])
    arguments.add_argument("--dim", type=int, default=512)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    arguments.add_argument("--limit", type=float, default=6.0, help="GiB that a loss may hold")
    options = arguments.parse_args()
    runtime.setup(0, quiet=True)
    figures = {"dim": options.dim, "device": options.device, "batches": {}}
    for batch in options.batches:
        rows = measure(batch, options)
        title = f"B = {batch}, D = {options.dim}, {options.device}: forward and backward"
        table.show(title, rows)
        figures["batches"][str(batch)] = rows
        if (batch, options.dim, options.device) == (GOAL["batch"], GOAL["dim"], "cpu"):
            print(verdict(rows))
    table.write(options.json, figures)


def measure(batch_size: int, options) -> list[dict]:
    a, b = (
        torch.randn(batch_size, options.dim, device=options.device, requires_grad=True)
        for _ in range(2)
    )
    temperature = torch.tensor(TEMPERATURE, device=options.device, requires_grad=True)
    leaves = a, b, temperature
    losses = candidates(batch_size, options.limit)

    def step(loss: Callable[..., Tensor]) -> Callable[[], None]:
        def run() -> None:
            for leaf in leaves:
                leaf.grad = None
            loss(*leaves).backward()

        return run

    runs = {name: step(loss) if callable(loss) else None for name, loss in losses.items()}
    seconds = _race.race(runs, options.repeats)
    rows = []
    for name, loss in losses.items():
        if not callable(loss):
            rows.append({"loss": name, "s": loss, "saved MiB": "–", "× textbook": "–", "nats": "–"})
        else:
            rows.append(
                {
                    "loss": name,
                    "s": f"{seconds[name]:.3f}",
                    "saved MiB": "–" if "cached" in name else saved(loss, leaves),
                    "× textbook": _race.ratio(seconds[name], seconds.get(TEXTBOOK, "–")),
                    "nats": f"{loss(*leaves).item():.4f}",
                }
            )
        if options.device == "cuda":
            rows[-1]["peak MiB"] = peak(runs[name]) if runs[name] else "–"
    return rows


def candidates(batch_size: int, limit: float) -> dict[str, Callable[..., Tensor] | str]:
    """Each loss by its name; in the place of one that cannot run, the reason why."""
    found: dict[str, Callable[..., Tensor] | str] = {
        "info_nce_tiled": info_nce_tiled,
        "sigmoid_loss_tiled": sigmoid_loss_tiled,
        "info_nce": info_nce,
        "sigmoid_loss": sigmoid_loss,
        TEXTBOOK: textbook,
        "transformers, CLIP": transformers_clip(),
        CUBIC: metric_learning(),
        "sentence-transformers, cached, one way": sentence_transformers(),
    }
    for name, loss in found.items():
        small = name.endswith("_tiled") or "cached" in name
        cells = batch_size**3 if name == CUBIC else 0 if small else batch_size**2
        if callable(loss) and cells * 4 * MATRICES > limit * 2**30:
            found[name] = "too large"
    return found


def textbook(a: Tensor, b: Tensor, temperature: Tensor) -> Tensor:
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    partner = torch.arange(len(a), device=a.device)
    from_a, from_b = a @ b.T / temperature, b @ a.T / temperature
    return (F.cross_entropy(from_a, partner) + F.cross_entropy(from_b, partner)) / 2


def transformers_clip() -> Callable[..., Tensor] | str:
    if not _race.installed("transformers"):
        return _race.MISSING
    from transformers.models.clip import modeling_clip

    # Renamed between versions.
    loss = getattr(modeling_clip, "image_text_contrastive_loss", None) or modeling_clip.clip_loss

    def run(a: Tensor, b: Tensor, temperature: Tensor) -> Tensor:
        return loss(F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature)

    return run


def metric_learning() -> Callable[..., Tensor] | str:
    if not _race.installed("pytorch_metric_learning"):
        return _race.MISSING
    from pytorch_metric_learning.losses import NTXentLoss

    loss = NTXentLoss(temperature=TEMPERATURE)

    def run(a: Tensor, b: Tensor, temperature: Tensor) -> Tensor:
        labels = torch.arange(len(a), device=a.device)
        # A copy: where both are one object, it takes a pair's halves for one and the same sample.
        copy = labels.clone()
        from_a = loss(a, labels, ref_emb=b, ref_labels=copy)
        return (from_a + loss(b, labels, ref_emb=a, ref_labels=copy)) / 2

    return run


def sentence_transformers() -> Callable[..., Tensor] | str:
    if not _race.installed("sentence_transformers"):
        return _race.MISSING
    try:  # moved between versions
        from sentence_transformers.sentence_transformer.losses import (
            CachedMultipleNegativesRankingLoss,
        )
    except ImportError:
        from sentence_transformers.losses import CachedMultipleNegativesRankingLoss

    class Through(torch.nn.Sequential):
        """An encoder that hands on what it was given."""

        def forward(self, features: dict[str, Tensor], **_) -> dict[str, Tensor]:
            return {"sentence_embedding": features["input"]}

    loss = CachedMultipleNegativesRankingLoss(
        Through(torch.nn.Identity()), scale=1 / TEMPERATURE, mini_batch_size=512
    )

    def run(a: Tensor, b: Tensor, temperature: Tensor) -> Tensor:
        return loss([{"input": a}, {"input": b}], None)

    return run


def saved(loss: Callable[..., Tensor], leaves: tuple[Tensor, ...]) -> float:
    """MiB that the forward pass keeps, each storage counted once."""
    storages = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        # Held on to, so that no address is given out twice.
        storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        value = loss(*leaves)
    del value
    return sum(storage.nbytes() for storage in storages.values()) / 2**20


def peak(run: Callable[[], None]) -> float:
    """MiB of a GPU's memory that were ever taken at once."""
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() / 2**20


def verdict(rows: list[dict]) -> str:
    ours = next(row for row in rows if row["loss"] == "info_nce_tiled")
    said = []
    for key in ("saved MiB", "× textbook"):
        reached = ours[key] != "–" and float(ours[key]) <= GOAL[key]
        said.append(f"{key} ≤ {GOAL[key]}: {'reached' if reached else 'MISSED'}")
    return "info_nce_tiled, " + "; ".join(said)


if __name__ == "__main__":
    main()

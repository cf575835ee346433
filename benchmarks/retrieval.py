"""Recall and search in a joint space, against torchmetrics and faiss.

    python benchmarks/retrieval.py                   # about a minute
    python benchmarks/retrieval.py --device cuda     # without faiss, which stays on the CPU

Peers, each of them left out where it is missing:

    pip install torchmetrics faiss-cpu

Recall: one right answer for each query of a gallery. torchmetrics' RetrievalRecall is given the
similarities and wants one number for each query and each gallery row; ours is given embeddings.
Search: the ten most similar rows, with one thread each. Ours starts from embeddings as they come:
it looks for NaN, normalises both sides and searches. faiss' flat index of inner products does not
normalise, so it is timed twice: for the same work (normalise, add, search), and for the search
alone in an index that exists. Both must find the same rows.
"""

from __future__ import annotations

import _race
import _table as table
import torch
from torch.nn import functional as F

from xmodal_lab import runtime
from xmodal_lab.joint.retrieval import recall_at_k, search

RECALL_GALLERY, RECALL_GOAL = 2000, 20.0
QUERIES, GALLERY, SEARCH_GOAL = 2000, 50_000, 1.1
FIRST = (5, 10)  # as many as ``search`` finds unless told, and twice that


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--dims", type=int, nargs="+", default=[128, 512])
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    options = arguments.parse_args()
    runtime.setup(0, quiet=True)
    figures = {"device": options.device}
    rows = [recall(dim, options.repeats, options.device) for dim in options.dims]
    table.show(f"Recall@5, {RECALL_GALLERY} queries and gallery rows (seconds)", rows)
    figures["recall"] = rows
    rows = [searching(dim, k, options) for dim in options.dims for k in FIRST]
    table.show(f"The first k of {GALLERY} for {QUERIES} queries (seconds)", rows)
    figures["search"] = rows
    table.write(options.json, figures)


def recall(dim: int, repeats: int, device: str) -> dict:
    queries = torch.randn(RECALL_GALLERY, dim, device=device)
    gallery = queries + 3 * torch.randn_like(queries)
    found = {}

    def ours() -> None:
        found["ours"] = recall_at_k(queries, gallery, 5)[5]

    theirs = None
    if _race.installed("torchmetrics"):
        from torchmetrics.retrieval import RetrievalRecall

        def theirs() -> None:
            similarity = F.normalize(queries, dim=1) @ F.normalize(gallery, dim=1).T
            number = torch.arange(RECALL_GALLERY, device=device)
            right = number[:, None] == number
            metric = RetrievalRecall(top_k=5)
            metric.update(
                similarity.flatten(), right.flatten(), number.repeat_interleave(RECALL_GALLERY)
            )
            found["theirs"] = metric.compute().item()

    seconds = _race.race({"ours": ours, "torchmetrics": theirs}, repeats)
    times = _race.ratio(seconds["torchmetrics"], seconds["ours"])
    return {
        "dim": dim,
        "ours": _three(seconds["ours"]),
        "torchmetrics": _three(seconds["torchmetrics"]),
        "torchmetrics ÷ ours": times,
        f"≥ {RECALL_GOAL}": _reached(times, lambda value: value >= RECALL_GOAL),
        "same value": _same(found),
    }


def searching(dim: int, k: int, options) -> dict:
    queries, gallery = (
        torch.randn(rows, dim, device=options.device) for rows in (QUERIES, GALLERY)
    )
    found = {}

    def ours() -> None:
        found["ours"] = search(queries, gallery, k)[1]

    whole = alone = None
    elsewhere = options.device != "cpu"
    if _race.installed("faiss") and not elsewhere:
        import faiss

        faiss.omp_set_num_threads(torch.get_num_threads())

        def build() -> faiss.IndexFlatIP:
            rows = gallery.numpy().copy()
            faiss.normalize_L2(rows)
            index = faiss.IndexFlatIP(dim)
            index.add(rows)
            return index

        def whole() -> None:
            wanted = queries.numpy().copy()
            faiss.normalize_L2(wanted)
            found["theirs"] = torch.from_numpy(build().search(wanted, k)[1])

        ready, unit = build(), F.normalize(queries, dim=1).numpy()

        def alone() -> None:
            ready.search(unit, k)

    seconds = _race.race({"ours": ours, "whole": whole, "alone": alone}, options.repeats)
    if elsewhere:
        seconds |= dict.fromkeys(("whole", "alone"), "on the CPU only")
    same_work = _race.ratio(seconds["ours"], seconds["whole"])
    against_search = _race.ratio(seconds["ours"], seconds["alone"])
    return {
        "dim": dim,
        "k": k,
        "ours": _three(seconds["ours"]),
        "faiss, same work": _three(seconds["whole"]),
        "ours ÷ it": same_work,
        f"≤ {SEARCH_GOAL}": _reached(same_work, lambda value: value <= SEARCH_GOAL),
        "faiss, search alone": _three(seconds["alone"]),
        "ours ÷ that": against_search,
        f"that ≤ {SEARCH_GOAL}": _reached(against_search, lambda value: value <= SEARCH_GOAL),
        "same rows": _same(found),
    }


def _three(seconds: float | str) -> str:
    return seconds if isinstance(seconds, str) else f"{seconds:.3f}"


def _reached(ratio: str, goal) -> str:
    if ratio == "–":
        return "–"
    return "reached" if goal(float(ratio)) else "MISSED"


def _same(found: dict) -> str:
    """How far two answers agree, in per cent."""
    if "theirs" not in found:
        return "–"
    ours, theirs = (torch.as_tensor(found[name]).cpu() for name in ("ours", "theirs"))
    same = torch.isclose(ours.double(), theirs.double(), rtol=0, atol=1e-6)
    return f"{100 * same.double().mean():.2f} %"


if __name__ == "__main__":
    main()

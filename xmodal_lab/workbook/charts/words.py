"""Figures of words: maps, neighbours, analogies.

Each returns a matplotlib ``Figure`` with its alt text. Groups are told by colour and by marker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xmodal_lab.encoders.text.vectors import WordVectors
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.basic import Points
from xmodal_lab.workbook.charts.looks import WIDEST, dot_look
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS


def word_map(
    places: Points,
    words: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    named: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """A map of words, painted by group, with some of them named.

    Args:
        places: one place a word.
        words: the words, in the order of ``places``.
        groups: group → its words.
        named: words whose name is written beside their dot.
        title: what the map shows.
    """
    fig = Figure(figsize=(9.5, 6.8))
    axis = fig.subplots()
    places, row = np.asarray(places), {word: i for i, word in enumerate(words)}
    _map_on(axis, places, words, groups, size=40)
    taken: list[tuple] = []
    for number, (group, members) in enumerate(groups.items()):
        inside = places[[row[word] for word in members if word in row]]
        left, bottom = _heading(inside, group, np.ptp(places, axis=0).max(), taken)
        tone = dot_look(number)["color"]
        axis.text(left, bottom, group, va="bottom", weight="bold", color=tone)
    _name(axis, places, [(row[word], word) for word in named if word in row], taken)
    axis.margins(0.08)
    axis.set_title(title)
    islands = _islands(places, row, groups)
    where = ", ".join(
        f"{name} {say.region(at.mean(axis=0), places)}" for name, at in islands.items()
    )
    return described(
        fig,
        f"{title or 'A map of words'}: words as dots, painted by group, {say.apart(islands)}. The "
        f"middle of each group: {where}.",
    )


def _islands(places: np.ndarray, row: Mapping[str, int], groups) -> dict[str, np.ndarray]:
    found = {
        name: [row[word] for word in members if word in row] for name, members in groups.items()
    }
    return {name: places[rows] for name, rows in found.items() if rows}


def _heading(inside: np.ndarray, group: str, span: float, taken: list[tuple]):
    """Where an island's name goes: above it, or below where another name stands already."""
    width, height, gap = 0.0135 * span * len(group), 0.032 * span, 0.012 * span
    left = (inside[:, 0].min() + inside[:, 0].max() - width) / 2
    places = (inside[:, 1].max() + gap, inside[:, 1].min() - gap - height)
    boxes = [(left, bottom, left + width, bottom + height) for bottom in places]
    free = [box for box in boxes if not any(_overlap(box, other) for other in taken)]
    taken.append((free or boxes)[0])
    return taken[-1][:2]


def word_maps(
    panels: Mapping[str, Points], words: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> Figure:
    """Maps of the same words by several methods, two in a row."""
    rows = (len(panels) + 1) // 2
    fig = Figure(figsize=(WIDEST, 0.9 + 3.8 * rows))
    axes = np.ravel(fig.subplots(rows, 2))
    for axis, (title, places) in zip(axes, panels.items(), strict=False):
        _map_on(axis, np.asarray(places), words, groups, size=20)
        axis.set_title(title)
    for axis in axes[len(panels) :]:
        axis.axis("off")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=7)
    row = {word: i for i, word in enumerate(words)}
    told = "; ".join(
        f"{title}: {say.apart(_islands(np.asarray(places), row, groups))}"
        for title, places in panels.items()
    )
    return described(
        fig, f"Maps of the same words as dots, painted by group: {say.listed(groups)}. {told}."
    )


def _map_on(axis: Axes, places: np.ndarray, words, groups, size: float) -> None:
    row = {word: i for i, word in enumerate(words)}
    for number, (name, members) in enumerate(groups.items()):
        rows = [row[word] for word in members if word in row]
        axis.scatter(
            *places[rows].T, s=size, alpha=0.85, linewidths=0, label=name, **dot_look(number)
        )
    axis.set_aspect("equal")
    axis.axis("off")


def _name(
    axis: Axes, places: np.ndarray, named: Sequence[tuple[int, str]], taken: list[tuple]
) -> None:
    """Write names beside dots; a name goes where it covers no other one, or is left out."""
    span = np.ptp(places, axis=0).max()
    height, letter = 0.026 * span, 0.0125 * span
    for row, word in named:
        x, y = places[row]
        width, gap = letter * len(word), 0.012 * span
        boxes = [
            (x + gap, y - height / 2, "left"),
            (x - gap - width, y - height / 2, "right"),
            (x - width / 2, y + gap, "above"),
            (x - width / 2, y - gap - height, "below"),
        ]
        for left, bottom, _ in boxes:
            box = (left, bottom, left + width, bottom + height)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                axis.text(left, bottom, word, fontsize=9, va="bottom", zorder=5)
                break


def _overlap(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def neighbours(
    found: Mapping[str, Sequence[tuple[str, float]]],
    word: str,
    group_of: Mapping[str, str] | None = None,
) -> Figure:
    """The nearest neighbours of one word, one panel a method, as bars of their cosine.

    Args:
        found: method → (neighbour, cosine), nearest first.
        word: whose neighbours they are.
        group_of: word → group; neighbours of the word's own group are blue, others hatched.
    """
    group_of = group_of or {}
    longest = max(len(pairs) for pairs in found.values())
    columns = len(found) if len(found) <= 3 else 2
    rows = -(-len(found) // columns)
    fig = Figure(figsize=(1.0 + 2.9 * columns, (1.2 + 0.32 * longest) * rows))
    axes = np.ravel(fig.subplots(rows, columns))
    for axis in axes[len(found) :]:
        axis.set_visible(False)
    for axis, (method, pairs) in zip(axes, found.items(), strict=False):
        own = [group_of.get(other) == group_of.get(word, "") for other, _ in pairs]
        bars = axis.barh(
            range(len(pairs)),
            [cosine for _, cosine in pairs],
            color=[COLOURS["blue"] if same else COLOURS["orange"] for same in own],
            edgecolor="white",
            height=0.75,
        )
        for bar, same in zip(bars, own, strict=True):
            bar.set_hatch("" if same else "//")
        axis.set_yticks(range(len(pairs)), [other for other, _ in pairs])
        axis.invert_yaxis()
        axis.set(title=method, xlabel=f"cosine to “{word}”", xlim=(min(0, *_lows(found)), 1))
        axis.set_ylabel("nearest words")
    return described(fig, f"The nearest words of “{word}”. {_nearest(found, word, group_of)}")


def _nearest(found, word: str, group_of: Mapping[str, str]) -> str:
    told = ". ".join(
        f"{method}: {say.values(*zip(*pairs, strict=True)) if pairs else 'none'}"
        for method, pairs in found.items()
    )
    others = {other for pairs in found.values() for other, _ in pairs}
    own = sorted(other for other in others if group_of.get(other) == group_of.get(word, ""))
    return f"Bars of their cosines, {told}. Blue, of its own group: {say.listed(own) or 'none'}."


def _lows(found) -> list[float]:
    return [min((cosine for _, cosine in pairs), default=0.0) for pairs in found.values()]


def parallelogram(vectors: WordVectors, a: str, b: str, c: str, k: int = 5) -> Figure:
    """An analogy as a picture: the plane through the three words, and what lies near b − a + c.

    Left, words are projected orthogonally onto the plane that b − a and c − a span, so the two
    arrows are equal by construction; how far the answer lies from the open diamond is measured.
    Right, cosines of the nearest words, with the arrow and without it.
    """
    answers = vectors.analogy(a, b, c, k=k)
    plain = [pair for pair in vectors.nearest(c, k + 2) if pair[0] not in (a, b)][:k]
    fig = Figure(figsize=(WIDEST, 4.0))
    plane, with_arrow, without = fig.subplots(1, 3, width_ratios=(1.7, 1, 1))
    _draw_plane(plane, vectors, (a, b, c), answers[0][0])
    panels = ((with_arrow, answers, f"near {b} − {a} + {c}"), (without, plain, f"near {c} alone"))
    lowest = min(cosine for _, pairs, _ in panels for _, cosine in pairs)
    for axis, pairs, title in panels:
        for row, (word, cosine) in enumerate(pairs):
            tone, marker = ("green", "^") if word == answers[0][0] else ("grey", "o")
            axis.scatter(cosine, row, color=COLOURS[tone], marker=marker, s=60, zorder=3)
        axis.set_yticks(range(len(pairs)), [word for word, _ in pairs])
        axis.invert_yaxis()
        axis.set(title=title, xlabel="cosine", ylabel="nearest words", xlim=(lowest - 0.1, 1.02))
        axis.grid()
    told = "; ".join(f"{title}: {say.values(*zip(*p, strict=True))}" for _, p, title in panels)
    return described(
        fig,
        f"Left, the plane along {b} − {a} and across, with two equal arrows, from {a} to {b} and "
        f"from {c} to an open diamond, and the word {answers[0][0]}. Right, cosines of the "
        f"nearest words; {told}.",
    )


def _draw_plane(axis: Axes, vectors: WordVectors, question: tuple[str, ...], answer: str) -> None:
    unit = vectors.normalised()
    a, b, c = (unit[word].double().cpu().numpy() for word in question)
    first = (b - a) / max(np.linalg.norm(b - a), 1e-12)
    second = (c - a) - (c - a) @ first * first
    base = np.stack([first, second / max(np.linalg.norm(second), 1e-12)])

    def place(vector: np.ndarray) -> np.ndarray:
        return base @ (vector - a)

    target = place(b - a + c)
    for start, end in ((place(a), place(b)), (place(c), target)):
        look = {"arrowstyle": "->", "lw": 1.6, "color": COLOURS["blue"]}
        axis.annotate("", end, start, arrowprops=look)
    axis.scatter(*target, marker="D", s=80, facecolors="none", edgecolors="black", zorder=4)
    for word, vector in zip(question, (a, b, c), strict=True):
        axis.scatter(*place(vector), s=40, color=COLOURS["blue"], marker="o", zorder=3)
        axis.annotate(
            word, place(vector), (0, -16), textcoords="offset points", ha="center", fontsize=11
        )
    point = place(unit[answer].double().cpu().numpy())
    axis.scatter(*point, s=60, color=COLOURS["green"], marker="^", zorder=3)
    axis.annotate(
        answer, point, (0, -18), textcoords="offset points", ha="center", color=COLOURS["green"],
        weight="bold", fontsize=11,
    )  # fmt: skip
    axis.margins(0.2)
    axis.set(xlabel=f"along {question[1]} − {question[0]}", ylabel="across", aspect="equal")
    axis.grid()

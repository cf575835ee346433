"""Every chart, drawn from small random data: ``FIGURES[name](generator)``."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import torch

from xmodal_lab.datasets import corpus, scenes
from xmodal_lab.encoders.text import WordVectors
from xmodal_lab.workbook import charts

KINDS = ("text", "image", "audio")
GROUPS = {"pets": ("cat", "dog", "cow"), "kings": ("king", "queen"), "fruit": ("fig", "lemon")}
WORDS = tuple(word for members in GROUPS.values() for word in members)


def _points(generator, rows=30, kinds=KINDS):
    return {m: generator.normal(size=(rows, 2)) + i for i, m in enumerate(kinds)}


def _percents(generator, rows, columns):
    return {row: {column: 100 * generator.random() for column in columns} for row in rows}


def _run(generator, falls=True):
    losses = np.sort(generator.random(60))[:: -1 if falls else 1]
    return SimpleNamespace(losses=losses, curve=[(s, 60 * generator.random()) for s in range(6)])


def _nearest(generator, k=5):
    words = generator.permutation(WORDS)[:k]
    return list(zip(words, np.sort(generator.random(k))[::-1], strict=True))


def _scenes(generator):
    seed = int(generator.integers(100))
    return scenes.from_scenes(scenes.sample_scenes("test", 6, seed), seed=seed)


def _picture(generator):
    return generator.integers(0, 255, (3, 32, 32)).astype(np.uint8)


def _masks(count):
    masks = np.zeros((count, 32, 32), bool)
    masks[:, 4:12, 4:12] = True
    return masks


def _arrows(generator):
    turns = generator.uniform(0, 2 * np.pi, 3)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


def training(g):
    recalls = {
        f"{kind}→image R@1": [(s, 100 * g.random()) for s in range(0, 400, 40)]
        for kind in ("text", "audio")
    }
    floors = {name: 100 * g.random() for name in recalls}
    return charts.training(
        5 * g.random(400), recalls, floors, [_points(g), _points(g)], [0, 1], easy_steps=80
    )


def painted_maps(g):
    labels = {a: g.permutation(np.arange(30) % 8) for a in ("colour", "shape")}
    return charts.painted_maps(_points(g), labels | {"size": np.arange(30) % 2})


def temperatures(g):
    found = {
        tau: {"matrix": g.random((4, 4))} | {key: g.random() for key in ("entropy", "gap", "R@1")}
        for tau in (0.01, 0.1, 0.5)
    }
    return charts.temperatures(found, 0.1, {"gap": g.random()})


def film(g):
    frames = {step: 2 * g.random((8, 8)) - 1 for step in (0, 60, 120)}
    return charts.film(frames, {"R@1": 100 * g.random(3), "preferred": 100 * g.random(3)}, 60)


def probed(g):
    text = corpus.load()
    vectors = torch.from_numpy(g.normal(size=(len(text.occurrences), 4)))
    return charts.probed(
        {"random": vectors, "one vector a word": torch.ones_like(vectors)}, text.occurrences, "bat"
    )


def parallelogram(g):
    vectors = WordVectors(WORDS, torch.from_numpy(g.normal(size=(len(WORDS), 5))))
    return charts.parallelogram(vectors, "cat", "dog", "king", k=3)


def spoken_search(g):
    data = _scenes(g)
    return charts.spoken_search(data.waveforms[0], data.transcripts[0], data, [3, 0, 5], 0)


def three_rows(g):
    return {name: 30 + 20 * g.random(3) for name in ("InfoNCE", "sigmoid", "triplet, hard")}


def architectures(g):
    words = list(g.permutation(["colour", "star", "moon", "left"])[: g.integers(2, 5)])
    return charts.architectures(words, 3, 2)


def looking_around(g):
    weights = dict(zip(("what", "colour", "star"), g.random(3), strict=True))
    return charts.looking_around(_picture(g), g.random((4, 4)), weights, "“star” asks", "red")


def message_graph(g):
    nodes = {"picture": "image", "star": "text", "sound": "audio", "sum": ""}
    edges = np.array([[0, 1, 2, 3, 3], [3, 3, 3, 3, 0]])
    return charts.message_graph(nodes, edges, g.random(5))


def race(g):
    runners = {name: (np.arange(4), 90 * g.random(4)) for name in ("one stream", "two streams")}
    return charts.race(runners, {"small": (2, 95 * g.random())}, 20, "training / s", "right / %")


FIGURES = {
    "race": race,
    "architectures": architectures,
    "looking_around": looking_around,
    "message_graph": message_graph,
    "training": training,
    "maps": lambda g: charts.maps({"before": _points(g), "after": _points(g)}, [0, 3]),
    "painted_maps": painted_maps,
    "results_table": lambda g: charts.results_table(
        _percents(g, ("chance", "CCA", "this notebook"), ("text→image R@1", "text→image R@5"))
    ),
    "bars": lambda g: charts.bars(
        _percents(g, ("seen", "never seen"), ("colour", "shape", "size")),
        "attribute", "accuracy / %", {"colour": 12.5, "shape": 12.5, "size": 50},
    ),
    "arrows_and_cosines": lambda g: charts.arrows_and_cosines(
        _arrows(g), _arrows(g), ["star", "heart", "moon"]
    ),
    "loss_and_recall": lambda g: charts.loss_and_recall(
        {"from the web": _run(g), "InfoNCE": _run(g)}, {"from the web": -g.random()}
    ),
    "clouds": lambda g: charts.clouds(
        {"before": _points(g, kinds=KINDS[:2]), "after": _points(g, kinds=KINDS[:2])},
        {"one": 3}, linked=True, labels={"text": "captions", "image": "pictures"},
    ),
    "heat": lambda g: charts.heat(
        {f"step {s}": 2 * g.random((8, 8)) - 1 for s in (0, 60)}, "picture", "caption", blocks=2
    ),
    "temperatures": temperatures,
    "shapes": lambda g: charts.shapes(0.02 + g.random() / 2, 0.05 + g.random() / 2),
    "mining": lambda g: charts.mining(
        2 * g.random(60) - 1, 4, 0.2, {"random": 7, "semi-hard": 9, "hard": 30}
    ),
    "plans": lambda g: charts.plans(
        _picture(g), ["a", "star", "left"], {t: g.random((3, 16)) for t in ("softmax", "Sinkhorn")}
    ),
    "film": film,
    "spread": lambda g: charts.spread(
        three_rows(g), "R@1 on the test set / %", "loss", {"CCA": 60 * g.random(), "chance": 0.2}
    ),
    "draws": lambda g: charts.draws(
        {task: {way: {n: 100 * g.random(3) for n in (10, 250)} for way in ("frozen", "tuned")}
         for task in ("shapes", "digits")},
        "labels", "right / %", {"shapes": 12.5, "digits": 10},
    ),
    "lists_entered": lambda g: charts.lists_entered(
        {name: g.poisson(10, 80) for name in ("before training", "after InfoNCE")}, 10
    ),
    "table_with_nulls": lambda g: charts.table_with_nulls(
        {row: {"gap": (g.random(), g.random()), "R@1\n/ %": (50 * g.random(), None)}
         for row in ("CCA", "random maps")}
    ),
    "before_and_after": lambda g: charts.before_and_after(
        _picture(g), ["a star left of a moon", "a star right of a moon"],
        {name: 2 * g.random(2) - 1 for name in ("without foils", "with foils")},
    ),
    "curves": lambda g: charts.curves(
        {name: (range(1, 40), 100 * g.random(39)) for name in ("analogies", "synonyms")},
        "epoch", "right / %", {"skip-gram": 60 * g.random()}, (-3, 103), (12, "we stop"),
    ),
    "probed": probed,
    "dots": lambda g: charts.dots(
        {name: dict(zip(("bat", "bank", "bass"), g.random(3), strict=True))
         for name in ("bag of words", "trained")},
        "sense told rightly / %", "word", 100,
    ),
    "word_map": lambda g: charts.word_map(
        g.normal(size=(len(WORDS), 2)), WORDS, GROUPS, ["cat", "fig"], "UMAP of random vectors"
    ),
    "word_maps": lambda g: charts.word_maps(
        {name: g.normal(size=(len(WORDS), 2)) for name in ("GloVe", "CBOW")}, WORDS, GROUPS
    ),
    "matrices": lambda g: charts.matrices(
        {"counts": g.poisson(1, (3, 5)), "PPMI / nats": g.random((3, 5))}, WORDS[:3], WORDS[:5]
    ),
    "neighbours": lambda g: charts.neighbours(
        {"raw counts": _nearest(g), "CBOW": _nearest(g)}, "cat",
        {word: group for group, members in GROUPS.items() for word in members},
    ),
    "parallelogram": parallelogram,
    "scene_grid": lambda g: charts.scene_grid(_scenes(g), range(6), 3),
    "three_ways": lambda g: charts.three_ways(_scenes(g), 2),
    "spoken_search": spoken_search,
    "minimal_pair": lambda g: charts.minimal_pair(
        _picture(g), ["a star left of a moon", "a star right of a moon"], g.random(2)
    ),
    "windows": lambda g: charts.windows(
        255 * g.random((4, 5)), g.normal(size=(3, 3)), g.normal(size=(2, 3))
    ),
    "answers": lambda g: charts.answers(
        _picture(g), {"edges": g.normal(size=(32, 32)), "blur": g.random((16, 16))}
    ),
    "heats": lambda g: charts.heats(
        np.stack([_picture(g)] * 3), {name: g.random((3, 32, 32)) for name in ("first", "second")},
        ["ring", "moon", "star"], _masks(3),
    ),
    "fields": lambda g: charts.fields(
        _picture(g), {"stem": g.random((32, 32))}, {"stem": (2, 12, 3, int(g.integers(10, 20)))}
    ),
    "filters": lambda g: charts.filters(
        {name: g.normal(size=(16, 3, 3, 3)) for name in ("before training", "after")}
    ),
    "log_mel": lambda g: charts.log_mel(g.random((80, 40))),
    "waveforms": lambda g: charts.waveforms(
        {name: g.normal(size=size) for name, size in (("first voice", 900), ("second", 400))}, 8000
    ),
    "spectrogram": lambda g: charts.spectrogram(
        {name: g.normal(size=(30, 40)) for name in ("short window", "long")}, 0.02, 4000, "mel"
    ),
    "spotlights": lambda g: charts.spotlights(
        np.stack([_picture(g)] * 2), {name: g.random((2, 8, 8)) for name in ("first", "second")},
        ["what colour is the star?", "is there a big ring?"], ["red", "yes"],
        {"first": np.array([[4, 4, 12, 12], [np.nan] * 4])}, arrows=True,
    ),
    "weights_by_noise": lambda g: charts.weights_by_noise(
        {noisy: {name: g.random(4) for name in KINDS} for noisy in KINDS}, range(4), "noise"
    ),
    "joined": lambda g: charts.joined(
        {name: int(n) for name, n in zip(KINDS, g.integers(2, 9, 3), strict=True)}, 4
    ),
    "filter_bank": lambda g: charts.filter_bank(
        {"triangles": g.random((129, 8)), "learned": g.random((129, 40))}, 4000
    ),
    "gates": lambda g: charts.gates(
        g.normal(size=8000), 8000, g.random((50, 40)),
        {name: g.random((7, 5)) for name in ("update", "reset")}, [("seven", 0.1, 0.7)],
    ),
    "opinions": lambda g: charts.opinions(
        g.normal(size=(40, 2)), g.random(40) < 0.5,
        {"words alone": lambda p: p[:, 1], "product": lambda p: -p.prod(1)},
        ("voice: sad or glad", "words: blame or praise"),
    ),
    "tracks": lambda g: charts.tracks(
        {mood: {"pitch / Hz": (np.arange(20) / 50, 100 + 20 * g.random(20))}
         for mood in ("glad", "sad")}
    ),
    "confusion": lambda g: charts.confusion(
        {name: g.integers(0, 90, (2, 2)) for name in ("never ironic", "product")},
        ["plain", "ironic"],
    ),
    "threshold": lambda g: charts.threshold(
        g.random(50), g.random(50) < 0.2, 0.4,
        {name: 100 * g.random(9) for name in ("precision", "recall")}, np.linspace(0.1, 0.9, 9),
    ),
}  # fmt: skip


@cache
def figure(name: str, seed: int = 1):
    """One of ``FIGURES`` from the data of a seed."""
    return FIGURES[name](np.random.default_rng(seed))

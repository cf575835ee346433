"""Word vectors by counting, Word2Vec and GloVe: what they know, what they cost, gensim beside them.

    python benchmarks/words.py                                # three seeds, about 70 CPU-seconds
    python benchmarks/words.py --seeds 1 --json words.json

Every seed makes its own corpus and its own vectors. The questions come from the world behind the
corpus; scores are per cent, similarity is Spearman's ρ. Skip-gram, ours and gensim's, runs at the
same setting on one thread, in turns; time is CPU time, so that a busy machine does not count.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import _table as table
import torch
from _race import MISSING, installed

from xmodal_lab import runtime
from xmodal_lab.datasets import corpus
from xmodal_lab.encoders.text import (
    GloVe,
    Word2Vec,
    WordVectors,
    cooccurrence,
    ppmi,
    svd_vectors,
)
from xmodal_lab.evaluation import words as scoring

DIM, WINDOW, NEGATIVES, SUBSAMPLE, EPOCHS = 64, 5, 5, 1e-3, 10
GLOVE = {"x_max": 30.0, "smoothing": 1.0}
GLOVE_RATE = 0.07
# What the nearest neighbour of c, or of b, would answer to the analogies, without any arithmetic.
GUESSES = {f"nearest to {word}": word for word in "cb"}
KINDS = ("synonyms", "categories", "analogies", *GUESSES, "odd_one_out", "similarity")
OURS, GENSIM = "skip-gram", "skip-gram, gensim"
Text = corpus.Corpus


def by_counting(text: Text, seed: int) -> WordVectors:
    counts = cooccurrence(text.documents(), len(text.words), WINDOW, "flat")
    return WordVectors(text.words, svd_vectors(ppmi(counts), DIM))


def by_word2vec(text: Text, seed: int, architecture: str) -> WordVectors:
    model = Word2Vec(
        text.documents(),
        len(text.words),
        dim=DIM,
        architecture=architecture,
        window=WINDOW,
        negatives=NEGATIVES,
        subsample=SUBSAMPLE,
        seed=seed,
    )
    for _ in model.fit(EPOCHS):
        pass
    return model.vectors(text.words)


def by_glove(text: Text, seed: int, **changes: float) -> WordVectors:
    counts = cooccurrence(text.documents(), len(text.words), WINDOW, "flat")
    model = GloVe(counts, dim=DIM, seed=seed, **GLOVE | changes)
    for _ in model.fit(EPOCHS, learning_rate=GLOVE_RATE):
        pass
    return model.vectors(text.words)


def by_gensim(text: Text, seed: int) -> WordVectors:
    from gensim.models import Word2Vec as Peer

    stories = [[text.words[i] for i in document.tolist()] for document in text.documents()]
    model = Peer(
        stories,
        sg=1,
        vector_size=DIM,
        window=WINDOW,
        negative=NEGATIVES,
        sample=SUBSAMPLE,
        epochs=EPOCHS,
        min_count=1,
        workers=1,
        seed=seed + 1,
    )
    return WordVectors(text.words, torch.from_numpy(model.wv[list(text.words)]))


def by_shuffled(text: Text, seed: int) -> WordVectors:
    return by_word2vec(text.shuffled(seed), seed, "skip-gram")


METHODS: dict[str, Callable[[Text, int], WordVectors]] = {
    "PPMI and SVD": by_counting,
    OURS: lambda text, seed: by_word2vec(text, seed, "skip-gram"),
    GENSIM: by_gensim,
    "CBOW": lambda text, seed: by_word2vec(text, seed, "cbow"),
    "GloVe, zeros counted as ones": by_glove,
    "GloVe, zeros left out (the paper)": lambda text, seed: by_glove(text, seed, smoothing=0.0),
    "skip-gram, shuffled corpus": by_shuffled,
}


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    options = arguments.parse_args()
    runtime.setup(0)
    questions = corpus.questions()
    methods = {name: by for name, by in METHODS.items() if name != GENSIM or installed("gensim")}
    # gensim's import and torch's first calls are nobody's training.
    small = corpus.load(stories=50)
    for by in methods.values():
        by(small, 0)
    runs = {name: [] for name in methods}
    runs["chance"] = []
    for seed in range(options.seeds):
        text = corpus.load(seed=seed)
        for name, by in methods.items():
            runs[name].append(run(by, text, seed, questions))
            shown = ", ".join(f"{key} {value:.2f}" for key, value in runs[name][-1].items())
            print(f"  seed {seed}, {name}: {shown}", flush=True)
        runs["chance"].append(scoring.chance(questions, len(text.words)))
    rows = [summary(name, found) for name, found in runs.items()]
    table.show(f"{options.seeds} seeds: mean (lowest–highest)", rows)
    slower = ratios(runs)
    print(f"\nour skip-gram ÷ gensim's, CPU time: {slower}")
    setting = {"dim": DIM, "window": WINDOW, "negatives": NEGATIVES, "subsample": SUBSAMPLE}
    setting |= {"epochs": EPOCHS, "GloVe": GLOVE | {"learning rate": GLOVE_RATE}}
    figures = {"setting": setting, "runs": runs, "summary": rows, "ours ÷ gensim": slower}
    table.write(options.json, figures)


def run(by: Callable, text: Text, seed: int, questions: corpus.Questions) -> dict[str, float]:
    """Scores, and CPU-seconds from the corpus to the vectors."""
    start = time.process_time()
    vectors = by(text, seed)
    seconds = time.process_time() - start
    guesses = {name: scoring.nearest_guess(vectors, questions, to) for name, to in GUESSES.items()}
    return scoring.score(vectors, questions) | guesses | {"CPU-s": seconds}


def summary(name: str, found: list[dict[str, float]]) -> dict[str, str]:
    """One row of the table."""
    row = {"method": name}
    for key in (*KINDS, "CPU-s"):
        values = [figures[key] for figures in found if key in figures]
        row[key] = spread(values, 2 if key == "similarity" else 1) if values else "–"
    return row


def ratios(runs: dict[str, list[dict[str, float]]]) -> str:
    """How much longer ours takes, seed by seed."""
    if GENSIM not in runs:
        return MISSING
    pairs = zip(runs[OURS], runs[GENSIM], strict=True)
    return spread([ours["CPU-s"] / theirs["CPU-s"] for ours, theirs in pairs], 2)


def spread(values: list[float], places: int) -> str:
    mean, low, high = statistics.fmean(values), min(values), max(values)
    return f"{mean:.{places}f} ({low:.{places}f}–{high:.{places}f})"


if __name__ == "__main__":
    main()

"""The tiny BERT of chapter 01 and the sentence encoders, beside what needs no network.

    python benchmarks/bert.py                          # three seeds, about three CPU-minutes
    python benchmarks/bert.py --seeds 1 --json bert.json

Every seed makes its own corpus and its own network. The last 400 stories are held out from
training. Senses are told by a linear probe that half of the stories train and the other half
score; the text of the probed stories was read in training, their senses were not.
"""

from __future__ import annotations

import statistics
import time

import _table as table
import torch

from xmodal_lab import runtime
from xmodal_lab.datasets import corpus
from xmodal_lab.encoders.text import (
    TextEncoder,
    WordVectors,
    bert,
    bert_tasks,
    cooccurrence,
    ppmi,
    svd_vectors,
    wordpiece,
)
from xmodal_lab.encoders.text.sentences import MeanEncoder
from xmodal_lab.evaluation import bert as bert_scores
from xmodal_lab.tasks import Classifier, cross_entropy
from xmodal_lab.tasks.order import order_questions, order_score
from xmodal_lab.training import fit

HELD_OUT = 400


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    options = arguments.parse_args()
    runs = []
    for seed in range(options.seeds):
        runs.append(run(seed))
        print(f"  seed {seed} done", flush=True)
    rows = [table.summary(name, [figures[name] for figures in runs]) for name in runs[0]]
    table.show(f"{options.seeds} seeds (per cent, unless said)", rows)
    table.write(options.json, {"runs": runs, "summary": rows})


def run(seed: int) -> dict[str, float]:
    """Train once and score."""
    runtime.setup(seed, quiet=True)
    text = corpus.load(seed=seed)
    training, held_out = text.stories[:-HELD_OUT], text.stories[-HELD_OUT:]
    pieces = wordpiece.learn(text.sentences)
    model, fresh = (bert.tiny_bert(len(pieces), seed=s) for s in (seed, seed + 1000))
    start = time.process_time()
    batches = bert_tasks.Pretraining(pieces, training, seed=seed)
    options = {"steps": 2000, "learning_rate": 4e-3, "warmup": 100}
    for _ in fit(bert.TwoTasks(model), bert.two_losses, batches, **options):
        pass
    figures = {"training, CPU-s": time.process_time() - start}
    words = bert_scores.masked_words(model, pieces, held_out, training)
    figures["masked words ÷ most frequent word (times)"] = words["bert"] / words["most frequent"]
    figures |= {f"masked words: {name}": 100 * share for name, share in words.items()}
    following = bert_scores.next_sentences(model, pieces, held_out)
    figures |= {f"next sentence: {name}": 100 * share for name, share in following.items()}
    for name, vectors in occurrences(text, model, fresh, pieces).items():
        told = bert_scores.sense_separation(vectors, text.occurrences, seed)
        figures[f"senses: {name}"] = 100 * statistics.fmean(told.values())
    recall = bert_scores.story_recall(model, pieces, held_out)
    figures |= {f"second sentence found, R@1: {how}": 100 * r for how, r in recall.items()}
    return figures | order(seed)


def occurrences(text, model, fresh, pieces) -> dict[str, torch.Tensor]:
    """A vector of every two-sense word where it stands, by several ways."""
    counts = cooccurrence(text.documents(), len(text.words))
    static = WordVectors(text.words, svd_vectors(ppmi(counts), 64))
    return {
        "one vector a word": torch.stack([static[o.word] for o in text.occurrences]),
        "untrained BERT": bert_scores.occurrence_vectors(fresh, pieces, text),
        "BERT": bert_scores.occurrence_vectors(model, pieces, text),
        "bag of the sentence's words": bert_scores.neighbour_bags(text),
    }


def order(seed: int) -> dict[str, float]:
    """Which of two shapes stands on the left: the mean of word vectors against the GRU."""
    figures = {}
    for name, make in (("mean", MeanEncoder), ("GRU", TextEncoder)):
        torch.manual_seed(seed)
        answering = Classifier(make(), 8, "text")
        questions = order_questions("train", 2500, seed)
        start = time.process_time()
        for _ in fit(answering, cross_entropy, questions, 250, learning_rate=5e-3, seed=seed):
            pass
        score = order_score(answering, order_questions("test", 1000, seed))
        figures[f"which stands left: {name}"] = 100 * score.right
        figures[f"which stands left: {name}, CPU-s"] = time.process_time() - start
    return figures


if __name__ == "__main__":
    main()

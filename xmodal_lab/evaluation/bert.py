"""How much a BERT has learned: hidden words, true successors, senses, sentences of one story.

Every score stands beside what can be had without BERT.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from transformers import BertForPreTraining

from xmodal_lab.datasets.corpus import Corpus, Occurrence, Story
from xmodal_lab.encoders.text.bert import contextual, read, sentence_vectors
from xmodal_lab.encoders.text.bert_tasks import Pages, pages, sentence_pairs, word_places
from xmodal_lab.encoders.text.wordpiece import MASK, WordPiece
from xmodal_lab.joint.retrieval import recall_at_k


@torch.no_grad()
def masked_words(
    model: BertForPreTraining,
    wordpiece: WordPiece,
    stories: Sequence[Story],
    reference: Sequence[Story],
    share: float = 0.15,
    seed: int = 0,
) -> dict[str, float]:
    """Share of hidden words that are found, all pieces of each hidden and all to be right.

    Args:
        stories: held out from training; true pairs of their sentences are read.
        reference: the stories of training, from which the two baselines are counted.
        share: of the words that are hidden.
        seed: decides which.

    Returns:
        'bert', 'most frequent' (always the corpus's most frequent word) and 'left neighbour' (the
        word that most often follows the word on the left, which is not hidden from it).
    """
    device = next(model.parameters()).device
    rows = [pair for story in stories for pair in zip(story.sentences, story.sentences[1:])]  # noqa: B905
    generator, right, found = np.random.default_rng(seed), [], Counter()
    common, following = _guesses(reference)
    for start in range(0, len(rows), 256):
        some = rows[start : start + 256]
        batch, places = pages(wordpiece, some), word_places(wordpiece, some)
        words = [word for pair in some for sentence in pair for word in sentence]
        lefts = [left for pair in some for sentence in pair for left in (None, *sentence[:-1])]
        hidden = torch.from_numpy(generator.random(len(words)) < share)
        these = hidden[places.words]
        row, column = places.rows[these], places.columns[these]
        labels, values = batch.ids.values[row, column], batch.ids.values.clone()
        values[row, column] = MASK
        masked = Pages(batch.ids._replace(values=values), batch.kinds).to(device)
        states = read(model, masked).last_hidden_state[row.to(device), column.to(device)]
        missed = model.cls.predictions(states).argmax(-1).cpu() != labels
        wrong = torch.zeros(len(words)).index_add_(0, places.words[these], missed.float())
        right += (wrong[hidden] == 0).tolist()
        for i in hidden.nonzero().flatten().tolist():
            found["most frequent"] += words[i] == common
            found["left neighbour"] += words[i] == following.get(lefts[i], common)
    return {"bert": float(np.mean(right))} | {k: n / len(right) for k, n in found.items()}


def _guesses(stories: Sequence[Story]) -> tuple[str, dict[str | None, str]]:
    """The most frequent word, and the most frequent one behind each word (None: at the start)."""
    words, behind = Counter(), defaultdict(Counter)
    for story in stories:
        for sentence in story.sentences:
            words.update(sentence)
            for left, word in zip((None, *sentence), sentence):  # noqa: B905
                behind[left][word] += 1
    return words.most_common(1)[0][0], {k: c.most_common(1)[0][0] for k, c in behind.items()}


@torch.no_grad()
def next_sentences(
    model: BertForPreTraining, wordpiece: WordPiece, stories: Sequence[Story], seed: int = 0
) -> dict[str, float]:
    """Share of pairs that are rightly called true or strange; half of them are true.

    Returns:
        'bert', 'chance' (0.5) and 'a word in common' (it follows if both share a word that is not
        among the 30 most frequent ones), which costs no model at all.
    """
    pairs = sentence_pairs(stories, seed)
    counts = Counter(word for story in stories for sentence in story.sentences for word in sentence)
    common = {word for word, _ in counts.most_common(30)}
    device, right = next(model.parameters()).device, 0
    for start in range(0, len(pairs), 256):
        some = pairs[start : start + 256]
        batch = pages(wordpiece, [(pair.first, pair.second) for pair in some]).to(device)
        follows = model.cls.seq_relationship(read(model, batch).pooler_output).argmin(-1)
        right += sum(bool(f) == pair.follows for f, pair in zip(follows, some, strict=True))
    shared = [bool(set(p.first) & set(p.second) - common) == p.follows for p in pairs]
    return {
        "bert": right / len(pairs),
        "a word in common": sum(shared) / len(pairs),
        "chance": 0.5,
    }


def occurrence_vectors(
    model: BertForPreTraining, wordpiece: WordPiece, corpus: Corpus
) -> Float[Tensor, "occurrences dim"]:
    """The contextual vector of every two-sense word where it stands."""
    sentences = [corpus.stories[o.story].sentences[o.sentence] for o in corpus.occurrences]
    vectors, offsets = contextual(model, wordpiece, sentences)
    places = [offset + o.position for offset, o in zip(offsets, corpus.occurrences, strict=True)]
    return vectors[places]


def neighbour_bags(corpus: Corpus) -> Float[Tensor, "occurrences words"]:
    """How often each other word stands in the sentence of every two-sense word."""
    number = {word: i for i, word in enumerate(corpus.words)}
    bags = torch.zeros(len(corpus.occurrences), len(number))
    for row, o in enumerate(corpus.occurrences):
        for position, word in enumerate(corpus.stories[o.story].sentences[o.sentence]):
            bags[row, number[word]] += position != o.position
    return bags


def sense_separation(
    vectors: Float[Tensor, "occurrences dim"], occurrences: Sequence[Occurrence], seed: int = 0
) -> dict[str, float]:
    """For each two-sense word, how well one linear probe tells its senses apart.

    Half of each sense's stories train the probe, the occurrences in the others are scored. A
    vector that is the same everywhere (one per word) scores as the more frequent sense does.

    Args:
        vectors: row i stands for occurrence i.
        occurrences: with their true senses.
        seed: decides which stories train.

    Returns:
        Share of right senses by word.

    Raises:
        ValueError: where some sense stands in fewer than two stories.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = vectors.detach().cpu().double().numpy()
    words = np.array([o.word for o in occurrences])
    senses = np.array([o.sense for o in occurrences])
    homes = np.array([o.story for o in occurrences])
    generator, scores = np.random.default_rng(seed), {}
    for word in sorted(set(words)):
        train = np.zeros(len(words), dtype=bool)
        for sense in sorted(set(senses[words == word])):
            these = (words == word) & (senses == sense)
            stories = generator.permutation(np.unique(homes[these]))
            if len(stories) < 2:
                raise ValueError(f"{word!r} as {sense!r} stands in one story only: take more")
            train |= these & np.isin(homes, stories[: len(stories) // 2])
        test = (words == word) & ~train
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        scores[str(word)] = float(
            probe.fit(rows[train], senses[train]).score(rows[test], senses[test])
        )
    return scores


def same_story(
    vectors: Float[Tensor, "queries dim"], others: Float[Tensor, "queries dim"]
) -> float:
    """Share of sentences whose nearest one (cosine) among all others' is of the same story: R@1.

    Args:
        vectors: one sentence of each story.
        others: another sentence of each, in the same order.
    """
    return recall_at_k(vectors, others, 1)[1]


def story_recall(
    model: BertForPreTraining, wordpiece: WordPiece, stories: Sequence[Story]
) -> dict[str, float]:
    """R@1 of each story's second sentence among all, asked by the first: [CLS] against the mean."""
    first, second = ([story.sentences[i] for story in stories] for i in (0, 1))
    return {
        how: same_story(
            sentence_vectors(model, wordpiece, first, how),
            sentence_vectors(model, wordpiece, second, how),
        )
        for how in ("cls", "mean")
    }

"""The stories: always the same, readable, and true to the world they tell of."""

import hashlib
import math
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from xmodal_lab.datasets import corpus
from xmodal_lab.datasets.scenes import WORDS


@pytest.fixture(scope="module")
def told() -> corpus.Corpus:
    return corpus.load()


def digest(stories) -> str:
    text = "\n".join(" ".join(line) for story in stories for line in story.sentences)
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_same_arguments_tell_the_same_stories_in_any_process():
    code = (
        "from xmodal_lab.datasets import corpus; import hashlib;"
        "text = '\\n'.join(' '.join(l) for s in corpus.load(200, 3).stories for l in s.sentences);"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONHASHSEED": "77", "PATH": "", "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.strip() == digest(corpus.load(200, 3).stories), done.stderr


def test_seeds_differ_and_a_longer_corpus_begins_like_a_shorter_one():
    assert digest(corpus.load(200, 0).stories) != digest(corpus.load(200, 1).stories)
    assert corpus.load(300, 1).stories[:200] == corpus.load(200, 1).stories


def test_no_stories_is_an_error():
    with pytest.raises(ValueError, match="at least one story, got 0"):
        corpus.load(0)


def test_sentences_are_plain_lower_case_words(told):
    for story in told.stories:
        assert 3 <= len(story.sentences) <= 6
        for sentence in story.sentences:
            assert 3 <= len(sentence) <= 20
            assert all(word.isalpha() and word.islower() for word in sentence), sentence
            for article, noun in pairwise(sentence):
                if article in ("a", "an"):
                    assert (article == "an") == (noun[0] in "aeiou"), sentence


def test_the_vocabulary_is_ordered_and_every_word_is_met_often(told):
    assert 250 <= len(told.words) <= 700
    counts = [told.counts[word] for word in told.words]
    assert counts == sorted(counts, reverse=True)
    assert list(told.words) == sorted(told.words, key=lambda word: (-told.counts[word], word))
    assert min(counts) >= 20
    asked = {word for words in corpus.CATEGORIES.values() for word in words}
    asked |= {word for words in corpus.SYNONYMS for word in words} | set(corpus.SENSES)
    asked |= {word for pairs in corpus.FAMILIES.values() for pair in pairs for word in pair}
    assert asked <= set(told.words)
    assert min(told.counts[word] for word in asked) >= 40


def test_the_words_of_the_scenes_are_among_them(told):
    assert set(WORDS) <= set(told.words)


def test_documents_are_the_stories_in_numbers(told):
    documents = told.documents()
    assert len(documents) == len(told.stories)
    for story, document in zip(told.stories[:50], documents, strict=False):
        words = [word for sentence in story.sentences for word in sentence]
        assert [told.words[number] for number in document] == words


def test_shuffling_keeps_counts_and_lengths_and_nothing_else(told):
    mixed = told.shuffled(1)
    assert mixed.counts == told.counts and mixed.words == told.words
    shape = lambda c: [[len(line) for line in story.sentences] for story in c.stories]  # noqa: E731
    assert shape(mixed) == shape(told)
    assert mixed.occurrences == ()
    assert digest(mixed.stories) == digest(told.shuffled(1).stories)
    assert digest(mixed.stories) != digest(told.shuffled(2).stories)
    pairs = lambda c: Counter(p for line in c.sentences for p in pairwise(line))  # noqa: E731
    ordered, random = pairs(told), pairs(mixed)
    assert ordered["made", "of"] > 5 * random["made", "of"]


def test_occurrences_point_to_the_word_and_no_place_is_missed(told):
    for found in told.occurrences:
        sentence = told.stories[found.story].sentences[found.sentence]
        assert sentence[found.position] == found.word
        assert found.sense in corpus.SENSES[found.word]
    for word, senses in corpus.SENSES.items():
        labelled = Counter(found.sense for found in told.occurrences if found.word == word)
        assert sum(labelled.values()) == told.counts[word]
        assert set(labelled) == set(senses)
        assert min(labelled.values()) >= 15


def neighbours(told, found, reach):
    line = told.stories[found.story].sentences[found.sentence]
    start = max(0, found.position - reach)
    return [word for word in line[start : found.position + reach + 1] if word != found.word]


def guessed_senses(told, reach: int) -> float:
    """Share of senses told right by naive Bayes over the words near by; half of them to learn."""
    right, asked = 0, 0
    for word, senses in corpus.SENSES.items():
        seen = {sense: Counter() for sense in senses}
        places = [found for found in told.occurrences if found.word == word]
        for found in places:
            if found.story % 2:
                seen[found.sense].update(neighbours(told, found, reach))
        for found in places:
            if found.story % 2 == 0:
                fit = {
                    sense: sum(
                        math.log((seen[sense][near] + 0.5) / (seen[sense].total() + 100))
                        for near in neighbours(told, found, reach)
                    )
                    for sense in senses
                }
                right += max(fit, key=fit.get) == found.sense
                asked += 1
    return right / asked


def test_senses_are_told_by_the_sentence_but_not_by_the_words_next_to_it(told):
    assert guessed_senses(told, reach=1) < 0.65
    assert guessed_senses(told, reach=99) > 0.95


def test_things_mostly_have_their_typical_colour(told):
    plain = {word: words[0] for words in corpus.SYNONYMS for word in words}
    colours = set(corpus.TYPICAL_COLOUR.values())
    seen = defaultdict(Counter)
    for sentence in told.sentences:
        for near, thing in pairwise(sentence):
            if plain.get(near) in colours and thing in corpus.TYPICAL_COLOUR:
                seen[plain.get(thing, thing)][plain[near]] += 1
    for thing, mentioned in seen.items():
        assert mentioned.most_common(1)[0][0] == corpus.TYPICAL_COLOUR[thing]
    typical = sum(seen[thing][corpus.TYPICAL_COLOUR[thing]] for thing in seen)
    assert 0.7 < typical / sum(mentioned.total() for mentioned in seen.values()) < 0.95


def test_what_is_said_to_be_bigger_is_bigger(told):
    truth = {"bigger": lambda a, b: a > b, "smaller": lambda a, b: a < b}
    compared = 0
    for line in told.sentences:
        if len(line) == 7 and line[3] in truth and line[4] == "than":
            compared += 1
            assert truth[line[3]](corpus.SIZE_GRADE[line[1]], corpus.SIZE_GRADE[line[6]]), line
    assert compared > 50


def test_no_word_gives_a_pair_of_an_analogy_away(told):
    """Were there such a word, the pair could be told by it, and by nothing else about the world."""
    stories = [{word for line in story.sentences for word in line} for story in told.stories]
    where = defaultdict(set)
    for number, words in enumerate(stories):
        for word in words:
            where[word].add(number)
    same = {word: set(words) for words in corpus.SYNONYMS for word in words}
    for pairs in corpus.FAMILIES.values():
        for pair in pairs:
            if pair == ("man", "woman"):
                continue  # everybody is called one of these, so they are met with everything
            own = {word for one in pair for word in same.get(one, {one})}
            theirs = set().union(*(where[word] for word in own))
            for word, places in where.items():
                if word not in own:
                    share = len(places & theirs) / len(places)
                    assert share < 0.8, f"{word} is hardly met but with {pair}"


def test_one_repeated_word_does_not_tell_the_next_sentence(told):
    """Some follow without a content word in common, some share one and do not follow."""
    content = {word for word in told.words if told.counts[word] < 1200}
    kinds = defaultdict(list)
    for story in told.stories:
        kinds[story.theme].extend(story.sentences)
    follows, not_follows = [], []
    for number, story in enumerate(told.stories):
        others = kinds[story.theme]
        for first, second in pairwise(story.sentences):
            follows.append(bool(set(first) & set(second) & content))
            stranger = others[(number * 7919) % len(others)]
            not_follows.append(bool(set(first) & set(stranger) & content))
    assert 0.6 < sum(follows) / len(follows) < 0.85
    assert 0.2 < sum(not_follows) / len(not_follows) < 0.5

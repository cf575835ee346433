"""The scoring set: consistent with the world, and no question with two right answers."""

from collections import Counter

from xmodal_lab.datasets import corpus
from xmodal_lab.datasets.corpus import world

ASKED = corpus.questions()
CATEGORY = {word: name for name, words in ASKED.categories.items() for word in words}


def test_it_is_as_large_as_promised():
    assert len(ASKED.synonyms) >= 30
    assert len(ASKED.categories) >= 8 and min(map(len, ASKED.categories.values())) >= 8
    assert len(ASKED.analogies) >= 100
    assert len(corpus.SENSES) >= 8 and all(len(senses) == 2 for senses in corpus.SENSES.values())
    assert len(ASKED.odd_one_out) >= 100 and len(ASKED.similarity) >= 100


def test_it_never_depends_on_the_stories():
    before = ASKED
    corpus.load(50, 9)
    corpus.questions.cache_clear()
    assert corpus.questions() == before


def test_no_word_stands_in_two_categories_or_two_synonym_sets():
    members = Counter(word for words in ASKED.categories.values() for word in words)
    assert set(members.values()) == {1}
    same = Counter(word for words in ASKED.synonyms for word in words)
    assert set(same.values()) == {1}
    assert all(len(words) >= 2 for words in ASKED.synonyms)


def test_synonyms_are_of_one_category():
    for words in ASKED.synonyms:
        assert len({CATEGORY.get(word) for word in words}) == 1, words


def test_words_with_two_senses_are_never_asked_for():
    asked = {word for words in ASKED.synonyms for word in words} | set(CATEGORY)
    asked |= {w for q in ASKED.analogies for w in (q.a, q.b, q.c, *q.answers)}
    assert not asked & set(corpus.SENSES)


def test_analogies_are_what_the_families_say_and_have_one_answer():
    for question in ASKED.analogies:
        pairs = dict(corpus.FAMILIES[question.family])
        assert pairs[question.a] == question.b
        assert pairs[question.c] in question.answers
        assert question.answers == ASKED.synonyms_of(pairs[question.c])
        assert len({question.a, question.b, question.c, *question.answers}) >= 4
        # Another pair of the family with the same partner would make the question ambiguous.
        assert len(set(pairs.values())) == len(pairs)
        assert not set(pairs) & set(pairs.values())
    assert len(set(ASKED.analogies)) == len(ASKED.analogies)


def test_the_odd_one_is_the_only_one_of_another_category():
    for question in ASKED.odd_one_out:
        kinds = Counter(CATEGORY[word] for word in question.words)
        assert sorted(kinds.values()) == [1, 3]
        assert kinds[CATEGORY[question.odd]] == 1
    places = Counter(question.words.index(question.odd) for question in ASKED.odd_one_out)
    assert min(places.values()) > len(ASKED.odd_one_out) / 8  # no place is the safe guess


def test_grades_of_similarity_are_the_worlds():
    for question in ASKED.similarity:
        a, b = question.first, question.second
        assert a != b
        if question.grade == 3:
            assert b in ASKED.synonyms_of(a)
            continue
        assert b not in ASKED.synonyms_of(a)
        colours = corpus.TYPICAL_COLOUR.get(a), corpus.TYPICAL_COLOUR.get(b)
        assert (CATEGORY[a] == CATEGORY[b]) == (question.grade >= 1)
        assert (colours[0] == colours[1]) == (question.grade == 2)
    assert min(Counter(question.grade for question in ASKED.similarity).values()) >= 10


def test_things_of_one_kind_are_told_apart_by_what_is_said_of_them():
    """Without it no learner could tell an apple from a plum."""
    for table in (world.FRUIT, world.FLOWERS, world.CLOTHES, world.FURNITURE, world.VEHICLES):
        assert len({(row[0], *row[2:]) for row in table.values()}) == len(table)
    for table in (world.COUNTRIES, world.TRADES, world.PEOPLE, world.ADJECTIVES):
        assert len({row[1:] for row in table.values()}) == len(table)
    assert len({row[1:] for row in world.ANIMALS.values()}) == len(world.ANIMALS)


def test_colours_and_sizes_are_known_for_the_synonyms_too():
    for words in corpus.SYNONYMS:
        assert len({corpus.TYPICAL_COLOUR.get(word) for word in words}) == 1
        assert len({corpus.SIZE_GRADE.get(word) for word in words}) == 1
    assert set(corpus.SIZE_GRADE.values()) == {1, 2, 3, 4} and len(corpus.SIZES) == 4
    assert set(corpus.TYPICAL_COLOUR.values()) == {words[0] for words in corpus.SYNONYMS[:8]}

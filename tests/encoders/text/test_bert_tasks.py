"""What BERT is asked: pieces hidden at the right rates, pairs that tell nothing by themselves."""

from collections import Counter

import pytest
import torch

from xmodal_lab.datasets import corpus
from xmodal_lab.encoders.text.bert_tasks import (
    IGNORED,
    mask_tokens,
    pages,
    sentence_pairs,
    word_places,
)
from xmodal_lab.encoders.text.wordpiece import CLS, MASK, PAD, SEP, SPECIAL, learn

STORIES = corpus.load(stories=300).stories
PIECES = 300


@pytest.fixture(scope="module")
def wordpiece():
    return learn([sentence for story in STORIES for sentence in story.sentences], PIECES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("share", [0.15, 0.4])
def test_pieces_are_hidden_at_the_rates_of_the_paper(share):
    ids = torch.randint(len(SPECIAL), PIECES, (1000, 200), generator=generator(1))
    hidden, labels = mask_tokens(ids, PIECES, generator(), share)
    chosen = labels != IGNORED
    count = chosen.sum().item()
    # Five standard deviations of a binomial count.
    assert abs(count / ids.numel() - share) < 5 * (share * (1 - share) / ids.numel()) ** 0.5
    kinds = {
        0.8: chosen & (hidden == MASK),
        # Any piece may be drawn, also the true one: 1 in 295 of these looks untouched.
        0.1 * (1 - 1 / 295): chosen & (hidden != MASK) & (hidden != ids),
        0.1 * (1 + 1 / 295): chosen & (hidden == ids),
    }
    for expected, kind in kinds.items():
        spread = (expected * (1 - expected) / count) ** 0.5
        assert abs(kind.sum().item() / count - expected) < 5 * spread
    assert torch.equal(hidden[~chosen], ids[~chosen])
    assert torch.equal(labels[chosen], ids[chosen])
    drawn = hidden[chosen & (hidden != MASK) & (hidden != ids)]
    # Replacements are ordinary pieces, each as likely: χ² of 294 degrees of freedom.
    counts = torch.bincount(drawn, minlength=PIECES)[len(SPECIAL) :].double()
    assert drawn.min() >= len(SPECIAL)
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 294 + 5 * (2 * 294) ** 0.5


def test_special_pieces_and_padding_are_never_hidden():
    ids = torch.tensor([[CLS, 7, 8, SEP, 9, SEP, PAD, PAD]])
    before = ids.clone()
    hidden, labels = mask_tokens(ids, PIECES, generator(), share=1.0)
    assert (labels != IGNORED).tolist() == [[False, True, True, False, True, False, False, False]]
    assert torch.equal(hidden[labels == IGNORED], ids[labels == IGNORED])
    assert torch.equal(ids, before)  # the input is left alone


def test_hiding_is_decided_by_the_dice_alone():
    ids = torch.randint(len(SPECIAL), PIECES, (4, 30), generator=generator(1))
    first, second, third = (mask_tokens(ids, PIECES, generator(s))[0] for s in (3, 3, 4))
    assert torch.equal(first, second) and not torch.equal(first, third)
    assert torch.equal(mask_tokens(ids, PIECES, generator(), share=0.0)[0], ids)
    with pytest.raises(ValueError, match="between 0 and 1"):
        mask_tokens(ids, PIECES, generator(), share=15)


def test_half_of_the_pairs_are_true_and_strangers_come_from_other_stories():
    homes = {}
    for number, story in enumerate(STORIES):
        for place, sentence in enumerate(story.sentences):
            homes.setdefault(sentence, set()).add((number, place))
    pairs = sentence_pairs(STORIES, seed=2)
    assert len(pairs) == sum(len(story.sentences) - 1 for story in STORIES)
    assert abs(sum(pair.follows for pair in pairs) - len(pairs) / 2) <= 1
    for first, second, follows in pairs:
        successor = any((s, t + 1) in homes[second] for s, t in homes[first])
        other = {s for s, _ in homes[first]} != {s for s, _ in homes[second]}
        assert successor if follows else other


def test_the_second_sentence_alone_tells_nothing():
    """The same sentence is a true successor in one seed and a stranger in another, as often."""
    true, strange = Counter(), Counter()
    for seed in range(40):
        for pair in sentence_pairs(STORIES[:50], seed):
            (true if pair.follows else strange)[pair.second] += 1
    sentences = set(true) | set(strange)
    shares = torch.tensor([true[s] / (true[s] + strange[s]) for s in sentences])
    assert abs(shares.mean() - 0.5) < 0.02 and shares.std() < 0.15
    # No opening of a story among them: these never follow anything.
    openings = {story.sentences[0] for story in STORIES[:50]}
    assert not openings & sentences


def test_pairs_depend_on_the_seed_and_need_two_stories():
    assert sentence_pairs(STORIES, 1) == sentence_pairs(STORIES, 1) != sentence_pairs(STORIES, 2)
    with pytest.raises(ValueError, match="at least two"):
        sentence_pairs(STORIES[:1])


def test_a_page_has_the_form_of_the_paper(wordpiece):
    first, second = STORIES[0].sentences[:2]
    batch = pages(wordpiece, [(first, second), (first,)])
    a, b = wordpiece.encode(first), wordpiece.encode(second)
    assert batch.ids.values[0].tolist() == [CLS, *a, SEP, *b, SEP]
    assert batch.kinds[0].tolist() == [0] * (len(a) + 2) + [1] * (len(b) + 1)
    inputs = batch.inputs()
    assert inputs["attention_mask"].sum(1).tolist() == [len(a) + len(b) + 3, len(a) + 2]
    assert inputs["input_ids"][1, len(a) + 2 :].eq(PAD).all()


def test_the_places_of_words_on_pages(wordpiece):
    rows = [(story.sentences[0], story.sentences[1]) for story in STORIES[:20]]
    batch, places = pages(wordpiece, rows), word_places(wordpiece, rows)
    words = [word for row in rows for sentence in row for word in sentence]
    for number, word in enumerate(words):
        these = places.words == number
        ids = batch.ids.values[places.rows[these], places.columns[these]]
        assert tuple(ids.tolist()) == wordpiece.word_ids(word)
    assert len(places.words) == (batch.ids.values >= len(SPECIAL)).sum()

"""A tiny BERT: its losses are the library's, it learns, and padding has no influence."""

import pytest
import torch

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import corpus
from xmodal_lab.encoders.text import bert
from xmodal_lab.encoders.text.bert_tasks import Pages, Pretraining, pages
from xmodal_lab.encoders.text.wordpiece import MASK, learn
from xmodal_lab.evaluation import bert as bert_scores
from xmodal_lab.training.backward import backward
from xmodal_lab.training.loop import fit

CORPUS = corpus.load(stories=400)
STORIES = CORPUS.stories
SENTENCES = [story.sentences[0] for story in STORIES[:12]]


@pytest.fixture(scope="module")
def wordpiece():
    return learn(CORPUS.sentences, 400)


@pytest.fixture(scope="module")
def model(wordpiece):
    return bert.tiny_bert(len(wordpiece), hidden=32, heads=2)


@pytest.fixture(scope="module")
def batch(wordpiece):
    return Pretraining(wordpiece, STORIES, batch_size=16)(0)


def librarys(model, batch):
    """What ``transformers`` says to the same pages."""
    pages_ = Pages(batch["pages"], batch["kinds"].values)
    labels = {"labels": batch["labels"].values, "next_sentence_label": (~batch["follows"]).long()}
    return model(**pages_.inputs(), **labels)


def train(model, wordpiece, stories, batch_size=32, share=0.15, seed=0, **options):
    batches = Pretraining(wordpiece, stories, batch_size, share, seed)
    return fit(bert.TwoTasks(model), bert.two_losses, batches, learning_rate=4e-3, **options)


def test_the_two_losses_are_the_librarys(model, batch):
    """In value and gradient, although ours scores only the hidden pieces."""
    wanted = librarys(model, batch).loss
    gradients = torch.autograd.grad(wanted, list(model.parameters()))
    model.zero_grad()
    found = backward(bert.TwoTasks(model), bert.two_losses, batch)
    torch.testing.assert_close(found[""], wanted.detach())
    torch.testing.assert_close(found["masked words"] + found["next sentence"], found[""])
    torch.testing.assert_close([p.grad for p in model.parameters()], list(gradients))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_parts_of_a_split_batch_add_up_to_the_whole(model, batch, size):
    """However many pieces each part hides."""
    model.zero_grad()
    whole = backward(bert.TwoTasks(model), bert.two_losses, batch)
    wanted = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    found = backward(bert.TwoTasks(model), bert.two_losses, batch, size)
    torch.testing.assert_close(found, whole)
    torch.testing.assert_close([p.grad for p in model.parameters()], wanted, atol=1e-6, rtol=1e-4)


def test_a_part_without_a_hidden_piece_weighs_nothing(model, batch):
    labels = batch["labels"].values.clone()
    labels[:8] = -100
    batch = Batch(batch | {"labels": batch["labels"]._replace(values=labels)})
    whole = backward(bert.TwoTasks(model), bert.two_losses, batch)
    found = backward(bert.TwoTasks(model), bert.two_losses, batch, 8)
    torch.testing.assert_close(found, whole)


def test_the_shares_of_right_answers_are_counted(model, batch):
    found = backward(bert.TwoTasks(model), bert.two_losses, batch)
    said, labels = librarys(model, batch), batch["labels"].values
    right = [said.prediction_logits.argmax(-1)[i, j] == labels[i, j] for i, j in
             (labels != -100).nonzero().tolist()]  # fmt: skip
    assert found["hidden piece found"].item() == pytest.approx(sum(right) / len(right))
    true = said.seq_relationship_logits[:, 0] > said.seq_relationship_logits[:, 1]
    true = (true == batch["follows"]).float().mean().item()
    assert found["next sentence right"].item() == pytest.approx(true)


def test_one_seed_one_training(wordpiece):
    def trained(seed):
        model = bert.tiny_bert(len(wordpiece), hidden=16, layers=1, heads=2)
        steps = list(train(model, wordpiece, STORIES, steps=3, seed=seed))
        assert not model.training and [step.number for step in steps] == [1, 2, 3]
        parts = steps[0].parts
        assert steps[0].loss == pytest.approx(parts["masked words"] + parts["next sentence"])
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    torch.random.manual_seed(5)  # the global generator has no say
    first = trained(1)
    torch.random.manual_seed(6)
    assert torch.equal(first, trained(1)) and not torch.equal(first, trained(2))


def test_a_batch_depends_on_the_number_of_its_step_alone(wordpiece):
    batches = Pretraining(wordpiece, STORIES[:40], batch_size=8)
    steps = [0, 9, 40, 2]  # the passes are shorter than forty
    first = [batches(step) for step in steps]
    for step, wanted in zip(steps[::-1], first[::-1], strict=True):
        for one, other in zip(batches(step).tensors(), wanted.tensors(), strict=True):
            assert torch.equal(one, other)
    assert first[0]["pages"].values.shape != first[2]["pages"].values.shape or not torch.equal(
        first[0]["pages"].values, first[2]["pages"].values
    )


def test_it_learns_and_can_be_left_early(wordpiece):
    model = bert.tiny_bert(len(wordpiece), hidden=32, heads=2)
    losses = []
    for step in train(model, wordpiece, STORIES, steps=100, warmup=20):
        losses.append(step.parts["masked words"])
        if step.number == 75:
            break
    assert not model.training
    assert sum(losses[-5:]) / 5 < sum(losses[:5]) / 5 - 0.7


@pytest.mark.slow
def test_a_small_text_is_learned_until_it_beats_the_baselines():
    """Four stories of one kind: which animal it is must be read from the other sentence."""
    animals, voices = ("cat", "dog", "cow", "owl"), ("meow", "woof", "moo", "hoot")
    stories = [
        corpus.Story(((a, "came", "home"), ("then", "it", "said", v)), theme="voices")
        for a, v in zip(animals, voices, strict=True)
    ]
    wordpiece = learn([s for story in stories for s in story.sentences], 100)
    model = bert.tiny_bert(len(wordpiece), hidden=32, layers=2, heads=2)
    batches = Pretraining(wordpiece, stories * 16, share=0.3)
    quick = {"steps": 600, "warmup": 20, "learning_rate": 6e-3}
    for _ in fit(bert.TwoTasks(model), bert.two_losses, batches, **quick):
        pass
    words = bert_scores.masked_words(model, wordpiece, stories * 8, stories)
    assert words["bert"] > 0.85 > words["left neighbour"] > words["most frequent"]
    page = pages(wordpiece, [(("dog", "came", "home"), ("then", "it", "said", "woof"))])
    (voice,) = wordpiece.word_ids("woof")
    place = page.ids.values[0].tolist().index(voice)
    page.ids.values[0, place] = MASK
    scores = model.cls.predictions(bert.read(model, page).last_hidden_state)[0, place]
    assert wordpiece.pieces[scores.argmax()] == "woof"


@pytest.mark.parametrize("how", ["cls", "mean"])
def test_the_other_sentences_of_a_batch_have_no_influence(model, wordpiece, how):
    together = bert.sentence_vectors(model, wordpiece, SENTENCES, how)
    for sentence, vector in zip(SENTENCES, together, strict=True):
        alone = bert.sentence_vectors(model, wordpiece, [sentence], how)[0]
        torch.testing.assert_close(alone, vector, atol=1e-5, rtol=1e-4)


def test_pooling_by_hand(unchecked):
    hidden, lengths = torch.randn(3, 6, 4, dtype=torch.float64), torch.tensor([6, 2, 1])
    mask = Padded(hidden, lengths).mask
    mean = bert.pool(hidden, mask, "mean")
    for row, length in enumerate(lengths):
        torch.testing.assert_close(mean[row], sum(hidden[row, t] for t in range(length)) / length)
    assert torch.equal(bert.pool(hidden, mask, "cls"), hidden[:, 0])
    hidden[1, 2:] = torch.nan  # whatever stands in the padding
    assert torch.equal(bert.pool(hidden, mask, "mean"), mean)
    with pytest.raises(ValueError, match="'cls' or 'mean'"):
        bert.pool(hidden, mask, "max")
    with pytest.raises(ValueError, match="nothing but padding"):
        bert.pool(hidden, torch.zeros_like(mask), "mean")


def test_contextual_vectors_are_means_over_each_words_pieces(model, wordpiece):
    vectors, offsets = bert.contextual(model, wordpiece, SENTENCES, chunk=5)
    assert len(vectors) == sum(map(len, SENTENCES))
    for s, sentence in enumerate(SENTENCES):
        states = bert.read(model, pages(wordpiece, [(sentence,)])).last_hidden_state[0]
        start = 1
        for i, word in enumerate(sentence):
            end = start + len(wordpiece.cut(word))
            expected = states[start:end].mean(0)
            torch.testing.assert_close(vectors[offsets[s] + i], expected, atol=1e-5, rtol=1e-4)
            start = end


def test_a_word_has_another_vector_in_another_sentence(model, wordpiece):
    sentences = [("the", "bank", "of", "the", "river"), ("the", "bank", "lent", "money")]
    vectors, offsets = bert.contextual(model, wordpiece, sentences)
    assert (vectors[offsets[0] + 1] - vectors[offsets[1] + 1]).norm() > 0.1


def test_what_cannot_be_read_or_trained(wordpiece, model):
    short = bert.tiny_bert(len(wordpiece), hidden=8, heads=2, longest=8)
    with pytest.raises(ValueError, match=r"reads at most 8.*longest=12"):
        bert.contextual(short, wordpiece, [("the",) * 10])
    with pytest.raises(ValueError, match="do not fill a batch of 512"):
        Pretraining(wordpiece, STORIES[:9], batch_size=512)


# --- scores ---------------------------------------------------------------------------------------


def test_masked_words_of_a_model_that_knows_nothing(model, wordpiece):
    scores = bert_scores.masked_words(model, wordpiece, STORIES[300:], STORIES[:300])
    assert scores["bert"] < scores["most frequent"] < scores["left neighbour"]
    words = [word for story in STORIES[300:] for pair in zip(story.sentences, story.sentences[1:])  # noqa: B905
             for sentence in pair for word in sentence]  # fmt: skip
    share = words.count("the") / len(words)
    assert abs(scores["most frequent"] - share) < 5 * (share / len(words) / 0.15) ** 0.5


def test_next_sentences_of_a_model_that_knows_nothing(wordpiece):
    model = bert.tiny_bert(len(wordpiece), hidden=8, heads=2, seed=1)
    scores = bert_scores.next_sentences(model, wordpiece, STORIES)
    assert abs(scores["bert"] - 0.5) < 0.06 and scores["a word in common"] > 0.7


def test_the_probe_of_senses_finds_what_is_there_and_nothing_else():
    occurrences = corpus.load(stories=1500).occurrences
    senses = sorted({o.sense for o in occurrences})
    told = torch.tensor([[float(o.sense == sense) for sense in senses] for o in occurrences])
    scores = bert_scores.sense_separation(told, occurrences)
    assert scores == dict.fromkeys(sorted({o.word for o in occurrences}), 1.0)
    static = torch.ones(len(occurrences), 4)  # one vector per word: the majority
    scores = bert_scores.sense_separation(static, occurrences)
    assert 0.35 < sum(scores.values()) / len(scores) < 0.65
    with pytest.raises(ValueError, match="in one story only"):
        bert_scores.sense_separation(told[:1], occurrences[:1])


def test_vectors_of_occurrences_are_those_of_their_places(model, wordpiece):
    found = bert_scores.occurrence_vectors(model, wordpiece, CORPUS)
    occurrence = CORPUS.occurrences[7]
    sentence = CORPUS.stories[occurrence.story].sentences[occurrence.sentence]
    assert sentence[occurrence.position] == occurrence.word
    alone, _ = bert.contextual(model, wordpiece, [sentence])
    torch.testing.assert_close(found[7], alone[occurrence.position], atol=1e-5, rtol=1e-4)
    bags = bert_scores.neighbour_bags(CORPUS)
    assert bags[7].sum() == len(sentence) - 1


def test_recall_counts_no_ties():
    vectors = torch.eye(5)
    assert bert_scores.same_story(vectors, vectors) == 1.0
    assert bert_scores.same_story(vectors, vectors.roll(1, 0)) == 0.0
    assert bert_scores.same_story(torch.ones(5, 3), torch.ones(5, 3)) == 0.0

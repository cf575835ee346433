"""A real corpus in the shape that the methods of the words chapter read."""

import hashlib
import zipfile
from collections import Counter

import pytest

from xmodal_lab.datasets import text8
from xmodal_lab.datasets.download import DownloadFailed

TEXT = " the cat sat on the mat the dog sat on the cat a rare word"  # it begins with a space


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A folder with a text8.zip that holds a text of the test's own."""

    def make(text):
        with zipfile.ZipFile(tmp_path / "text8.zip", "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("text8", text)
        digest = hashlib.sha256((tmp_path / "text8.zip").read_bytes()).hexdigest()
        monkeypatch.setattr(text8, "SHA256", digest)
        return tmp_path

    return make


def test_frequent_words_by_falling_count_and_the_text_without_the_others(archive):
    corpus = text8.load(least=2, folder=archive(TEXT))
    assert corpus.words == ("the", "cat", "on", "sat")
    read = [corpus.words[i] for i in corpus.ids]
    assert read == [word for word in TEXT.split() if word in corpus.words]


@pytest.mark.parametrize("count", [1, 5, 100])
def test_only_the_first_words(archive, count):
    corpus = text8.load(count, least=1, folder=archive(TEXT))
    assert [corpus.words[i] for i in corpus.ids] == TEXT.split()[:count]


def test_words_that_are_cut_by_a_blocks_end_stay_whole(archive):
    # Seven letters and a space do not divide a block of 2**20; neither do these three in turn.
    long = "abcdefg hi jklmnopqrs " * 150_000
    corpus = text8.load(None, folder=archive(long))
    assert Counter(corpus.words[i] for i in corpus.ids) == Counter(long.split())


def test_documents_hold_the_text_in_order(archive):
    corpus = text8.load(least=1, folder=archive(TEXT))
    documents = corpus.documents(4)
    assert {len(document) for document in documents[:-1]} == {4}
    assert [int(i) for document in documents for i in document] == corpus.ids.tolist()


def test_without_the_archive_and_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("XMODAL_OFFLINE", "1")
    with pytest.raises(DownloadFailed, match=r"text8.zip.*mattmahoney.*by hand"):
        text8.load(folder=tmp_path)


@pytest.mark.parametrize("wrong", [{"words": 0}, {"least": 0}, {"least": 1000}])
def test_nothing_to_load(archive, wrong):
    with pytest.raises(ValueError, match=r"at least 1|ask for more"):
        text8.load(folder=archive(TEXT), **wrong)

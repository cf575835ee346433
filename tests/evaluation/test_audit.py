"""The fusion audit: what is lost when a modality says nothing about its row any more."""

import pytest
import torch

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.evaluation.audit import fusion_audit

LABELS = torch.arange(400) % 4


def batch():
    """The text says everything; the picture only whether the class is odd; the sound nothing."""
    words = Padded(LABELS[:, None].clone(), torch.ones(400, dtype=torch.long))
    return Batch(text=words, image=LABELS % 2, audio=torch.zeros(400))


def by_text(rows):
    return rows["text"].values[:, 0]


def by_both(rows):
    """Right where text and picture agree on odd or even, else wrong."""
    said = rows["text"].values[:, 0]
    return torch.where(said % 2 == rows["image"], said, -1)


def test_only_what_the_answer_hangs_on_is_lost():
    found = fusion_audit(by_text, batch(), LABELS, ["text", "image", "audio"])
    assert list(found) == ["as it is", "text", "image", "audio"]
    assert found["as it is"] == found["image"] == found["audio"] == 1.0
    assert found["text"] == pytest.approx(0.25, abs=0.05)


def test_each_modality_is_shuffled_alone():
    found = fusion_audit(by_both, batch(), LABELS, ["text", "image"])
    assert found["image"] == pytest.approx(0.5, abs=0.05)
    assert found["text"] == pytest.approx(0.25, abs=0.05)


def test_masks_move_with_their_modality():
    rows = batch() | {"image:present": LABELS % 2 == 1}

    def agree(some):
        return torch.where((some["image"] == 1) == some["image:present"], by_text(some), -1)

    assert fusion_audit(agree, rows, LABELS, ["image"])["image"] == 1.0


def test_it_follows_its_seed_and_changes_nothing():
    rows = batch()
    one, same = (fusion_audit(by_both, rows, LABELS, ["image"], seed=3) for _ in range(2))
    other = fusion_audit(by_both, rows, LABELS, ["image"], seed=4)
    assert one == same != other
    assert rows["image"].equal(LABELS % 2)


def test_an_unknown_modality_is_refused():
    with pytest.raises(KeyError, match="touch"):
        fusion_audit(by_text, batch(), LABELS, ["touch"])

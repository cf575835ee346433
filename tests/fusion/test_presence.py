"""Modality dropout, and votes."""

import pytest
import torch

from xmodal_lab.fusion import modality_dropout, vote


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def masks(rows=4000):
    there = {name: torch.ones(rows, dtype=torch.bool) for name in ("a", "b", "c")}
    there["c"][: rows // 2] = False
    return there


def test_dropout_takes_its_share_and_leaves_one_in_every_row():
    given = masks()
    left = modality_dropout(given, 0.4, generator())
    assert torch.stack(list(left.values())).any(0).all()
    assert not left["c"][:2000].any()
    # Gone with 0.4, but for the rows where all would go: one of three stays.
    gone = 1 - left["a"][2000:].double().mean().item()
    assert gone == pytest.approx(0.4 - 0.4**3 / 3, abs=0.03)
    gone = 1 - left["a"][:2000].double().mean().item()
    assert gone == pytest.approx(0.4 - 0.4**2 / 2, abs=0.03)


def test_dropout_follows_its_dice():
    one, same, other = (modality_dropout(masks(), 0.5, generator(seed)) for seed in (1, 1, 2))
    assert all(one[name].equal(same[name]) for name in one)
    assert not one["a"].equal(other["a"])
    assert all(mask.equal(masks()[n]) for n, mask in modality_dropout(masks(), 0.0).items())


def test_a_row_with_one_modality_keeps_it():
    given = {"a": torch.tensor([True, False]), "b": torch.tensor([False, True])}
    for seed in range(20):
        left = modality_dropout(given, 0.9, generator(seed))
        assert left["a"].equal(given["a"]) and left["b"].equal(given["b"])


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_leaves_nothing_is_refused(share):
    with pytest.raises(ValueError, match="share must lie in 0 … 1"):
        modality_dropout(masks(4), share)


def test_dropout_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no modality to take away"):
        modality_dropout({})


SAID = {
    "text": torch.tensor([[0.6, 0.4, 0.0], [0.9, 0.1, 0.0]]),
    "image": torch.tensor([[0.6, 0.4, 0.0], [0.0, 0.8, 0.2]]),
    "audio": torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.1, 0.9]]),
}


def test_probabilities_and_heads_are_counted_differently():
    torch.testing.assert_close(vote(SAID)[0], torch.tensor([0.4, 0.6, 0.0]))
    assert vote(SAID).argmax(1).tolist()[0] == 1
    assert vote(SAID, majority=True).argmax(1).tolist()[0] == 0


def test_ties_are_decided_by_the_probabilities_and_rows_add_up_to_one():
    """One vote for each class in the second row; class 2 has the fewest votes of the first."""
    found = vote(SAID | {"text": torch.tensor([[0.6, 0.4, 0.0], [0.5, 0.1, 0.4]])}, majority=True)
    assert found[1].argmax() == 2
    torch.testing.assert_close(found.sum(1), torch.ones(2))


def test_an_absent_voter_has_no_vote():
    present = {"audio": torch.tensor([False, True])}
    spoilt = SAID | {"audio": SAID["audio"].clone()}
    spoilt["audio"][0] = torch.nan
    for majority in (False, True):
        found = vote(spoilt, present, majority)
        pair = vote({name: SAID[name] for name in ("text", "image")}, majority=majority)
        assert found[0].argmax() == pair[0].argmax() and found.isfinite().all()


def test_a_vote_of_nobody_is_refused():
    with pytest.raises(ValueError, match="nothing to vote"):
        vote({})
    with pytest.raises(ValueError, match=r"nothing is there in rows \[0\] of 2"):
        vote({"text": SAID["text"]}, {"text": torch.tensor([False, True])})

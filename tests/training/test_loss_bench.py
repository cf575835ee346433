"""The loss bench: trainings are what they say, repeatable, and look at scenes never seen."""

import math

import pytest
import torch
from torch import nn

from xmodal_lab.alignment.losses import info_nce
from xmodal_lab.training.loss_bench import LossBench, r1


@pytest.fixture(scope="module")
def bench():
    return LossBench(200, seed=3)


def healthy(a, b):
    return info_nce(a, b, 0.1)


def test_features_are_centred_and_scaled_on_the_scenes_to_learn_from(bench):
    for features in bench.learn.values():
        torch.testing.assert_close(
            features.mean(0), torch.zeros(features.shape[1]), atol=1e-4, rtol=0
        )
        # A little below 1, since nothing is divided by 0: a word may never occur.
        assert features.std(0).max() <= 1.001
        assert features.std(0).median() > 0.9
    torch.testing.assert_close(bench.read(bench.val.captions), bench.ask["text"])
    torch.testing.assert_close(bench.see(bench.val.images[:9]), bench.ask["image"][:9])


def test_a_word_that_never_varies_in_training_says_nothing_later(bench):
    # Two things, so always two "a"; a prompt about one thing has only one of them.
    constant = bench.learn["text"].abs().amax(0) == 0
    assert constant.any()
    prompts = bench.read(["a red star", "a big blue circle"])
    assert (prompts[:, constant] == 0).all()
    assert prompts.abs().max() < 3 * bench.learn["text"].abs().max()
    assert prompts.isfinite().all()


def test_no_meaning_occurs_in_both_sets(bench):
    assert not {s.key for s in bench.train.scenes} & {s.key for s in bench.val.scenes}


def test_a_training_is_the_loop_written_out(bench):
    run = bench.fit(healthy, steps=4)
    torch.manual_seed(3)
    maps = nn.ModuleDict({m: nn.Linear(x.shape[1], 32) for m, x in bench.learn.items()})
    matrices, others = ([p for p in maps.parameters() if (p.ndim > 1) == yes] for yes in (1, 0))
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    optimiser, losses = torch.optim.AdamW(groups, lr=5e-3), []
    for _ in range(4):
        rows = torch.randint(200, (128,))
        value = healthy(*(maps[m](bench.learn[m][rows]) for m in ("text", "image")))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert run.losses == pytest.approx(losses)
    torch.testing.assert_close(run.text, maps["text"](bench.ask["text"]).detach())


def test_a_training_leaves_the_random_numbers_of_the_process_alone(bench):
    torch.manual_seed(11)
    wanted = torch.rand(3)
    torch.manual_seed(11)
    bench.fit(healthy, steps=2)
    assert torch.rand(3).equal(wanted)


def test_a_loss_that_is_no_number_ends_the_training_and_is_told(bench):
    seen = []

    def sick(a, b):
        seen.append(healthy(a, b) * (torch.nan if len(seen) == 3 else 1))
        return seen[-1]

    run = bench.fit(sick, steps=9)
    assert len(run.losses) == 4 and math.isnan(run.losses[3]) and run.losses[2] == seen[2].item()
    assert 0 <= run.r1 <= 100  # of the weights of the step before


def test_looking_on_the_way_changes_nothing(bench):
    head = lambda wide, dim: nn.Sequential(nn.BatchNorm1d(wide), nn.Linear(wide, dim))  # noqa: E731
    plain, watched = (bench.fit(healthy, 6, head=head, look_every=n) for n in (0, 2))
    assert plain.losses == watched.losses and plain.curve == []
    assert [step for step, _ in watched.curve] == [2, 4, 6]
    assert watched.curve[-1][1] == watched.r1 == r1(watched.text, watched.image, bench.targets)
    assert watched.back == r1(watched.image, watched.text, bench.targets.T)


def test_an_objective_sees_the_rows_of_its_batch(bench):
    seen = []

    def objective(outputs, batch):
        seen.append(batch["meaning"])
        return healthy(outputs["text"], outputs["image"])

    data = bench.learn | {"meaning": bench.meanings}
    run = bench.fit(objective=objective, steps=2, data=data, batch_size=16)
    assert run.losses == bench.fit(healthy, 2, batch_size=16).losses
    assert len(seen) == 2 and seen[0].shape == (16,)


def test_meanings_are_equal_where_scenes_mean_the_same(bench):
    same = bench.meanings[:, None] == bench.meanings
    assert same.numpy().tolist() == bench.train.matches().tolist()


def test_what_an_objective_learns_is_trained_along(bench):
    class Cool(nn.Module):
        def __init__(self):
            super().__init__()
            self.log_temperature = nn.Parameter(torch.tensor(-2.0))

        def forward(self, outputs, batch):
            return info_nce(outputs["text"], outputs["image"], self.log_temperature.exp())

    cool = Cool()
    bench.fit(objective=cool, steps=3)
    assert cool.log_temperature.item() != -2


def test_a_point_that_is_no_number_scores_nan():
    points, targets = torch.ones(3, 2), torch.eye(3, dtype=torch.bool)
    assert r1(points, points, targets) == 0
    assert r1(points * torch.nan, points, targets) != r1(points * torch.nan, points, targets)

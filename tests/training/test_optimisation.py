"""Shares of the learning rate and parts that stay still: what moves, and what does not."""

from copy import deepcopy

import pytest
import torch

from xmodal_lab.encoders.image import DeepCNN
from xmodal_lab.runtime import Runtime
from xmodal_lab.tasks.classification import Classifier, cross_entropy
from xmodal_lab.training import fit
from xmodal_lab.training.optimisation import parameter_groups, parts_of

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)
STEM = "encoder.stack.stem.convolution.weight"


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Classifier(DeepCNN(8, width=4), 3, "image").eval()


@pytest.fixture
def data():
    random = torch.Generator().manual_seed(1)
    labels = torch.arange(12) % 3
    images = torch.randint(0, 60, (12, 3, 32, 32), generator=random).byte()
    images[range(12), labels] += 150  # red, green or blue
    return {"image": images, "labels": labels}


def steps_of(model, data, steps=3, batch_size=12, learning_rate=1e-2, **options):
    return fit(model, cross_entropy, data, steps, batch_size, learning_rate, runtime=CPU, **options)


def after(model, data, **options):
    tuned = deepcopy(model)
    losses = [step.loss for step in steps_of(tuned, data, **options)]
    return tuned, losses


def moved(one, other):
    """Which parts of the state differ."""
    pairs = zip(one.state_dict().items(), other.state_dict().values(), strict=True)
    return {name for (name, a), b in pairs if not torch.equal(a, b)}


def test_borrowed_weights_learn_at_their_share(model, data):
    tuned, losses = after(
        model, data, steps=30, warmup=5, shares={"encoder": 0.3}, still=["encoder"]
    )
    assert losses[-1] < 0.5 * losses[0]
    assert torch.equal(tuned.predict(data), data["labels"])


def test_a_part_with_share_0_stays_bit_for_bit(model, data):
    tuned, _ = after(model, data, shares={"encoder": 0}, still=["encoder"])
    assert moved(model, tuned) == {"head.weight", "head.bias"}


def test_a_share_of_0_alone_does_not_hold_the_statistics(model, data):
    tuned, _ = after(model, data, shares={"encoder": 0})
    statistics = {n for n in model.state_dict() if "running" in n or "num_batches" in n}
    assert statistics and moved(model, tuned) == statistics | {"head.weight", "head.bias"}


def test_what_is_still_learns_and_keeps_its_statistics(model, data):
    tuned, _ = after(model, data, still=["encoder"])
    assert not {name for name in moved(model, tuned) if "running" in name}
    assert STEM in moved(model, tuned)


def test_still_holds_while_the_rest_trains_and_only_until_the_end(model, data):
    model.encoder.stack.stem.train()
    for _ in steps_of(model, data, still=["encoder"]):
        assert model.training and model.head.training
        assert not any(module.training for module in model.encoder.modules())
    model.train()
    assert model.encoder.training


@pytest.mark.parametrize("share", [0.1, 3])
def test_each_part_has_its_own_rate(model, data, share):
    # AdamW's first step is as long as the learning rate, which of 6 steps rises in the first.
    tuned = deepcopy(model)
    next(steps_of(tuned, data, steps=6, warmup=1, weight_decay=0, shares={"encoder": share}))
    for part, rate in ((STEM, 1e-2 * share), ("head.bias", 1e-2)):
        step = (tuned.state_dict()[part] - model.state_dict()[part]).abs().max().item()
        assert step == pytest.approx(rate, rel=0.1), part


def test_the_step_tells_the_rate_of_parts_without_a_share(model, data):
    (step,) = steps_of(model, data, steps=1, warmup=0, decay="none", shares={"encoder": 0.1})
    assert step.learning_rate == 1e-2


def test_an_inner_part_s_share_goes_before_an_outer_s(model):
    shares = {model.encoder: 0.1, model.encoder.stack.stem: 0.0}
    of = {p: g["share"] for g in parameter_groups(model, 0.01, shares) for p in g["params"]}
    assert of[model.encoder.stack.stem.convolution.weight] == 0
    found = {of[p] for name, p in model.encoder.named_parameters() if "stem" not in name}
    assert found == {0.1} and of[model.head.weight] == 1


def test_every_weight_is_in_one_group_and_matrices_alone_decay(model):
    groups = parameter_groups(model, 0.5, {model.encoder: 0.1})
    assert sorted(id(p) for g in groups for p in g["params"]) == sorted(map(id, model.parameters()))
    for group in groups:
        assert {p.ndim >= 2 for p in group["params"]} == {group["weight_decay"] == 0.5}


def test_without_shares_the_groups_are_those_of_older_checkpoints(model):
    matrices, others = parameter_groups(model, 0.5)
    assert [id(p) for p in matrices["params"]] == [id(p) for p in model.parameters() if p.ndim > 1]
    assert [id(p) for p in others["params"]] == [id(p) for p in model.parameters() if p.ndim < 2]


def test_a_checkpoint_from_before_there_were_shares_goes_on(model, data, tmp_path, monkeypatch):
    whole, _ = after(model, data, steps=4, every=2)

    def as_it_was(*arguments):
        groups = parameter_groups(*arguments)
        return [{key: group[key] for key in ("params", "weight_decay")} for group in groups]

    with monkeypatch.context() as older:
        older.setattr("xmodal_lab.training.loop.parameter_groups", as_it_was)
        for step in steps_of(deepcopy(model), data, steps=4, every=2, folder=tmp_path):
            if step.number == 2:
                break
    resumed, losses = after(model, data, steps=4, every=2, folder=tmp_path)
    assert len(losses) == 2 and not moved(whole, resumed)


def test_a_training_with_shares_goes_on_bit_for_bit(model, data, tmp_path):
    options = {"steps": 4, "shares": {"encoder": 0.1}, "still": ["encoder"]}
    whole, _ = after(model, data, **options)
    for step in steps_of(deepcopy(model), data, folder=tmp_path, **options):
        if step.number == 2:
            break
    resumed, losses = after(model, data, folder=tmp_path, **options)
    assert len(losses) == 2 and not moved(whole, resumed)


@pytest.mark.parametrize("field", [{"shares": {"body": 0.1}}, {"still": ["body"]}])
def test_an_unknown_part_is_refused_with_those_there_are(model, data, field):
    said = "Classifier has no part 'body': it has encoder, dropout, head"
    with pytest.raises(ValueError, match=said):
        next(steps_of(model, data, **field))


@pytest.mark.parametrize("share", [-0.1, float("inf"), float("nan")])
def test_a_share_that_is_no_number_from_0_up_is_refused(model, data, share):
    with pytest.raises(ValueError, match="share of 'encoder' must be a number from 0 up"):
        next(steps_of(model, data, shares={"encoder": share}))


def test_still_wants_several_names(model, data):
    with pytest.raises(ValueError, match=r"give \['encoder'\]"):
        next(steps_of(model, data, still="encoder"))


def test_parts_are_found_by_their_whole_name(model):
    assert parts_of(model, ["encoder.stack.stem"]) == {
        "encoder.stack.stem": model.encoder.stack.stem
    }

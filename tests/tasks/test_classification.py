"""A linear layer behind an encoder: its losses, its answers, and one loop for them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.tasks import Classifier, accuracy, binary_cross_entropy, cross_entropy
from xmodal_lab.tasks.classification import colours_and_shapes
from xmodal_lab.training.backward import backward
from xmodal_lab.training.loop import fit


class Plain(nn.Linear):
    output_dim = 6

    def __init__(self):
        super().__init__(4, 6)


def questions(rows=24) -> Batch:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, 4, generator=generator)
    return Batch(x=x, labels=(x[:, 0] > -0.4).long() + (x[:, 0] > 0.4).long())


def model() -> Classifier:
    torch.manual_seed(0)
    return Classifier(Plain(), 3, "x")


@pytest.mark.parametrize("size", [1, 5, 7, 24])
def test_micro_batches_of_any_size_add_up(size):
    judge, batch = model(), questions()
    wanted = F.cross_entropy(judge(batch), batch["labels"])
    gradients = torch.autograd.grad(wanted, list(judge.parameters()))
    found = backward(judge, cross_entropy, batch, size)
    torch.testing.assert_close(found[""], wanted.detach())
    torch.testing.assert_close([p.grad for p in judge.parameters()], list(gradients))


def test_it_learns_by_the_loop_and_answers_every_row():
    judge, batch = model(), questions(200)
    for _ in fit(judge, cross_entropy, batch, 200, 50, learning_rate=0.05):
        pass
    assert accuracy(judge.predict(batch, chunk=30), batch["labels"]) > 0.9
    assert judge.predict(batch, chunk=30).equal(judge.predict(batch))


def test_dropout_zeroes_numbers_in_training_alone():
    torch.manual_seed(0)
    judge, batch = Classifier(Plain(), 3, "x", dropout=0.5), questions(200)
    judge.train()
    given = {}
    judge.head.register_forward_pre_hook(lambda _, inputs: given.update(x=inputs[0]))
    judge(batch)
    assert 0.4 < (given["x"] == 0).double().mean() < 0.6
    judge.eval()
    judge(batch)
    assert given["x"].equal(judge.encoder(batch["x"]))


def test_smoothing_gives_every_class_its_share():
    logits, labels = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    logs = logits.log_softmax(1)
    wanted = -(0.7 * logs[torch.arange(5), labels] + 0.3 * logs.mean(1)).mean()
    found = cross_entropy(logits, Batch(labels=labels), smoothing=0.3)
    torch.testing.assert_close(found, wanted)


def test_several_right_classes():
    logits, labels = torch.zeros(3, 4), torch.eye(4)[:3]
    found = binary_cross_entropy(logits, {"labels": labels})
    assert found.item() == pytest.approx(torch.tensor(2.0).log().item())


def test_colours_and_shapes_of_scenes():
    shown = scenes.sample_scenes("train", 20)
    kinds = [*scenes.COLOURS, *scenes.SHAPES]
    for scene, row in zip(shown, colours_and_shapes(shown), strict=True):
        said = {kinds[i] for i in row.nonzero().flatten().tolist()}
        assert said == {name for thing in scene.things for name in (thing.colour, thing.shape)}


def test_a_picture_encoder_learns_to_name_things():
    data = scenes.load("train", 200, 0, ["image"], things=2)
    torch.manual_seed(0)
    judge = Classifier(SmallCNN(), 16, "image")
    batch = Batch(image=torch.from_numpy(data.images), labels=colours_and_shapes(data.scenes))
    losses = [step.loss for step in fit(judge, binary_cross_entropy, batch, 25, 64)]
    assert losses[-1] < 0.75 * losses[0]


def test_what_cannot_be_scored():
    with pytest.raises(ValueError, match="3 answers cannot be held against 2 labels"):
        accuracy(torch.arange(3), torch.arange(2))
    with pytest.raises(ValueError, match="0 answers"):
        accuracy(torch.arange(0), torch.arange(0))

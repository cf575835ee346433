"""A fusion, a head, and encoders if they learn: trained by the one loop, masks beside the rows."""

import pytest
import torch
from torch import nn

from xmodal_lab.batch import Batch
from xmodal_lab.fusion import ConcatFusion, MeanFusion
from xmodal_lab.tasks import accuracy, cross_entropy
from xmodal_lab.tasks.fused import (
    FusedClassifier,
    SummedClassifier,
    summed_cross_entropy,
    with_presence,
)
from xmodal_lab.training import fit


class Plain(nn.Linear):
    output_dim = 5

    def __init__(self):
        super().__init__(3, 5)


def rows(count=200):
    """Which of two numbers is the larger: one stands in the text, one in the picture."""
    torch.manual_seed(0)
    batch = Batch(text=torch.randn(count, 3), image=torch.randn(count, 3))
    return Batch(batch, labels=(batch["text"][:, 0] > batch["image"][:, 0]).long())


@pytest.mark.parametrize("encoders", [(), ("text",), ("text", "image")])
def test_it_learns_what_needs_both(encoders):
    batch, made = rows(), {name: Plain() for name in encoders}
    dims = {name: 5 if name in encoders else 3 for name in ("text", "image")}
    model = FusedClassifier(ConcatFusion(dims, 16), 2, made)
    for _ in fit(model, cross_entropy, batch, 150, 50, learning_rate=0.02):
        pass
    assert accuracy(model.predict(batch), batch["labels"]) > 0.95
    # The text alone cannot say more than its half of the comparison.
    alone = model.predict(batch.select(["text", "labels"]))
    assert accuracy(alone, batch["labels"]) < 0.9


def test_masks_travel_with_the_rows():
    batch, model = rows(), FusedClassifier(MeanFusion({"text": 3, "image": 3}, 4), 2)
    present = {"image": torch.arange(200) % 2 == 0}
    masked = with_presence(batch, present)
    some = torch.arange(7, 60, 3)
    torch.testing.assert_close(model(masked.rows(some)), model(masked)[some])
    absent = ~present["image"]
    text = model(batch.select(["text"]))
    torch.testing.assert_close(model(masked)[absent], text[absent])
    assert isinstance(masked, Batch) and "image:present" not in batch


def test_a_sum_of_logits_is_one_linear_layer_on_all_vectors():
    torch.manual_seed(1)
    model, batch = SummedClassifier({n: Plain() for n in ("text", "image")}, 4), rows(9)
    vectors = [model.encoders[n](batch[n]) for n in ("text", "image")]
    weight = torch.cat([model.heads[n].weight for n in ("text", "image")], dim=1)
    bias = sum(head.bias for head in model.heads.values())
    wanted = torch.cat(vectors, dim=1) @ weight.T + bias
    torch.testing.assert_close(model.logits(batch), wanted)
    assert model.predict(batch).equal(wanted.argmax(1))
    loss = summed_cross_entropy(model(batch), batch)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(wanted, batch["labels"]))
    alone = model(batch.select(["text"]))
    assert list(alone) == ["text"]
    own = sum(nn.functional.cross_entropy(part, batch["labels"]) for part in model(batch).values())
    found = summed_cross_entropy(model(batch), batch, own=0.5)
    torch.testing.assert_close(found, loss + 0.5 * own)

"""Padding never counts, in the helpers and in both recurrent encoders."""

import numpy as np
import pytest
import torch
from torch import nn

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.encoders.audio import AudioEncoder
from xmodal_lab.encoders.pooling import masked_max, recurrent
from xmodal_lab.encoders.text import TextEncoder

LENGTHS = [1, 7, 2, 8, 5]


def words(columns: int = 8) -> Padded:
    values = torch.zeros(len(LENGTHS), columns, dtype=torch.long)
    generator = torch.Generator().manual_seed(1)
    for row, length in enumerate(LENGTHS):
        values[row, :length] = 1 + torch.randperm(30, generator=generator)[:length]
    return Padded(values, torch.tensor(LENGTHS))


def frames(columns: int = 70) -> Padded:
    lengths = [1, 33, 64, 70, 9]
    values = torch.zeros(len(lengths), columns, 40)
    generator = torch.Generator().manual_seed(2)
    for row, length in enumerate(lengths):
        values[row, :length] = torch.randn(length, 40, generator=generator)
    return Padded(values, torch.tensor(lengths))


def encoder(kind: str) -> nn.Module:
    torch.manual_seed(0)
    if kind == "text":
        return TextEncoder()
    made = AudioEncoder(cell=kind)
    # A shift that LayerNorm adds would turn padding into signal, if it reached anything.
    for norm in made.norms:
        nn.init.constant_(norm.bias, 0.7)
    return made


KINDS = ("text", "gru", "lstm")


def batch_for(kind: str, columns: int | None = None) -> Padded:
    make = words if kind == "text" else frames
    return make() if columns is None else make(columns)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("kind", KINDS)
def test_longer_padding_changes_nothing(kind, training):
    network = encoder(kind).train(training)
    short = batch_for(kind)
    wanted = network(short)
    for columns in (short.values.shape[1] + 1, short.values.shape[1] + 56, 400):
        torch.testing.assert_close(network(batch_for(kind, columns)), wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_is_the_row_in_its_batch(kind, training):
    network = encoder(kind).train(training)
    together = batch_for(kind)
    wanted = network(together)
    for row in range(len(wanted)):
        alone = network(together.rows(torch.tensor([row])))
        torch.testing.assert_close(alone[0], wanted[row], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_keep_their_places(kind):
    network, together = encoder(kind), batch_for(kind)
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(
        network(together.rows(order)), network(together)[order], atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_steps_matters(kind):
    network, together = encoder(kind), batch_for(kind)
    for row, length in enumerate(together.lengths.tolist()):
        forward = together.values[row : row + 1, :length]
        turned = Padded(forward.flip(1), torch.tensor([length]))
        same = torch.allclose(network(Padded(forward, turned.lengths)), network(turned), atol=1e-4)
        assert same == (length == 1)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_what_stands_in_the_padding_is_never_read(cell):
    network, clean = encoder(cell), frames()
    dirty = Padded(clean.values.clone(), clean.lengths)
    dirty.values[~clean.mask] = torch.nan
    torch.testing.assert_close(network(dirty), network(clean), atol=0, rtol=0)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_no_gradient_reaches_the_padding(cell):
    batch = frames(90)
    values = batch.values.requires_grad_()
    encoder(cell)(Padded(values, batch.lengths)).square().sum().backward()
    assert values.grad[~batch.mask].count_nonzero() == 0
    assert (values.grad.norm(dim=2)[batch.mask] > 0).all()


def test_no_gradient_reaches_the_padding_word():
    network = encoder("text")
    network(words(30)).square().sum().backward()
    assert network.embedding.weight.grad[0].count_nonzero() == 0
    used = words().values.unique()[1:]
    assert (network.embedding.weight.grad[used].norm(dim=1) > 0).all()


@pytest.mark.parametrize("cell", [nn.GRU, nn.LSTM])
def test_recurrent_equals_a_loop_over_single_rows(cell):
    torch.manual_seed(3)
    network = cell(5, 4, batch_first=True, bidirectional=True)
    batch = Padded(torch.randn(4, 9, 5), torch.tensor([9, 1, 4, 6]))
    outputs = recurrent(network, batch)
    for row, length in enumerate(batch.lengths.tolist()):
        alone, _ = network(batch.values[row : row + 1, :length])
        torch.testing.assert_close(outputs[row, :length], alone[0], atol=1e-6, rtol=0)
        assert outputs[row, length:].count_nonzero() == 0


def test_masked_max_reads_real_steps_only():
    values = torch.tensor([[[-5.0], [-3.0], [9.0]], [[1.0], [2.0], [3.0]]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert masked_max(values, mask).tolist() == [[-3.0], [3.0]]


def test_pad_and_rows_are_inverse_to_cutting():
    sequences = [torch.arange(1, n + 1) for n in LENGTHS]
    batch = pad(sequences)
    for row, sequence in enumerate(sequences):
        assert batch.values[row, : len(sequence)].equal(sequence)
        assert batch.values[row, len(sequence) :].count_nonzero() == 0
        assert batch.mask[row].sum() == len(sequence)
    chosen = batch.rows(torch.tensor([2, 0, 2]))
    assert chosen.lengths.tolist() == [2, 1, 2]
    assert chosen.values.tolist() == [[1, 2], [1, 0], [1, 2]]


def test_pad_reads_lists_arrays_and_tensors_alike():
    forms = [[1, 2], np.array([1, 2]), torch.tensor([1, 2])]
    assert pad(forms).values.unique(dim=0).tolist() == [[1, 2]]


@pytest.mark.parametrize("sequences", [[], [[]], [[1], []], [np.empty((0, 3))]])
def test_nothing_to_pad_is_refused(sequences):
    with pytest.raises(ValueError, match="cannot pad an empty batch, or a sequence of length 0"):
        pad(sequences)


def test_batches_of_different_widths_are_joined():
    here, there = Batch(x=torch.zeros(2), words=pad([[1], [2]])), pad([[3, 4, 5]])
    others = {1: torch.ones(1), 2: there.values, 0: there.lengths}

    def join(tensor):
        kind = 2 if tensor.ndim == 2 else (1 if tensor.is_floating_point() else 0)
        return torch.cat([tensor, others[kind]])

    whole = here.joined(join, lambda steps: max(steps, 3))
    assert whole["x"].tolist() == [0, 0, 1]
    assert whole["words"].values.tolist() == [[1, 0, 0], [2, 0, 0], [3, 4, 5]]
    assert whole["words"].lengths.tolist() == [1, 1, 3]
    assert here["words"].values.shape == (2, 1)

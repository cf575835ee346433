"""Reading words in order: the loss against torch's row by row, the score by hand, a small run."""

import pytest
import torch

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets.scenes.language import UNITS
from xmodal_lab.encoders.audio import AudioEncoder
from xmodal_lab.encoders.audio.transcript import ctc_loss
from xmodal_lab.tasks.transcription import (
    Transcriber,
    connectionist,
    unit_numbers,
    word_error_rate,
)
from xmodal_lab.training import fit
from xmodal_lab.training.backward import backward


def batch(rows=4) -> Batch:
    random = torch.Generator().manual_seed(0)
    lengths = torch.tensor([90, 70, 85, 80])[:rows]
    frames = torch.randn(rows, 90, 40, generator=random)
    units = unit_numbers(["a red star", "a ring", "a big box left of a cross", "red ring"][:rows])
    return Batch(audio=Padded(frames, lengths), units=units)


def model() -> Transcriber:
    torch.manual_seed(0)
    return Transcriber(AudioEncoder(width=8, hidden_dim=6, halvings=2))


def test_units_are_numbered_from_one():
    found = unit_numbers(["a to the left of", "a red star"])
    assert found.lengths.tolist() == [2, 3] and found.values[0, 2] == 0
    names = [UNITS[number - 1] for number in found.values[0, :2].tolist()]
    assert names == ["a", "to the left of"]


def test_the_loss_is_the_mean_over_rows_of_that_per_unit():
    reader, rows = model(), batch()
    found = connectionist(reader(rows), rows)
    read = reader.log_probabilities(rows["audio"])
    losses = [
        ctc_loss(values[:length], units[:count].tolist()) / count
        for values, length, units, count in zip(
            *read, rows["units"].values, rows["units"].lengths, strict=True
        )
    ]
    torch.testing.assert_close(found, torch.stack(losses).mean(), atol=1e-4, rtol=1e-5)


def test_micro_batches_add_up():
    reader, rows = model(), batch()
    wanted = torch.autograd.grad(connectionist(reader(rows), rows), list(reader.parameters()))
    backward(reader, connectionist, rows, 3)
    found = [p.grad for p in reader.parameters()]
    torch.testing.assert_close(found, list(wanted), atol=1e-5, rtol=1e-4)


def test_reading_does_not_depend_on_chunks_or_mode():
    reader, rows = model().train(), batch()
    assert reader.read(rows, chunk=3) == reader.read(rows) and reader.training
    assert len(reader.read(rows)) == 4


def test_it_learns_which_tones_are_sounded_in_which_order():
    """Three bands light up one after the other; their order is the transcript."""
    random = torch.Generator().manual_seed(0)
    orders = torch.stack([torch.randperm(3, generator=random) for _ in range(64)])
    frames = torch.zeros(64, 48, 40)
    for place, bands in enumerate(orders.T):
        for row, band in enumerate(bands.tolist()):
            frames[row, 16 * place + 4 : 16 * place + 14, 12 * band : 12 * band + 12] = 1.0
    full = torch.full((64,), 48), torch.full((64,), 3)
    rows = Batch(audio=Padded(frames, full[0]), units=Padded(orders + 1, full[1]))
    torch.manual_seed(0)
    encoder = AudioEncoder(width=16, hidden_dim=16, halvings=2)
    reader = Transcriber(encoder, ("low", "middle", "high"))
    said = [[reader.units[band] for band in row] for row in orders.tolist()]
    assert word_error_rate(reader.read(rows), said) > 0.5
    for _ in fit(reader, connectionist, rows, 120, 32, learning_rate=2e-2):
        pass
    assert word_error_rate(reader.read(rows), said) < 0.1


@pytest.mark.parametrize(
    ("found", "errors"),
    [
        (["a", "red", "star"], 0),
        (["a", "star"], 1),
        (["a", "red", "red", "star"], 1),
        (["a", "blue", "star"], 1),
        ([], 3),
        (["star", "red", "a"], 2),
    ],
)
def test_errors_are_counted(found, errors):
    said = ["a", "red", "star"]
    assert word_error_rate([found, said], [said, said]) == pytest.approx(errors / 6)


def test_what_cannot_be_scored():
    with pytest.raises(ValueError, match="1 readings for 0 transcripts"):
        word_error_rate([["a"]], [])
    with pytest.raises(ValueError, match="of 0 words"):
        word_error_rate([["a"]], [[]])

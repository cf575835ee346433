"""What every encoder promises: states at places, their pooling, a config that rebuilds it."""

import json
from functools import partial

import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.alignment.mappers import LinearMapper, MLPMapper
from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio import AudioCNN, AudioEncoder, RawAudioEncoder, SpectrogramCNN
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.image import VGG16, DeepCNN, GridCNN, ResNet, SmallCNN
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.encoders.text.sentences import MeanEncoder

LENGTHS = torch.tensor([1, 7, 2, 8, 5])
OWN = ("a", "cat", "dog", "sat", "mat", "on", "the", "rug", "one")
# Small, and with no argument at its default: a config that forgets one does not rebuild them.
ENCODERS = {
    "text": partial(TextEncoder, OWN, embedding_dim=6, hidden_dim=5),
    "numbers": partial(TextEncoder, 9, embedding_dim=6, hidden_dim=5),
    "mean": partial(MeanEncoder, OWN, embedding_dim=7),
    "gru": partial(AudioEncoder, mels=6, width=9, hidden_dim=5),
    "lstm": partial(AudioEncoder, mels=6, width=9, hidden_dim=5, cell="lstm"),
    "convolutions": partial(AudioCNN, mels=6, width=9, output_dim=7, layers=1),
    "spectrogram": partial(SpectrogramCNN, mels=6, widths=(4, 5, 6, 7), output_dim=9),
    "raw": partial(RawAudioEncoder, 6, 48, 40, width=9, hidden_dim=5, cell="lstm"),
    "batch": partial(SmallCNN, (8, 16, 24), output_dim=11),
    "group": partial(SmallCNN, (8, 16, 24), output_dim=11, norm="group"),
    "deep": partial(DeepCNN, 14, skip=False, norm=False, width=4, cells=8, pooling="max"),
    "grid": partial(GridCNN, (4, 6, 8)),
    "resnet": partial(
        ResNet, (1, 1, 1, 1), (8, 8, 12, 20), block="basic", stem=4, classes=None, size=32
    ),
    "vgg": partial(VGG16, (4, 4, 4, 8, 8), dense=60, classes=3, size=32),
    "linear": partial(LinearMapper, 6, 7, normalise=False),
    "mlp": partial(MLPMapper, 6, 7, hidden=9, dropout=0.25, normalise=False),
}
PADDED = ("text", "numbers", "mean", "gru", "lstm", "convolutions", "spectrogram", "raw")
PICTURES = {"batch": 16, "group": 16, "deep": 64, "grid": 64, "resnet": 1, "vgg": 1}  # cells


def made(name: str) -> Encoder:
    torch.manual_seed(0)
    return ENCODERS[name]()


def batch(name: str) -> Padded | torch.Tensor:
    torch.manual_seed(1)
    if name in ("text", "numbers", "mean"):
        values, lengths = torch.randint(1, 10, (5, 8)), LENGTHS
    elif name in ("gru", "lstm", "convolutions", "spectrogram"):
        values, lengths = torch.randn(5, 70, 6), 8 * LENGTHS - 3
    elif name == "raw":  # 248 samples make a frame, 160 more the next
        lengths = 160 * (8 * LENGTHS - 4) + 250
        values = torch.randint(-9999, 9999, (5, int(lengths.max()))).short()
    else:
        side = 64 if name == "grid" else 32
        return torch.randint(0, 256, (5, 3, side, side)).byte() if name in PICTURES else (
            torch.randn(5, 6)
        )  # fmt: skip
    values[~Padded(values, lengths).mask] = 0
    return Padded(values, lengths)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", ENCODERS)
def test_forward_pools_the_states(name, training):
    encoder = made(name).train(training)
    torch.manual_seed(2)  # for dropout
    states = encoder.states(batch(name))
    pooled = encoder.pool(states)
    torch.manual_seed(2)
    vectors = encoder(batch(name))
    assert vectors.shape == (5, encoder.output_dim)
    torch.testing.assert_close(vectors, pooled, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ENCODERS)
def test_states_count_their_places(name):
    states = made(name).states(batch(name))
    places = (PICTURES | {"linear": 1, "mlp": 1}).get(name)
    wanted = [places] * 5 if places else LENGTHS.tolist()  # eight frames give one state
    assert states.lengths.tolist() == wanted
    assert states.values.shape[:2] == states.mask.shape
    assert states.values.ndim == 3 and states.values.is_floating_point()


@pytest.mark.parametrize("rubbish", [0, 3])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", PADDED)
def test_padding_never_counts_among_the_states(name, training, rubbish):
    encoder, short = made(name).train(training), batch(name)
    more = 1600 if name == "raw" else 24
    wide = (0, more) if short.values.ndim == 2 else (0, 0, 0, more)
    longer = Padded(F.pad(short.values, wide), short.lengths)
    longer.values[~longer.mask] = rubbish
    wanted, found = encoder.states(short), encoder.states(longer)
    assert found.values.shape[1] > wanted.values.shape[1]
    assert found.lengths.equal(wanted.lengths)
    torch.testing.assert_close(
        found.values[found.mask], wanted.values[wanted.mask], atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("name", PADDED)
def test_what_stands_at_other_places_is_not_pooled(name):
    encoder = made(name)
    states = encoder.states(batch(name))
    dirty = Padded(states.values.masked_fill(~states.mask[:, :, None], torch.nan), states.lengths)
    assert encoder.pool(dirty).equal(encoder.pool(states))


@pytest.mark.parametrize("name", ENCODERS)
def test_its_config_rebuilds_an_encoder(name):
    encoder = made(name)
    again = type(encoder)(**json.loads(json.dumps(encoder.config)))
    assert again.config == encoder.config and again.output_dim == encoder.output_dim
    shapes = {key: tensor.shape for key, tensor in encoder.state_dict().items()}
    assert {key: tensor.shape for key, tensor in again.state_dict().items()} == shapes
    again.load_state_dict(encoder.state_dict())
    assert again.eval()(batch(name)).equal(encoder.eval()(batch(name)))
    # In training too: neither dropout nor the kind of cell may be lost.
    torch.manual_seed(3)
    wanted = encoder.train()(batch(name))
    torch.manual_seed(3)
    assert again.train()(batch(name)).equal(wanted)


@pytest.mark.parametrize("name", ENCODERS)
def test_gradients_reach_the_states_at_real_places_only(name):
    encoder = made(name)
    states = encoder.states(batch(name))
    states.values.retain_grad()
    encoder.pool(states).square().sum().backward()
    reached = states.values.grad.abs().sum(2) > 0
    assert not reached[~states.mask].any()
    assert reached.any(dim=1).all()
    assert sum(weight.grad is not None for weight in encoder.parameters()) > 0


def test_the_cells_of_a_picture_are_counted_line_by_line():
    encoder = made("batch").eval()
    for line, column in ((0, 0), (0, 3), (2, 1), (3, 3)):
        picture = (255 * torch.rand(1, 3, 32, 32)).requires_grad_()
        cells = encoder.states(picture).values.unflatten(1, encoder.grid)
        cells[0, line, column].sum().backward()
        lines, columns = picture.grad[0].abs().sum(0).nonzero().unbind(1)
        # Three strides of 2 and kernels of 5, 3, 3: 8 pixels around every eighth one.
        for seen, place in ((lines, line), (columns, column)):
            assert 8 * place - 8 <= seen.min() and seen.max() <= 8 * place + 8
            assert seen.max() - seen.min() >= 7


def test_a_picture_is_pooled_as_before_the_grid_was_shown():
    """Channel by channel: the order in which shipped weights expect it."""
    encoder = made("batch").eval()
    levels = batch("batch").float().contiguous(memory_format=torch.channels_last) / 127.5 - 1
    assert encoder(batch("batch")).equal(encoder.dense(encoder.convolutions(levels)))


def test_an_encoder_without_states_says_so():
    class Bare(Encoder):
        pass

    with pytest.raises(NotImplementedError, match=r"Bare has no states\(x\)"):
        Bare()(torch.zeros(1))
    with pytest.raises(NotImplementedError, match=r"Bare has no pool\(states\)"):
        Bare().pool(Padded(torch.zeros(1, 1, 1), torch.ones(1, dtype=torch.long)))

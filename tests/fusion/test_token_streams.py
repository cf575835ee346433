"""What the transformers over several modalities promise: any subset, any order, no padding."""

from functools import partial

import pytest
import torch
from torch import nn

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.bottleneck import BottleneckFusion
from xmodal_lab.fusion.streams import SingleStream, TwoStream
from xmodal_lab.fusion.transformer import TransformerBlock

DIMS = {"text": 5, "image": 7, "audio": 3}
MODELS = {
    "single": SingleStream,
    "two": partial(TwoStream, own={"text": 1}),
    "bottleneck": partial(BottleneckFusion, latents=3),
}
every = pytest.mark.parametrize("name", MODELS)


def model(name: str, dims=DIMS, **options) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[name](dims, 8, 2, 2, **options)


def tokens(*names: str) -> dict[str, Padded]:
    """Three rows; the third has no audio."""
    torch.manual_seed(1)
    lengths = {"text": [2, 4, 3], "image": [4, 4, 4], "audio": [5, 1, 0]}
    made = {n: Padded(torch.randn(3, max(lengths[n]), DIMS[n]), _long(lengths[n])) for n in DIMS}
    return {name: made[name] for name in names or DIMS}


def _long(numbers):
    return torch.tensor(numbers)


def filled(one: dict[str, Padded], filling: float) -> dict[str, Padded]:
    return {
        name: Padded(x.values.masked_fill(~x.mask[..., None], filling), x.lengths)
        for name, x in one.items()
    }


def close(one, other, atol=1e-5):
    torch.testing.assert_close(one, other, atol=atol, rtol=0)


@every
@pytest.mark.parametrize("names", [("text", "image", "audio"), ("text", "image"), ("image",)])
def test_any_subset_of_the_modalities_will_do(name, names):
    fused = model(name)(tokens(*names))
    assert fused.summary.shape == (3, 8) and fused.summary.isfinite().all()
    if name != "bottleneck":
        assert fused.states.keys() == set(names)
        for modality, states in fused.states.items():
            assert states.lengths.equal(tokens()[modality].lengths)
            assert states.values[states.mask].isfinite().all()


@every
def test_the_order_of_modalities_never_counts(name):
    one = tokens()
    wanted, found = model(name)(one), model(name)(dict(reversed(one.items())))
    assert found.summary.equal(wanted.summary)


@every
def test_without_positions_permuting_tokens_permutes_states_and_leaves_the_summary(name):
    one, order = tokens(), torch.tensor([2, 0, 3, 1])
    image = one["image"]
    other = one | {"image": Padded(image.values[:, order], image.lengths)}
    wanted, found = model(name)(one), model(name)(other)
    close(found.summary, wanted.summary)
    if name != "bottleneck":
        close(found.states["image"].values, wanted.states["image"].values[:, order])
        mask = one["text"].mask
        close(found.states["text"].values[mask], wanted.states["text"].values[mask])


@every
def test_with_positions_the_order_of_tokens_counts(name):
    one, order = tokens(), torch.tensor([2, 0, 3, 1])
    image = one["image"]
    other = one | {"image": Padded(image.values[:, order], image.lengths)}
    placed = model(name, places={"image": (2, 2), "text": 6})
    assert not torch.allclose(placed(other).summary, placed(one).summary, atol=1e-3)


@every
@pytest.mark.parametrize("rubbish", [9.0, torch.nan])
def test_padding_never_matters_in_value_or_gradient(name, rubbish):
    found, made = [], model(name)
    for filling in (0.0, rubbish):
        one = filled(tokens(), filling)
        for x in one.values():
            x.values.requires_grad_()
        made.zero_grad()
        fused = made(one)
        loss = fused.summary.square().sum()
        loss = loss + sum(h.values[h.mask].square().sum() for h in fused.states.values())
        loss.backward()
        grads = {n: p.grad for n, p in made.named_parameters() if p.grad is not None}
        found.append((fused.summary.detach(), grads))
        for x in one.values():
            assert not x.values.grad[~x.mask].any() and x.values.grad[x.mask].isfinite().all()
    close(found[0][0], found[1][0])
    for parameter, grad in found[0][1].items():
        close(found[1][1][parameter], grad, atol=1e-4)


@every
def test_rows_never_hear_of_each_other(name):
    one, made = tokens(), model(name)
    whole = made(one).summary
    for row in range(3):
        alone = {n: x.rows(torch.tensor([row])) for n, x in one.items() if x.lengths[row]}
        close(made(alone).summary[0], whole[row])


@every
def test_a_modality_of_length_0_is_as_good_as_absent(name):
    one, made = tokens(), model(name)
    close(made(one).summary[2], made({n: one[n] for n in ("text", "image")}).summary[2])


@every
def test_each_modality_reaches_the_summary(name):
    one = tokens()
    for x in one.values():
        x.values.requires_grad_()
    model(name)(one).summary[:2].square().sum().backward()
    for x in one.values():
        assert (x.values.grad[:2].abs().amax(-1) > 0).equal(x.mask[:2])


@every
def test_weights_of_every_layer_and_head_are_in_reach(name):
    one = tokens()
    trace = model(name)(one).weights
    assert len(trace) == 2 + (name == "two")
    for layer in trace:
        asking = {asks for asks, _ in layer}
        for asks in asking:
            seen = {looked: w for (who, looked), w in layer.items() if who == asks}
            # Of the two-stream model looking at oneself and looking across are two softmaxes.
            groups = [{n: w for n, w in seen.items() if (n == asks) is same} for same in (0, 1)]
            for group in groups if name != "single" else [seen]:
                if group:
                    sums = sum(w.sum(-1) for w in group.values())
                    close(sums, torch.ones_like(sums))
                    assert sums.shape[:2] == (3, 2)  # rows, heads
            if "audio" in seen and name != "two":
                assert not seen["audio"][2].any()  # the row that has none


def test_the_two_stream_model_looks_both_ways():
    trace = model("two")(tokens()).weights
    assert trace[0].keys() == {("text", "text")}  # the stream's own layer
    assert trace[1].keys() == {(a, b) for a in DIMS for b in DIMS}
    assert trace[1]["text", "image"].shape == (3, 2, 1 + 4, 1 + 4)


def test_the_single_stream_model_is_a_transformer_over_all_tokens():
    made, one = model("single"), tokens("text", "image")
    theirs = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True),
        2,
        norm=nn.LayerNorm(8),
        enable_nested_tensor=False,
    )
    for block, layer in zip(made.blocks, theirs.layers, strict=True):
        _copy(block, layer)
    parts = [
        made.tokens.project[i](one[n].values) + made.tokens.modality[i]
        for i, n in enumerate(("text", "image"))
    ]
    x = torch.cat([made.cls.expand(3, 1, 8), *parts], 1)
    mask = torch.cat([torch.ones(3, 1).bool(), one["text"].mask, one["image"].mask], 1)
    wanted = theirs(x, src_key_padding_mask=~mask)
    close(made(one).summary, wanted[:, 0])
    close(made(one).states["image"].values, wanted[:, 5:])


def _copy(block: TransformerBlock, layer: nn.TransformerEncoderLayer) -> None:
    parts = (block.attention.query, block.attention.key, block.attention.value)
    layer.self_attn.in_proj_weight.data = torch.cat([part.weight.data for part in parts])
    layer.self_attn.in_proj_bias.data = torch.cat([part.bias.data for part in parts])
    layer.self_attn.out_proj.load_state_dict(block.attention.output.state_dict())
    layer.linear1.load_state_dict(block.feed[0].state_dict())
    layer.linear2.load_state_dict(block.feed[2].state_dict())
    layer.norm1.load_state_dict(block.attention_norm.state_dict())
    layer.norm2.load_state_dict(block.feed_norm.state_dict())


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_near(name, dtype):
    made, one = model(name, places={"image": (2, 2)}), tokens()
    wanted = made(one).summary
    small = {n: Padded(x.values.to(dtype), x.lengths) for n, x in one.items()}
    found = made.to(dtype)(small).summary
    assert found.dtype == dtype
    close(found.float(), wanted, atol=0.1)


@every
def test_wrong_tokens_are_explained(name):
    made, one = model(name, places={"text": 3, "image": (2, 2)}), tokens()
    with pytest.raises(ValueError, match="a sequence has 4 tokens, but there are 3 places"):
        made(one)
    with pytest.raises(ValueError, match="expected the 4 cells of a 2 × 2 grid, got 3"):
        made({"image": Padded(torch.randn(3, 3, 7), _long([3, 3, 3]))})
    with pytest.raises(ValueError, match=r"no such modality here: \['smell'\]"):
        made({"smell": one["audio"]})
    with pytest.raises(ValueError, match="there are no tokens: give at least one of"):
        made({})
    with pytest.raises(ValueError, match="row 2 has no token of any modality"):
        made({"audio": one["audio"]})


def test_streams_look_across():
    with pytest.raises(ValueError, match=r"expected two or more, got \['text'\]"):
        TwoStream({"text": 5}, 8, 1, 2)

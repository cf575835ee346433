"""The joint space: unit vectors, whole data sets, and a temperature that cannot get stuck."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.joint.space import COLDEST, WARMEST, JointSpace


def batch(rows: int = 7) -> dict:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 9, (rows,), generator=generator)
    ids = torch.randint(1, 40, (rows, 9), generator=generator)
    words = Padded(ids, lengths)
    frames = Padded(torch.randn(rows, 30, 40, generator=generator), 3 * lengths + 2)
    images = torch.randint(0, 256, (rows, 3, 32, 32), generator=generator, dtype=torch.uint8)
    words.values[~words.mask] = 0
    return {"text": words, "image": images, "audio": frames}


@pytest.fixture
def space() -> JointSpace:
    torch.manual_seed(0)
    return JointSpace.standard(dim=16)


def test_every_vector_has_length_one(space):
    for vectors in (space(batch()), space.embed_all(batch())):
        vectors.pop("temperature", None)
        assert list(vectors) == ["text", "image", "audio"]
        for rows in vectors.values():
            torch.testing.assert_close(rows.norm(dim=1), torch.ones(7), atol=1e-6, rtol=0)


def test_embed_is_encoder_projection_and_normalisation(space):
    data = batch()
    features = space.encoders["text"](data["text"])
    wanted = F.normalize(space.projections["text"](features), dim=1)
    assert space.embed("text", data["text"]).equal(wanted)
    assert space({"text": data["text"]})["text"].equal(wanted)


@pytest.mark.parametrize("chunk", [1, 3, 7, 256])
def test_chunks_are_invisible(space, chunk):
    wanted = space.eval()(batch())
    found = space.embed_all(batch(), chunk)
    for modality, rows in found.items():
        torch.testing.assert_close(rows, wanted[modality], atol=1e-5, rtol=0)
        assert not rows.requires_grad


@pytest.mark.parametrize("training", [True, False])
def test_embedding_a_data_set_leaves_the_model_as_it_was(space, training):
    space.train(training)
    before = {name: tensor.clone() for name, tensor in space.state_dict().items()}
    space.embed_all(batch(), chunk=2)
    assert space.training == training
    assert all(module.training == training for module in space.modules())
    # Running statistics too: they must not learn from what is only looked at.
    assert all(before[name].equal(tensor) for name, tensor in space.state_dict().items())


def test_the_mode_comes_back_after_an_error(space):
    space.train()
    with pytest.raises(KeyError):
        space.embed_all({"taste": torch.zeros(3, 2)})
    assert space.training


def test_modalities_of_different_counts_are_refused(space):
    data = batch()
    data["image"] = data["image"][:5]
    with pytest.raises(ValueError, match="'text': 7, 'image': 5"):
        space.embed_all(data)


def test_rows_and_their_vectors_go_together(space):
    data, index = Batch(batch()), torch.tensor([5, 2, 2])
    chosen = data.rows(index)
    assert chosen.size == 3
    wanted = space.embed_all(data)
    for modality, rows in space.embed_all(chosen).items():
        torch.testing.assert_close(rows, wanted[modality][index], atol=1e-5, rtol=0)


def test_an_unknown_modality_is_named_with_the_known_ones(space):
    with pytest.raises(KeyError, match=r"no encoder for modality 'taste'.*text, image, audio"):
        space.embed("taste", torch.zeros(2, 2))


def test_no_standard_encoder_for_taste():
    with pytest.raises(ValueError, match=r"no standard encoder for .*taste"):
        JointSpace.standard(["text", "taste"])


@pytest.mark.parametrize("start", [0.02, 0.07, 0.5])
def test_the_temperature_starts_where_asked_and_has_its_gradient(start):
    space = JointSpace({"x": Plain()}, 4, temperature=start)
    assert space.temperature.item() == pytest.approx(start)
    space.temperature.backward()
    assert space.log_temperature.grad.item() == pytest.approx(start)  # dτ/dln τ = τ


@pytest.mark.parametrize("start, bound", [(1e-6, COLDEST), (50.0, WARMEST)])
def test_the_temperature_stays_between_its_bounds(start, bound):
    space = JointSpace({"x": Plain()}, 4, temperature=start)
    assert space.temperature.item() == pytest.approx(bound)


@pytest.mark.parametrize("weight", [-20.0, -2.0, 5.0])
def test_reading_the_temperature_changes_nothing(weight):
    space = JointSpace({"x": Plain()}, 4)
    with torch.no_grad():
        space.log_temperature.fill_(weight)
    for training in (True, False):
        assert COLDEST * 0.999 <= space.train(training).temperature.item() <= WARMEST * 1.001
    assert space.log_temperature.item() == weight


def test_what_a_space_gives_beside_its_rows():
    data = {"x": torch.randn(3, 3), "x:foil": torch.randn(3, 3), "label": torch.arange(3)}
    space = JointSpace({"x": Plain()}, 4, bias=-10.0)
    outputs = space(data)
    assert list(outputs) == ["x", "x:foil", "temperature", "bias"]
    assert outputs["x:foil"].equal(space.embed("x", data["x:foil"]))
    assert outputs["bias"].item() == -10 and outputs["bias"].requires_grad
    assert list(JointSpace({"x": Plain()}, 4)(data)) == ["x", "x:foil", "temperature"]
    with pytest.raises(KeyError, match="no encoder for modality 'label': this space knows x"):
        space({"label": data["label"]})


@pytest.mark.parametrize("push", [1.0, -1.0], ids=["colder", "warmer"])
@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.AdamW])
def test_a_temperature_pushed_over_a_bound_comes_back(push, optimiser):
    """With a clamp in the graph it would have no gradient there, and stay for ever."""
    space = JointSpace({"x": Plain()}, 4)
    steps = optimiser([space.log_temperature], lr=0.5)

    def step(direction: float) -> float:
        steps.zero_grad()
        outputs = space.train()({"x": torch.zeros(2, 3)})
        (direction * outputs["temperature"].log()).backward()
        steps.step()
        value = space.temperature.item()
        assert COLDEST * 0.999 <= value <= WARMEST * 1.001
        return value

    for _ in range(30):
        reached = step(push)
    assert reached == pytest.approx(COLDEST if push > 0 else WARMEST)
    for _ in range(30):
        back = step(-push)
    # Not only back within the bounds but all the way to the other one, at once.
    assert abs(math.log(back / reached)) > 2


def test_its_config_tells_what_it_is_made_of():
    encoders = {"text": TextEncoder(("a", "cat"), 3, 4), "x": Plain(), "y": Plain()}
    space = JointSpace(encoders, 3)
    vocabulary = {"vocabulary": ["a", "cat"], "embedding_dim": 3, "hidden_dim": 4}
    made = {
        "dim": 3,
        "encoders": {
            "text": {"class": "TextEncoder", "config": vocabulary},
            "x": {"class": "Plain", "config": None},
            "y": {"class": "Plain", "config": None},
        },
    }
    assert space.config == made
    space.projections["y"] = nn.Identity()
    assert space.config == made | {"unprojected": ["y"]}
    assert JointSpace(encoders, 3, bias=-10.0).config == made | {"bias": 0.0}


def test_scenes_are_embedded_with_each_encoders_own_reading():
    data = scenes.from_scenes(scenes.sample_scenes("train", 4, 0), 0, ["text", "image"])
    text = TextEncoder(scenes.WORDS[::-1])
    space = JointSpace({"text": text, "image": SmallCNN()}, 8).eval()
    found = space.embed_data(data)
    assert list(found) == ["text", "image"]
    torch.testing.assert_close(found["text"], space.embed("text", text.read(data.captions)))
    assert list(space.embed_data(data, "image")) == ["image"]


class Plain(nn.Module):
    output_dim = 3

    def forward(self, x):
        return x

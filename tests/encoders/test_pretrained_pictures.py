"""Pretrained picture encoders on real folders of tiny models: the right numbers, or one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from xmodal_lab.batch import Batch
from xmodal_lab.datasets.pictures import UnreadablePicture
from xmodal_lab.encoders import pretrained, registry
from xmodal_lab.encoders.image import VGG16
from xmodal_lab.encoders.image.published import published_names
from xmodal_lab.encoders.pretrained import WeightsMissing
from xmodal_lab.encoders.pretrained import pictures as room
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.joint.space import JointSpace

pytestmark = pytest.mark.usefixtures("nowhere_else")
NAMES = ("resnet50", "vit", "clip", "vgg16")
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)  # not those of any published model
TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16}  # fmt: skip
SIGHT = TINY | {"image_size": 32, "patch_size": 8}


def small_vgg() -> VGG16:
    return VGG16((4, 4, 4, 8, 8), dense=12, classes=7, size=64)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """Folders as ``save_pretrained`` writes them, heads included, as the published files have."""
    from transformers import (
        CLIPConfig,
        CLIPModel,
        ResNetConfig,
        ResNetForImageClassification,
        ViTConfig,
        ViTForImageClassification,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.convnext.image_processing_pil_convnext import (
        ConvNextImageProcessorPil,
    )
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(0)
    folder, given = tmp_path_factory.mktemp("models"), {"image_mean": MEAN, "image_std": STD}
    words = TINY | {"vocab_size": 50, "bos_token_id": 48, "eos_token_id": 49}
    made = {
        "resnet50": (
            ResNetForImageClassification(
                ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 16, 24], depths=[1, 1, 1, 1])
            ),
            ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875, **given),
        ),
        "vit": (
            ViTForImageClassification(ViTConfig(**SIGHT)),
            ViTImageProcessorPil(size={"height": 32, "width": 32}, **given),
        ),
        "clip": (
            CLIPModel(
                CLIPConfig(
                    text_config=words,
                    vision_config=SIGHT | {"projection_dim": 12},
                    projection_dim=12,
                )
            ),
            CLIPImageProcessorPil(
                size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, **given
            ),
        ),
    }
    for name, (model, processor) in made.items():
        model.save_pretrained(folder / name)
        processor.save_pretrained(folder / name)
    (folder / "vgg16").mkdir()
    network = small_vgg()
    state = network.state_dict()
    published = {theirs: state[ours] for theirs, ours in published_names(network).items()}
    save_file(published, folder / "vgg16" / "model.safetensors")
    return folder


@pytest.fixture(autouse=True)
def a_small_vgg(monkeypatch):
    """The published one has half a gigabyte of weights."""
    monkeypatch.setattr(room, "VGG16", small_vgg)
    monkeypatch.setattr(room.PretrainedVGG, "shorter", 72)


@pytest.fixture(params=NAMES)
def encoder(request, models):
    return pretrained.load(request.param, folder=models / request.param)


@pytest.fixture
def broken(models, tmp_path):
    return Path(shutil.copytree(models, tmp_path / "broken"))


def pictures(count=3, height=50, width=70) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, height, width), np.uint8)


# --- the numbers ------------------------------------------------------------------------------


def theirs(name: str, folder: Path, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Last states and vector as transformers gives them."""
    from transformers import CLIPModel, ResNetModel, ViTModel

    if name == "resnet50":
        found = ResNetModel.from_pretrained(folder)(pixels)
        return found.last_hidden_state.flatten(2).mT, found.pooler_output.flatten(1)
    if name == "vit":
        states = ViTModel.from_pretrained(folder).eval()(pixels).last_hidden_state
        return states, states[:, 0]
    model = CLIPModel.from_pretrained(folder).eval()
    found = model.vision_model(pixels)
    return found.last_hidden_state, model.visual_projection(found.pooler_output)


@pytest.mark.parametrize("name", NAMES[:3])
def test_states_and_vectors_are_those_of_transformers(models, name):
    encoder = pretrained.load(name, models / name)
    pixels = encoder.read(pictures())
    with torch.no_grad():
        states, vectors = theirs(name, models / name, pixels)
        torch.testing.assert_close(encoder.states(pixels).values, states, atol=1e-5, rtol=0)
        torch.testing.assert_close(encoder(pixels), vectors, atol=1e-5, rtol=0)
    assert encoder.embed(pictures(), chunk=2).shape == (3, encoder.output_dim)
    torch.testing.assert_close(encoder.embed(pictures(), chunk=2), vectors, atol=1e-5, rtol=0)


def test_vgg_is_our_own_with_the_files_weights(models):
    encoder = pretrained.load("vgg16", models / "vgg16")
    network = small_vgg().eval()
    room.load_published(network, models / "vgg16" / "model.safetensors")
    images = encoder.read(pictures())
    assert images.dtype == torch.uint8 and images.shape == (3, 3, 64, 64)
    assert encoder(images).equal(network(images)) and encoder.grid == (2, 2)


def test_forward_pools_the_states_and_cells_are_the_patches(encoder):
    pixels = encoder.read(pictures())
    states = encoder.states(pixels)
    assert encoder(pixels).equal(encoder.pool(states))
    assert states.lengths.tolist() == [states.values.shape[1]] * 3
    cells, count = encoder.cells(states), encoder.patches[0] * encoder.patches[1]
    assert cells.values.shape[1] == count and cells.lengths.tolist() == [count] * 3
    assert cells.values.equal(states.values[:, -count:])
    whole = {"vit": 1, "clip": 1}.get(encoder.name, 0)
    assert states.values.shape[1] == count + whole
    assert encoder.grid == (None if whole else encoder.patches)


def test_a_patch_moves_most_where_the_picture_changes(models):
    """Cells are counted line by line: one layer passes what a patch shows mostly to itself."""
    encoder = pretrained.load("vit", models / "vit")
    plain = np.full((1, 3, 32, 32), 100, np.uint8)
    for line, column in ((0, 0), (1, 3), (3, 2)):
        spotted = plain.copy()
        spotted[:, :, 8 * line : 8 * line + 8, 8 * column : 8 * column + 8] = 250
        both = (encoder.cells(encoder.states(encoder.read(x))).values[0] for x in (plain, spotted))
        moved = torch.sub(*both).norm(dim=1).unflatten(0, encoder.patches)
        assert moved.argmax() == 4 * line + column


# --- the model's own preprocessing ------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES[:3])
def test_mean_and_spread_come_from_the_models_own_file(models, name):
    grey = np.full((1, 3, 40, 40), 51, np.uint8)  # a fifth of white
    found = pretrained.load(name, models / name).read(grey)
    wanted = [(0.2 - mean) / std for mean, std in zip(MEAN, STD, strict=True)]
    torch.testing.assert_close(
        found.mean((0, 2, 3)).float(), torch.tensor(wanted), atol=1e-3, rtol=0
    )


def test_another_file_another_preparation(broken):
    path = broken / "vit" / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    before = pretrained.load("vit", broken / "vit").read(pictures())
    path.write_text(json.dumps(settings | {"image_mean": [0.0] * 3, "image_std": [1.0] * 3}))
    after = pretrained.load("vit", broken / "vit").read(pictures())
    mean, std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
    torch.testing.assert_close(before * std + mean, after, atol=1e-5, rtol=0)


OLD = {"do_normalize": True, "do_resize": True, "image_mean": list(MEAN), "image_std": list(STD)}
# The forms in which the hub's own files were written, years before this transformers.
AS_PUBLISHED = {
    "resnet50": {"feature_extractor_type": "ConvNextFeatureExtractor", "crop_pct": 0.875,
                 "resample": 3, "size": 64},
    "vit": {"image_processor_type": "ViTFeatureExtractor", "do_rescale": True, "resample": 2,
            "rescale_factor": 1 / 255, "size": {"height": 32, "width": 32}},
    "clip": {"feature_extractor_type": "CLIPFeatureExtractor", "crop_size": 32,
             "do_center_crop": True, "resample": 3, "size": 32},
}  # fmt: skip


@pytest.mark.parametrize("name", AS_PUBLISHED)
def test_preprocessor_files_of_the_old_kind_say_the_same(broken, models, name):
    path = broken / name / "preprocessor_config.json"
    path.write_text(json.dumps(OLD | AS_PUBLISHED[name]))
    found = pretrained.load(name, broken / name).read(pictures())
    wanted = pretrained.load(name, models / name).read(pictures())
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_vggs_pictures_are_cut_from_the_middle_and_antialiased(models):
    encoder = pretrained.load("vgg16", models / "vgg16")
    levels = np.zeros((1, 3, 144, 288), np.uint8)
    levels[:, 0, :, :144], levels[:, 1, :, 144:] = 255, 255
    image = encoder.read(levels)[0]
    assert (image[0, :, :30] == 255).all() and (image[1, :, 34:] == 255).all()
    board = np.broadcast_to(255 * (np.indices((720, 720)).sum(0) % 2), (1, 3, 720, 720))
    assert (encoder.read(board.astype(np.uint8)).float() - 127.5).abs().max() < 8


def test_files_opened_pictures_and_levels_are_read_alike(encoder, tmp_path):
    levels = pictures(1)[0]
    image = Image.fromarray(levels.transpose(1, 2, 0))
    image.save(tmp_path / "a.png")
    grey = Image.fromarray(levels[0])
    grey.save(tmp_path / "g.png")
    wanted = encoder.read([levels])
    for shown in (tmp_path / "a.png", str(tmp_path / "a.png"), image, torch.from_numpy(levels)):
        assert encoder.read([shown]).equal(wanted)
    assert encoder.read([tmp_path / "g.png"]).equal(encoder.read([grey]))
    assert encoder.read([levels, grey]).shape[0] == 2


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ([], "there is no picture"),
        ("a.png", r"got one: write \[picture\]"),
        ([np.zeros((40, 40, 3), np.uint8)], r"got uint8 of shape \(40, 40, 3\)"),
        ([np.zeros((3, 40, 40), np.float32)], "got float32"),
        (np.zeros((3, 40, 40), np.uint8), r"got uint8 of shape \(40, 40\)"),
    ],
)
def test_what_cannot_be_read_is_said(models, unchecked, shown, said):
    with pytest.raises(ValueError, match=said):
        pretrained.load("vit", models / "vit").embed(shown)


def test_a_file_that_is_no_picture(models, tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(UnreadablePicture, match=r"a\.png is no PNG"):
        pretrained.load("vit", models / "vit").embed([tmp_path / "a.png"])


# --- as an encoder among others ---------------------------------------------------------------


def test_frozen_it_neither_learns_nor_changes(encoder):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert encoder.frozen and not encoder.train().training
    pixels = encoder.read(pictures())
    assert not encoder(pixels).requires_grad and encoder(pixels).equal(encoder(pixels))
    assert all(before[name].equal(value) for name, value in encoder.state_dict().items())


def test_trainable_its_weights_get_gradients(models):
    encoder = pretrained.load("resnet50", models / "resnet50", frozen=False).train()
    assert encoder.training and not encoder.frozen
    encoder(encoder.read(pictures())).square().sum().backward()
    assert all(weight.grad is not None for weight in encoder.parameters())


def test_its_config_finds_the_same_weights_again(encoder, models, monkeypatch):
    monkeypatch.setenv("XMODAL_MODELS", str(models))
    config = json.loads(json.dumps(encoder.config))
    again = registry.build(type(encoder).__name__, config)
    assert again.config == encoder.config and "XMODAL_MODELS" in again.source
    assert again.embed(pictures()).equal(encoder.embed(pictures()))


def test_a_joint_space_takes_it(models):
    encoder = pretrained.load("clip", models / "clip")
    space = JointSpace({"text": TextEncoder(9, 4, 4), "image": encoder}, dim=6)
    found = space.embed_all(Batch(image=encoder.read(pictures())))["image"]
    wanted = F.normalize(space.projections["image"](encoder.embed(pictures())), dim=1)
    torch.testing.assert_close(found, wanted)


# --- where they come from, and what can be wrong with them ------------------------------------


def refused(name, folder, said):
    with pytest.raises(WeightsMissing, match=said) as caught:
        pretrained.load(name, folder=folder)
    text = str(caught.value)
    assert "\n" not in text and str(folder) in text and "To get them: allow the network" in text


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_one_line_says_what_to_do(name):
    with pytest.raises(WeightsMissing) as caught:
        pretrained.load(name)
    published = pretrained.MODELS[name].published[name]
    for part in (published.hub, f"{published.megabytes} MB", "folder=…", f"$XMODAL_MODELS/{name}"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_no_folder_an_empty_one_and_pickles(name, tmp_path):
    refused(name, tmp_path / "nowhere", "there is no such folder")
    refused(name, tmp_path, "model.safetensors.* missing")
    torch.save({}, tmp_path / "pytorch_model.bin")
    refused(name, tmp_path, "only pickled weights")


@pytest.mark.parametrize("name", NAMES[:3])
def test_every_file_is_wanted(broken, name):
    (broken / name / "preprocessor_config.json").unlink()
    refused(name, broken / name, "cannot be used: preprocessor_config.json missing")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", [b"", b"\xff" * 1000, "half"])
def test_damaged_files(broken, name, damage):
    for path in sorted((broken / name).iterdir()):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
        refused(name, broken / name, "cannot be used: a file is damaged or of another kind")
        path.write_bytes(whole)
    pretrained.load(name, broken / name)


@pytest.mark.parametrize("name", NAMES)
def test_another_models_folder(broken, name):
    other = broken / {"resnet50": "vit", "vit": "clip", "clip": "resnet50", "vgg16": "vit"}[name]
    refused(name, other, "cannot be used")


@pytest.mark.parametrize("name", NAMES)
def test_weights_that_lack_or_are_no_numbers(broken, name):
    path = broken / name / "model.safetensors"
    state = {key: tensor.clone() for key, tensor in load_file(path).items()}
    start = {"clip": "vision_model", "vgg16": "features"}.get(name, "")
    key = next(k for k in state if start in k and k.endswith("weight") and "classifier" not in k)
    save_file({k: v for k, v in state.items() if k != key}, path, {"format": "pt"})
    refused(name, broken / name, "lacks 1 weights")
    save_file(state | {key: torch.full_like(state[key], torch.inf)}, path, {"format": "pt"})
    refused(name, broken / name, "no numbers")


def test_nothing_is_printed(models, capfd):
    for name in NAMES:
        pretrained.load(name, models / name).embed(pictures(1))
    assert capfd.readouterr() == ("", "")

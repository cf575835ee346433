"""Published weights by their names: all of them in the right places, or a line that says why."""

from functools import partial

import pytest
import torch
from safetensors.torch import load_file, save_file

from xmodal_lab.encoders.image import VGG16, ResNet, resnet50
from xmodal_lab.encoders.image.published import load_published, published_names

# torchvision's list of layers: configuration D, a ReLU behind every convolution.
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
vgg = partial(VGG16, (4, 4, 8, 8, 8), dense=16, classes=5, size=32)
resnet = partial(ResNet, (1, 2, 1, 1), (8, 8, 16, 16), stem=4, classes=5, size=32)


def saved(network, path):
    """A file with the network's weights under their published names."""
    state = network.state_dict()
    names = published_names(network)
    save_file({name: state[key].clone() for name, key in names.items()}, path)
    return path


def loaded(path):
    """Copies: the tensors of ``load_file`` may still be the file's own pages."""
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(1)
    return saved(vgg(), tmp_path / "model.safetensors")


def test_vgg_has_torchvisions_names_and_shapes():
    with torch.device("meta"):
        network = VGG16()
    names, state = published_names(network), network.state_dict()
    layers = [f"features.{n}" for n in CONVOLUTIONS] + [f"classifier.{n}" for n in (0, 3, 6)]
    assert set(names) == {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
    shapes = {name: tuple(state[key].shape) for name, key in names.items()}
    assert shapes["features.0.weight"] == (64, 3, 3, 3)
    assert shapes["features.7.weight"] == (128, 128, 3, 3)
    assert shapes["features.28.bias"] == (512,)
    assert shapes["classifier.0.weight"] == (4096, 25088)
    assert shapes["classifier.3.weight"] == (4096, 4096)
    assert shapes["classifier.6.weight"] == (1000, 4096)


def test_resnet_has_the_names_of_transformers():
    from transformers import ResNetConfig, ResNetForImageClassification

    with torch.device("meta"):
        network = resnet50()
        theirs = ResNetForImageClassification(ResNetConfig(num_labels=1000)).state_dict()
    wanted = {n.removeprefix("resnet."): w.shape for n, w in theirs.items() if "tracked" not in n}
    state = network.state_dict()
    assert {n: state[key].shape for n, key in published_names(network).items()} == wanted


@pytest.mark.parametrize("make", [vgg, resnet], ids=["vgg", "resnet"])
def test_weights_come_back_from_a_file(make, tmp_path):
    torch.manual_seed(1)
    one = make().eval()
    other = make().eval()
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    assert not torch.allclose(other.scores(images), one.scores(images))
    load_published(other, saved(one, tmp_path / "model.safetensors"))
    assert other.scores(images).equal(one.scores(images))


def test_timms_names_and_its_dense_layers_as_convolutions(file):
    state = loaded(file)
    renamed = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2",
               "classifier.6": "head.fc"}  # fmt: skip
    theirs = {}
    for name, weight in state.items():
        layer, _, kind = name.rpartition(".")
        if name == "classifier.0.weight":
            weight = weight.reshape(16, 8, 7, 7)
        if name == "classifier.3.weight":
            weight = weight[:, :, None, None]
        theirs[f"{renamed.get(layer, layer)}.{kind}"] = weight
    network, wanted = vgg(), vgg()
    load_published(wanted, file)
    save_file(theirs, file.with_name("timm.safetensors"))
    load_published(network, file.with_name("timm.safetensors"))
    for name, weight in wanted.state_dict().items():
        assert network.state_dict()[name].equal(weight), name


def test_transformers_prefix_and_its_counters_do_not_matter(tmp_path):
    torch.manual_seed(1)
    one, other = resnet(), resnet()
    state = loaded(saved(one, tmp_path / "plain.safetensors"))
    prefixed = {n if n.startswith("classifier") else f"resnet.{n}": w for n, w in state.items()}
    prefixed["resnet.embedder.embedder.normalization.num_batches_tracked"] = torch.tensor(7)
    save_file(prefixed, tmp_path / "model.safetensors")
    load_published(other, tmp_path / "model.safetensors")
    assert other.head.weight.equal(one.head.weight)


def test_an_encoder_without_scores_passes_those_in_the_file_over(tmp_path):
    torch.manual_seed(1)
    path = saved(resnet(), tmp_path / "model.safetensors")
    headless = resnet(classes=None)
    load_published(headless, path)
    images = torch.zeros(1, 3, 32, 32)
    whole = resnet()
    load_published(whole, path)
    assert headless.eval()(images).equal(whole.eval()(images))


def refused(network, path, said):
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    with pytest.raises(ValueError, match=said) as caught:
        load_published(network, path)
    assert str(path) in str(caught.value)
    assert all(before[name].equal(weight) for name, weight in network.state_dict().items())


def test_what_lacks_or_is_too_much_or_of_another_shape_is_named(file):
    state = loaded(file)
    save_file({n: w for n, w in state.items() if n != "features.2.bias"}, file)
    refused(vgg(), file, "this VGG16: it lacks 1 weights, as features.2.bias")
    save_file(state | {"features.1.weight": torch.zeros(1)}, file)
    refused(vgg(), file, "holds 1 unknown ones, as features.1.weight")
    save_file(state | {"features.0.weight": torch.zeros(4, 1, 3, 3)}, file)
    refused(vgg(), file, r"features.0.weight has the shape \(4, 1, 3, 3\), wanted \(4, 3, 3, 3\)")
    refused(resnet(), file, "this ResNet: it lacks")


def test_numbers_that_are_none(file):
    state = loaded(file)
    state["classifier.6.bias"][2] = torch.nan
    save_file(state, file)
    refused(vgg(), file, "no numbers in classifier.6.bias")


@pytest.mark.parametrize("content", [b"", b"\xff" * 500, "half", "pickle"])
def test_damaged_files_and_pickles(file, content):
    whole = file.read_bytes()
    if content == "pickle":
        torch.save(loaded(file), file)
    else:
        file.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    refused(vgg(), file, "damaged or no safetensors file")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="published weights are a safetensors file"):
        load_published(vgg(), tmp_path / "vgg16.safetensors")

"""ResNet: the published layouts, and the same numbers as transformers' own."""

import pytest
import torch
from safetensors.torch import save_file

from xmodal_lab.encoders.image import ResNet, resnet18, resnet50
from xmodal_lab.encoders.image.picture import standardised
from xmodal_lab.encoders.image.published import load_published

LAYOUTS = {
    18: (resnet18, {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512],
                    "depths": [2, 2, 2, 2]}),
    50: (resnet50, {}),
}  # fmt: skip


def theirs(layout: dict, images: torch.Tensor):
    """transformers' ResNet with random weights, and BatchNorm statistics of some pictures."""
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    model = ResNetForImageClassification(ResNetConfig(num_labels=1000, **layout)).train()
    for name, weight in model.named_parameters():
        if "normalization" in name:
            torch.nn.init.uniform_(weight, 0.3, 0.7)
    with torch.no_grad():
        for _ in range(8):
            model(standardised(images.float()))
    return model.eval()


@pytest.mark.parametrize(("depth", "count"), [(18, 11_689_512), (50, 25_557_032)])
def test_parameters(depth, count):
    with torch.device("meta"):
        network = LAYOUTS[depth][0]()
    assert sum(weight.numel() for weight in network.parameters()) == count


@pytest.mark.slow
@pytest.mark.parametrize("depth", LAYOUTS)
def test_equal_to_transformers_with_its_weights(depth, tmp_path):
    make, layout = LAYOUTS[depth]
    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    model = theirs(layout, images)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    network = make(size=64).eval()
    load_published(network, tmp_path / "model.safetensors")
    with torch.no_grad():
        wanted = model(standardised(images.float()), output_hidden_states=True)
        pooled = model.resnet(standardised(images.float())).pooler_output.flatten(1)
        maps = network.maps(images)
        torch.testing.assert_close(network.scores(images), wanted.logits, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(network(images), pooled, atol=1e-5, rtol=1e-5)
    stages = [name for name in maps if name.startswith("stage")]
    ends = [max(name for name in stages if name.startswith(f"stage{s}")) for s in (1, 2, 3, 4)]
    for name, hidden in zip(["pool", *ends], wanted.hidden_states, strict=True):
        torch.testing.assert_close(maps[name], hidden, atol=1e-4, rtol=1e-5)


def test_without_classes_there_are_no_scores():
    network = ResNet((1, 1, 1, 1), (8, 8, 8, 8), stem=4, classes=None, size=32)
    with pytest.raises(ValueError, match="no class scores: make it with classes=1000"):
        network.scores(torch.zeros(1, 3, 32, 32))


def test_what_cannot_be_built():
    with pytest.raises(ValueError, match="unknown block 'wide': choose 'basic' or 'bottleneck'"):
        ResNet(block="wide")
    with pytest.raises(ValueError, match="multiple of 32, got 100"):
        ResNet(size=100)

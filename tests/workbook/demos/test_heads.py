"""The head viewer shows the weights that the network used, under the right names."""

import pytest
import torch

from xmodal_lab.datasets import crowds
from xmodal_lab.tasks.streams import StreamAnswerer
from xmodal_lab.workbook.demos.heads import HeadViewer
from xmodal_lab.workbook.kit.figures import alt_of


@pytest.fixture(scope="module")
def data():
    return crowds.load("val", 6, 0)


@pytest.fixture(scope="module")
def asked(data):
    return crowds.questions(data.crowds, seed=0)


@pytest.fixture(scope="module")
def cells():
    return torch.randn(6, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def viewer(data, asked, cells):
    torch.manual_seed(0)
    models = {name: StreamAnswerer(name).eval() for name in ("single_stream", "two_stream")}
    return HeadViewer(models, asked, cells, torch.from_numpy(data.images))


@pytest.mark.parametrize("name", ["single_stream", "two_stream"])
@pytest.mark.parametrize(("question", "layer", "head", "word"), [(0, 1, 1, 1), (4, 2, 3, 4)])
def test_bars_and_light_are_the_weights_of_that_word(
    viewer, asked, cells, name, question, layer, head, word
):
    fig = viewer.look(name, question, layer, head, word)
    _, lit, bars = fig.axes
    model = viewer.models[name]
    weights = model.fused(asked.batch(cells, torch.tensor([question]))).weights[layer - 1]
    behind = name == "two_stream"  # each stream begins with a token of its own
    image = weights["text", "image"][0, head - 1, word - 1 + behind, behind:]
    text = weights["text", "text"][0, head - 1, word - 1 + behind, behind:]
    shown = [bar.get_width() for bar in bars.patches]
    assert shown[-len(text) :] == pytest.approx(text.tolist())
    frame = lit.patches[0].get_xy()
    brightest = divmod(int(image.argmax()), 4)
    assert frame == (brightest[1] * 16 - 0.5, brightest[0] * 16 - 0.5)
    labels = [label.get_text() for label in bars.get_yticklabels()]
    words = asked.texts[question].rstrip("?").split()
    assert labels[-len(words) :] == [f"{place} {one}" for place, one in enumerate(words, 1)]


def test_all_that_a_single_stream_looks_at_is_shown(viewer):
    fig = viewer.look("single_stream", 2)
    bars = sum(bar.get_width() for bar in fig.axes[2].patches)
    assert 0 < bars < 1  # the rest lies on the cells


def test_past_the_last_word_the_last_one_asks(viewer, asked):
    last = len(asked.texts[0].rstrip("?").split())
    assert alt_of(viewer.look(word=99)) == alt_of(viewer.look(word=last))


@pytest.mark.parametrize(
    ("wrong", "said"), [({"layer": 9}, "no layer 9: this network has 4"), ({"head": 5}, "no head")]
)
def test_a_layer_or_head_that_is_not_there_is_told(viewer, wrong, said):
    with pytest.raises(ValueError, match=said):
        viewer.look("single_stream", **wrong)

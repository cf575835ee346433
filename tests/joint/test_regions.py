"""Words and regions: shapes, padding without influence, learning, and where words point."""

import pytest
import torch

from xmodal_lab.alignment.word_regions import best_match_score
from xmodal_lab.batch import Padded
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.evaluation.pointing import pointing
from xmodal_lab.joint import regions as room
from xmodal_lab.training.loop import fit


@pytest.fixture(scope="module")
def data():
    return scenes.load("train", 64, 0, ["text", "image"], things=2)


def test_sixteen_regions_and_a_vector_a_word(data):
    batch, net = inputs_of(data), room.WordsAndRegions(dim=12)
    words, mask = net.read(batch["text"])
    assert words.shape == (*batch["text"].values.shape, 12) and mask.shape == words.shape[:2]
    assert net.see(batch["image"]).shape == (64, 16, 12)
    net.eval()
    table = room.word_cosines(net, batch, 3)
    assert table.shape == (int(batch["text"].lengths[3]), 16) and table.abs().max() <= 1 + 1e-6


def test_a_region_sees_its_own_corner_of_the_picture_only():
    net = room.WordsAndRegions().eval()
    dark = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    lit = dark.clone()
    lit[..., :4, :4] = 255
    changed = (net.see(lit) - net.see(dark)).abs().sum(-1)[0].view(4, 4) > 1e-6
    assert changed[0, 0] and not changed[2:].any() and not changed[:, 2:].any()


def test_padding_has_no_influence_on_the_pooled_score():
    generator = torch.Generator().manual_seed(0)
    words, regions = torch.randn(5, 8, generator=generator), torch.randn(16, 8, generator=generator)
    score = room.pooled_score(words, regions, torch.ones(5, dtype=torch.bool))
    padded = torch.cat([words, 100 * torch.randn(3, 8, generator=generator)])
    mask = torch.arange(8) < 5
    torch.testing.assert_close(room.pooled_score(padded, regions, mask), score)
    unit = torch.nn.functional.normalize
    by_hand = unit(unit(words, dim=1).mean(0), dim=0) @ unit(unit(regions, dim=1).mean(0), dim=0)
    torch.testing.assert_close(score, by_hand)


@pytest.mark.parametrize("score", [room.pooled_score, best_match_score])
def test_it_learns(data, score):
    torch.manual_seed(0)
    net = room.WordsAndRegions()
    steps = fit(net, room.contrast(score), inputs_of(data), 12, 16, learning_rate=4e-3, warmup=3)
    losses = [step.loss for step in steps]
    assert sum(losses[-3:]) < sum(losses[:3])
    table = room.score_table(net, score, inputs_of(data))
    words, mask = net.read(inputs_of(data)["text"])
    one = score(words[7], net.see(inputs_of(data)["image"])[9], word_mask=mask[7])
    torch.testing.assert_close(table[7, 9], one)


def test_pointing_is_right_for_an_oracle_and_wrong_for_its_opposite(data):
    captions = inputs_of(data)["text"]

    def plans(turned: bool):
        for words, scene in zip(data.captions, data.scenes, strict=True):
            plan = torch.zeros(len(scenes.language.split_words(words)), 16)
            colours = scenes.language.COLOUR_WORDS
            for place, word in enumerate(scenes.language.split_words(words)):
                for number, thing in enumerate(scene.things):
                    if word in colours[thing.colour]:
                        low = (number == 0) == (scene.relation in ("left of", "above"))
                        line = 0 if low != turned else 3
                        sideways = scene.relation in ("left of", "right of")
                        plan[place, line if sideways else 4 * line] = 1
            yield plan

    assert pointing(list(plans(False)), captions, data.scenes) == 1
    assert pointing(list(plans(True)), captions, data.scenes) == 0


def test_a_colour_word_is_looked_up_by_its_number():
    scene = scenes.Scene(
        (scenes.Thing("circle", "red", "small"), scenes.Thing("star", "blue", "small")), "left of"
    )
    ids = scenes.language.encode("a small crimson disc left of a small blue star")
    plan = torch.zeros(len(ids), 16)
    plan[2, 4] = plan[-2, 6] = 1  # crimson in the left half, blue in the right one
    captions = Padded(torch.tensor([ids]), torch.tensor([len(ids)]))
    assert pointing([plan], captions, [scene]) == 1

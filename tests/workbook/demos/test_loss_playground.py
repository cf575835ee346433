"""The loss playground: its arrows are the slopes of its losses, and its pictures say so."""

import math
from dataclasses import replace

import numpy as np
import pytest

from xmodal_lab.workbook.demos import loss_playground
from xmodal_lab.workbook.demos.loss_playground import CONTROLS
from xmodal_lab.workbook.demos.loss_pulls import LOSSES, State, compute, follow
from xmodal_lab.workbook.kit import figures
from xmodal_lab.workbook.kit.exploring import view

START = {
    "loss": "InfoNCE",
    "temperature": 0.2,
    "margin": 0.5,
    "point": "picture: heart",
    "turn": 0,
    "steps": 0,
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("setting", [(0.2, 0.5), (0.05, 1.5)])
def test_every_arrow_is_the_slope_of_the_loss(loss, setting):
    state = State(loss=loss, temperature=setting[0], margin=setting[1])
    pulls, step = compute(state), 1e-4
    for kind, arrows in (("caption", pulls.captions), ("picture", pulls.pictures)):
        for name, arrow in zip(state.names, arrows, strict=True):
            ahead, behind = (state.turned(f"{kind}: {name}", sign * step) for sign in (1, -1))
            slope = (compute(ahead).loss - compute(behind).loss) / np.deg2rad(2 * step)
            assert arrow == pytest.approx(-len(state.names) * slope, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_common_turn_of_all_points_changes_nothing(loss):
    state = State(loss=loss)
    turned = replace(
        state,
        captions=tuple(angle + 77 for angle in state.captions),
        pictures=tuple(angle + 77 for angle in state.pictures),
    )
    here, there = compute(state), compute(turned)
    assert there.loss == pytest.approx(here.loss)
    np.testing.assert_allclose(there.captions, here.captions, atol=1e-9)
    np.testing.assert_allclose(there.pictures, here.pictures, atol=1e-9)
    # The pulls of all points together turn nothing: the loss sees only angles between points.
    assert here.captions.sum() + here.pictures.sum() == pytest.approx(0, abs=1e-9)


def test_the_cosines_are_those_of_the_angles():
    state = State((0.0, 90.0), (60.0, 180.0), names=("one", "two"))
    np.testing.assert_allclose(
        compute(state).cosines, [[0.5, -1.0], [math.sqrt(3) / 2, 0.0]], atol=1e-12
    )


@pytest.mark.parametrize("loss", ["InfoNCE", "sigmoid", "triplets, hardest"])
def test_points_that_follow_a_contrastive_loss_find_their_partners(loss):
    path = follow(State(loss=loss, margin=1.0), 60)
    losses = [compute(state).loss for state in path]
    assert losses[-1] < losses[0]
    assert (compute(path[-1]).cosines.argmax(axis=1) == np.arange(4)).all()


def test_the_circulating_formula_drives_partners_to_opposite_ends():
    formula = list(LOSSES)[-1]
    path = follow(State(loss=formula), 80)
    last = compute(path[-1])
    assert last.loss < compute(path[0]).loss
    assert last.loss == pytest.approx(math.log(2) - 2, abs=0.01)  # its minimum
    assert (last.cosines.diagonal() < -0.99).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_points_in_one_place_are_pulled_by_finite_amounts(loss):
    pulls = compute(State((10.0,) * 4, (10.0,) * 4, loss=loss))
    assert np.isfinite([pulls.loss, *pulls.captions, *pulls.pictures]).all()


def test_nothing_follows_from_a_state_without_steps():
    state = State()
    assert follow(state, 0) == [state]


def test_wrong_states_are_refused():
    with pytest.raises(ValueError, match="unknown loss 'InfoNCF'"):
        State(loss="InfoNCF")
    with pytest.raises(ValueError, match="got 2, 1 and 2"):
        State((0.0, 1.0), (0.0,), names=("one", "two"))
    with pytest.raises(ValueError, match="no point 'sound: star'"):
        State().turned("sound: star", 5)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_figure_has_both_panels_and_its_description(loss):
    values = {**START, "loss": loss, "steps": 3}
    fig = loss_playground.play(**values)
    told = figures.digest(fig)
    assert "captions ▲, pictures ●" in told and "x: picture | y: caption" in told
    assert loss in figures.alt_of(fig) and "after 3 steps" in figures.alt_of(fig)


def test_the_description_says_where_the_pull_is_and_what_is_found():
    words = loss_playground.play(**{**START, "loss": "patient: pairs only", "steps": 60}).alt
    assert "nothing is pulled; 4 captions" in words
    # Without rivals the pull is the sine of the angle to the partner: strongest at a right angle.
    words = loss_playground.play(**{**START, "loss": "patient: pairs only", "turn": 112}).alt
    assert "heart is pulled most" in words


def test_the_controls_work():
    box = view(loss_playground.play, None, CONTROLS)
    controls, message, picture, _, _ = box.children
    before = bytes(picture.value)
    by_name = {widget.description: widget for widget in controls.children}
    by_name["turn"].value = 40
    assert bytes(picture.value) != before
    by_name["loss"].value = "triplets, hardest"
    by_name["margin"].value = 1.0
    assert message.value == ""

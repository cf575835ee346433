"""Stories about things: bought, eaten, driven, played and drawn."""

from __future__ import annotations

from collections.abc import Mapping

from xmodal_lab.datasets.corpus.grammar import Dice, Filling, Theme, hero
from xmodal_lab.datasets.corpus.world import (
    CLOTHES,
    FLOWERS,
    FRUIT,
    FURNITURE,
    INSTRUMENTS,
    SHAPES,
    SIZES,
    TYPICAL_COLOUR,
    VEHICLES,
    one_for_each_synonym,
)

_COLOURS = tuple(sorted(set(TYPICAL_COLOUR.values())))
TYPICAL = 0.75  # how often a thing has its typical colour, and its usual size


def _thing(deck: str, table: Mapping[str, tuple], gaps: tuple[str, ...]):
    """Fill gaps from a row of a table: the thing, its looks, and its further properties."""
    names = tuple(table)
    cards = one_for_each_synonym(names)

    def fill(generator: Dice) -> Filling:
        name = generator.deal(deck, cards)
        other = generator.other(names, name)
        colour, grade, *properties = table[name]
        if not generator.chance(TYPICAL):
            colour = generator.choose(_COLOURS)
        if not generator.chance(TYPICAL):
            grade = 1 + int(generator.choose(range(len(SIZES))))
        return {
            **hero(generator),
            **dict(zip(gaps, properties, strict=True)),
            "thing": name,
            "other": other,
            "colour": colour,
            "size": SIZES[grade - 1],
        }

    return fill


_fruit = Theme(
    "fruit",
    (
        "{hero} picked a {colour} {thing} near the {place}",
        "in {season} {hero} wanted to eat a {thing}",
        "near the {place} {hero} found a {size} {thing}",
    ),
    (
        "it was {colour} and {he} ate it",
        "{he} washed the {size} {colour} {thing}",
        "{his} friend {friend} made {dish} from the {thing}",
        "in {season} a {thing} is good in {dish}",
        "the {thing} from the {place} was {size} and good to eat",
        "{friend} likes to eat a {other} more than a {thing}",
        "{he} washed {his} hands and made {dish} for everyone",
    ),
    (
        "{he} put the last {thing} into a bag",
        "the {dish} was good and {he} was happy",
        "then {hero} gave {friend} the {colour} {thing}",
    ),
    _thing("fruit", FRUIT, ("dish", "place", "season")),
)
_flower = Theme(
    "flower",
    (
        "in {season} {hero} saw a {colour} {thing} near the {place}",
        "near the {place} {hero} planted a {thing}",
        "every {season} {hero} watered a {size} {thing}",
    ),
    (
        "it was {colour} and smelled good",
        "{he} picked the {colour} {thing} for the {use}",
        "a {thing} grows best in {season} sun",
        "{he} watered the {thing} near the {place} every morning",
        "{friend} likes a {thing} more than a {other}",
        "for the {use} {he} took a {size} {colour} {thing}",
        "when the {season} came {he} planted more near the {place}",
    ),
    (
        "when {season} was over the {thing} lost its leaves",
        "{hero} gave {friend} a {colour} {thing} as a gift",
        "{friend} smelled the {thing} and was happy",
    ),
    _thing("flower", FLOWERS, ("place", "use", "season")),
)
_clothes = Theme(
    "clothes",
    (
        "{hero} went to the shop and bought a {thing} of {material}",
        "for the {use} {hero} needed a {colour} {thing}",
        "{hero} found a {size} {thing} in the shop",
    ),
    (
        "it was {colour} and made of {material}",
        "{he} wore the {colour} {thing} for the {use}",
        "{friend} wore a {other} but no {thing}",
        "{he} washed the {size} {colour} {thing}",
        "{his} other {thing} was torn and did not fit",
        "a {colour} {thing} is good to wear for the {use}",
        "{he} needed more to wear for the {use} and asked {friend}",
    ),
    (
        "{he} paid for the {thing} and went home",
        "{friend} bought the same {colour} {thing}",
        "at last {hero} wore {his} new {thing} and was happy",
    ),
    _thing("clothes", CLOTHES, ("material", "use")),
)
_furniture = Theme(
    "furniture",
    (
        "{hero} moved a {colour} {thing} into the {place}",
        "{hero} had a {thing} of {material} in the {place}",
        "{hero} bought a {size} {thing} for the new house",
    ),
    (
        "it was {colour} and made of {material}",
        "{he} cleaned the {colour} {thing} in the {place}",
        "a {thing} of {material} stood near the wall",
        "one leg of the {size} {thing} was broken and {he} repaired it",
        "the {thing} stood between the wall and the {other}",
        "the {size} {colour} {thing} took much room",
        "{friend} helped {him} and they cleaned the {place} all day",
    ),
    (
        "at last the {thing} stood in the {place}",
        "everyone liked the room with the {colour} {thing}",
        "then {hero} was tired and sat down near the {thing}",
    ),
    _thing("furniture", FURNITURE, ("place", "material")),
)
_vehicle = Theme(
    "vehicle",
    (
        "{hero} waited for the {thing} near the {road}",
        "early in the morning {hero} took the {colour} {thing}",
        "{hero} saw a {size} {thing} with {load} near the {road}",
    ),
    (
        "the {colour} {thing} moved along the {road}",
        "it was {colour} and full of {load}",
        "the {size} {thing} stopped and {he} repaired the wheel",
        "{he} steered the {size} {thing} all day",
        "{friend} travelled by {other} and not by {thing}",
        "the journey by {thing} took all day",
        "the journey along the {road} was long and {he} was tired",
    ),
    (
        "the {thing} stopped and {he} was tired",
        "in the evening the {colour} {thing} came with the {load}",
        "{hero} left the {thing} and wandered home",
    ),
    _thing("vehicle", VEHICLES, ("road", "load")),
)
_instrument = Theme(
    "instrument",
    (
        "{hero} learned to play the {thing}",
        "at the {place} {hero} played the {colour} {thing}",
        "{hero} listened to a {tune} song on the {thing}",
    ),
    (
        "{he} played a {tune} song on the {colour} {thing}",
        "it sounded {tune} and everyone listened",
        "a {size} {thing} was needed for the {place}",
        "{friend} played the {other} and {hero} the {thing}",
        "{his} {colour} {thing} was {size} and new",
        "{he} practised the {thing} every day",
        "the music sounded {tune} and {friend} came to the {place}",
    ),
    (
        "everyone at the {place} listened to the {thing}",
        "after the song {he} put the {thing} away and was happy",
        "the {tune} music of the {thing} was over",
    ),
    _thing("instrument", INSTRUMENTS, ("place", "tune")),
)
_SIDES = (
    "left of",
    "right of",
    "to the left of",
    "to the right of",
    "above",
    "below",
    "over",
    "under",
)
_shape_row = _thing("shape", SHAPES, ("paper",))
_drawing = Theme(
    "drawing",
    (
        "{hero} drew a {size} {colour} {thing}",
        "at school {hero} drew a {thing} on a {paper}",
        "{hero} saw a {colour} {thing} on a {paper}",
    ),
    (
        "it was {size} and {colour}",
        "{he} drew a {colour} {thing} {side} a {other}",
        "a {size} {thing} stood {side} the {other}",
        "{he} painted the {thing} on the {paper} {colour}",
        "{friend} drew a {other} {side} the {colour} {thing}",
        "{friend} asked what the {size} {thing} was",
        "{friend} looked at it and drew more {side} it",
    ),
    (
        "{friend} liked the {colour} {thing} best",
        "{he} painted the last {thing} and was happy",
        "the {paper} with the {thing} hung on the wall",
    ),
    lambda generator: {**_shape_row(generator), "side": _SIDES},
)


def _paint(generator: Dice) -> Filling:
    colour = generator.deal("colour", _COLOURS)
    other = generator.other(_COLOURS, colour)
    things = tuple(word for word, looks in TYPICAL_COLOUR.items() if looks == colour)
    return {**hero(generator), "colour": colour, "other": other, "thing": things}


_painting = Theme(
    "paint",
    (
        "{hero} opened a tin of {colour} paint",
        "{hero} likes the colour {colour} best",
        "{hero} wanted to paint the house {colour}",
    ),
    (
        "{he} painted the wall {colour} and not {other}",
        "{friend} said that {colour} paint is not {other} paint",
        "{he} painted a {colour} {thing} on the wall",
        "{friend} likes the colour {other} more than {colour}",
        "{friend} wanted some {other} and not {colour} paint",
        "a {thing} is {colour} said {friend}",
        "everything {he} painted was {colour} and nothing was {other}",
    ),
    (
        "at last the wall was {colour}",
        "there was {colour} paint on {his} hands",
        "then {he} was tired and put the {colour} paint away",
    ),
    _paint,
)
THEMES = (_fruit, _flower, _clothes, _furniture, _vehicle, _instrument, _drawing, _painting)

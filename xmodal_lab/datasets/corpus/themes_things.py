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
)

_COLOURS = tuple(sorted(set(TYPICAL_COLOUR.values())))
TYPICAL = 0.85  # how often a thing has its typical colour, and its usual size


def _thing(table: Mapping[str, tuple], gaps: tuple[str, ...]):
    """Fill gaps from a row of a table: the thing, its looks, and its further properties."""
    names = tuple(table)

    def fill(dice: Dice) -> Filling:
        name, other = dice.sample(names, 2)
        colour, grade, *properties = table[name]
        if not dice.chance(TYPICAL):
            colour = dice.choose(_COLOURS)
        if not dice.chance(TYPICAL):
            grade = 1 + int(dice.choose(range(len(SIZES))))
        return {
            **hero(dice),
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
        "{hero} picked a {colour} {thing} in the {place}",
        "one morning {hero} wanted to eat a {taste} {thing}",
        "in the {place} {hero} saw a {size} {thing}",
    ),
    (
        "the {thing} was {colour} and very {taste}",
        "{he} washed the {size} {colour} {thing} and ate it",
        "{his} friend {friend} made {dish} from the {thing}",
        "a {taste} {thing} is good in {dish}",
        "{he} ate the {thing} with bread and cheese",
        "the {thing} from the {place} was {colour} and {size}",
        "{friend} would rather eat a {other} than a {thing}",
    ),
    (
        "{he} put the last {thing} into a basket",
        "the {dish} tasted good and {he} was happy",
        "then {hero} gave {friend} the {colour} {thing}",
    ),
    _thing(FRUIT, ("dish", "place", "taste")),
)
_flower = Theme(
    "flower",
    (
        "in {season} a {colour} {thing} grew in the {place}",
        "{hero} planted a {thing} near the {place}",
        "every {season} {hero} watered a {size} {thing}",
    ),
    (
        "the {thing} was {colour} and smelled lovely",
        "{he} cut the {colour} {thing} for the {use}",
        "a bee flew to the {size} {thing}",
        "a {thing} opens in {season} when the sun is warm",
        "{he} watered the {thing} in the {place} each morning",
        "{friend} likes a {thing} more than a {other}",
        "for the {use} {he} took a {size} {colour} {thing}",
    ),
    (
        "when {season} was over the {thing} lost its leaves",
        "{hero} gave {friend} a {colour} {thing} as a gift",
        "{friend} smelled the {thing} and was happy",
    ),
    _thing(FLOWERS, ("place", "use", "season")),
)
_clothes = Theme(
    "clothes",
    (
        "{hero} went to the shop and bought a {thing} of {material}",
        "for the {use} {hero} needed a {colour} {thing}",
        "{hero} found a {size} {thing} in the shop",
    ),
    (
        "the {thing} was {colour} and made of {material}",
        "{he} wore the {colour} {thing} for the {use}",
        "{friend} wore a {other} but no {thing}",
        "the {material} of the {thing} felt good",
        "{he} washed the {size} {thing} and let it dry",
        "{his} other {thing} was torn and did not fit",
        "a {colour} {thing} is good to wear for the {use}",
    ),
    (
        "{he} paid for the {thing} and went home",
        "{friend} bought the same {colour} {thing}",
        "at last {hero} wore {his} new {thing} and was happy",
    ),
    _thing(CLOTHES, ("material", "use")),
)
_furniture = Theme(
    "furniture",
    (
        "{hero} moved a {colour} {thing} into the {place}",
        "there was a {thing} of {material} in the {place}",
        "{hero} bought a {size} {thing} for the new house",
    ),
    (
        "the {thing} was {colour} and made of {material}",
        "{he} cleaned the {colour} {thing} in the {place}",
        "a {thing} of {material} stood near the wall",
        "one leg of the {size} {thing} was broken and {he} repaired it",
        "the {thing} stood between the window and the {other}",
        "in the {place} the {size} {thing} took up much room",
        "{friend} helped {him} to carry the {thing} up the stairs",
    ),
    (
        "at last the {thing} stood in the {place}",
        "the room with the {colour} {thing} looked lovely",
        "then {hero} was tired and sat down near the {thing}",
    ),
    _thing(FURNITURE, ("place", "material")),
)
_vehicle = Theme(
    "vehicle",
    (
        "{hero} waited for the {thing} near the {road}",
        "early in the morning {hero} took the {colour} {thing}",
        "a {size} {thing} with {load} came along the {road}",
    ),
    (
        "the {colour} {thing} moved along the {road}",
        "the {thing} was full of {load}",
        "the {size} {thing} stopped and {he} repaired the wheel",
        "{he} steered the {thing} along the {road}",
        "the {colour} {thing} carried the {load} to the city",
        "{friend} travelled by {other} and not by {thing}",
        "the journey by {thing} took a whole day",
    ),
    (
        "the {thing} arrived late and {he} was tired",
        "in the evening the {colour} {thing} arrived with the {load}",
        "{hero} left the {thing} and walked home",
    ),
    _thing(VEHICLES, ("road", "load")),
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
        "the {thing} sounded {tune} and everyone listened",
        "a {size} {thing} was needed for the {place}",
        "{friend} plays the {other} and {hero} the {thing}",
        "at the {place} people like to listen to a {thing}",
        "{his} {colour} {thing} was {size} and new",
        "{he} practised the {thing} for an hour each day",
    ),
    (
        "everyone at the {place} clapped for the {thing}",
        "after the song {he} put the {thing} away and was happy",
        "the {tune} music of the {thing} was lovely",
    ),
    _thing(INSTRUMENTS, ("place", "tune")),
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
_shape_row = _thing(SHAPES, ("paper",))
_drawing = Theme(
    "drawing",
    (
        "{hero} drew a {size} {colour} {thing}",
        "at school {hero} drew a {thing} on a {paper}",
        "on the {paper} there was a {colour} {thing}",
    ),
    (
        "the {thing} was {size} and {colour}",
        "{he} drew a {colour} {thing} {side} a {other}",
        "a {size} {thing} stood {side} the {other}",
        "{he} painted the {thing} on the {paper} {colour}",
        "{friend} drew a {other} {side} the {colour} {thing}",
        "on a {paper} one often sees a {thing}",
        "the lines of the {thing} were not straight",
    ),
    (
        "{friend} liked the {colour} {thing} best",
        "{he} cut out the {thing} and was happy",
        "the {paper} with the {thing} hung on the wall",
    ),
    lambda dice: {**_shape_row(dice), "side": _SIDES},
)
THEMES = (_fruit, _flower, _clothes, _furniture, _vehicle, _instrument, _drawing)

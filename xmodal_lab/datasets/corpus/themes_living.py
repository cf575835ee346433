"""Stories about animals, countries, people and their work, and about what is how."""

from __future__ import annotations

from collections.abc import Mapping

from xmodal_lab.datasets.corpus.grammar import Dice, Filling, Theme, hero
from xmodal_lab.datasets.corpus.world import (
    ADJECTIVES,
    ANIMALS,
    COUNTRIES,
    PEOPLE,
    SIZE_GRADE,
    SIZES,
    TRADES,
)


def _row(table: Mapping[str, tuple], second: bool, gaps: tuple[str, ...]):
    """Fill gaps from a row; ``second`` tells of the partner (young, capital, tool) instead."""
    names = tuple(table)

    def fill(dice: Dice) -> Filling:
        name, other = dice.sample(names, 2)
        partner, *properties = table[name]
        return {
            **hero(dice),
            **dict(zip(gaps, properties, strict=True)),
            "it": partner if second else name,
            "partner": name if second else partner,
            "other": table[other][0] if second else other,
        }

    return fill


def _animal(second: bool):
    row = _row(ANIMALS, second, ("grade", "home", "food", "character"))

    def fill(dice: Dice) -> Filling:
        gaps = dict(row(dice))
        return {**gaps, "size": SIZES[SIZE_GRADE[gaps["it"]] - 1]}

    return fill


_animals = Theme(
    "animal",
    (
        "the farmer had a {size} {it} near the {home}",
        "{hero} saw a {character} {it} near the {home}",
        "for many years a {it} lived near the {home}",
    ),
    (
        "the {it} ate {food} and slept near the {home}",
        "the {it} was {size} and {character}",
        "{hero} gave the {it} some {food} to eat",
        "the {character} {it} guarded its young",
        "the grown {it} led the others to the {home}",
        "the {it} was bigger than the {other}",
        "a {it} likes {food} more than anything",
        "for years the {it} had been strong and {character}",
    ),
    (
        "the {it} watched over its {partner}",
        "in the evening the {it} went back to the {home}",
        "then the {it} was tired and lay down",
    ),
    _animal(False),
)
_young = Theme(
    "young animal",
    (
        "a {it} was born near the {home}",
        "{hero} saw a {character} {it} with its mother near the {home}",
        "the newborn {it} opened its eyes",
    ),
    (
        "the {it} tried {food} for the first time",
        "the {it} was {size} and {character}",
        "{hero} fed the {it} with {food} and milk",
        "the {character} {it} slept close to its mother",
        "the {it} played with the other young ones at the {home}",
        "the {it} was smaller than the {other}",
        "the hungry {it} called for {food} and milk",
        "on weak legs the {it} followed its mother to the {home}",
    ),
    (
        "one day the {it} will be a {partner}",
        "the {it} drank milk and fell asleep",
        "the mother washed the {it} near the {home}",
    ),
    _animal(True),
)
_country = Theme(
    "country",
    (
        "last year {hero} travelled through {it}",
        "{hero} read a book about {it}",
        "{it} is a {weather} country",
    ),
    (
        "people all over {it} eat {food}",
        "{hero} saw a {sight} on the flag of {it}",
        "the coast of {it} is {weather} for most of the year",
        "farmers in {it} sell {food} to other countries",
        "the borders of {it} are long and {it} has many mountains",
        "{friend} crossed the border from {other} to {it}",
        "on the coins of {it} there is a {sight}",
    ),
    (
        "the capital of {it} is {partner}",
        "{hero} wants to see the mountains of {it} again",
        "the land of {it} is {weather} and {he} liked it",
    ),
    _row(COUNTRIES, False, ("weather", "food", "sight")),
)
_capital = Theme(
    "capital",
    (
        "{hero} took a room in a hotel in {it}",
        "one {weather} morning {hero} arrived in {it}",
        "{hero} walked through the streets of {it}",
    ),
    (
        "in the middle of {it} {he} saw the {sight}",
        "{he} ate {food} in a small street of {it}",
        "the streets of {it} were {weather} and crowded",
        "a guide showed {him} the {sight} of {it}",
        "{he} visited the museum of {it} with {friend}",
        "the hotel in {it} served {food} for breakfast",
        "the mayor of {it} had once lived in {other}",
    ),
    (
        "{it} is the capital of {partner}",
        "{he} liked the museum and the {sight} of {it}",
        "after three {weather} days {he} left the hotel in {it}",
    ),
    _row(COUNTRIES, True, ("weather", "food", "sight")),
)
_trade = Theme(
    "trade",
    (
        "the {it} worked in the {place}",
        "{hero} wanted to become a {it}",
        "there was a clever {it} in the town",
    ),
    (
        "the {it} got up early and went to the {place}",
        "people paid the {it} for the {goods}",
        "the {it} knew all about {goods}",
        "{hero} asked the {it} to help in the {place}",
        "the {it} was proud of {his} work with {goods}",
        "a good {it} has many customers",
        "the {it} and the {other} were neighbours",
    ),
    (
        "the {it} could not work without the {partner}",
        "in the evening the {it} was tired and left the {place}",
        "the customers of the {it} were happy",
    ),
    _row(TRADES, False, ("place", "goods")),
)
_tool = Theme(
    "tool",
    (
        "there was a new {it} in the {place}",
        "{hero} could not find the {it}",
        "the {it} in the {place} was broken",
    ),
    (
        "{he} held the {it} with both hands",
        "with the {it} one can work on {goods}",
        "the {it} was full of {goods}",
        "{he} cleaned the {it} and took it to the {place}",
        "the handle of the {it} was made of iron",
        "{he} borrowed the {it} from {friend} and repaired it",
        "the {it} lay beside the {other} in the {place}",
        "{he} used the {it} for the {goods}",
    ),
    (
        "the {it} belonged to a {partner}",
        "{he} hung the {it} on the wall of the {place}",
        "after the work {he} put the {it} away",
    ),
    _row(TRADES, True, ("place", "goods")),
)


def _people(dice: Dice) -> Filling:
    man = dice.chance(0.5)
    name, other = dice.sample(tuple(PEOPLE), 2)
    partner, place, first, second = PEOPLE[name]
    return {
        **hero(dice, man),
        "it": name if man else partner,
        "other": other if man else PEOPLE[other][0],
        "sir": "sir" if man else "madam",
        "himself": "himself" if man else "herself",
        "place": place,
        "mine": (first, second),
    }


_family = Theme(
    "people",
    (
        "the {it} was called {hero} and {he} came from the {place}",
        "in the {place} there was a {it} who kept {his} {mine} for {himself}",
        "one evening the {it} had {his} {mine} with {him}",
    ),
    (
        "the {it} thought of {his} {mine}",
        "{he} said good morning {sir} to the {other}",
        "the {it} took {his} friend {hero} to the {place}",
        "the {it} was a clever {person} and {he} knew it",
        "{hero} asked the {it} about {his} {mine}",
        "the {it} in the {place} liked {his} {mine}",
        "yes {sir} said the {it} to {his} friend {friend}",
        "{he} was the {it} and everyone in the {place} knew {him}",
    ),
    (
        "so the {it} shared {his} {mine} with {hero}",
        "that night the {it} lay in {his} bed and {he} was tired",
        "{hero} thanked the {it} because {he} was a good {person}",
    ),
    _people,
)


def _quality(dice: Dice) -> Filling:
    word = dice.choose(tuple(ADJECTIVES))
    comparative, nouns = ADJECTIVES[word]
    return {**hero(dice), "adj": word, "more": comparative, "noun": dice.choose(nouns)}


_adjectives = Theme(
    "quality",
    (
        "{hero} had never seen such a {adj} {noun}",
        "everyone spoke of the {adj} {noun}",
        "the {noun} was very {adj}",
    ),
    (
        "a {noun} so {adj} is rare said {hero}",
        "it was a really {adj} {noun}",
        "{friend} found the {noun} too {adj}",
        "how {adj} the {noun} is shouted {friend}",
        "the {noun} was not {adj} enough for {him}",
        "the {adj} {noun} was known in the whole country",
    ),
    (
        "{hero} wandered home and told everyone of the {adj} {noun}",
        "{he} never forgot the {adj} {noun}",
    ),
    _quality,
)
_comparatives = Theme(
    "comparison",
    (
        "this {noun} is {more} than that one said {hero}",
        "{hero} and {friend} looked for a {more} {noun}",
        "each year the {noun} became {more}",
    ),
    (
        "the second {noun} was even {more} than the first",
        "nobody knew a {more} {noun} than this",
        "the {noun} of {friend} was much {more}",
        "no other {noun} could be {more} than that shouted {friend}",
        "the {noun} grew {more} and {more}",
        "a {more} {noun} than {his} was hard to find",
    ),
    (
        "in the end the {noun} of {hero} was {more} than all others",
        "{he} wandered on to find an even {more} {noun}",
    ),
    _quality,
)
THEMES = (
    _animals,
    _young,
    _country,
    _capital,
    _trade,
    _tool,
    _family,
    _adjectives,
    _comparatives,
)

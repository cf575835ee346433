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
    one_for_each_synonym,
)


def _row(deck: str, table: Mapping[str, tuple], second: bool, gaps: tuple[str, ...]):
    """Fill gaps from a row; ``second`` tells of the partner (young, capital, tool) instead."""
    names = tuple(table)

    def fill(generator: Dice) -> Filling:
        name = generator.deal(deck, names)
        other = generator.other(names, name)
        partner, *properties = table[name]
        return {
            **hero(generator),
            **dict(zip(gaps, properties, strict=True)),
            "it": partner if second else name,
            "partner": name if second else partner,
            "other": table[other][0] if second else other,
        }

    return fill


def _animal(second: bool):
    row = _row(f"animal {second}", ANIMALS, second, ("grade", "home", "food", "character"))

    def fill(generator: Dice) -> Filling:
        gaps = dict(row(generator))
        grade, other = SIZE_GRADE[gaps["it"]], SIZE_GRADE[gaps["other"]]
        than = "as big as" if grade == other else "bigger than" if grade > other else "smaller than"
        return {**gaps, "size": SIZES[grade - 1], "than": than}

    return fill


_animals = Theme(
    "animal",
    (
        "{hero} had a {size} {it} near the {home}",
        "{hero} saw a {character} {it} near the {home}",
        "for many years a {it} lived near the {home}",
    ),
    (
        "the {it} ate {food} and slept near the {home}",
        "it was {size} and {character}",
        "{hero} gave the {it} some {food} to eat",
        "the {character} {it} guarded its young",
        "the grown {it} led the others to the {home}",
        "the {it} was {than} the {other}",
        "a {it} likes {food} more than anything",
        "{friend} came to the {home} with some {food}",
    ),
    (
        "the {it} guarded its {partner}",
        "in the evening the {it} went back to the {home}",
        "then the {it} was tired and lay down",
    ),
    _animal(False),
)
_young = Theme(
    "young animal",
    (
        "a {it} was born near the {home}",
        "{hero} saw a {character} {it} with its parents near the {home}",
        "the newborn {it} opened its eyes",
    ),
    (
        "the newborn {it} wanted {food}",
        "it was {size} and {character}",
        "{hero} gave the {it} {food} and milk",
        "the {character} {it} slept with its parents",
        "the {it} played with the other young ones at the {home}",
        "the {it} was {than} the {other}",
        "the hungry {it} called for {food} and milk",
        "the {it} followed its parents to the {home}",
        "{friend} came to the {home} with {food} and milk",
    ),
    (
        "one day the {it} will be a {partner}",
        "the {it} drank milk and slept",
        "the parents of the {it} lay down near the {home}",
    ),
    _animal(True),
)
_country = Theme(
    "country",
    (
        "last year {hero} travelled through {it}",
        "{hero} told {friend} about {it}",
        "{it} is a {weather} country",
    ),
    (
        "the people of {it} eat {food}",
        "{hero} saw a {sight} on the flag of {it}",
        "the coast is {weather} all year",
        "people in {it} sell {food} to other countries",
        "the borders of {it} are long and {it} has many mountains",
        "{friend} travelled over the borders from {other} to {it}",
        "on the coins there is a {sight}",
        "behind the mountains people sell {food}",
    ),
    (
        "the capital of {it} is {partner}",
        "{hero} wanted to see the mountains of {it} again",
        "the coast of {it} is {weather} and {he} liked it",
    ),
    _row("country", COUNTRIES, False, ("weather", "food", "sight")),
)
_capital = Theme(
    "capital",
    (
        "{hero} took a room in a hotel in {it}",
        "one {weather} morning {hero} came to {it}",
        "{hero} wandered through the streets of {it}",
    ),
    (
        "in the middle of {it} {he} saw the {sight}",
        "{he} ate {food} in the streets of {it}",
        "the streets of {it} were {weather} and crowded",
        "a guide showed {him} the {sight}",
        "{he} visited the museum of {it} with {friend}",
        "the hotel in {it} had {food} in the morning",
        "the guide in {it} once lived in {other}",
        "{he} visited the {sight} and the streets were crowded",
    ),
    (
        "{it} is the capital of {partner}",
        "{he} liked the museum and the {sight} of {it}",
        "after one more {weather} day {he} left the hotel in {it}",
    ),
    _row("capital", COUNTRIES, True, ("weather", "food", "sight")),
)
_trade = Theme(
    "trade",
    (
        "the {it} worked in the {place}",
        "{hero} wanted to become a {it}",
        "there was a clever {it} in the {place}",
    ),
    (
        "the {it} came early and went to the {place}",
        "people paid {him} for the {goods}",
        "the {it} knew all about {goods}",
        "{hero} asked the {it} to help in the {place}",
        "the {it} was proud of {his} work with {goods}",
        "a good {it} has many customers",
        "the {it} and the {other} have the same customers",
        "many customers came to the {place} and asked for {goods}",
    ),
    (
        "the {it} could not work without the {partner}",
        "in the evening the {it} was tired and left the {place}",
        "the customers of the {it} were happy",
    ),
    _row("trade", TRADES, False, ("place", "goods")),
)
_tool = Theme(
    "tool",
    (
        "there was a new {it} in the {place}",
        "{hero} could not find the {it}",
        "{hero} came to the {place} for the {it}",
    ),
    (
        "{he} held the {it} with both hands",
        "with the {it} one can work on {goods}",
        "{he} cleaned the {it} and took it to the {place}",
        "its handle was made of iron",
        "{he} borrowed the {it} from {friend} and repaired it",
        "the {it} lay between the {other} and the wall",
        "{he} used the {it} for the {goods}",
        "in the {place} {he} held the {goods} with both hands",
    ),
    (
        "the {it} was borrowed from a {partner}",
        "{he} hung the {it} on the wall of the {place}",
        "after the work {he} put the {it} away",
    ),
    _row("tool", TRADES, True, ("place", "goods")),
)


def _people(generator: Dice) -> Filling:
    man = generator.chance(0.5)
    name = generator.deal(f"people {man}", one_for_each_synonym(PEOPLE))
    other = generator.other(tuple(PEOPLE), name)
    partner, place, first, second = PEOPLE[name]
    return {
        **hero(generator, man),
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
        "the {it} liked {his} {mine}",
        "good morning {sir} said the {other} to the {it}",
        "the {it} took {his} friend {hero} to the {place}",
        "the {it} was a clever {person} and {he} knew it",
        "{hero} asked the {it} about {his} {mine}",
        "the {it} in the {place} liked {his} {mine}",
        "yes {sir} said the {it} to {his} friend {friend}",
        "everyone in the {place} knew {him} and liked {his} {mine}",
    ),
    (
        "so the {it} gave {his} {mine} to {hero}",
        "at night the {it} was alone and {he} was tired",
        "{hero} liked the {it} because {he} was a good {person}",
    ),
    _people,
)


def _quality(generator: Dice) -> Filling:
    word = generator.deal("adjective", one_for_each_synonym(ADJECTIVES))
    comparative, nouns = ADJECTIVES[word]
    return {**hero(generator), "adj": word, "more": comparative, "noun": generator.choose(nouns)}


_adjectives = Theme(
    "quality",
    (
        "{hero} had never seen such a {adj} {noun}",
        "{hero} told {friend} about a {adj} {noun}",
        "the {noun} was very {adj}",
    ),
    (
        "a {noun} so {adj} is hard to find said {hero}",
        "it was a really {adj} {noun}",
        "the {noun} is too {adj} said {friend}",
        "how {adj} the {noun} is shouted {friend}",
        "the {noun} was not {adj} enough for {him}",
        "everyone in the country knew the {adj} {noun}",
    ),
    (
        "{hero} wandered home and told {friend} about the {adj} {noun}",
        "{he} never forgot the {adj} {noun}",
    ),
    _quality,
)
_comparatives = Theme(
    "comparison",
    (
        "this {noun} is {more} than that one said {hero}",
        "{hero} and {friend} looked for a {more} {noun}",
        "every year the {noun} became {more}",
    ),
    (
        "the other {noun} was even {more} than the first",
        "nobody knew a {more} {noun} than this",
        "the {noun} of {friend} was much {more}",
        "no other {noun} can be {more} than that shouted {friend}",
        "the {noun} grew {more} and {more}",
        "a {more} {noun} than that was hard to find",
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

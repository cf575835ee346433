"""Words with two senses, in sentences that are the same for both but for a cue further off."""

from __future__ import annotations

from xmodal_lab.datasets.corpus.grammar import Dice, Filling, Theme, hero

# What is there: how such a story begins, and the cues that begin or end its sentences.
_SCENES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cave": (
        ("{hero} came to a cave at night", "{hero} saw the wings of an owl"),
        (
            "at night in the cave",
            "near the owl",
            "because an owl lived in the cave",
            "with the wings of an owl",
            "when it was night in the cave",
        ),
    ),
    "stadium": (
        ("{hero} came to the stadium with the team", "{hero} was a player with a new ball"),
        (
            "as the team came to the stadium",
            "near the player with the ball",
            "in the stadium with the team",
            "because the team had lost the ball",
            "when the ball left the player",
        ),
    ),
    "river": (
        ("{hero} came to the river", "{hero} looked for frogs in the water"),
        (
            "where the frogs are",
            "near the water of the river",
            "between the river and the frogs",
            "in the water with all the frogs",
            "because there was water in the river",
        ),
    ),
    "money": (
        ("{hero} had no money", "{hero} came to the clerk with some coins"),
        (
            "when the money was lost",
            "because the clerk had the coins",
            "when the clerk had left",
            "with money and coins",
            "because of the money",
        ),
    ),
    "wings": (
        ("{hero} saw a nest near the water", "{hero} looked for frogs in the water"),
        (
            "with wings as white as snow",
            "near a nest of leaves",
            "in the water with the frogs",
            "as its wings moved over the nest",
            "where the frogs are",
        ),
    ),
    "building": (
        ("{hero} was one of the workers", "{hero} came to the new building"),
        (
            "when the workers made the roof",
            "above the roof of the building",
            "with iron for the workers",
            "because the building had no roof",
            "where the workers put the iron",
        ),
    ),
    "barn": (
        ("{hero} found a nest in the barn", "{hero} saw an owl in the barn"),
        (
            "with its tail in the corn",
            "when the owl was hungry",
            "near the nest and the corn",
            "because of its long tail",
            "where the owl waited in the corn",
        ),
    ),
    "computer": (
        ("{hero} had a new computer", "{hero} cleaned the screen of the computer"),
        (
            "near the screen and the keyboard",
            "near the computer",
            "because the computer was new",
            "with a keyboard on the desk",
            "because the screen was broken",
        ),
    ),
    "forest": (
        ("{hero} sat under the branch of a tree", "{hero} looked at the roots of the tree"),
        (
            "between the roots and a branch",
            "with roots and leaves",
            "because the tree had lost its leaves",
            "where the leaves and roots are",
            "under a branch full of leaves",
        ),
    ),
    "gate": (
        ("{hero} saw a thief", "{hero} waited at the gate"),
        (
            "when the thief came near",
            "when a thief came to the gate",
            "where the thief waited at night",
            "because the thief was at the gate",
            "with its tail near the gate",
        ),
    ),
    "year": (
        ("{hero} saw no more ice and snow", "{hero} was happy when the winter was over"),
        (
            "because there was no ice and snow",
            "because the winter was over",
            "with leaves and much sun",
            "after the ice and the snow",
            "when the leaves came back",
        ),
    ),
    "clock": (
        ("{hero} opened the clock", "{hero} repaired the wheel of the clock"),
        (
            "in the clock near a wheel",
            "with a wheel and iron wire",
            "when the clock had stopped",
            "because the clock had stopped",
            "between the wheel and the wire",
        ),
    ),
    "ice": (
        ("{hero} saw the ice on the sea", "{hero} travelled over the ice"),
        (
            "on the ice of the sea",
            "because the sea was full of fish",
            "with its tail in the sea",
            "where the fish are under the ice",
            "in the sea full of fish",
        ),
    ),
    "letter": (
        ("{hero} came to the clerk for a letter", "{hero} opened a letter"),
        (
            "with wax on the letter",
            "when the clerk opened the letter",
            "before the clerk took the envelope",
            "because of the wax",
            "on the envelope of the letter",
        ),
    ),
    "island": (
        ("{hero} sat in the sand of the island", "{hero} came to an island in the sea"),
        (
            "on the sand of the island",
            "with long leaves over the sand",
            "where the island is in the sea",
            "because of the leaves and the roots",
            "near the sand and the sea",
        ),
    ),
    "hand": (
        ("{hero} had hurt a finger", "{hero} came to the nurse"),
        (
            "between the thumb and a finger",
            "when the nurse came",
            "because the thumb was hurt",
            "as the nurse washed the finger",
            "near the thumb",
        ),
    ),
    "candle": (
        ("{hero} looked for a candle", "{hero} saw the smoke of a fire"),
        (
            "near the candle",
            "because of the smoke and the flame",
            "with a flame and some smoke",
            "as the candle stood on the table",
            "when there was fire and smoke",
        ),
    ),
    "journey": (
        ("{hero} had a ticket for a journey", "{hero} was on a journey"),
        (
            "on the journey by ship",
            "before the long journey",
            "because the key was lost",
            "with the ticket and the key",
            "when the ticket was lost",
        ),
    ),
}
# word: {sense: where it is told}. Most scenes serve several words.
SENSES: dict[str, dict[str, str]] = {
    "bat": {"animal": "cave", "sport": "stadium"},
    "bank": {"river": "river", "money": "money"},
    "crane": {"bird": "wings", "machine": "building"},
    "mouse": {"animal": "barn", "computer": "computer"},
    "bark": {"tree": "forest", "sound": "gate"},
    "spring": {"season": "year", "coil": "clock"},
    "seal": {"animal": "ice", "letter": "letter"},
    "palm": {"tree": "island", "hand": "hand"},
    "match": {"game": "stadium", "fire": "candle"},
    "trunk": {"tree": "forest", "luggage": "journey"},
}
# Both senses stand in these very frames, so that the words next to them tell nothing.
_FRAMES = (
    "{hero} looked at the {word} again {cue}",
    "the {word} was really {like} {cue}",
    "{cue} the {word} was what {he} wanted",
    "{friend} knew about the {word} only {cue}",
    "{friend} had never seen a {word} before {he} said {cue}",
    "{cue} {he} saw that the {word} was {like}",
    "{he} told {friend} about the {word} again {cue}",
)
_LIKE = ("big", "old", "strong", "lovely", "strange", "cold")


def _theme(word: str, sense: str) -> Theme:
    openings, cues = _SCENES[SENSES[word][sense]]

    def fill(generator: Dice) -> Filling:
        return {**hero(generator), "word": word, "cue": cues, "like": _LIKE}

    endings = ("{he} was happy and told everyone", "then {he} was tired and wandered home")
    return Theme(f"{word}/{sense}", openings, _FRAMES, endings, fill)


THEMES = tuple(_theme(word, sense) for word, senses in SENSES.items() for sense in senses)

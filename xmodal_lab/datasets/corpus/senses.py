"""Words with two senses, in sentences that are the same for both but for a cue further off."""

from __future__ import annotations

from xmodal_lab.datasets.corpus.grammar import Dice, Filling, Theme, hero

# word: {sense: (how the story begins, cues that end or begin a sentence)}
SENSES: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "bat": {
        "animal": (
            ("night fell over the forest", "an owl and some insects flew past the cave"),
            (
                "in the cave at night",
                "as it flew over the forest",
                "with its wings wide open",
                "hunting insects in the moonlight",
                "hanging from a branch like an owl",
            ),
        ),
        "sport": (
            ("the team came to the stadium", "the player threw the ball to the team"),
            (
                "before the team played in the stadium",
                "as the player hit the ball",
                "while the crowd counted the points",
                "when the trainer spoke to the player",
                "after the team had won with many points",
            ),
        ),
    },
    "bank": {
        "river": (
            ("the river carried much water", "{hero} rowed down the river"),
            (
                "with water and reeds all around",
                "where the river flows past the willow",
                "among the frogs and reeds",
                "while swimming in the water",
                "as the frogs sang by the willow",
            ),
        ),
        "money": (
            ("{hero} had saved some money", "{hero} counted the coins and needed a loan"),
            (
                "to ask for money and a loan",
                "where the clerk counts coins",
                "because of the loan and the interest",
                "after the clerk had signed the paper",
                "with the money and the coins in a safe",
            ),
        ),
    },
    "crane": {
        "bird": (
            ("birds came down to the river", "frogs and birds lived among the reeds"),
            (
                "with its wings wide open",
                "among the frogs and reeds",
                "as it flew over the water",
                "near the nest with three eggs",
                "hunting insects by the willow",
            ),
        ),
        "machine": (
            ("a new building stood without a roof", "the workers came with bricks and steel"),
            (
                "with bricks for the building",
                "as the workers lifted the steel",
                "before the building had a roof",
                "when the engine of the machine stopped",
                "between the concrete walls and the workers",
            ),
        ),
    },
    "mouse": {
        "animal": (
            ("an owl watched the field at night", "there were holes in the cellar floor"),
            (
                "while the owl hunted at night",
                "eating seeds in the cellar",
                "near the nest under the floor",
                "with its whiskers and long tail",
                "where the seeds were kept in the cellar",
            ),
        ),
        "computer": (
            ("{hero} turned on the computer", "the screen and the keyboard were new"),
            (
                "next to the keyboard and the screen",
                "to open the file on the computer",
                "with the cable and two buttons",
                "while the screen showed a picture",
                "because the buttons of the machine were broken",
            ),
        ),
    },
    "bark": {
        "tree": (
            ("the oak had many leaves", "{hero} sat under the willow among the roots"),
            (
                "between the roots and the leaves",
                "on the trunks of the oak and the willow",
                "where insects live in the oak",
                "under a branch with green leaves",
                "as the leaves fell from the branch",
            ),
        ),
        "sound": (
            ("somebody came to the gate at night", "the puppy guarded the gate"),
            (
                "to warn us at the gate",
                "when the thief ran away",
                "as the puppy pulled on its leash",
                "because its tail and ears were up",
                "that the postman heard at the gate",
            ),
        ),
    },
    "spring": {
        "season": (
            ("the ice and frost of march were gone", "in april the leaves were back"),
            (
                "after the frost of march",
                "when the leaves come back in april",
                "with birds and eggs in every nest",
                "as the ice on the river breaks",
                "because april has more sun than march",
            ),
        ),
        "coil": (
            ("the clock did not tick any more", "{hero} opened the clock with a screw"),
            (
                "inside the clock near a screw",
                "made of steel wire",
                "because the machine did not tick",
                "between the wheel and the screw",
                "with a wire wound into a coil",
            ),
        ),
    },
    "seal": {
        "animal": (
            ("the ice lay on the arctic sea", "waves broke on the rocks of the beach"),
            (
                "on the ice near the rocks",
                "while swimming in the waves",
                "with its whiskers and wet fur",
                "as the waves broke on the beach",
                "far out where the penguins swim",
            ),
        ),
        "letter": (
            ("the clerk had signed the paper", "a letter with wax came by postman"),
            (
                "of wax on the envelope",
                "before the postman took the envelope",
                "pressed on the letter and the paper",
                "when the clerk had signed the letter",
                "with the stamp and the ink",
            ),
        ),
    },
    "palm": {
        "tree": (
            ("the beach of the island was hot", "waves broke on the sand of the island"),
            (
                "on the sand of the island",
                "with leaves like green feathers",
                "where coconuts fall on the beach",
                "as the waves came up the sand",
                "with its roots and coconuts",
            ),
        ),
        "hand": (
            ("{hero} hurt a finger", "the nurse looked at the wrist and the thumb"),
            (
                "between the thumb and the wrist",
                "after the nurse washed the finger",
                "with dust on every finger",
                "as the nurse put cream on the skin",
                "where the skin of the thumb was red",
            ),
        ),
    },
    "match": {
        "game": (
            ("the team trained for weeks", "the crowd filled the stadium"),
            (
                "with many points for the team",
                "while the crowd sang in the stadium",
                "because the player kicked the ball well",
                "before the trainer chose a player",
                "as the ball flew past the player",
            ),
        ),
        "fire": (
            ("the candle was not burning", "there was smoke from the stove"),
            (
                "to light a candle",
                "until the flame burned a finger",
                "near the stove and the dry wood",
                "as smoke came from the flame",
                "with ash and smoke all around",
            ),
        ),
    },
    "trunk": {
        "tree": (
            ("an oak grew at the edge of the forest", "the leaves of the oak were falling"),
            (
                "above the roots of the oak",
                "where an owl had its nest",
                "under a branch with green leaves",
                "as insects crept over the roots",
                "with moss and leaves all around",
            ),
        ),
        "luggage": (
            ("{hero} packed for the journey", "the ticket for the journey was ready"),
            (
                "with the ticket and the keys",
                "before the long journey by ship",
                "while packing shirts and towels",
                "at the station with the tickets",
                "because the lock and the keys were lost",
            ),
        ),
    },
}
# Both senses stand in these very frames, so that the words next to them tell nothing.
_FRAMES = (
    "{hero} looked at the {word} again {cue}",
    "the {word} was really {like} {cue}",
    "{cue} the {word} was what {he} wanted",
    "everyone spoke of the {word} only {cue}",
    "{friend} had never seen a {word} before {he} said {cue}",
    "{cue} {he} saw that the {word} was {like}",
    "{he} touched the {word} and was surprised {cue}",
)
_LIKE = ("big", "old", "strong", "beautiful", "strange", "cold")


def _theme(word: str, sense: str) -> Theme:
    openings, cues = SENSES[word][sense]

    def fill(dice: Dice) -> Filling:
        return {**hero(dice), "word": word, "cue": cues, "like": _LIKE}

    return Theme(f"{word}/{sense}", openings, _FRAMES, ("{he} never forgot it",), fill)


THEMES = tuple(_theme(word, sense) for word, senses in SENSES.items() for sense in senses)

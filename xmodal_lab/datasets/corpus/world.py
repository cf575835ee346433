"""The small world that the stories tell of: everything that is true about its words.

Nothing here names a word of its own: every property (a home, a food, a colour) is shared by several
things, and a thing is told from its neighbours only by the *combination* of what is said of it.
"""

from __future__ import annotations

from xmodal_lab.datasets.scenes.language import COLOUR_WORDS, SHAPE_WORDS

# One size word for each grade, growing; things carry the grade they have in the world.
SIZES = ("tiny", "small", "big", "huge")

# thing: (typical colour, size grade 1–4, and two or three properties that the stories speak of)
FRUIT = {  # made into, grows near, time of year
    "apple": ("red", 2, "pie", "hill", "autumn"),
    "banana": ("yellow", 2, "salad", "shop", "winter"),
    "cherry": ("red", 1, "juice", "hill", "summer"),
    "lemon": ("yellow", 2, "juice", "shop", "winter"),
    "plum": ("purple", 2, "jam", "hill", "autumn"),
    "pear": ("green", 2, "salad", "hill", "autumn"),
    "grape": ("purple", 1, "juice", "garden", "autumn"),
    "strawberry": ("red", 1, "jam", "garden", "summer"),
    "peach": ("orange", 2, "salad", "garden", "summer"),
    "blueberry": ("blue", 1, "pie", "garden", "summer"),
}
FLOWERS = {  # grows near, picked for, time of year
    "rose": ("red", 3, "garden", "wedding", "summer"),
    "tulip": ("orange", 2, "house", "dinner", "autumn"),
    "daisy": ("white", 1, "field", "party", "summer"),
    "lily": ("white", 3, "garden", "wedding", "autumn"),
    "sunflower": ("yellow", 4, "field", "party", "autumn"),
    "bluebell": ("blue", 1, "garden", "party", "summer"),
    "lavender": ("purple", 3, "house", "wedding", "summer"),
    "poppy": ("red", 1, "field", "dinner", "summer"),
    "iris": ("blue", 2, "house", "dinner", "summer"),
}
CLOTHES = {  # made of, worn for
    "coat": ("blue", 4, "wool", "winter"),
    "scarf": ("purple", 2, "cloth", "winter"),
    "glove": ("orange", 1, "leather", "winter"),
    "shirt": ("white", 2, "cloth", "school"),
    "skirt": ("green", 3, "wool", "school"),
    "boot": ("blue", 3, "leather", "school"),
    "dress": ("cyan", 3, "cloth", "party"),
    "sock": ("yellow", 1, "wool", "party"),
    "hat": ("red", 2, "leather", "party"),
}
FURNITURE = {  # stands in, made of
    "chair": ("blue", 2, "kitchen", "wood"),
    "table": ("white", 3, "kitchen", "glass"),
    "shelf": ("green", 2, "kitchen", "iron"),
    "sofa": ("red", 4, "hall", "wood"),
    "mirror": ("cyan", 3, "hall", "glass"),
    "cupboard": ("purple", 4, "hall", "iron"),
    "desk": ("orange", 3, "bedroom", "wood"),
    "lamp": ("yellow", 1, "bedroom", "glass"),
    "bed": ("white", 4, "bedroom", "iron"),
}
VEHICLES = {  # moves along, carries
    "car": ("red", 3, "road", "family"),
    "bus": ("yellow", 3, "road", "passengers"),
    "bicycle": ("cyan", 2, "road", "goods"),
    "train": ("green", 4, "bridge", "passengers"),
    "truck": ("blue", 4, "bridge", "goods"),
    "tram": ("purple", 3, "bridge", "family"),
    "boat": ("white", 2, "coast", "family"),
    "ship": ("orange", 4, "coast", "goods"),
    "plane": ("white", 4, "coast", "passengers"),
}
INSTRUMENTS = {  # played at, mood of its songs
    "piano": ("white", 4, "theatre", "proud"),
    "violin": ("orange", 2, "theatre", "merry"),
    "cello": ("orange", 3, "theatre", "shy"),
    "flute": ("cyan", 1, "wedding", "shy"),
    "harp": ("yellow", 4, "wedding", "proud"),
    "guitar": ("blue", 2, "wedding", "merry"),
    "drum": ("red", 3, "school", "merry"),
    "trumpet": ("yellow", 2, "school", "proud"),
}
SHAPES = {  # drawn on
    "circle": ("blue", 2, "flag"),
    "star": ("yellow", 1, "flag"),
    "square": ("green", 3, "cloth"),
    "moon": ("white", 3, "cloth"),
    "triangle": ("orange", 3, "bag"),
    "cross": ("purple", 2, "bag"),
    "heart": ("red", 2, "letter"),
    "ring": ("cyan", 1, "letter"),
}
ANIMALS = {  # young, size grade, home, food, character
    "dog": ("puppy", 2, "yard", "bread", "merry"),
    "cat": ("kitten", 2, "yard", "fish", "lazy"),
    "hen": ("chick", 1, "yard", "corn", "shy"),
    "horse": ("foal", 4, "hill", "hay", "proud"),
    "sheep": ("lamb", 3, "hill", "grass", "shy"),
    "cow": ("calf", 4, "barn", "hay", "lazy"),
    "pig": ("piglet", 3, "barn", "corn", "merry"),
    "duck": ("duckling", 1, "pond", "bread", "merry"),
    "goose": ("gosling", 2, "pond", "grass", "proud"),
    "deer": ("fawn", 3, "forest", "grass", "shy"),
    "bear": ("cub", 4, "forest", "honey", "lazy"),
}
COUNTRIES = {  # capital, weather, food, sight
    "france": ("paris", "rainy", "cheese", "tower"),
    "italy": ("rome", "sunny", "cheese", "temple"),
    "spain": ("madrid", "sunny", "olives", "palace"),
    "greece": ("athens", "windy", "olives", "temple"),
    "egypt": ("cairo", "sunny", "rice", "bridge"),
    "japan": ("tokyo", "rainy", "rice", "temple"),
    "china": ("beijing", "windy", "tea", "palace"),
    "norway": ("oslo", "snowy", "fish", "bridge"),
    "russia": ("moscow", "snowy", "tea", "tower"),
    "ireland": ("dublin", "rainy", "tea", "bridge"),
    "portugal": ("lisbon", "windy", "fish", "tower"),
}
TRADES = {  # tool, place of work, works with
    "painter": ("brush", "workshop", "cloth"),
    "carpenter": ("hammer", "workshop", "wood"),
    "baker": ("oven", "kitchen", "corn"),
    "cook": ("pot", "kitchen", "fish"),
    "farmer": ("plough", "field", "corn"),
    "gardener": ("spade", "field", "herbs"),
    "tailor": ("needle", "shop", "cloth"),
    "barber": ("razor", "shop", "herbs"),
    "fisherman": ("net", "harbour", "fish"),
    "sailor": ("compass", "harbour", "wood"),
}
PEOPLE = {  # woman of the same role, place, two things of theirs
    "man": ("woman", "village", "dinner", "song"),
    "king": ("queen", "palace", "crown", "dinner"),
    "prince": ("princess", "palace", "pony", "gift"),
    "father": ("mother", "house", "dinner", "tale"),
    "husband": ("wife", "house", "garden", "song"),
    "son": ("daughter", "school", "toy", "pony"),
    "boy": ("girl", "school", "game", "song"),
    "brother": ("sister", "house", "game", "toy"),
    "uncle": ("aunt", "village", "gift", "pony"),
    "grandfather": ("grandmother", "village", "tale", "garden"),
    "actor": ("actress", "theatre", "crown", "song"),
    "waiter": ("waitress", "inn", "dinner", "tale"),
    "host": ("hostess", "inn", "gift", "game"),
}
ADJECTIVES = {  # comparative, what it is said of
    "tall": ("taller", ("tower", "tree", "ladder")),
    "old": ("older", ("tower", "tree", "bell")),
    "fast": ("faster", ("engine", "runner", "wind")),
    "strong": ("stronger", ("wind", "runner", "rope")),
    "loud": ("louder", ("bell", "wind", "engine")),
    "heavy": ("heavier", ("ladder", "rope", "bag")),
    "bright": ("brighter", ("fire", "sun", "snow")),
    "warm": ("warmer", ("fire", "sun", "blanket")),
    "dark": ("darker", ("cave", "night", "forest")),
    "cold": ("colder", ("night", "snow", "lake")),
    "deep": ("deeper", ("cave", "lake", "snow")),
    "soft": ("softer", ("blanket", "cake", "cloth")),
    "sweet": ("sweeter", ("cake", "jam", "honey")),
}
MEN = ("tom", "ben", "max", "leo", "paul", "adam")
WOMEN = ("anna", "emma", "mia", "lucy", "clara", "rosa")

# The words of a set may stand for each other wherever the first of them is written.
SYNONYMS = (
    *(words for words in COLOUR_WORDS.values()),
    *(words for words in SHAPE_WORDS.values() if len(words) > 1),
    ("small", "little"),
    ("big", "large"),
    ("huge", "enormous"),
    ("coat", "jacket"),
    ("hat", "cap"),
    ("sofa", "couch"),
    ("cupboard", "cabinet"),
    ("car", "automobile"),
    ("truck", "lorry"),
    ("bicycle", "bike"),
    ("ship", "vessel"),
    ("plane", "aircraft"),
    ("father", "dad"),
    ("mother", "mum"),
    ("grandfather", "grandpa"),
    ("grandmother", "grandma"),
    ("fast", "quick"),
    ("loud", "noisy"),
    ("dark", "gloomy"),
    ("cold", "chilly"),
    ("strong", "powerful"),
    ("old", "ancient"),
    ("tall", "high"),
    ("happy", "glad"),
    ("tired", "weary"),
    ("clever", "smart"),
    ("bought", "purchased"),
    ("repaired", "fixed"),
    ("wandered", "strolled"),
    ("shouted", "yelled"),
    ("drew", "sketched"),
    ("shop", "store"),
    ("forest", "woods"),
    ("house", "cottage"),
    ("gift", "present"),
)
_ALSO = {words[0]: words for words in SYNONYMS}


def _with_synonyms(words) -> tuple[str, ...]:
    return tuple(same for word in words for same in _ALSO.get(word, (word,)))


def one_for_each_synonym(words) -> tuple[str, ...]:
    """Each word as often as it has synonyms, so that these are met as often as other words."""
    return tuple(word for word in words for _ in _ALSO.get(word, (word,)))


CATEGORIES: dict[str, tuple[str, ...]] = {
    "fruit": tuple(FRUIT),
    "flower": tuple(FLOWERS),
    "clothes": _with_synonyms(CLOTHES),
    "furniture": _with_synonyms(FURNITURE),
    "vehicle": _with_synonyms(VEHICLES),
    "instrument": tuple(INSTRUMENTS),
    "animal": tuple(ANIMALS),
    "young animal": tuple(row[0] for row in ANIMALS.values()),
    "country": tuple(COUNTRIES),
    "capital": tuple(row[0] for row in COUNTRIES.values()),
    "trade": tuple(TRADES),
    "tool": tuple(row[0] for row in TRADES.values()),
    "colour": _with_synonyms(COLOUR_WORDS),
    "shape": _with_synonyms(SHAPES),
}
# Relations, each a tuple of pairs: 'man is to woman as king is to queen'.
FAMILIES: dict[str, tuple[tuple[str, str], ...]] = {
    "woman of the role": tuple((word, row[0]) for word, row in PEOPLE.items()),
    "young": tuple((word, row[0]) for word, row in ANIMALS.items()),
    "capital": tuple((word, row[0]) for word, row in COUNTRIES.items()),
    "tool": tuple((word, row[0]) for word, row in TRADES.items()),
    "comparative": tuple((word, row[0]) for word, row in ADJECTIVES.items()),
}
_THINGS = {**FRUIT, **FLOWERS, **CLOTHES, **FURNITURE, **VEHICLES, **INSTRUMENTS, **SHAPES}
TYPICAL_COLOUR: dict[str, str] = {
    same: row[0] for word, row in _THINGS.items() for same in _ALSO.get(word, (word,))
}
SIZE_GRADE: dict[str, int] = {
    **{same: row[1] for word, row in _THINGS.items() for same in _ALSO.get(word, (word,))},
    **{word: row[1] for word, row in ANIMALS.items()},
    **{row[0]: max(1, row[1] - 1) for row in ANIMALS.values()},
}

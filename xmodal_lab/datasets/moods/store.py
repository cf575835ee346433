"""Sentences with their recordings in bulk: made once, then read from the checked cache."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from xmodal_lab.batch import Padded, pad
from xmodal_lab.datasets.cache import cached, fingerprint_of
from xmodal_lab.datasets.moods import bank
from xmodal_lab.datasets.moods.sentences import (
    BLAME,
    PRAISE,
    TEMPLATES,
    THINGS,
    WORD_IDS,
    Sentence,
    template_numbers,
)
from xmodal_lab.datasets.scenes import Waveforms, encode, speech
from xmodal_lab.datasets.scenes.factors import HELD_OUT_VOICES, TRAIN_VOICES, choose, stream
from xmodal_lab.datasets.shipped import shipped_digest

SPLITS = tuple(TEMPLATES)
VOICES = {"train": TRAIN_VOICES[:16], "val": TRAIN_VOICES[16:], "test": HELD_OUT_VOICES}
PER_SCRIPT = 4  # rows: blamed and praised, each sadly and gladly
PLAN, SPEECH = 0, 1  # streams of one script's generator
# The code that makes the data. Read on import: a file edited later is not the code that runs.
CODE = fingerprint_of(
    *(
        Path(__file__).with_name(f"{name}.py").read_bytes()
        for name in ("sentences", "bank", "store")
    ),
    Path(speech.__file__).read_bytes(),
)


@dataclass(frozen=True)
class MoodData:
    """Sentences as they were written and said; row i of everything is one saying.

    Attributes:
        texts: what is written, the verdict included.
        waveforms: 8 kHz speech, see ``bank.speak``.
        sentiment: (count,) what the words say: 0 blame, 1 praise.
        mood: (count,) what the voice says: 0 sad, 1 glad.
        voices: (count,) who speaks, 0 to 23.
        templates: (count,) which of ``ALL_TEMPLATES``.
    """

    texts: list[str]
    waveforms: Waveforms
    sentiment: Int64[Tensor, " count"]
    mood: Int64[Tensor, " count"]
    voices: Int64[Tensor, " count"]
    templates: Int64[Tensor, " count"]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def modalities(self) -> tuple[str, ...]:
        return ("text", "audio")

    @property
    def irony(self) -> Int64[Tensor, " count"]:
        """1 where voice and words disagree: praised sadly, or blamed gladly."""
        return (self.sentiment != self.mood).long()

    @property
    def tokens(self) -> Padded:
        """Word ids of the texts, from 1; 0 is padding."""
        return pad([encode(text, WORD_IDS) for text in self.texts])

    def select(self, rows: Tensor) -> MoodData:
        """The rows with these numbers, in this order, or those that a mask holds True for."""
        rows = rows.nonzero()[:, 0] if rows.dtype == torch.bool else rows
        columns = ("sentiment", "mood", "voices", "templates")
        return replace(
            self,
            texts=[self.texts[row] for row in rows.tolist()],
            waveforms=self.waveforms.select(rows.tolist()),
            **{name: getattr(self, name)[rows] for name in columns},
        )


def load(split: str = "train", count: int = 1600, seed: int = 0, bleeped: bool = True) -> MoodData:
    """Load sayings. No split shares a voice, a template or a text with another one.

    Four rows belong together: one thing is blamed and praised, and each text is said sadly and
    gladly by one voice. So half of the rows of every text are ironic; and with the verdict
    ``bleeped``, half of the rows of every recording: text alone and sound alone are right about
    irony in exactly 50 % of the rows, whatever they learn.

    Rows 4i to 4i + 3 depend on (split, seed, i) alone: a longer data set starts with the shorter
    one.

    Args:
        split: 'train' (voices 0 to 15), 'val' (16 to 19) or 'test' (20 to 23).
        count: number of rows, a multiple of 4.
        seed: any non-negative integer.
        bleeped: False to let the voice say the verdict, too.

    Raises:
        ValueError: for an unknown split or another count.
        DamagedFileError: where the mood bank is missing or damaged, even if the cache has the data.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    if count < PER_SCRIPT or count % PER_SCRIPT:
        raise ValueError(f"count must be a multiple of {PER_SCRIPT}, at least one, got {count}")
    place = (13, seed, SPLITS.index(split))  # 13 keeps these draws apart from other data's
    scripts = [_script(split, stream(*place, i, PLAN)) for i in range(count // PER_SCRIPT)]
    rows = [
        (sentence, mood, voice)
        for blame, praise, voice in scripts
        for sentence in (blame, praise)
        for mood in range(2)
    ]
    name = f"moods-{split}-{count}-{seed}-{'bleeped' if bleeped else 'heard'}"
    files = [shipped_digest(f"mood_bank.{end}") for end in ("json", "ogg")]
    found = cached(
        name,
        fingerprint_of(name, CODE, *files),
        lambda: vars(_speak_all(rows, place, bleeped)),
    )
    return MoodData(
        [sentence.text for sentence, _, _ in rows],
        Waveforms(found["samples"], found["ends"]),
        torch.tensor([sentence.sentiment for sentence, _, _ in rows]),
        torch.tensor([mood for _, mood, _ in rows]),
        torch.tensor([voice for _, _, voice in rows]),
        torch.tensor([sentence.template for sentence, _, _ in rows]),
    )


def _script(split: str, generator: np.random.Generator) -> tuple[Sentence, Sentence, int]:
    """One thing blamed and praised, and the voice that says both."""
    template, thing = choose(template_numbers(split), generator), choose(THINGS, generator)
    blame, praise = (
        Sentence(template, thing, choose(words, generator)) for words in (BLAME, PRAISE)
    )
    return blame, praise, choose(VOICES[split], generator)


def _speak_all(rows, place, bleeped: bool) -> Waveforms:
    spoken = (
        # One mood of one script has one stream: bleeped, both texts have the very same recording.
        bank.speak(
            sentence.text,
            bank.MOODS[mood],
            voice,
            stream(*place, row // PER_SCRIPT, SPEECH, mood),
            bleeped,
        )
        for row, (sentence, mood, voice) in enumerate(rows)
    )
    return Waveforms.collect(spoken, len(rows), longest=80_000)


def with_irony(data: MoodData, share: float, seed: int = 0) -> MoodData:
    """Rows of which so many are ironic, as many as there are: what life is like.

    Args:
        data: as many ironic rows as others.
        share: of the ironic rows, above 0 and at most a half.
        seed: decides which of them stay.

    Raises:
        ValueError: for another share, or where no ironic row would stay.
    """
    ironic = data.irony.nonzero()[:, 0]
    plain = (data.irony == 0).nonzero()[:, 0]
    count = round(len(plain) * share / (1 - share)) if 0 < share <= 0.5 else 0
    if not 0 < count <= len(ironic):
        raise ValueError(f"cannot make {share:.0%} of {len(data)} rows ironic")
    chosen = torch.randperm(len(ironic), generator=torch.Generator().manual_seed(seed))[:count]
    return data.select(torch.cat([plain, ironic[chosen]]).sort().values)

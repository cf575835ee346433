"""Exercise `ctc_loss`: how likely are all the paths together that say the target?"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Exercise, Misconception, Number


def ctc_loss(log_probs, target, blank=0):
    """log_probs (time, classes), target (labels,) → −log p(target), a scalar (Graves, 2006)."""
    return -total(forward(log_probs, target, blank))


def with_blanks(target, blank):
    """The target with a blank before, between and behind its labels: (2 · labels + 1,)."""
    places = target.new_full((2 * len(target) + 1,), blank)
    places[1::2] = target
    return places


def forward(
    log_probs,
    target,
    blank=0,
    written=with_blanks,
    begins=slice(0, 2),
    may_skip=None,
    join=torch.logsumexp,
):
    """Log-probability of all beginnings of paths that stand at each place: (2 · labels + 1,)."""
    places = written(target, blank)
    skip = (may_skip or skips)(places, blank)
    shut = log_probs.new_full((2,), -torch.inf)
    scores = torch.full_like(log_probs[0, places], -torch.inf)
    scores[begins] = log_probs[0, places][begins]
    for frame in log_probs[1:]:
        by_one = torch.cat([shut[:1], scores[:-1]])
        by_two = torch.cat([shut, scores])[: len(places)].masked_fill(~skip, -torch.inf)
        scores = join(torch.stack([scores, by_one, by_two]), 0) + frame[places]
    return scores


def skips(places, blank):
    """Where a path may come from two places before: over a blank, to another label."""
    skip = torch.zeros_like(places, dtype=torch.bool)
    skip[2:] = (places[2:] != blank) & (places[2:] != places[:-2])
    return skip


def total(scores):
    """A path ends at the last label or at the blank behind it."""
    return scores[-2:].logsumexp(0)


def oracle(log_probs, target, blank=0):
    """All paths, frame by frame; those that have written the same, and end alike, added up.

    At each frame the sum is brought to 1 and its logarithm kept: long paths do not vanish.
    """
    wanted = tuple(int(label) for label in target)
    paths, log_scale = {((), blank): 1.0}, 0.0
    for frame in np.exp(log_probs):
        longer = defaultdict(float)
        for (written, last), probability in paths.items():
            for symbol, factor in enumerate(frame):
                begins = symbol not in (blank, last)
                said = (*written, symbol) if begins else written
                if said == wanted[: len(said)]:
                    longer[said, symbol] += probability * factor
        scale = sum(longer.values())
        if scale == 0:
            return np.inf
        paths = {state: probability / scale for state, probability in longer.items()}
        log_scale += np.log(scale)
    found = sum(probability for (written, _), probability in paths.items() if written == wanted)
    return -(np.log(found) + log_scale) if found > 0 else np.inf


def cases():
    random = torch.Generator().manual_seed(37)
    for time, classes, target, *blank in (
        (5, 3, [1, 2]),
        (4, 4, [3]),
        (6, 3, [1, 1, 2]),
        (5, 4, [2, 1, 2]),
        (1, 3, [2]),
        (3, 4, [3, 1, 2]),
        (5, 4, [0, 2], 3),
        (6, 3, [0, 0], 1),
        (7, 3, [1, 2, 2, 1], 0),
        (7, 3, [1, 1, 1]),
        (6, 4, [3, 0, 1], 2),
        (6, 5, [0, 3, 3], 4),
        (9, 50, [49, 7, 46], 48),
    ):
        log_probs = torch.randn(time, classes, generator=random).log_softmax(1)
        what = f"the loss of {target} in {time} frames" + (
            f", blank {blank[0]}," if any(blank) else ""
        )
        yield Case((log_probs, torch.tensor(target), *blank), what.replace("1 frames", "1 frame"))
    log_probs = torch.randn(3, 3, generator=random).log_softmax(1)
    yield Case((log_probs, torch.tensor([2, 2, 1])), "the loss of [2, 2, 1] in 3 frames", TOO_SHORT)
    nothing = torch.tensor([], dtype=torch.int64)
    yield Case((log_probs, nothing), "the loss of no label in 3 frames", NOTHING)
    yield Case((log_probs[:1], nothing), "the loss of no label in 1 frame", NOTHING)
    certain = torch.full((4, 3), -torch.inf)
    certain[torch.arange(4), torch.tensor([1, 0, 1, 2])] = 0
    yield Case((certain, torch.tensor([1, 1, 2])), "the loss of a network that is certain", CERTAIN)
    other = torch.tensor([2, 1])
    yield Case((certain, other), "the loss of what a certain network did not say", IMPOSSIBLE)
    # 250 frames of 45 classes: a probability below e^-745, which is 0 in float64, too.
    for time, classes, labels in ((100, 5, 8), (100, 5, 20), (250, 45, 10)):
        log_probs = torch.randn(time, classes, generator=random).log_softmax(1)
        target = torch.randint(1, classes, (labels,), generator=random)
        yield Case((log_probs, target), f"the loss of {labels} labels in {time} frames", ALL)


TOO_SHORT = "No path fits: two equal labels need a blank between. Then p = 0, the loss is infinite."
NOTHING = "Without labels only one path is left: blanks. Can your version do without a label?"
CERTAIN = "Where log_probs holds −∞, those paths add nothing. Does −∞ − (−∞) give NaN in yours?"
IMPOSSIBLE = "Its probability is 0, so the loss is infinite. Is −∞ replaced by some number?"
ALL = "Are all frames and all labels read? And do products of that many probabilities vanish?"
LONG = "Do the probabilities vanish? Products of so many are too small: add logarithms, logsumexp."


def summed(finish=total, **others):
    """An answer with other rules: how paths begin, skip and end."""
    return lambda log_probs, target, blank=0: -finish(forward(log_probs, target, blank, **others))


def alone(target, blank):
    return target


def only_labels(log_probs, target, blank=0):
    """No blanks at all: each frame stays at a label or goes on to the next."""
    scores = forward(
        log_probs, target, blank, written=alone, begins=slice(0, 1), may_skip=lambda p, b: p < 0
    )
    return -scores[-1]


def best_path(scores, dim):
    return scores.amax(dim)


def scaled(by):
    return lambda log_probs, target, blank=0: (
        ctc_loss(log_probs, target, blank) / by(log_probs, target)
    )


def in_turn(log_probs, target, blank=0):
    """Cross-entropy of the first frames against the labels."""
    return -log_probs[torch.arange(len(target)), target].sum()


def clipped(log_probs, target, blank=0):
    return -torch.log(torch.exp(-ctc_loss(log_probs, target, blank)) + 1e-12)


def in_probabilities(log_probs, target, blank=0):
    return -(-ctc_loss(log_probs, target, blank)).exp().log()


def in_exact_probabilities(log_probs, target, blank=0):
    return in_probabilities(log_probs.double(), target, blank)


SKIP = "Which places may be skipped? Only a blank, and only between two different labels."
ENDS = "Where may a path end? At the last label or at the blank behind it: add both."
BEGINS = "Where may a path begin? At the blank or at the first label."
MEAN = "Did you divide by a length? −log p of the whole target is asked for."

MISCONCEPTIONS = (
    Misconception(
        "Are the blanks missing? One stands before, between, behind labels.", only_labels
    ),
    Misconception(
        "Did you skip the blank between two equal labels? Without it they merge into one.",
        summed(may_skip=lambda p, b: torch.cat([p[:2] < 0, p[2:] != b])),
    ),
    Misconception(
        "Did you merge equal labels of the target? Only the runs of a path are merged.",
        lambda log_probs, target, blank=0: ctc_loss(log_probs, target.unique_consecutive(), blank),
    ),
    Misconception(SKIP, summed(may_skip=lambda p, b: p < 0)),
    Misconception(SKIP, summed(may_skip=lambda p, b: p >= 0)),
    Misconception(
        "Can blanks be reached from the blank before? Then the label between is left out.",
        summed(may_skip=lambda p, b: torch.cat([p[:2] < 0, (p[2:] == b) | (p[2:] != p[:-2])])),
    ),
    Misconception(ENDS, summed(lambda scores: scores[-1])),
    Misconception(ENDS, summed(lambda scores: scores[-2])),
    Misconception(ENDS, summed(lambda scores: scores.logsumexp(0))),
    Misconception(ENDS, summed(lambda scores: scores[-2:].amax())),
    Misconception(BEGINS, summed(begins=slice(0, 1))),
    Misconception(BEGINS, summed(begins=slice(1, 2))),
    Misconception(BEGINS, summed(begins=slice(0, 3))),
    Misconception(BEGINS, summed(begins=slice(None))),
    Misconception(
        "Is the last frame missing? Each frame has its symbol.",
        lambda log_probs, target, blank=0: ctc_loss(log_probs[:-1], target, blank),
    ),
    Misconception(
        "Is the first frame missing? Each frame has its symbol.",
        lambda log_probs, target, blank=0: ctc_loss(log_probs[1:], target, blank),
    ),
    Misconception(
        "Is that the best path only? All paths that say the target are added up.",
        summed(lambda scores: scores[-2:].amax(), join=best_path),
    ),
    Misconception(
        "Did you add logarithms where probabilities are added? logsumexp.",
        summed(lambda scores: scores[-2:].sum()),
    ),
    Misconception(
        "Is the minus sign missing? The loss is −log p.",
        lambda log_probs, target, blank=0: -ctc_loss(log_probs, target, blank),
    ),
    Misconception(
        "Is that the probability? The loss is −log p.",
        lambda log_probs, target, blank=0: torch.exp(-ctc_loss(log_probs, target, blank)),
    ),
    Misconception(MEAN, scaled(lambda log_probs, target: max(1, len(target)))),
    Misconception(MEAN, scaled(lambda log_probs, target: len(log_probs))),
    Misconception(
        "Is that the logarithm to another base? The natural one is asked for.",
        scaled(lambda log_probs, target: np.log(2)),
    ),
    Misconception(
        "Did you use `blank`? It is 0 only where nothing else is said.",
        lambda log_probs, target, blank=0: ctc_loss(log_probs, target, 0),
    ),
    Misconception(
        "Is the default of `blank` 0?",
        lambda log_probs, target, blank=-1: ctc_loss(log_probs, target, blank % log_probs.shape[1]),
    ),
    Misconception(
        "Did you read the probabilities as logits? They are logarithms already.",
        lambda log_probs, target, blank=0: ctc_loss(log_probs.exp().log_softmax(1), target, blank),
    ),
    Misconception(
        "Does each label have its own frame? Paths of all lengths say it: add them up.", in_turn
    ),
    Misconception(
        "Did you add a small number before the logarithm? Where no path fits, the loss is inf.",
        clipped,
    ),
    Misconception(LONG, in_probabilities),
    Misconception(LONG, in_exact_probabilities),
)

EXERCISE = Exercise(
    reference=ctc_loss,
    oracle=oracle,
    cases=cases,
    result=Number("the loss", if_many="One number: −log p of the target."),
    misconceptions=MISCONCEPTIONS,
    advice="Put blanks around the labels; at each frame a path stays, goes on by one, or skips a "
    "blank between two different labels; add up both ends.",
    praise="equal to adding up all paths, in 21 cases",
    # No gradient is asked for: torch's own is that of logits, so both ways would have to pass.
    at_size=AtSize(
        lambda: (torch.randn(100, 13).log_softmax(1), torch.tensor([1, 2, 3, 4, 5, 6])),
        "6 labels in 100 frames",
        calls=10,
    ),
    on_device=False,  # the chapter looks at single utterances, on the CPU
)

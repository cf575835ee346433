"""Exercise `standardise`: levels as a borrowed network wants them."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def standardise(images, mean, std):
    """Levels 0–255 (n, 3, height, width), three means and spreads → what a model wants."""
    return answer()(images, mean, std)


def along(where):
    """Three numbers as a tensor that meets an axis of (n, 3, height, width)."""
    return lambda three, like: torch.tensor(three, device=like.device).reshape(where)


CHANNELS = along((3, 1, 1))


def answer(
    levels=lambda x: x / 255,
    centre=lambda mean: mean,
    spread=lambda std: std,
    axis=CHANNELS,
    second_axis=None,
):
    """An answer: what becomes of levels, means and spreads, and which axis they meet."""

    def of(images, mean, std):
        x = levels(images)
        return (x - centre(axis(mean, images))) / spread((second_axis or axis)(std, images))

    return of


def oracle(images, mean, std):
    """Channel by channel."""
    found = np.empty(images.shape)
    for channel in range(3):
        share = images[:, channel].astype(float) / 255
        found[:, channel] = share / std[channel] - mean[channel] / std[channel]
    return found


TINY = (
    (-0.2, 0.5, 0.8),
    (1e-5, 0.01, 0.5),
)  # the first gives more than a half-precision number holds
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OTHERS = (0.1, 0.5, 0.8), (0.5, 0.25, 2.0)


def cases():
    random = torch.Generator().manual_seed(12)
    levels = 255 * torch.rand(3, 3, 3, 3, generator=random)
    yield Case((levels, *IMAGENET), "[3, 3, 3, 3] in floats", FLOATS)
    # Where height and width are 3 as well, who lines up the wrong axis is not stopped by shapes.
    for shape in ((1, 3, 3, 3), (3, 3, 3, 3), (3, 3, 2, 3), (2, 3, 4, 5)):
        images = torch.randint(0, 256, shape, generator=random).byte()
        for name, (mean, std) in (("ImageNet's", IMAGENET), ("other", OTHERS)):
            what = f"{list(shape)} by {name} means and spreads"
            yield Case((images, mean, std), what, AXIS if shape == (2, 3, 4, 5) else "")
    dark = torch.randint(0, 2, (2, 3, 3, 3), generator=random).byte()
    yield Case((dark, *IMAGENET), "two dark pictures, of levels 0 and 1", DARK)
    wide = torch.randint(0, 256, (17, 3, 2, 70), generator=random).byte()
    yield Case((wide, *TINY), "by a negative mean and tiny spreads", TOLD)


def reversed_channels(three, like):
    return CHANNELS(three[::-1], like)


LEVELS = "Did you divide by 255? Means and spreads are those of levels from 0 to 1."
AXIS = (
    "Do the three numbers meet the channels? Broadcasting lines up the last axes: [:, None, None]."
)
FLOATS = "Floats are levels 0–255 as well: what comes in decides nothing."
DARK = "Does a dark picture have another scale? Divide each by 255."
TOLD = "Is anything clipped, rounded, or added to the spread? Only take away and divide."

MISCONCEPTIONS = (
    Misconception(LEVELS, answer(levels=lambda x: x.float())),
    Misconception(
        "Did you divide by 256? The highest level is 255.", answer(levels=lambda x: x / 256)
    ),
    Misconception(
        "Are levels from −1 to 1 with you? This model wants them from 0 to 1 first.",
        answer(levels=lambda x: x / 127.5 - 1),
    ),
    Misconception("Did you subtract the mean?", answer(centre=lambda mean: 0 * mean)),
    Misconception("Did you divide by the spread?", answer(spread=lambda std: 0 * std + 1)),
    Misconception("Did you add the mean? Take it away.", answer(centre=lambda mean: -mean)),
    Misconception(
        "Is that the variance? Divide by the spread itself.", answer(spread=lambda s: s**2)
    ),
    Misconception("Did you multiply by the spread? Divide.", answer(spread=lambda std: 1 / std)),
    Misconception(AXIS, answer(axis=along((3,)))),
    Misconception(AXIS, answer(axis=along((3, 1)))),
    Misconception(AXIS, answer(axis=along((3, 1, 1, 1)))),
    Misconception(AXIS, answer(second_axis=along((3,)))),
    Misconception(
        "Is red taken for blue? The order is red, green, blue.", answer(axis=reversed_channels)
    ),
    Misconception(
        "Are mean and spread those of these pictures? The model wants those of its training.",
        lambda images, mean, std: (
            (images / 255 - (images / 255).mean((0, 2, 3), keepdim=True))
            / (images / 255).std((0, 2, 3), keepdim=True)
        ),
    ),
)

EXERCISE = Exercise(
    reference=standardise,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="The result has the shape of the pictures."),
    misconceptions=MISCONCEPTIONS,
    advice="Divide the levels by 255, take away the channel's mean, divide by its spread.",
    praise="equal to a loop over channels in 11 cases",
    gradient=("images",),
    at_size=AtSize(
        lambda: (torch.zeros(200, 3, 32, 32), *IMAGENET),
        "200 pictures",
        calls=4,
    ),
)

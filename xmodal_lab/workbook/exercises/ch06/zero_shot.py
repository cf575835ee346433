"""Exercise `zero_shot`: classify by the nearest averaged prompt, as CLIP does."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from torch.nn.functional import normalize

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception
from xmodal_lab.workbook.exercises.shared import unit


def zero_shot(images, prompts):
    """Class (n,) of images (n, dim): the nearest of prompts (classes, variants, dim)."""
    images = normalize(images, dim=-1)
    prompts = normalize(prompts, dim=-1).mean(dim=1)
    return (images @ normalize(prompts, dim=-1).T).argmax(dim=1)


def oracle(images, prompts):
    """Class by class, image by image."""
    centres = [unit(np.mean([unit(variant) for variant in bundle], axis=0)) for bundle in prompts]
    return [int(np.argmax([image @ centre for centre in centres])) for image in images]


def cases():
    random = torch.Generator().manual_seed(2)
    sizes = (60, 6, 4, 3), (40, 5, 3, 8), (9, 3, 2, 2), (4, 4, 3, 3), (50, 9, 20, 4)
    for count, classes, variants, dim in sizes:
        images = torch.randn(count, dim, generator=random)
        # Lengths differ a lot: whoever forgets to normalise gets other answers.
        lengths = torch.rand(classes, variants, 1, generator=random) * 6 + 0.2
        prompts = torch.randn(classes, variants, dim, generator=random) * lengths
        what = f"{count} images and {classes} classes of {variants} prompts"
        yield Case((images, prompts), what, MANY if classes == 9 else "")


MANY = "Is a number of classes or of variants written into it? Take all there are."


def along(image, variant, mean, average=1):
    """An answer that normalises, or averages, along these axes; None for not at all."""

    def unit_along(x, dim):
        return x if dim is None else normalize(x, dim=dim)

    def answer(images, prompts):
        classes = unit_along(unit_along(prompts, variant).mean(dim=average), mean)
        return (unit_along(images, image) @ classes.T).argmax(dim=1)

    return answer


def best_variant(images, prompts):
    return torch.einsum("nd,cvd->ncv", images, normalize(prompts, dim=-1)).amax(2).argmax(1)


LAST = "The embedding is the last axis: dim=-1."
PROMPTS = {
    -1: "",
    1: f"Did you normalise the prompts over the variants (dim=1, the default)? {LAST}",
    0: f"Did you normalise the prompts over the classes (dim=0)? {LAST}",
}
IMAGES = {-1: "", 0: f"Did you normalise the columns of the images (dim=0)? {LAST}"}
MEANS = {-1: "", 0: f"Did you normalise the class means over the classes (dim=0)? {LAST}"}

MISCONCEPTIONS = (
    Misconception("Did you normalise the prompts at all?", along(-1, None, None)),
    Misconception(
        "Did you normalise again after averaging? Scattered variants have a short mean.",
        along(-1, -1, None),
    ),
    Misconception(
        "Did you normalise each variant before averaging? Long ones outweigh the others.",
        along(-1, None, -1),
    ),
    Misconception(
        "Is that the best single variant? The variants of a class are averaged.", best_variant
    ),
    Misconception(
        "Is that the least similar class?", lambda images, prompts: zero_shot(-images, prompts)
    ),
    Misconception("Classes count from 0.", lambda images, prompts: zero_shot(images, prompts) + 1),
    Misconception(
        "Did you use the first variant only?",
        lambda images, prompts: zero_shot(images, prompts[:, :1]),
    ),
    # Several wrong axes at once: the question about the prompts comes first.
    *(
        Misconception(PROMPTS[v] or IMAGES[i] or MEANS[m], along(i, v, m))
        for i, v, m in product(IMAGES, PROMPTS, MEANS)
        if (i, v, m) != (-1, -1, -1)
    ),
    Misconception(
        "Did you average over the classes (dim=0)? The variants are axis 1.",
        along(-1, -1, -1, average=0),
    ),
)

EXERCISE = Exercise(
    reference=zero_shot,
    oracle=oracle,
    cases=cases,
    result=Entries(
        if_shape="One class for each image: did you take argmax over the classes?",
        if_fraction="Did you return the similarities instead of their argmax?",
    ),
    misconceptions=MISCONCEPTIONS,
    advice="Normalise the variants, average those of a class, normalise again; the class with the "
    "largest cosine wins.",
    praise="equal to an explicit loop on 5 sets of images and prompts",
    at_size=AtSize(
        lambda: (torch.randn(416, 128), torch.randn(8, 36, 128)), "416 pictures", calls=2
    ),
)

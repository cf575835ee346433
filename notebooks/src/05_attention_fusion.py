# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · Attention and fusion: which modality knows the answer?
#
# **The claim.** “What colour is the thing left of the moon?” A small network answers by looking twice: first at the
# moon (in 82 of 100 such questions), then beside it. On new pictures it is right in about 99 of 100. Whoever sees only the picture
# can reach about 42, whoever only reads the question 13.
#
# | | |
# |---|---|
# | You need | softmax, cross-entropy, matrix products; what an encoder's *states* are (chapters 02 and 03) |
# | You will be able to | fuse encoders in seven ways and measure which hold in noise, write attention and its mask, let words look at a picture, look twice, and test what a map of attention is worth |
# | It takes | about 80 seconds of one free CPU core; several minutes on a busy machine. 1 GB of memory. A GPU: not measured yet |
# | To read | 3,500 words. Five exercises, 39 minutes by their cards. In all about 90 minutes, by our estimate |

# %% [markdown]
# Device, precision and seed are chosen here, once.

# %% tags=["nbval-ignore-output"]
# nbval-ignore-output: this summary differs from machine to machine.
from xmodal_lab.runtime import setup

runtime = setup(seed=0)

# %% [markdown]
# Pictures of three to five things, and five kinds of questions about them:

# %%
import numpy as np
import torch
from torch.nn import functional as F

from xmodal_lab.datasets import crowds
from xmodal_lab.tasks.questions import (
    accuracy_by_kind,
    answered,
    cells_of,
    hopping,
    load_answerer,
    load_trunk,
)
from xmodal_lab.workbook import charts, check, expect, explore, predict, progress, show

test = crowds.load("test", 600)
test_asked = crowds.questions(test.crowds, per_crowd=5)
for kind in crowds.KINDS:
    number = int((test_asked.kinds == kind).argmax())
    print(f"{kind:10} {test_asked[number].text:48} {test_asked[number].answer}")

# %% [markdown]
# This network was trained beforehand. A **trunk** turns each picture into 8 × 8 cells, and
# the **answerer** looks at the cells. Four questions of *two hops*: from the thing that is named (the moon) to the thing asked for. The picture is lit where it looks; dashed is the thing
# it should find.

# %%
trunk, answerer = load_trunk().to(runtime.device), load_answerer().to(runtime.device)
test_cells = cells_of(trunk, test.images)
of_kind = {kind: np.flatnonzero(test_asked.kinds == kind) for kind in crowds.KINDS}
two_hops = test_asked.select(of_kind["two hops"])


def looks_of(model, asked):
    """Where each look went, (questions, looks, 8, 8)."""
    batch = asked.batch(test_cells).to(runtime.device)
    return model.looks(batch).cpu().unflatten(2, (8, 8))


def boxes_of(asked, things):
    """The known boxes of things, one a question."""
    return torch.from_numpy(test.boxes)[asked.rows, things]


few = two_hops.select([0, 1, 2, 3])
few_looks = looks_of(answerer, few)
said = [f"answer: {crowds.ANSWERS[i]}" for i in answered(answerer, few, test_cells)]
lit = {"first look": few_looks[:, 0].numpy(), "second look": few_looks[:, 1].numpy()}
goals = {"first look": boxes_of(few, few.vias), "second look": boxes_of(few, few.things)}
show(charts.spotlights(test.images[few.rows], lit, few.texts, said, goals, arrows=True))

# %% [markdown]
# Now over all such questions about 600 new pictures. Beside it, what the best guesser reaches who only reads the
# question, or only sees the picture, computed from how the questions are drawn.

# %%
shipped_scores = accuracy_by_kind(answered(answerer, test_asked, test_cells), test_asked)
stated = crowds.stated_chance(crowds.questions(crowds.sample_crowds("train", 3000)))
print(len(two_hops), "questions of two hops")
expect("right", 100 * shipped_scores["two hops"], 96, 100, "%")
expect("text only", 100 * stated["two hops"]["text only"], 12.1, 14.1, "%")
expect("picture only", 100 * stated["two hops"]["picture only"], 40, 43, "%")

# %% [markdown]
# # ## 1 · Three encoders, one question
#
# One thing is drawn, described and spoken of. Three encoders, one for each modality, are trained apart on the same
# question: *which colour and shape?* 52 pairs occur. Then they are frozen.

# %%
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders import AudioEncoder, DeepCNN, TextEncoder, inputs_of
from xmodal_lab.tasks.classification import Classifier, accuracy, cross_entropy
from xmodal_lab.tasks.noisy import AMOUNTS, THINGS, Views, thing_labels
from xmodal_lab.training import fit

single = scenes.load("train", 6000, things=1)
clean = inputs_of(single) | {"labels": thing_labels(single.scenes)}
RECIPES = {
    "text": (TextEncoder, 100, 5e-3),
    "image": (lambda: DeepCNN(8, cells=8, pooling="max"), 200, 5e-3),
    "audio": (AudioEncoder, 300, 8e-3),
}
judges = {}
for name, (make, steps, rate) in RECIPES.items():
    torch.manual_seed(runtime.seed)
    judges[name] = Classifier(make(), THINGS, name)
    alone = {name: clean[name], "labels": clean["labels"]}
    training = fit(judges[name], cross_entropy, alone, steps, 64, rate, runtime=runtime)
    for _ in progress(training, steps, f"{name} alone"):
        pass

# %% [markdown]
# Now the world gets noisy. Words are replaced by others, snow falls on the picture, a hiss drowns the voice. Each
# modality of each row has an amount of its own, 0, ⅓, ⅔ or 1. Nobody tells which. Alone, each is
# right this often, on 800 new things:

# %%
encoders = {name: judge.encoder for name, judge in judges.items()}
practice = Views.of(encoders, scenes.load("train", 3000, seed=1000, things=1))
exam = Views.of(encoders, scenes.load("test", 800, things=1), seed=1)
for judge in judges.values():
    judge.cpu()


def right_alone(name, level):
    scores = judges[name].head(exam.vectors[name][:, level])
    return 100 * accuracy(scores.argmax(1), exam.labels)


levels = [f"noise {amount:.2f}" for amount in AMOUNTS]
heard = {n: {label: right_alone(n, i) for i, label in enumerate(levels)} for n in judges}
show(charts.results_table(heard))
expect("image alone, clean", heard["image"]["noise 0.00"], 78, 99, "%")
expect("image alone, spoilt", heard["image"]["noise 1.00"], 0, 10, "%")

# %% [markdown]
# Guessing gives about 2 %. Whom to trust?
#
# ### Seven ways to put them together
#
# Two train nothing, four learn, and attention is section 2's. Three opinions on one thing: the picture's encoder is sure, the others waver.

# %%
opinions = torch.tensor([[0.50, 0.40, 0.10], [0.10, 0.80, 0.10], [0.45, 0.35, 0.20]])
NAMES = ("circle", "star", "heart")  # the columns; the rows are text, image, audio
print("votes:", [NAMES[i] for i in opinions.argmax(1)])
print("mean: ", [round(p, 2) for p in opinions.mean(0).tolist()])

# %% [markdown]
# The **vote** says circle, two against one. The **mean of opinions** says star: it hears *how* sure each one is.
#
# The ways that learn mix vectors, not opinions: $x_m$ is what an encoder says, $z_m = W_m x_m$ its learned projection. The
# *trained mean* is the mean of the $z_m$. The **weighted sum**, $y = \sum_m \alpha_m z_m$, learns one weight a modality. Shown
# on the opinions, with weights made up:

# %%
alpha = torch.tensor([0.6, 0.1, 0.3])  # learned once, the same for all rows
print("weighted:", [round(p, 2) for p in (alpha @ opinions).tolist()])

# %% [markdown]
# So the picture is hardly heard, even when it alone is clean.
#
# **Concatenation** puts the vectors in a row, and a network with a hidden layer decides:
# $y = W_2\,\mathrm{gelu}(W_1 [x_1, x_2, x_3])$. **Gates** (Arevalo et al. 2017) read that row, too, and open or close
# for each number: $y = \sum_m \sigma(V_m [x_1, x_2, x_3]) \odot \tanh(W_m x_m)$.

# %%
points = torch.tensor([[0.9, -0.2], [0.1, 0.8], [-0.5, 0.3]])  # tanh(W x) of each modality
gates = torch.sigmoid(torch.tensor([[-2.0, -2.0], [3.0, 3.0], [-2.0, 0.0]]))
print("gates:", [[round(g, 2) for g in row] for row in gates.tolist()])
print("sum:  ", [round(y, 2) for y in (gates * points).sum(0).tolist()])

# %% [markdown]
# But what if one is not there at all?
#
# ### Exercise: `late_mean` · ●○○ easy · 5 min
#
# **Goal.** Average the vectors of those modalities that are **there**. `vectors[m, i]` is what
# modality `m` says about row `i`. Where `present[m, i]` is False it is missing: what stands there
# may be any number, NaN too, and must not count. One that is there counts, even if it says 0
# throughout. In each row at least one is present. Gradients must flow to `vectors`.


# %% tags=["exercise"]
def late_mean(vectors, present):
    """Vectors (modalities, batch, dim), present (modalities, batch) → their mean (batch, dim)."""
    ...


late_mean = check(late_mean)

# %% [markdown]
# <details><summary>Hint 1: what to put where one is missing</summary>
#
# Take the sum over the modalities and put 0 where one is missing. `x.masked_fill(where, 0)` puts it
# there whatever it was; `~present` is True where something is missing, and `[:, :, None]` gives it
# the third axis. Multiplying by 0 would keep NaN: NaN · 0 is NaN.
#
# </details>
# <details><summary>Hint 2: what to divide by</summary>
#
# `present.sum(dim=0)` says how many are there, row by row. With `[:, None]` it meets (batch, dim).
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def late_mean(vectors, present):
#     """Vectors (modalities, batch, dim), present (modalities, batch) → their mean (batch, dim)."""
#     kept = vectors.masked_fill(~present[:, :, None], 0)
#     return kept.sum(dim=0) / present.sum(dim=0)[:, None]
# ```
#
# Dividing by all modalities would pull a row towards 0 whenever one is missing. The network behind
# it would then see a short vector and could not tell “nobody spoke” from “somebody said little”.
#
# </details>
#
# Now all of them learn on noisy rows: the same steps, learning rate, width and rows for each.

# %%
mean_guess = predict(
    "Only the picture is clean. The trained mean of three vectors is right in …",
    {
        "about 2 %, as guessing": 2,
        "a third": 33,
        "three quarters": 75,
        "as often as nothing noisy": 100,
    },
)

# %% [markdown]
# All but the two that train nothing:

# %%
from xmodal_lab import fusion
from xmodal_lab.tasks.fused import FusedClassifier

FUSIONS = {
    "mean": fusion.MeanFusion,
    "weighted sum": fusion.WeightedSumFusion,
    "concatenation": fusion.ConcatFusion,
    "gates": fusion.GatedFusion,
    "attention": fusion.AttentionFusion,
}


def fused(make, label, steps=300, rate=1e-2):
    torch.manual_seed(runtime.seed)
    model = FusedClassifier(make(practice.dims, 64), THINGS)
    random = torch.Generator().manual_seed(runtime.seed)

    def drawn(step):
        return practice.drawn(128, random)

    learning = fit(model, cross_entropy, drawn, steps, learning_rate=rate, runtime=runtime)
    for _ in progress(learning, steps, label):
        pass
    return model.cpu()


models = {name: fused(make, name) for name, make in FUSIONS.items()}

# %% [markdown]
# *Vote* and *mean of opinions* train nothing: they ask the three frozen classifiers. The **bound** is told which one is
# clean, and asks that classifier alone.

# %%
CASES = {"all\nclean": exam.at()} | {f"only {n}\nclean": exam.only_clean(n) for n in judges}


def row_of(answer):
    """Per cent right in each case, of a function that names the most likely class."""
    return {c: 100 * accuracy(answer(rows), rows["labels"]) for c, rows in CASES.items()}


def said_by(rows):
    return {n: judge.head(rows[n]).softmax(1) for n, judge in judges.items()}


results = {
    "vote": row_of(lambda rows: fusion.vote(said_by(rows), majority=True).argmax(1)),
    "mean of opinions": row_of(lambda rows: sum(said_by(rows).values()).argmax(1)),
}
results |= {name: row_of(model.predict) for name, model in models.items()}
results["bound"] = {"all\nclean": max(heard[n]["noise 0.00"] for n in judges)} | {
    f"only {name}\nclean": heard[name]["noise 0.00"] for name in judges
}
show(charts.results_table(results))
picture_only = {name: row["only image\nclean"] for name, row in results.items()}
mean_guess.reveal(picture_only["mean"])


def worst(name):
    """The lowest of the three columns in which one modality alone is clean."""
    return min(share for case, share in results[name].items() if case != "all\nclean")


BANDS = {"vote": (5, 65), "mean": (48, 82), "gates": (40, 75), "attention": (56, 91)}
for name, band in BANDS.items():
    expect(f"{name}, its worst column", worst(name), *band, "%")
expect("attention ahead of the mean", worst("attention") - worst("mean"), 0, 22, "points")

# %% [markdown]
# By the 800 rows, two numbers less than 4 points apart are not told apart; another seed moves them further. By worst column,
# attention is the best. But all had the *same* learning rate. A control: the mean and attention again, with three times that.

# %%
quicker = {n: fused(FUSIONS[n], f"{n}, quicker", rate=3e-2) for n in ("mean", "attention")}
for name, model in quicker.items():
    results[f"{name}, quicker"] = row_of(model.predict)
    expect(f"{name}, its worst column, quicker", worst(f"{name}, quicker"), 50, 88, "%")
lead = worst("attention, quicker") - worst("mean, quicker")
expect("attention ahead of the mean, quicker", lead, -9, 9, "points")

# %% [markdown]
# At three times the rate the mean hardly moved (70 → 73 %) and attention fell (81 → 75 %): the lead was partly the rate's.
# We also tuned rate and width for each fusion on validation rows: with only the picture clean the mean got 88 %, attention 90 % (one seed, `benchmarks/fusion.py`).
# So the table ranks fusions *at these settings*.
#
# How can it do so well? Its projections $z_m$ are learned. Ask the trained mean with *one* modality, clean
# and spoilt. How far do its 64 logits spread?


# %%
@torch.no_grad()
def loudness(name, level, fused_by="mean"):
    """Spread over classes of the logits that one modality brings, if it alone is heard."""
    z = models[fused_by].fusion({name: exam.vectors[name][:, level]})
    return (z @ models[fused_by].head.weight.T).std(1).mean().item()


@torch.no_grad()
def frozen_loudness(name, level):
    return judges[name].head(exam.vectors[name][:, level]).std(1).mean().item()


for name in judges:
    quieter, frozen = (f(name, 0) / f(name, 3) for f in (loudness, frozen_loudness))
    expect(f"{name} in the mean, times quieter when spoilt", quieter, 1.5, 12)
    expect(f"{name}, its frozen classifier", frozen, 0.5, 1.6)

# %% [markdown]
# In the mean, a spoilt vector is **hushed**. The frozen classifiers never met noise: they are as loud as ever, and
# wrong. A vote hears no loudness, but where three heads name three classes, the mean of opinions decides. Yet with only the
# picture clean, no trained row is better than these two.

# %% [markdown]
# ## 2 · Whom to trust, row by row
#
# **Attention** makes the weights anew for each row, from the vectors themselves. In its *additive* form (Bahdanau et al.
# 2015) a small network scores each modality, and a softmax over the **modalities** turns scores into shares:
#
# $$s_m = v \cdot \tanh(W x_m + b), \qquad \alpha_m = \frac{e^{s_m}}{\sum_k e^{s_k}}, \qquad y = \sum_m \alpha_m z_m$$
#
# By hand, for vectors of two numbers. The first says how clear the input was:

# %%
import math

vectors = {"text": (0.1, 1.0), "image": (1.2, -1.0), "audio": (0.4, 0.5)}
by_hand = {n: 3 * math.tanh(2 * clear) for n, (clear, _) in vectors.items()}  # v = 3, W = (2, 0)
whole = sum(math.exp(score) for score in by_hand.values())
for name, score in by_hand.items():
    print(f"{name:5} score {score:.2f}  weight {math.exp(score) / whole:.2f}")

# %% [markdown]
# No real vector says how clear it is in its first number. $W$, $b$ and $v$ have to find that out.
#
# ### Exercise: `additive_weights` · ●●○ medium · 7 min
#
# **Goal.** Let a small network say how much each modality of a row counts (Bahdanau et al. 2015
# asked it of words). `states` is (batch, modalities, dim), `W` (units, dim), `b` and `v` (units,).
#
# - score of one state: $e = v \cdot \tanh(W s + b)$, one number
# - weights of one row: the softmax of its scores **over the modalities that are present**
#
# An absent modality has the weight 0, whatever its state is (NaN too). In each row at least one is
# present. Gradients must flow to `states`, `W`, `b` and `v`.


# %% tags=["exercise"]
def additive_weights(states, present, W, b, v):
    """States (batch, modalities, dim), present (batch, modalities) → their weights."""
    ...


additive_weights = check(additive_weights)

# %% [markdown]
# <details><summary>Hint 1: all scores at once</summary>
#
# `states @ W.T + b` is (batch, modalities, units). After the tanh, `@ v` adds up the units.
#
# </details>
# <details><summary>Hint 2: a weight of 0</summary>
#
# The softmax gives 0 where the score is −∞: `scores.masked_fill(~present, -torch.inf)`. A 0 in its
# place would count, for exp(0) is 1.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def additive_weights(states, present, W, b, v):
#     """States (batch, modalities, dim), present (batch, modalities) → their weights."""
#     scores = torch.tanh(states @ W.T + b) @ v
#     return scores.masked_fill(~present, -torch.inf).softmax(dim=1)
# ```
#
# `dim=1` is the whole point. Over the batch, `dim=0`, the weights of *other rows* would decide how
# much this row's picture counts, and the shapes would not complain. Masking before the softmax
# shares 1 among those present. Masking after it throws a part of that 1 away.
#
# </details>
#
# The same three, and then without the picture:

# %%
states = torch.tensor([list(vectors.values())])  # 1 row, 3 modalities, 2 numbers
W, b, v = torch.tensor([[2.0, 0.0]]), torch.zeros(1), torch.tensor([3.0])
for present in ([True, True, True], [True, False, True]):
    found = additive_weights(states, torch.tensor([present]), W, b, v)
    print([round(w, 2) for w in found[0].tolist()])

# %% [markdown]
# In `AttentionFusion` each modality has a $W$ of its own. Whom does the trained one listen to, as one modality after the
# other gets noisier and the rest stays clean?


# %%
@torch.no_grad()
def mean_weights(**noise):
    rows = exam.at(**noise)
    shares = models["attention"].fusion.weights({name: rows[name] for name in judges})
    return {name: share.mean().item() for name, share in shares.items()}


moving = {}
for noisy_one in judges:
    steps_up = [mean_weights(**{noisy_one: level}) for level in range(len(AMOUNTS))]
    moving[noisy_one] = {name: [step[name] for step in steps_up] for name in judges}
show(charts.weights_by_noise(moving, AMOUNTS, "amount of noise"))
for name in judges:
    lost = moving[name][name][0] - moving[name][name][3]
    expect(f"{name}, weight lost by its own noise", lost, 0.02, 0.5)

# %% [markdown]
# The weight leaves the one that gets noisy. Nobody told it to. But weight is not trust: the clean text, alone the best of three,
# has little more weight than a wholly spoilt image. Does it also hush its $z_m$, as the mean does?

# %%
for name in judges:
    ratio = loudness(name, 0, "attention") / loudness(name, 3, "attention")
    expect(f"{name}, times quieter, attention", ratio, 1.2, 8)

# %% [markdown]
# It does both. So its weights tell only a part of what it trusts.
#
# Now spoil the senses yourself. Three sliders, one a modality; *row* chooses the thing. At the lower right stands what each
# fusion answers. Try several.

# %%
from xmodal_lab.workbook.demos.noise_mixer import NoiseMixer

mixer = NoiseMixer(encoders, models, scenes.load("test", 50, things=1))
slider = (0.0, 1.0, 0.05)
explore(mixer.mix, row=(0, 49), text=slider, image=slider, audio=slider)

# %% [markdown]
# ### Features or places?
#
# So far, one vector a modality, side by side: fused along the *features*. Or one hands over all
# **places** (words, cells, frames), one below the other. Then a question may choose *where* to look.

# %%
show(charts.joined({"text": 4, "image": 9, "audio": 6}, 8))

# %% [markdown]
# ## 3 · Attention from scratch
#
# A picture has 64 places, and the question decides which of them count. So it becomes a **query**. Each place has a
# **key**, by which it is found, and a **value**, which it hands over. Four cells by name: the key says what *shape* is
# there, the value which *colour*.

# %%
CELLS = ("red star", "blue ring", "green moon", "nothing")
keys = 2 * torch.eye(4)  # star, ring, moon, nothing
values = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0]])  # red, green, blue
star = torch.tensor([3.0, 0, 0, 0])  # the query of “what colour is the star?”
scores = [sum(q * k for q, k in zip(star, key, strict=True)) / 4**0.5 for key in keys]
total, read = sum(score.exp() for score in scores), 0
for cell, score, value in zip(CELLS, scores, values, strict=True):
    read = read + score.exp() / total * value
    print(f"{cell:10} score {score:.1f}  weight {score.exp() / total:.2f}")
print("red, green, blue:", [round(level, 2) for level in read.tolist()])

# %% [markdown]
# It read nearly pure red. For all queries at once, $d$ being the length of a query (Vaswani et al. 2017):
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right) V$$
#
# The softmax goes over the *keys*: each query shares itself out.
#
# ### Exercise: `attention` · ●●○ medium · 9 min
#
# **Goal.** Scaled dot-product attention (Vaswani et al. 2017). Each query looks at all keys of its
# row and collects their values. Queries are (batch, q, d), keys (batch, k, d), values (batch, k,
# e).
#
# $$\text{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V$$
#
# `mask` (batch, k) is True where a key may be looked at. A hidden key has the weight 0, and what
# stands in hidden keys and values must not matter: **not even NaN**. In each row at least one key
# may be looked at. It should work in float16 and float64, too. Gradients must flow to queries, keys
# and values. PyTorch's own `scaled_dot_product_attention` is not allowed here. It comes right
# after.


# %% tags=["exercise"]
def attention(queries, keys, values, mask):
    """Queries (b, q, d), keys (b, k, d), values (b, k, e), mask (b, k) → collected (b, q, e)."""
    ...


attention = check(attention)

# %% [markdown]
# <details><summary>Hint 1: scores and their shape</summary>
#
# `queries @ keys.mT` is (batch, q, k): `.mT` swaps the last two axes. d is `queries.shape[2]`.
#
# </details>
# <details><summary>Hint 2: hide keys</summary>
#
# `mask[:, None, :]` is (batch, 1, k) and meets the scores. Put `-torch.inf` where it is False, then
# take the softmax over the keys, `dim=2`. −1e9 would do in float32. In float16 there is no such
# number.
#
# </details>
# <details><summary>Hint 3: NaN in spite of a weight of 0?</summary>
#
# 0 · NaN is NaN. So put 0 into hidden values before they are collected: `mask[:, :, None]` meets
# them.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def attention(queries, keys, values, mask):
#     """Queries (b, q, d), keys (b, k, d), values (b, k, e), mask (b, k) → collected (b, q, e)."""
#     hidden = ~mask[:, :, None]
#     scores = queries @ keys.masked_fill(hidden, 0).mT / queries.shape[2] ** 0.5
#     weights = scores.masked_fill(hidden.mT, -torch.inf).softmax(dim=2)
#     return weights @ values.masked_fill(hidden, 0)
# ```
#
# A dot product of d independent numbers of variance 1 has variance d. Divided by √d it has variance
# 1 again, whatever d is. That matters at the start of training: with large scores the softmax gives
# all to one key, and hardly any gradient comes through. 0 in hidden keys is for the gradient only:
# the forward way would do without, but on the way back 0 · NaN would meet the queries.
#
# </details>
#
# PyTorch has it in one call:

# %%
random = torch.Generator().manual_seed(0)
q, k, v = (torch.randn(2, n, 8, generator=random) for n in (3, 5, 5))
mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None])
difference = (attention(q, k, v, mask) - theirs).abs().max().item()
print("as PyTorch's, to 0.000001:", difference < 1e-6)

# %% [markdown]
# ### Large and small d
#
# The product of two random vectors is a sum of $d$ terms. It spreads as $\sqrt d$.

# %%
root_guess = predict(
    "64 random keys of 256 numbers, scores *not* divided. How many keys share the weight?",
    {"about 40": 40, "about 10": 10, "hardly more than one": 1.3},
)

# %% [markdown]
# Counted as $e^{\text{entropy}}$: 64 if all weights are equal. And is there a gradient left for the scores? The slope
# of a weight by its own score is $w (1 - w)$. Added up over the keys it is 0 where one takes all.

# %%
SIZES = (4, 16, 64, 256, 1024)
spread = {"divided by √d": [], "not divided": []}
slopes = {"divided by √d": [], "not divided": []}
for d in SIZES:
    products = torch.randn(500, 1, d, generator=random) @ torch.randn(500, d, 64, generator=random)
    for name, scaled in (("divided by √d", products / d**0.5), ("not divided", products)):
        w = scaled.softmax(2)
        spread[name].append((-(w * (w + 1e-30).log()).sum(2)).mean().exp().item())
        slopes[name].append((w * (1 - w)).sum(2).mean().item())
lines = {name: (SIZES, sharing) for name, sharing in spread.items()}
show(charts.curves(lines, "d", "keys that share", {"all of them": 64}, (0, 68), None, True))
root_guess.reveal(spread["not divided"][3])
expect("d = 1,024, divided, keys", spread["divided by √d"][4], 37, 42)
expect("d = 1,024, not divided, keys", spread["not divided"][4], 1, 1.4)
expect("d = 1,024, divided, slope", slopes["divided by √d"][4], 0.94, 0.98)
expect("d = 1,024, not divided, slope", slopes["not divided"][4], 0.03, 0.12)

# %% [markdown]
# So for queries and keys of spread 1, and $d$ of 64 and more: not divided, few keys take all before anything is learned,
# and little gradient is left to mend that.
#
# ### Several heads
#
# One softmax gives one mean. A query that asks for the star *and* the ring gets a mixture. Two **heads** ask twice,
# at the same time:

# %%
from xmodal_lab.fusion import MultiHeadAttention, scaled_dot_product_attention

one, _ = scaled_dot_product_attention(torch.tensor([[3.0, 3, 0, 0]]), keys, values)
two, _ = scaled_dot_product_attention(torch.tensor([[3.0, 0, 0, 0], [0, 3, 0, 0]]), keys, values)
for name, rows_read in (("one head", one), ("two heads", two)):
    print(f"{name:9}", [[round(level, 2) for level in row] for row in rows_read.tolist()])

# %% [markdown]
# Each head works in a part of the dimensions, with matrices of its own. `MultiHeadAttention` is PyTorch's, weight
# for weight:

# %%
torch.manual_seed(runtime.seed)
mine, torchs = MultiHeadAttention(8, 2), torch.nn.MultiheadAttention(8, 2, batch_first=True)
with torch.no_grad():
    torchs.in_proj_weight.copy_(torch.cat([mine.query.weight, mine.key.weight, mine.value.weight]))
    torchs.in_proj_bias.copy_(torch.cat([mine.query.bias, mine.key.bias, mine.value.bias]))
    torchs.out_proj.load_state_dict(mine.output.state_dict())
    difference = (mine(q, k)[0] - torchs(q, k, k)[0]).abs().max().item()
print("as torch.nn.MultiheadAttention, to 0.000001:", difference < 1e-6)

# %% [markdown]
# ## 4 · Words ask cells
#
# Back to three to five things. The trunk, a small convolutional network, learned beforehand
# to say, for each of 8 × 8 cells, what stands there: colour, shape, size, or nothing. Then it was frozen. What it hands
# on are its *states*: 64 vectors a picture.

# %%
train = crowds.load("train", 3000)
train_asked = crowds.questions(train.crowds)  # up to three a picture
cells = cells_of(trunk, train.images)
print(tuple(cells.shape), "pictures × cells × numbers;", len(train_asked), "questions")

# %% [markdown]
# In **cross-attention**, the queries come from one modality, keys and values from another. Here each *word* looks at all
# cells: softmax over the cells, one map for each word.
#
# ### Exercise: `cross_attend` · ●●○ medium · 8 min
#
# **Goal.** Let every word of a sentence look at the cells of a picture. `words` is (batch, words,
# dim), `cells` (batch, cells, dim): words are the queries, cells are keys and values. Sentence `i`
# has `lengths[i]` words; behind them stands padding, which may be any number, NaN too.
#
# - `weights` (batch, words, cells): the softmax **over the cells** of word · cell / √dim
# - `read` (batch, words, dim): what each word collects, its weights times the cells
#
# Behind the end of a sentence both are **0**. Return the pair `(weights, read)`. Gradients must
# flow to `words` and `cells`.


# %% tags=["exercise"]
def cross_attend(words, cells, lengths):
    """Words (b, w, d), cells (b, c, d), lengths (b,) → weights (b, w, c) and read (b, w, d)."""
    ...


cross_attend = check(cross_attend)

# %% [markdown]
# <details><summary>Hint 1: which words are real?</summary>
#
# `places = torch.arange(words.shape[1], device=words.device)`. Then `places >= lengths[:, None]` is
# True in the padding: (batch, words). `[:, :, None]` lets it meet the weights.
#
# </details>
# <details><summary>Hint 2: what to mask, and when</summary>
#
# All cells may be looked at, so no score needs −∞. A row of −∞ alone would even give NaN. Take the
# softmax first, then put 0 into the *rows* of the padding. What they read is 0 then by itself.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def cross_attend(words, cells, lengths):
#     """Words (b, w, d), cells (b, c, d), lengths (b,) → weights (b, w, c) and read (b, w, d)."""
#     places = torch.arange(words.shape[1], device=words.device)
#     padding = (places >= lengths[:, None])[:, :, None]
#     scores = words.masked_fill(padding, 0) @ cells.mT / words.shape[2] ** 0.5
#     weights = scores.softmax(dim=2).masked_fill(padding, 0)
#     return weights, weights @ cells
# ```
#
# Keys are hidden *before* the softmax, so that the others share the whole weight. Queries are
# dropped *after* it: their row belongs to nobody. The two are easily mixed up.
#
# </details>
#
# Try it without any training. A word's vector is the mean state of the cells where such a thing stands, minus the mean
# of all cells. (The code halves it, for maps that are less sharp.)

# %%
from xmodal_lab.tasks.dense import MAPS, things_in_cells

shares = things_in_cells(train.crowds)  # (pictures, cells, 19 words)
sums = torch.einsum("ncw,ncd->wd", shares, cells.float())
word_vectors = sums / shares.sum((0, 1))[:, None] - cells.float().mean((0, 1))
asking_words, picture = ("heart", "moon", "purple", "green"), int(few.rows[0])
word_queries = word_vectors[[MAPS.index(word) for word in asking_words]] / 2
weights, _ = cross_attend(word_queries[None], test_cells[[picture]].float(), torch.tensor([4]))
word_maps = dict(zip(asking_words, weights.view(4, 1, 8, 8).numpy(), strict=True))
show(charts.spotlights(test.images[[picture]], word_maps))

# %% [markdown]
# Does the heaviest cell lie in a thing that the word fits? This is the **pointing game** (Zhang et al. 2018), over all
# words that fit something. A cell counts where the thing fills more than a tenth of it. A blind cell is the chance:

# %%
hits, blind = [], []
for row, crowd in enumerate(test.crowds):
    fitting = things_in_cells([crowd])[0].T > 0.1  # (19 words, cells)
    fitting = {
        word: fitting[MAPS.index(word)] for t in crowd.things for word in (t.colour, t.shape)
    }
    blind += [there.double().mean().item() for there in fitting.values()]
    queries = word_vectors[[MAPS.index(word) for word in fitting]]
    heaviest = (queries @ test_cells[row].float().T).argmax(1)
    hits += [there[cell].item() for there, cell in zip(fitting.values(), heaviest, strict=True)]
print(len(hits), "words")
expect("a fitting thing is hit", 100 * np.mean(hits), 88, 97, "%")
expect("a blind cell", 100 * np.mean(blind), 4, 8, "%")

# %% [markdown]
# ### One hop, trained
#
# A *question* has to be read as a whole. A recurrent network reads it (chapter 03), and its vector looks **once**. What
# it read goes into a classifier of 23 answers, with the question.
#
# The control is the *same* network, with as many weights. But each of its 64 cells holds the *mean* of all 64.

# %%
hop_guess = predict(
    "One look. Which kind of question is hardest for it, beside counting?",
    ["colour", "shape", "existence", "two hops"],
)

# %% [markdown]
# Trained here, 800 steps each. Two more train along: one with a *counter*, one that also looks twice.


# %%
def trained(model, pictures, label, steps=800):
    torch.manual_seed(runtime.seed)
    model, random = model(), torch.Generator().manual_seed(runtime.seed)

    def some(step):
        return train_asked.batch(pictures, torch.randint(len(train_asked), (96,), generator=random))

    learning = fit(model, cross_entropy, some, steps, learning_rate=3e-3, runtime=runtime)
    for _ in progress(learning, steps, label):
        pass
    return model


def mean_of(pictures):
    """Every cell holds the mean of all."""
    return pictures.float().mean(1, keepdim=True).half().expand_as(pictures)


def one_hop():
    return hopping(1, tally=False)


def one_hop_and_counter():
    return hopping(1)


askers = {
    "mean picture": (trained(one_hop, mean_of(cells), "mean picture"), mean_of(test_cells)),
    "one look": (trained(one_hop, cells, "one look"), test_cells),
    "one look, counter": (trained(one_hop_and_counter, cells, "one look, counter"), test_cells),
    "two looks, counter": (trained(hopping, cells, "two looks, counter"), test_cells),
}

# %% [markdown]
# On pictures never seen:

# %%
scores_of = {
    "text only, at best": {k: 100 * stated[k]["text only"] for k in crowds.KINDS},
    "picture only, at best": {k: 100 * stated[k]["picture only"] for k in crowds.KINDS},
}
for name, (model, pictures) in askers.items():
    shares_right = accuracy_by_kind(answered(model, test_asked, pictures), test_asked)
    scores_of[name] = {k: 100 * shares_right[k] for k in crowds.KINDS}
first_four = {n: scores_of[n] for n in list(scores_of)[:4]}
show(charts.results_table(first_four))
one = scores_of["one look"]
hop_guess.reveal(min(("colour", "shape", "existence", "two hops"), key=one.get))
expect("one look, colour", one["colour"], 93, 100, "%")
expect("mean picture, colour", scores_of["mean picture"]["colour"], 30, 50, "%")
expect("one look, two hops", one["two hops"], 24, 42, "%")
expect("one look, count", one["count"], 19, 40, "%")

# %% [markdown]
# ### What may be shuffled?
#
# One look, and two orders: of cells, of words.

# %%
shuffle_guess = predict(
    "All 64 cells of each picture in another order. How many answers of the one look change?",
    {"none": 0, "a third": 33, "nearly all": 95},
)

# %% [markdown]
# One order for all pictures; then the words of each question backwards; then the cells again, for the two looks.

# %%
from dataclasses import replace

from xmodal_lab.batch import pad


def changed(name, asked, pictures):
    """Per cent of questions answered otherwise than before."""
    model = askers[name][0]
    before = answered(model, test_asked, test_cells)
    return 100 * (answered(model, asked, pictures) != before).double().mean().item()


another = torch.randperm(64, generator=torch.Generator().manual_seed(runtime.seed))
ids = zip(test_asked.words.values, test_asked.words.lengths.tolist(), strict=True)
backwards = replace(test_asked, words=pad([row[:n].flip(0).tolist() for row, n in ids]))
cells_moved = changed("one look", test_asked, test_cells[:, another])
shuffle_guess.reveal(round(cells_moved))
expect("one look, cells moved", cells_moved, 0, 0.2, "%")
expect("one look, words backwards", changed("one look", backwards, test_cells), 8, 65, "%")
moved_twice = changed("two looks, counter", test_asked, test_cells[:, another])
expect("two looks, cells moved", moved_twice, 6, 40, "%")

# %% [markdown]
# The sum over cells does not care for their order. One look is not *told* where a cell is: it knows only what the trunk
# left in its state (from that, a linear probe in a separate run explained 14 % of row and column). Its 34.8 % of two hops, below the
# picture alone, are the evidence. The second look, in section 5, does care.
#
# ### A mean only knows shares
#
# Weights add up to 1. So a *sharp* look gives the same mean for three stars as for one. (The query is 8 times that of
# section 3. With that one the red rises, 0.87, 0.93, 0.95: the other cells' share shrinks.)

# %%
for count in (1, 2, 3):
    starry = torch.cat([keys[:1].repeat(count, 1), keys[1:]])
    colours = torch.cat([values[:1].repeat(count, 1), values[1:]])
    found, _ = scaled_dot_product_attention(8 * star[None], starry, colours)
    counted = torch.sigmoid(4 * (starry @ star) / 2 - 6).sum().item()
    print(count, "stars, mean:", [round(x, 2) for x in found[0].tolist()], f"gates: {counted:.1f}")

# %% [markdown]
# The last number is a **sum** of gates, $\sum_j \sigma(q \cdot k_j - c)$, here tuned by hand. The
# counter (`Tally`) is eight such sums, beside the look. Same steps, same questions:

# %%
gained = scores_of["one look, counter"]["count"] - one["count"]
expect("count, gained by the counter", gained, -8, 25, "points")

# %% [markdown]
# After 800 steps the counter has brought nothing that one seed can tell.
#
# ## 5 · Two looks
#
# “What colour is the thing left of the moon?” The first look finds the moon. The second should go to the left of *where
# the first one went*. So a table of how welcome each way from cell to cell is gets added to the
# second look's scores.
#
# ### Exercise: `relative_bias` · ●●● hard · 10 min
#
# **Goal.** “What is left of the moon?” The first look finds the moon. The second look should prefer
# places that lie *left of where the first one went*. `first` (batch, H, W) is the first attention
# map. `offsets` (2H − 1, 2W − 1) is a learned table: one number for each step from one place to
# another. A step down is positive in the first axis, a step right is positive in the second. No
# step at all stands in the middle, at `[H - 1, W - 1]`.
#
# $$b_j = \sum_i \text{first}_i \cdot \text{offsets}[\,j - i + (H - 1, W - 1)\,]$$
#
# i and j are places (row, column): the first look went to i, the second one may go to j. Return b,
# (batch, H, W). Gradients must flow to `first` and `offsets`. Loops over places are welcome.


# %% tags=["exercise"]
def relative_bias(first, offsets):
    """First map (batch, H, W), table (2H − 1, 2W − 1) of offsets → the bias (batch, H, W)."""
    ...


relative_bias = check(relative_bias)

# %% [markdown]
# <details><summary>Hint 1: all attention on one place</summary>
#
# If the first look went to place (row, column) alone, b is a window of the table, H × W large. For
# (0, 0) it begins at the middle of the table, `[H - 1, W - 1]`. For (row, column) it begins at
# `[H - 1 - row, W - 1 - column]`.
#
# </details>
# <details><summary>Hint 2: put together</summary>
#
# Go through all places, and add up these windows, each times `first[:, row, column, None, None]`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def relative_bias(first, offsets):
#     """First map (batch, H, W), table (2H − 1, 2W − 1) of offsets → the bias (batch, H, W)."""
#     _, height, width = first.shape
#     bias = torch.zeros_like(first)
#     for row in range(height):
#         for column in range(width):
#             top, left = height - 1 - row, width - 1 - column
#             window = offsets[top : top + height, left : left + width]
#             bias = bias + first[:, row, column, None, None] * window
#     return bias
# ```
#
# One table serves every place: “left of” is learned once, and not again for each place where a moon
# may stand. It is a convolution of the map with the table: `functional.conv_transpose2d` does it in
# one call, cut down to the middle. (`conv2d` alone turns the offsets round: it takes j + offset
# where a convolution takes j − offset.)
#
# </details>
#
# A table made by hand, welcome to the left of the middle; the first look sits on one cell:

# %%
first = torch.zeros(1, 8, 8)
first[0, 2, 5] = 1
ways_down, ways_right = torch.meshgrid(torch.arange(-7, 8), torch.arange(-7, 8), indexing="ij")
table = (-ways_right / (1e-6 + torch.hypot(ways_down.float(), ways_right.float()))).clamp(min=-1)
by_hand_bias = relative_bias(first, table)
panels = {"table": table.numpy(), "first look": first[0].numpy(), "bias": by_hand_bias[0].numpy()}
show(charts.heat(panels, "column, or step right", "row, or step down"))

# %% [markdown]
# The package's `Hops` does the same. Only its table is made anew for each question: the question's vector gives 16
# weights, and the table is the sum of 16 learned patterns times those. Its numbers are added to scores: 40
# more is a command. With the shipped network's own tables:

# %%
WAYS = ("left of", "right of", "above", "below")
hops = answerer.fusions["hops"]
ways = two_hops.select([next(i for i, t in enumerate(two_hops.texts) if w in t) for w in WAYS])
with torch.no_grad():
    asked_vector = answerer.inputs(ways.batch(test_cells).to(runtime.device))[0]
    tables = (hops.mix[0](asked_vector) @ hops.patterns[0]).view(-1, 15, 15)
    firsts = looks_of(answerer, ways)[:, 0].to(runtime.device)
    mine_too = torch.cat([relative_bias(firsts[i : i + 1], tables[i]) for i in range(4)])
    packages = hops.bias(asked_vector, firsts.flatten(1)).view(-1, 8, 8)
print("as the package's, to 0.001:", (mine_too - packages).abs().max().item() < 1e-3)
learned = dict(zip(WAYS, tables.cpu().numpy(), strict=True))
widest = float(tables.abs().max())
show(charts.heat(learned, "step right, −7 to 7", "step down, top −7", -widest, widest))

# %% [markdown]
# Purple is welcome. The 16 patterns *begin* as compass directions. Which word uses which, and how much, was learned from
# answers alone. Two looks without a table, in a separate run of the same 800 steps: 39 and 36 % of two hops
# (two seeds). Now our own network of two
# looks, from above, beside the others: as many steps, the same questions.

# %%
trained_here = {n: scores_of[n] for n in askers}
show(charts.results_table(trained_here))
second = scores_of["two looks, counter"]["two hops"]
expect("two looks, two hops", second, 65, 100, "%")
gained = second - scores_of["one look, counter"]["two hops"]
expect("two hops, gained by the second look", gained, 30, 75, "points")

# %% [markdown]
# *Two hops* is what the second look is for. Why *count* rises, too, the table does not tell. Read nothing from *existence*: with another
# seed the one look got 73 % there, and with its counter 98 %.
#
# Ask the shipped network yourself:

# %%
from xmodal_lab.workbook.demos.asking import Asking

moon = "what colour is the thing left of the moon?"
begin = int(two_hops.rows[two_hops.texts.index(moon)])
pictures_to_ask = Asking(trunk, answerer, test.select(range(begin, begin + 50)))
explore(pictures_to_ask.ask, question=moon, picture=(0, 49))

# %% [markdown]
# ## 6 · Is attention an explanation?
#
# **Occlusion** asks the network itself: put the mean state in place of one cell, and see how
# far the logit of its answer falls. Cell by cell, for 100 questions of each kind.

# %%
from xmodal_lab.batch import Batch

blank = cells.float().mean((0, 1)).half()


@torch.no_grad()
def weights_and_effects(asked):
    """Of each cell, (questions, 64): its weight, a mean of both looks, and how far the logit falls."""
    batch = asked.batch(test_cells)
    before = answerer(batch.to(runtime.device)).cpu()
    chosen, effects = before.argmax(1, keepdim=True), []
    for cell in range(64):
        spoilt = batch["image"].clone()
        spoilt[:, cell] = blank
        after = answerer(Batch(text=batch["text"], image=spoilt).to(runtime.device)).cpu()
        effects.append((before - after).gather(1, chosen)[:, 0])
    return looks_of(answerer, asked).mean(1).flatten(1), torch.stack(effects, 1)


of_100 = {kind: test_asked.select(of_kind[kind][:100]) for kind in crowds.KINDS}
compared = {kind: weights_and_effects(asked) for kind, asked in of_100.items()}

# %% [markdown]
# One dot a cell, of 100 questions. Below 0, hiding the cell *raises* the logit:

# %%
from matplotlib.figure import Figure


def scattered(kinds):
    fig = Figure(figsize=(8.5, 3.4))
    for axis, kind in zip(
        fig.subplots(1, len(kinds), sharex=True, sharey=True), kinds, strict=True
    ):
        weight, effect = compared[kind]
        axis.scatter(weight.flatten(), effect.flatten(), s=5, alpha=0.4)
        axis.set(xlabel="weight, mean of both looks", ylabel="fall of the logit", title=kind)
        axis.grid()
    return fig


show(
    scattered(("colour", "two hops", "count")),
    alt="Cells with weight often do little; in count, cells without any do much.",
)

# %% [markdown]
# In *count*, cells of hardly any weight move its logit. But there is the counter, which reads the cells with no map at all. Here is
# the control: one part of the network sees *another question's picture*, the other the right one.

# %%
from xmodal_lab.batch import Padded


@torch.no_grad()
def right_without(part, kind):
    """Per cent right where one of 'hops' and 'tally' sees the next question's picture."""
    query, seen = answerer.inputs(of_100[kind].batch(test_cells).to(runtime.device))
    # Five on: the next picture, for a picture has up to five questions.
    other = Padded(seen.values.roll(5, 0), seen.lengths)
    parts = [f(query, other if n == part else seen) for n, f in answerer.fusions.items()]
    guesses = answerer.head(torch.cat(parts, 1)).argmax(1).cpu()
    return 100 * (guesses == of_100[kind].answers).double().mean().item()


expect("colour, looks misled", right_without("hops", "colour"), 8, 35, "%")
expect("colour, counter misled", right_without("tally", "colour"), 95, 100, "%")
expect("two hops, looks misled", right_without("hops", "two hops"), 4, 28, "%")
expect("two hops, counter misled", right_without("tally", "two hops"), 95, 100, "%")
expect("count, looks misled", right_without("hops", "count"), 22, 55, "%")
expect("count, counter misled", right_without("tally", "count"), 20, 50, "%")

# %% [markdown]
# *Colour* and *two hops* need only the looks. *Count* needs both. So for count, maps cannot tell all.
#
# Is the *heaviest* cell also the one that matters most? And does the one that matters most lie in the thing asked for? Careful:
# occlusion speaks of both looks. So for it, the named thing (the moon) counts as well.

# %%
from xmodal_lab.evaluation.grounding import pointing, pointing_chance

agree = {}
for kind, (weight, effect) in compared.items():
    agree[kind] = 100 * (weight.argmax(1) == effect.argmax(1)).double().mean().item()
expect("colour, the heaviest cell matters most", agree["colour"], 35, 65, "%")
expect("two hops, the heaviest cell matters most", agree["two hops"], 41, 71, "%")
expect("count, the heaviest cell matters most", agree["count"], 5, 30, "%")
asked_for = two_hops.select(range(100))
goal, via = (boxes_of(asked_for, n) for n in (asked_for.things, asked_for.vias))
looks = looks_of(answerer, asked_for)
by_effect = compared["two hops"][1].view(-1, 8, 8)
expect("first look, in the named thing", 100 * pointing(looks[:, 0], via).mean(), 70, 93, "%")
expect("second look, in the goal", 100 * pointing(looks[:, 1], goal).mean(), 93, 100, "%")
expect("occlusion, in the goal", 100 * pointing(by_effect, goal).mean(), 62, 88, "%")
expect("occlusion, in the named thing", 100 * pointing(by_effect, via).mean(), 4, 26, "%")
expect("a blind cell, in the goal", 100 * pointing_chance(goal), 5, 7.5, "%")

# %% [markdown]
# In *count* they are seldom the same cell. Now test the maps by answers. Occlude the four heaviest cells; or the four whose hiding lowers the logit most; or any four. How
# many answers change?


# %%
@torch.no_grad()
def flipped(asked, hidden):
    """Per cent of answers that change when these cells, (questions, 64), are occluded."""
    batch = asked.batch(test_cells)
    spoilt = torch.where(hidden[:, :, None], blank, batch["image"])
    pairs = (batch, Batch(text=batch["text"], image=spoilt))
    before, after = (answerer(b.to(runtime.device)).argmax(1).cpu() for b in pairs)
    return 100 * (before != after).double().mean().item()


def top_four(measure):
    return torch.zeros(measure.shape).scatter(1, measure.topk(4).indices, 1).bool()


changes = {"heaviest": {}, "occlusion's": {}, "any": {}}
for kind, (weight, effect) in compared.items():
    blind = torch.rand(100, 64, generator=random)
    for name, measure in zip(changes, (weight, effect, blind), strict=True):
        changes[name][kind] = flipped(of_100[kind], top_four(measure))
for name, band in {"heaviest": (18, 35), "occlusion's": (18, 35), "any": (0, 5)}.items():
    expect(f"{name}, mean of all kinds", np.mean(list(changes[name].values())), *band, "%")

# %% [markdown]
# On average, the heaviest cells change as many answers as those that occlusion names, and far more than any four. But most answers
# survive: a thing fills more than four cells. So cover 3 × 3 cells, and around the heaviest cell of *each look* by itself.

# %%
cover_guess = predict(
    "“What colour is the heart?” Covered is where the *second* look is heaviest. Answers that change:",
    {"hardly any": 1, "half": 50, "nearly all": 90},
)

# %% [markdown]
# 200 questions of each kind:


# %%
def around(places):
    """True at the 3 × 3 cells around each of these numbers, (questions, 64)."""
    spots = F.one_hot(places, 64).float().view(-1, 1, 8, 8)
    return F.max_pool2d(spots, 3, stride=1, padding=1).flatten(1).bool()


covers = {"first look": {}, "second look": {}, "any": {}}
for kind in ("colour", "shape", "two hops"):
    asked = test_asked.select(of_kind[kind][:200])
    heaviest = looks_of(answerer, asked).flatten(2).argmax(2)
    anywhere = torch.randint(64, (len(heaviest),), generator=random)
    for name, places in zip(covers, (*heaviest.unbind(1), anywhere), strict=True):
        covers[name][kind] = flipped(asked, around(places))
show(charts.bars(covers, "kind of question", "answers that change / %"))
cover_guess.reveal(covers["second look"]["colour"])
expect("colour, first look covered", covers["first look"]["colour"], 75, 100, "%")
expect("colour, second look covered", covers["second look"]["colour"], 0, 6, "%")
expect("two hops, first look covered", covers["first look"]["two hops"], 3, 30, "%")
expect("two hops, second look covered", covers["second look"]["two hops"], 80, 100, "%")
expect("any cell covered, two hops", covers["any"]["two hops"], 0, 16, "%")

# %% [markdown]
# On *colour*, the first look is what counts. The second look has a clear map, too, and covering it changes next to nothing: a weight
# without a use. On *two hops* it is the second look. Everything hangs on the moon, which the first look found. Yet with it
# covered, most answers stay. We do not know why.
#
# So the map of the look that is used is good evidence. But nothing in a map tells *which* look that is. In recurrent networks that read texts,
# Jain and Wallace (2019) found little agreement, and quite other weights with the same answers. A map of attention tells what was
# *read*. What was *used* takes an experiment.
#
# ## 7 · The clinic
#
# Five patients. All run without an error. Each heading names the bug.
#
# ### Patient 1: softmax over the batch
#
# `scores.softmax(0)` in place of `softmax(1)`. It is trained like that, too, in batches of 128.

# %%
batch_guess = predict(
    "Only the picture is clean. It gets the test rows one by one. Right in …",
    {"as many as the healthy one": 80, "less than half of that": 30, "none": 0},
)

# %% [markdown]
# One by one; then all 800 at once:

# %% tags=["wrong-on-purpose"]
record = {"as it came": {}, "repaired": {}}


def discharge(patient, as_it_came, repaired):
    record["as it came"][patient], record["repaired"][patient] = as_it_came, repaired


class OverTheBatch(fusion.AttentionFusion):
    def _weights(self, values, there):
        asked = torch.stack([self.asked[n](values[n]) for n in self.dims], dim=1).tanh()
        return self.query(asked).squeeze(2).softmax(0)


patient_1 = fused(OverTheBatch, "patient 1")
rows = exam.only_clean("image")
singles = [Batch({n: x[i : i + 1] for n, x in rows.items()}) for i in range(800)]
one_by_one = torch.cat([patient_1.predict(single_row) for single_row in singles])
sick = 100 * accuracy(one_by_one, exam.labels)
batch_guess.reveal(sick)
expect("patient 1, one by one", sick, 4, 55, "%")
together = patient_1.predict(rows)
expect("patient 1, all at once", 100 * accuracy(together, exam.labels), 4, 55, "%")
differ = 100 * (one_by_one != together).double().mean()
expect("patient 1, answers that hang on the company", differ, 5, 100, "%")
expect("patient 1, repaired", picture_only["attention"], 56, 93, "%")
discharge("softmax over\nthe batch", sick, picture_only["attention"])

# %% [markdown]
# Ask: does each *row* of weights sum to 1?
#
# ### Patient 2: unmasked padding
#
# A query looks at the five words of a sentence. In a batch they are padded with zeros, to 10 places or to 40, and nobody
# hides those.

# %%
padding_guess = predict(
    "Random words, padded to 40 places. How much weight do the 5 real words get?",
    {"about nine tenths": 90, "half": 50, "about a sixth": 17},
)

# %% [markdown]
# The mean of 500 queries:

# %% tags=["wrong-on-purpose"]
words = torch.randn(500, 5, 64, generator=random)
queries = torch.randn(500, 1, 64, generator=random)


def weight_of_the_real(places, mask):
    padded = F.pad(words, (0, 0, 0, places - 5))
    _, shares = scaled_dot_product_attention(queries, padded, padded, mask)
    return 100 * shares[:, 0, :5].sum(1).mean().item()


for places, low, high in ((5, 99.9, 100.1), (10, 53, 65), (40, 14, 23)):
    expect(f"padded to {places}", weight_of_the_real(places, None), low, high, "%")
padding_guess.reveal(weight_of_the_real(40, None))
masked = weight_of_the_real(40, (torch.arange(40) < 5).expand(500, 1, 40))
expect("patient 2, repaired", masked, 99.9, 100.1, "%")
discharge("unmasked\npadding", weight_of_the_real(40, None), masked)

# %% [markdown]
# A score of 0 is not “no”. It is as good as the average word.
#
# ### Patient 3: vectors of different length
#
# “We average the logits of the three frozen classifiers.” But somebody trained the picture's with logits ten times as
# long. Alone it answers as before. Only the text is clean:

# %% tags=["wrong-on-purpose"]
rows = exam.only_clean("text")
with torch.no_grad():
    raw = {name: judge.head(rows[name]) for name, judge in judges.items()}
    raw["image"] = 10 * raw["image"]


def right_of_mean(vectors):
    return 100 * accuracy(sum(vectors.values()).argmax(1), exam.labels)


for name, logits in raw.items():
    print(f"{name:5} mean length {logits.norm(dim=1).mean():.0f}")
one_length = {name: F.normalize(logits, dim=1) for name, logits in raw.items()}
sick, healthy = right_of_mean(raw), right_of_mean(one_length)
undone = right_of_mean(raw | {"image": raw["image"] / 10})
expect("patient 3", sick, 0, 15, "%")
expect("patient 3, image / 10 only", undone, 10, 42, "%")
expect("patient 3, repaired: all of one length", healthy, 60, 100, "%")
discharge("different\nlengths", sick, healthy)

# %% [markdown]
# Ten times as long, it decides alone. Dividing by ten again is not enough: the image was the longest before. Print the
# lengths before you add.
#
# ### Patient 4: queries and keys swapped
#
# Four questions about the four named cells: ring, moon, star, and the moon once more. The answer is the strongest colour
# that was read.

# %% tags=["wrong-on-purpose"]
questions = 3 * torch.eye(4)[[1, 2, 0, 2]]
right_colours = torch.tensor([2, 1, 0, 1])  # blue, green, red, green


def right_of_four(asks, found_by):
    colours_read, _ = scaled_dot_product_attention(asks, found_by, values)
    return 100 * (colours_read.argmax(1) == right_colours).double().mean().item(), colours_read


sick, colours_read = right_of_four(keys, questions)
healthy, _ = right_of_four(questions, keys)
print([[round(level, 2) for level in row] for row in colours_read.tolist()])
print(f"swapped {sick:.0f} % right, repaired {healthy:.0f} %")
discharge("queries and\nkeys swapped", sick, healthy)

# %% [markdown]
# Rows two and four ask the same, and read something different. Row $i$ is now what cell $i$ asked of the
# questions. With as many queries as keys no shape complains. Test with *different* numbers.
#
# ### Patient 5: a mask of 1 and 0
#
# `scores + mask`, with 1 where a key may be looked at and 0 where it is hidden. Of 10 random keys, 5 are hidden.

# %%
added_guess = predict(
    "How much weight do the five keys get that may be looked at?",
    {"all of it": 100, "about three quarters": 73, "half": 50},
)

# %% [markdown]
# The mean of 500 queries again:

# %% tags=["wrong-on-purpose"]
ten = torch.randn(500, 10, 64, generator=random)
may = (torch.arange(10) < 5).expand(500, 1, 10)
products = queries @ ten.mT / 64**0.5
sick = 100 * (products + may.float()).softmax(2)[..., :5].sum(2).mean().item()
healthy = 100 * products.masked_fill(~may, -torch.inf).softmax(2)[..., :5].sum(2).mean().item()
added_guess.reveal(sick)
expect("patient 5", sick, 68, 77, "%")
expect("patient 5, repaired: −∞ where hidden", healthy, 99.9, 100.1, "%")
discharge("a mask of\n1 and 0", sick, healthy)

# %% [markdown]
# Adding 1 only makes a key $e$ times as welcome as before. All five, before and after; for patients 2 and 5 it is the
# weight on what may be looked at:

# %%
show(charts.bars(record, "patient", "right, or weight / %"))

# %% [markdown]
# ## The results table
#
# The last row is the shipped network: two looks and a counter, trained longer and on more pictures.

# %%
scores_of["shipped"] = {kind: 100 * shipped_scores[kind] for kind in crowds.KINDS}
show(charts.results_table(scores_of))

# %% [markdown]
# ## Worth a GPU
#
# Three looks, and six times the steps. Does a look that no question needs do harm? Guess first.
#
# ```python
# def three_looks():
#     return hopping(3)
#
#
# longer = trained(three_looks, cells, "three looks", 5000)
# print(accuracy_by_kind(answered(longer, test_asked, test_cells), test_asked))
# ```
#
# Not tried on a GPU. By our estimate it fits a T4.

# %% [markdown]
# ## Three things to remember
#
# 1. Attention makes weights anew for each row, from the row itself. A mean with learned projections came close,
#    once rate and width were tuned for each (88 and 90 %).
# 2. Softmax over the *right* axis, hidden keys at −∞, scores divided by √d. None of the mistakes raises an error.
# 3. A map of attention tells what was read. What was used, only an experiment tells.
#
# ## Questions without code
#
# 1. Two modalities, scores 2 and 2. The first rises to 3. What is its weight?
# 2. Why is “left of the moon” so hard for one look?
# 3. A picture with five stars and one with a single star: the same cells otherwise. What does a softmax over *many*
#    empty cells still reveal about the number?
# 4. A table of offsets has 15 × 15 entries for a grid of 8 × 8. Why not 8 × 8?
#
# <details><summary>Answers</summary>
#
# 1. $e / (e + 1)$, about 0.73.
# 2. Its read-out is a sum over cells that does not change when they are moved, and a state tells only a
#    little of where its cell lies: what the trunk left in it.
# 3. The share of weight that the empty cells get shrinks as the stars get more. So a network can learn to count a little,
#    from shares.
# 4. From one cell to another it is −7 to 7 steps, down and right: 15 of each.
#
# </details>
#
# ## Read on
#
# * Bahdanau, Cho and Bengio 2015, *Neural machine translation by jointly learning to align and translate*: additive attention.
# * Vaswani et al. 2017, *Attention is all you need*: section 3.2, and its footnote on √d.
# * Arevalo et al. 2017, *Gated multimodal units for information fusion*: figure 2.
# * Shaw, Uszkoreit and Vaswani 2018, *Self-attention with relative position representations*.
# * Jain and Wallace 2019, *Attention is not explanation*; Wiegreffe and Pinter 2019, *… not not explanation*.
#
# **Next:** [05b](05b_transformers.ipynb) stacks attention into blocks. [05c](05c_missing_and_moods.ipynb)
# has missing senses and moods. [Chapter 06](06_joint_space.ipynb) puts all senses into one space.

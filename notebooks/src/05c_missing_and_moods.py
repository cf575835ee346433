# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05c · Missing, lazy, ironic: what fusion really carries
#
# **The claim.** “What a lovely soup”, in a sad voice: that is irony. Here the words alone cannot tell it, and
# the voice alone cannot: each is right in exactly 50 of 100 sentences. Both together are right in more than
# 95, with voices and sentences never met before. But *adding* the two opinions does not do it: no sum is right
# in more than about 75. A product is.
#
# Then: what if one class is rare, if a modality is missing, or asleep? And how do you find out which modality
# your model really uses?
#
# | | |
# |---|---|
# | You need | [chapter 05](05_attention_fusion.ipynb): late fusion, gates, attention over modalities, masks |
# | You will be able to | say when fusion needs a product, and write one of low rank; read precision, recall and F1; train for missing modalities; find a lazy modality and wake it; audit a fusion |
# | It takes | about 75 seconds of one free CPU core, most of it training; several minutes on a slow or busy machine. 1 GB of memory. A GPU: not measured yet |
# | To read | 3,000 words. Three exercises, 27 minutes by their cards |
# | At a first reading | skip “Which cue?” in section 1 |

# %% [markdown]
# Device, precision and seed are chosen here, once.

# %% tags=["nbval-ignore-output"]
# nbval-ignore-output: this summary differs from machine to machine.
from xmodal_lab.runtime import setup

runtime = setup(seed=0)

# %% [markdown]
# Somebody judges a thing, in writing and aloud. Each text is said twice, sadly and gladly. In the sound, the
# word that judges is **bleeped**, as on television: who only hears, hears no verdict. Press play.

# %%
import torch

from xmodal_lab.datasets import moods
from xmodal_lab.tasks import mood
from xmodal_lab.workbook import charts, check, expect, explore, listen, predict, progress, show

RATE = 8000
said = {split: moods.load(split, rows) for split, rows in (("train", 1600), ("test", 800))}
for row in range(4):
    irony = "ironic" if said["test"].irony[row] else "plain"
    print(f"{said['test'].texts[row]:36} {moods.MOODS[said['test'].mood[row]]:5} {irony}")
recordings = said["test"].waveforms
listen([recordings[0], recordings[1]], RATE, ["said sadly", "said gladly"])

# %% [markdown]
# Two texts, two recordings, four rows. Bleeped, praise and blame sound the same, sample by sample. So each text is
# ironic in half of its rows, and so is each recording. Whoever knows only one of them is right in exactly half of
# the rows, whatever he has learned.
#
# Two **judges** now, each trained on an easy question of its own. One reads: blame or praise? One listens: sad
# or glad? A judge's *opinion* is a number, above 0 for praise, or for glad.

# %%
from xmodal_lab.encoders.audio import AudioCNN
from xmodal_lab.encoders.text.sentences import MeanEncoder
from xmodal_lab.fusion import BilinearFusion
from xmodal_lab.training import fit

DIMS = {"text": 32, "audio": 32}
train, test = (mood.inputs(part) for part in said.values())
options = {"batch_size": 64, "learning_rate": 1e-2, "seed": runtime.seed, "runtime": runtime}


def fresh_encoders():
    torch.manual_seed(runtime.seed)
    ears = AudioCNN(mood.BANDS, width=24, output_dim=32, layers=1, halvings=2)
    return {"text": MeanEncoder(moods.WORDS, 32), "audio": ears}


def trained(model, questions, rows, steps, label, **changes):
    training = fit(model, mood.asked(*questions), rows, steps, **options | changes)
    for _ in progress(training, steps, label):
        pass
    return model


def right(found, truth):
    return 100 * torch.as_tensor(found == truth).double().mean().item()


judges = mood.MoodModel(BilinearFusion(DIMS), fresh_encoders()).to(runtime.device)
trained(judges, ["sentiment", "mood"], train, 160, "two judges")
answers = judges.predict(test)
expect("words: blame or praise", right(answers["sentiment"], test["sentiment"]), 96, 100, "%")
expect("voice: sad or glad", right(answers["mood"], test["mood"]), 93, 100, "%")

# %% [markdown]
# Four new voices, three new kinds of sentence, 800 rows. From here on, the question is irony: do words and voice
# disagree? Chance is 50.

# %%
sum_guess = predict(
    "Add both opinions, with the best weights and the best cut there are. Right about irony in at most …",
    {"50 %": 50, "75 %": 75, "100 %": 100},
)

# %% [markdown]
# Each dot is a test sentence at its two opinions. Shaded is where a rule says *ironic*. For the sum, 72 angles
# and 61 cuts are tried, on the test sentences themselves: it gets more help than is fair.

# %%
from xmodal_lab.workbook.demos.two_opinions import StraightLine, Threshold


@torch.no_grad()
def opinions_on(rows):
    """How strongly words lean to praise, and the voice to glad: (rows, 2), voice first."""
    logits = judges(rows.to(runtime.device))
    both = [logits[name][:, 1] - logits[name][:, 0] for name in ("mood", "sentiment")]
    return torch.stack(both, dim=1).cpu().numpy()


AXES = ("voice: sad ← → glad", "words: blame ← → praise")
ironic = test["irony"].numpy().astype(bool)
line = StraightLine(opinions_on(test), ironic, AXES)
angle, shift, best_sum = line.best()
rules = {
    "words alone": lambda p: p[:, 1],
    "voice alone": lambda p: p[:, 0],
    "the best sum": line.rule(angle, shift),
    "product": lambda p: -p[:, 0] * p[:, 1],
}
show(charts.opinions(line.points, ironic, rules, AXES))
irony_scores = {name: right(rule(line.points) > 0, ironic) for name, rule in rules.items()}

# %% [markdown]
# All four in numbers:

# %%
print(f"words alone: {irony_scores['words alone']} %, voice alone: {irony_scores['voice alone']} %")
sum_guess.reveal(best_sum)
expect("the best sum there is", best_sum, 70, 80, "%")
expect("product", irony_scores["product"], 92, 100, "%")

# %% [markdown]
# Ironic sentences lie in two opposite corners. This pattern is **XOR**: one or the other, but not both. A line
# that looks at one opinion cuts both kinds in half. A slanted line, a sum, can shut off *one* corner. The product
# of both opinions is below 0 in exactly the two corners we want, and nothing had to be learned for that.
#
# ## 1 · Glad and sad: what a voice carries
#
# One sentence, one voice, two moods. **Pitch**: how often the vocal cords swing in a second. **Level**: how loud.

# %%
import numpy as np
from torchaudio.functional import detect_pitch_frequency


def heard_tracks(samples):
    """Pitch and level every 20 ms; no pitch where it is too quiet to have one."""
    wave = torch.as_tensor(samples).float() / 32768
    pitch = detect_pitch_frequency(
        wave, RATE, frame_time=0.02, win_length=15, freq_low=60, freq_high=350
    )
    level = 10 * torch.log10(wave.unfold(0, 256, 160).square().mean(1) + 1e-6)
    n = min(len(pitch), len(level))
    pitch, level = pitch[:n], level[:n]
    pitch = pitch.where(level > level.max() - 20, torch.nan)
    seconds = 0.02 * torch.arange(n)
    return {"pitch / Hz": (seconds, pitch), "level / dB": (seconds, level)}


def spoken(name, voice, seed=0):
    text = "our garden was so lovely yesterday"
    return moods.speak(text, name, voice, np.random.default_rng(seed), bleeped=False)


show(charts.tracks({name: heard_tracks(spoken(name, 22)) for name in moods.MOODS}))

# %% [markdown]
# Glad is higher, livelier and quicker. The same over the four test voices, three sayings each:

# %%
for name in moods.MOODS:
    sayings = [spoken(name, voice, seed) for voice in (20, 21, 22, 23) for seed in range(3)]
    tracks = [heard_tracks(saying) for saying in sayings]
    pitch = np.mean([track["pitch / Hz"][1].nanmedian() for track in tracks])
    level = np.mean([track["level / dB"][1].max() for track in tracks])
    seconds = np.mean([len(saying) / RATE for saying in sayings])
    print(f"{name:5} pitch ≈ {pitch:.0f} Hz, ≈ {seconds:.1f} s long, loudest ≈ {level:.0f} dB")

# %% [markdown]
# The level needs care. `LogMel` (chapter 03) subtracts each sound's mean, so that a distant microphone does not
# matter. For moods this throws a cue away. So `mood.heard` puts the level beside the 40 bands, as a column of its own.
#
# ### Which cue?
#
# Speed, level, pitch: which does the judge use? Take the difference between glad and sad away, in **one** of them, and ask
# again.

# %%
cue_guess = predict(
    "Glad and sad are brought to one level, or to one length. What costs the judge more?",
    {"one level": -1, "one length": 1},
)

# %% [markdown]
# Two neighbouring rows are one sentence in both moods. Both get the mean of their levels; or both are stretched to the mean of
# their lengths, frame by frame, so that the pitch stays.

# %%
from torch.nn import functional as F

from xmodal_lab.batch import Padded, pad


def one_level(heard):
    values, mask = heard.values.clone(), heard.mask
    own = (values[:, :, -1] * mask).sum(1) / heard.lengths
    shared = own.view(-1, 2).mean(1).repeat_interleave(2)
    values[:, :, -1] += (shared - own)[:, None] * mask
    return Padded(values, heard.lengths)


def one_length(heard):
    shared = heard.lengths.view(-1, 2).double().mean(1).round().int().repeat_interleave(2)
    rows = zip(*heard, shared.tolist(), strict=True)
    return pad([F.interpolate(v[:n].T[None], m, mode="linear")[0].T for v, n, m in rows])


def mood_right(heard):
    return right(judges.predict(test | {"audio": heard})["mood"], test["mood"])


heard = test["audio"]
cues = {
    "as it is": mood_right(heard),
    "one level": mood_right(one_level(heard)),
    "one length": mood_right(one_length(heard)),
    "both": mood_right(one_length(one_level(heard))),
}
cue_guess.reveal(1.0 if cues["one length"] < cues["one level"] else -1.0)
show(charts.bars({"sad or glad": cues}, "changed", "right / %", 50))

# %% [markdown]
# TEXT_CUE
#
# ## 2 · Irony is a product
#
# Is there really *no* sum? Let $a$ be any number made of the words, $b$ any number made of the voice, and say
# *ironic* where $a + b > 0$.
#
# | | sad | glad |
# |---|---|---|
# | **praise** | ironic | plain |
# | **blame** | plain | ironic |
#
# 1. Both ironic corners: $a_\text{praise} + b_\text{sad} > 0$ and $a_\text{blame} + b_\text{glad} > 0$. Together, the
#    four numbers add up to more than 0.
# 2. Both plain corners: $a_\text{praise} + b_\text{glad} \le 0$ and $a_\text{blame} + b_\text{sad} \le 0$. Together, the
#    *same* four add up to 0 or less.
# 3. That cannot be. So any sum errs in one corner at least, a quarter of the sentences.
#
# Averaging vectors (`MeanFusion`) with a linear layer on top is such a sum too, however well its parts are trained.
# Try to prove us wrong: turn the line.

# %%
explore(line.draw, angle=(0, 350, 10), shift=(-2.0, 2.0, 0.1))

# %% [markdown]
# A modality hands over a vector, not one number. So take **all products** of one number from each: the *outer product*. A
# linear layer over these is called **bilinear**. Tiny, two numbers each:

# %%
words_say, voice_says = torch.tensor([0.9, 0.2]), torch.tensor([-0.8, 0.5])
products = torch.zeros(2, 2)
for i in range(2):
    for j in range(2):
        products[i, j] = words_say[i] * voice_says[j]
print(products.numpy())
print("as torch.outer:", torch.equal(products, torch.outer(words_say, voice_says)))

# %% [markdown]
# Zadeh et al. (2017) append a 1 to each vector first, so that the single numbers (times 1) are kept as well. Each number
# that comes out weighs all products, so the weights are a **tensor**:
#
# $$y_k = \sum_{i, j} T_{ijk} \, [x_\text{words}, 1]_i \, [x_\text{voice}, 1]_j$$
#
# With each further modality it is multiplied by another dimension. Liu et al. (2018) never make it. They project each vector, multiply
# the *projections*, and add up a few such products, $R$ of them, the **rank**:
#
# $$y = \sum_{r=1}^{R} \big( [x_\text{words}, 1] \, F^\text{words}_r \big) \odot \big( [x_\text{voice}, 1] \, F^\text{voice}_r \big)$$
#
# ### Exercise: `low_rank_product` · ●●○ medium · 9 min
#
# **Goal.** Fuse any number of modalities by a product of low rank. `vectors` is a list of tensors (batch, $d_m$),
# `factors` a list of tensors (rank, $d_m$ + 1, out), one each. Append a 1 **behind** the numbers of each vector, multiply by
# its factor, multiply the results **over the modalities**, then add up over the rank. Gradients must flow to vectors and
# factors.


# %% tags=["exercise"]
def low_rank_product(vectors, factors):
    """A list of (batch, d_m) and one of (rank, d_m + 1, out) → (batch, out)."""
    ...


low_rank_product = check(low_rank_product)

# %% [markdown]
# <details><summary>Hint 1: the 1</summary>
#
# `functional.pad(x, (0, 1), value=1)` from `torch.nn` puts one column of ones behind; so does `torch.cat` with `x.new_ones(len(x), 1)`.
#
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (batch, $d$ + 1) `@` (rank, $d$ + 1, out) gives (rank, batch, out): one such tensor a modality.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def low_rank_product(vectors, factors):
#     """A list of (batch, d_m) and one of (rank, d_m + 1, out) → (batch, out)."""
#     product = 1
#     for x, factor in zip(vectors, factors, strict=True):
#         ones = torch.ones_like(x[:, :1])
#         product = product * (torch.cat([x, ones], dim=1) @ factor)
#     return product.sum(dim=0)
# ```
#
# The order matters: first the product over modalities, then the sum over the rank. The other way round, the sum of
# projections is one projection, and the rank is 1 whatever you call it.
#
# </details>
#
# By hand, for irony: one number each, rank 1. The words' factor turns the sign, the voice's leaves all as it is.

# %%
said_words, said_voice = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1]])[:, :, None]
turn, leave = torch.tensor([[[-1.0], [0]]]), torch.tensor([[[1.0], [0]]])
print("praise glad, praise sad, blame glad, blame sad:")
print(low_rank_product([said_words, said_voice], [turn, leave]).flatten().tolist())

# %% [markdown]
# Above 0 for the two ironic ones. Now your function against the whole tensor, made from the same factors; and what
# each would cost, for 32 numbers a modality in and out.

# %%
x, z = torch.randn(5, 32), torch.randn(5, 32)
factors = [torch.randn(4, 33, 32) for _ in range(2)]
tensor = torch.einsum("rio,rjo->ijo", *factors)
wide = [F.pad(vector, (0, 1), value=1) for vector in (x, z)]
whole = torch.einsum("bi,bj,ijo->bo", *wide, tensor)
print("the same:", torch.allclose(low_rank_product([x, z], factors), whole, rtol=1e-3, atol=1e-3))
for modalities in (2, 3, 4):
    print(
        f"{modalities} modalities: tensor {33**modalities * 32:,}, rank 4 {modalities * 4 * 33 * 32:,}"
    )

# %% [markdown]
# ### Seven ways to fuse
#
# The judges are frozen, and their vectors go in: the same for all, 150 steps, a linear layer on top.

# %%
seven_guess = predict(
    "Which of these stays at chance?",
    ["mean", "concatenation and a hidden layer", "gates"],
)

# %% [markdown]
# Two draws of first weights each; the table has their mean.

# %%
from xmodal_lab import fusion
from xmodal_lab.batch import Batch

QUESTIONS = ("sentiment", "mood", "irony")


@torch.no_grad()
def frozen(model, rows):
    """Each row's vectors, and the right answers."""
    parts = [rows.rows(part) for part in torch.arange(rows.size).split(400)]
    vectors = {
        name: torch.cat([encoder(part[name].to(runtime.device)).cpu() for part in parts])
        for name, encoder in model.encoders.items()
    }
    return Batch(vectors | {name: rows[name] for name in QUESTIONS})


train_vectors, test_vectors = frozen(judges, train), frozen(judges, test)
nothing = {name: torch.nn.Identity() for name in DIMS}
FUSIONS = {
    "mean": lambda: fusion.MeanFusion(DIMS, 32),
    "weighted sum": lambda: fusion.WeightedSumFusion(DIMS, 32),
    "concatenation and a hidden layer": lambda: fusion.ConcatFusion(DIMS, 32),
    "gates": lambda: fusion.GatedFusion(DIMS, 32),
    "attention": lambda: fusion.AttentionFusion(DIMS, 32),
    "product of rank 4": lambda: fusion.BilinearFusion(DIMS, 32, rank=4),
    "whole tensor": lambda: fusion.BilinearFusion(DIMS, 32, rank=None),
}
table, fused = {}, {}
for name, make in FUSIONS.items():
    scores = []
    for draw in range(2):
        torch.manual_seed(100 * runtime.seed + draw)
        fused[name] = mood.MoodModel(make(), nothing)
        trained(fused[name], ["irony"], train_vectors, 150, name, learning_rate=5e-3)
        scores.append(right(fused[name].predict(test_vectors)["irony"], test["irony"]))
    table[name] = {"irony / %": sum(scores) / 2}
show(charts.results_table(table))
seven_guess.reveal(min(seven_guess.options, key=lambda name: table[name]["irony / %"]))

# %% [markdown]
# Chance is 50; one of 800 sentences is 0.1 points. The two sums stay there, as proved. What works *multiplies* (a
# gate is a factor) or *bends* (a hidden layer). Attention weighs each modality by a score of its own; here it got
# stuck half-way.

# %%
for name, low, high in (
    ("mean", 40, 60),
    ("weighted sum", 40, 60),
    ("concatenation and a hidden layer", 90, 100),
    ("gates", 90, 100),
    ("product of rank 4", 90, 100),
    ("whole tensor", 90, 100),
):
    expect(name, table[name]["irony / %"], low, high, "%")

# %% [markdown]
# ### Only the label “ironic”
#
# The frozen judges were a big help: somebody had asked the two easy questions first. What if all is trained at once,
# from nothing but *ironic* or *plain*? And what if nothing is bleeped?

# %%
label_guess = predict(
    "Trained at once, on irony alone, by concatenation and a hidden layer. *Training* sentences right in …",
    {"50 %": 50, "75 %": 75, "nearly all": 98},
)

# %% [markdown]
# Four networks, the same first weights, 300 steps each. *All questions*: it has to tell sentiment and mood as well.
# *Heard*: the voice says the verdict.

# %%
heard_verdict = {
    split: mood.inputs(moods.load(split, len(part), bleeped=False)) for split, part in said.items()
}
bleeped = {"train": train, "test": test}


def irony_right(model, data):
    model = model.to(runtime.device)
    return {part: right(model.predict(x)["irony"], x["irony"]) for part, x in data.items()}


at_once = {}
for name, questions, data in (
    ("irony alone", ["irony"], bleeped),
    ("all questions", list(QUESTIONS), bleeped),
    ("heard, irony alone", ["irony"], heard_verdict),
):
    model = mood.MoodModel(fusion.ConcatFusion(DIMS, 32), fresh_encoders())
    trained(model, questions, data["train"], 300, name)
    at_once[name] = irony_right(model, data)

# %% [markdown]
# The fourth has no words at all: sound alone, verdict heard.

# %%
from xmodal_lab.tasks.classification import Classifier, cross_entropy

ears = Classifier(fresh_encoders()["audio"], 2, "audio")
rows = {"audio": heard_verdict["train"]["audio"], "labels": heard_verdict["train"]["irony"]}
for _ in progress(fit(ears, cross_entropy, rows, 300, **options), 300, "sound alone, heard"):
    pass
at_once["heard, sound alone"] = {
    part: right(ears.predict({"audio": x["audio"]}), x["irony"])
    for part, x in heard_verdict.items()
}
label_guess.reveal(at_once["irony alone"]["train"])
by_part = {part: {name: row[part] for name, row in at_once.items()} for part in bleeped}
show(charts.bars(by_part, "trained on", "irony right / %", 50))

# %% [markdown]
# **Irony alone** learns nothing in 300 steps, not even by heart: as long as the words' vector says nothing of
# sentiment, the voice's mood is worth nothing, and the other way round. Two easy questions more, and the same network
# knows. Where the verdict is **heard**, there is something to learn by heart: this sentence sounded like that. Training
# sentences go up, new ones hardly. Sound alone is no longer at 50 by design, either. That is why we bleep.

# %%
expect("irony alone, train", at_once["irony alone"]["train"], 45, 60, "%")
expect("all questions, test", at_once["all questions"]["test"], 88, 100, "%")
for name in ("heard, irony alone", "heard, sound alone"):
    expect(f"{name}, train", at_once[name]["train"], 62, 100, "%")
    expect(f"{name}, test", at_once[name]["test"], 48, 72, "%")

# %% [markdown]
# ## 3 · When one class is rare
#
# In life, one sentence in ten may be ironic. We drop ironic test sentences until it is so.

# %%
rare_guess = predict(
    "The product errs in few of the sentences. Of those that it now *calls* ironic, really ironic are …",
    {"as many as before, nearly all": 98, "about 85 %": 85, "about half": 50},
)

# %% [markdown]
# Two models side by side: the one that never says *ironic*, and the product of section 2.

# %%
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

rare = mood.inputs(moods.with_irony(said["test"], 0.1))
truth = rare["irony"]
says = {
    "never ironic": torch.zeros_like(truth),
    "product": fused["product of rank 4"].predict(frozen(judges, rare))["irony"],
}
tables = {name: confusion_matrix(truth, found) for name, found in says.items()}
show(charts.confusion(tables, ["plain", "ironic"]))
for name, found in says.items():
    expect(f"{name}, accuracy", right(found, truth), 85, 100, "%")

# %% [markdown]
# This is a **confusion matrix**: what is true, by rows, and what was said, by columns. *Never ironic* is right in
# 90 of 100 and useless. So two questions are asked of the rare class:
#
# $$\text{precision} = \frac{\text{hits}}{\text{called ironic}} \qquad \text{recall} = \frac{\text{hits}}{\text{truly ironic}} \qquad F_1 = \frac{2\,\text{hits}}{\text{called} + \text{truly}}$$
#
# $F_1$ is their harmonic mean: low where *one* of them is low.

# %%
precision = 100 * precision_score(truth, says["product"])
rare_guess.reveal(precision)
expect("product, precision", precision, 70, 100, "%")
expect("product, recall", 100 * recall_score(truth, says["product"]), 85, 100, "%")

# %% [markdown]
# Recall is what it was: it looks at ironic sentences only. Precision fell, with the same judges: there are now
# ten times as many plain sentences to be wrong about.
#
# ### Exercise: `macro_f1` · ●●○ medium · 8 min
#
# **Goal.** A score for any number of classes, in which each counts the same. For each class, $F_1$ = 2 · hits / (times found
# + times true). A class that is neither found nor true in any row is left out. The result is the mean over the others.
# `found` and `truth` hold whole numbers from 0 to `classes` − 1, shape (n,).


# %% tags=["exercise"]
def macro_f1(found, truth, classes):
    """Found and true labels (n,), 0 … classes − 1 → mean F1 of the classes that occur in either."""
    ...


macro_f1 = check(macro_f1)

# %% [markdown]
# <details><summary>Hint 1: one class</summary>
#
# `(found == c)` and `(truth == c)` are masks. Their sums are *times found* and *times true*; the sum of `&` is the hits.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def macro_f1(found, truth, classes):
#     """Found and true labels (n,), 0 … classes − 1 → mean F1 of the classes that occur in either."""
#     scores = []
#     for c in range(classes):
#         said, asked = found == c, truth == c
#         together = said.sum() + asked.sum()
#         if together > 0:
#             scores.append(2 * (said & asked).sum() / together)
#     return torch.stack(scores).mean()
# ```
#
# A class that is asked but never hit has an $F_1$ of 0, and it counts: that is what punishes *never ironic*.
#
# </details>
#
# With scikit-learn's beside it:

# %%
for name, found in says.items():
    ours, theirs = macro_f1(found, truth, 2), f1_score(truth, found, average="macro")
    print(f"{name}: as scikit-learn's: {abs(float(ours) - theirs) < 1e-6}, ≈ {100 * theirs:.1f} %")

# %% [markdown]
# *Never ironic* gets 47, the mean of 95 and 0. Behind each answer stands a score, and *ironic* is said from 0.5 on. Move that
# **threshold**, and make irony rarer. Nothing is trained again.

# %%
with torch.no_grad():
    scores = fused["product of rank 4"](test_vectors.to(runtime.device))["irony"].softmax(1)[:, 1]
threshold = Threshold(scores.cpu().numpy(), ironic)
explore(threshold.cut, threshold=(0.02, 0.98, 0.02), rare=[50, 10, 2])

# %% [markdown]
# Higher: fewer false alarms, more irony missed. Which is worse is not a question of statistics. And the threshold is chosen on
# validation rows, not on the test.

# %% [markdown]
# ## 4 · Missing
#
# A camera breaks, a caption is empty. We leave irony, which needs both, for a question that each modality can answer alone:
# *which thing is it*, by colour and shape? 64 classes, of which 52 occur; scenes of one thing, in words, picture and spoken
# words. Three encoders, each trained **alone** on 3,000 scenes. Another 2,000 are kept to train fusions on.

# %%
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders import DeepCNN, TextEncoder, inputs_of
from xmodal_lab.encoders.features import features
from xmodal_lab.tasks.noisy import thing_labels


def things(split, count):
    data = scenes.load(split, count, seed=0, things=1)
    return Batch(inputs_of(data), labels=thing_labels(data.scenes))


pool, asked = things("train", 5000), things("test", 800)
first, later = pool.rows(torch.arange(3000)), pool.rows(torch.arange(3000, 5000))
ENCODERS = {
    "text": (TextEncoder, 60, 5e-3),
    "image": (lambda: DeepCNN(8, cells=8, pooling="max"), 150, 1e-2),
    "audio": (lambda: AudioCNN(width=48, output_dim=64, layers=1), 250, 8e-3),
}


def fresh(name):
    torch.manual_seed(runtime.seed)
    return ENCODERS[name][0]()


alone = {}
for name, (_, steps, rate) in ENCODERS.items():
    alone[name] = Classifier(fresh(name), 64, name)
    rows, changes = first.select([name, "labels"]), {"learning_rate": rate}
    for _ in progress(fit(alone[name], cross_entropy, rows, steps, **options | changes), steps, name):
        pass
    expect(f"{name} alone", right(alone[name].predict(asked), asked["labels"]), *BANDS[name], "%")

# %% [markdown]
# Now one modality is taken away at test time. Two ways to say so. **Zeros** in its place: to the network that is a vector
# like any other, somewhere in its space. A **mask**: the fusion knows, and leaves it out of its mean.

# %%
zero_guess = predict(
    "Mean of three vectors, trained with all three. Only the picture is left, zeros for the others. Right in …",
    {"as many as the picture alone": 80, "about half of that": 40, "hardly any": 5},
)

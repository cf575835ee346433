# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
#
# **The claim.** A model of 0.84 million numbers, trained from nothing in about three minutes of one
# CPU core, finds the picture you describe among 500 it has never seen: nine times out of ten on
# the first place. Spoken questions work too.
#
# You can test it right now: run the cells below and type a caption into the field. (A stored
# page shows one answer; the field needs a running notebook.)
#
# | | |
# |---|---|
# | You need | Python, a little linear algebra, a first course in deep learning |
# | You will be able to | run, change and check every notebook of this course |
# | It takes | 5 to 10 seconds of one free CPU core, live widgets included, 0.6 GB of memory; half a minute on a busy machine |

# %% [markdown]
# ## Ask the finished model
#
# This cell loads a trained model and 500 **scenes**: pictures of two coloured shapes, each with a
# caption and a spoken sentence. They are a test set: none of their meanings occurred in training.

# %%
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.shipped import shipped
from xmodal_lab.training import checkpoints
from xmodal_lab.workbook.demos.answers import Answers

space = checkpoints.load(shipped("joint_space.safetensors"))
test = scenes.load("test", 500, seed=1, things=2)
answers = Answers(space, test)

# %% [markdown]
# **Try it**, and press Enter. Write *a*, a size, a colour and a shape; and if you like a relation and
# a second thing of another colour and shape. The scene you name is drawn and spoken on the spot and
# hidden among the 500, together with its **twin**: the same things, the relation reversed. (What you
# type may have occurred in training, in other words and another drawing.)
#
# Sizes: small, large. Colours: red, green, blue, yellow, purple, orange, cyan, white. Shapes:
# circle, square, triangle, star, heart, cross, ring, moon. Relations: left of, right of, above,
# below. Many synonyms work too, such as *tiny*, *crimson*, *amber* (orange), *disc* or *over*.

# %%
from xmodal_lab.workbook import explore

explore(answers.ask, caption="a small cyan star left of a large blue circle")

# %% [markdown]
# Compare the picture you asked for with its twin. Try a few captions. How often does the right one
# win? Keep your answer in mind; chapter 06 measures it.

# %% [markdown]
# How does it find anything? Every picture and every sentence became a **point**: 128 numbers, an
# arrow of length 1.

# %%
places = answers.points
print({modality: tuple(points.shape) for modality, points in places.items()})

# %% [markdown]
# A caption becomes a point in the *same* space. The **cosine** of the angle between two arrows says
# how near they are: 1 is the same direction, 0 a right angle. One matrix product compares the
# caption with all 500 pictures.

# %%
from xmodal_lab.evaluation import embed_captions

query = embed_captions(space, ["a small cyan star left of a large blue circle"])
cosines = (query @ places["image"].T)[0]
print(cosines.shape, "largest: ≈", round(float(cosines.max()), 2))

# %% [markdown]
# ## Check your machine
#
# Every chapter starts with `setup`. It picks the fastest device it finds, seeds all random
# numbers, and says so.

# %% tags=["nbval-ignore-output"]
# nbval-ignore-output: this summary differs from machine to machine.
from xmodal_lab.runtime import setup

runtime = setup(seed=0)

# %% [markdown]
# A CPU is enough for everything in this course. A GPU is used where there is one; what it gains is
# not measured yet.

# %% [markdown]
# ## Meet the data
#
# Everything happens in a small world of **scenes**. A scene is one or two things, each with a
# shape, a colour and a size. Two things stand in a relation.

# %%
from xmodal_lab.datasets.scenes import Scene, Thing

star = Thing("star", "cyan", "small")
circle = Thing("circle", "blue", "large")
scene = Scene((star, circle), "left of")

# %% [markdown]
# A scene can be **read**. A small grammar turns it into a caption, with synonyms, and half of the
# time from the other thing's point of view.

# %%
for number in range(4):
    print(scenes.describe(scene, scenes.stream(number)))

# %% [markdown]
# It can be **seen**. Position, tilt, shade of colour and background are drawn anew each time. The
# pictures of this course are 32 × 32 pixels; here is one sharper, so that you can look at it.

# %%
from matplotlib.figure import Figure


def look(first="star", colour="cyan", relation="left of", seed=3):
    pair = Scene((Thing(first, colour, "small"), Thing("circle", "blue", "large")), relation)
    fig = Figure(figsize=(6, 3.2))
    for axis, size in zip(fig.subplots(1, 2), (256, 32)):
        axis.imshow(scenes.draw(pair, size, scenes.stream(seed)).transpose(1, 2, 0))
        axis.set_title(f"{size} × {size} pixels")
        axis.axis("off")
    return fig


explore(
    look,
    first=["star", "square", "triangle", "heart", "cross", "ring", "moon"],
    colour=["cyan", "red", "green", "yellow", "purple", "orange", "white"],
    relation=["left of", "right of", "above", "below"],
    seed=(0, 20),
    alt="A small shape and a large blue circle, in 256 and in 32 pixels.",
)

# %% [markdown]
# And it can be **heard**. A speech synthesiser has spoken every word once in each of 24 voices.
# Sentences are put together from these words, with changing speed, pauses, loudness and noise.

# %%
from xmodal_lab.workbook import listen

sentences = [
    "a small cyan star left of a large blue circle",
    "a tiny turquoise star left of a big azure disc",
]
spoken = [
    scenes.speak(text, voice, scenes.stream(voice)) for text, voice in zip(sentences, (2, 14))
]
listen(spoken, scenes.SAMPLE_RATE, sentences)

# %% [markdown]
# `scenes.load` gives many scenes at once. Row *i* of everything is the same scene: its picture,
# its caption, and an independent spoken paraphrase.

# %%
train = scenes.load("train", 400, seed=0)
print(len(train.captions), train.images.shape, len(train.waveforms))

# %% [markdown]
# The captions were not written by looking at the pictures. Both were made from the same scene.

# %%
from xmodal_lab.workbook import charts, show

show(charts.scene_grid(train, range(12)))

# %% [markdown]
# One row, seen, read and heard. The right panel is a **spectrogram**: time runs to the right,
# frequency upwards, and bright means loud. You can see the words, and the pauses between them.

# %%
show(charts.three_ways(train, 4))

# %% [markdown]
# ### What is kept away from training
#
# A test is only worth something on what was never seen. Three things are held out.

# %%
print(
    "colour–shape pairs:",
    len(scenes.HELD_OUT_PAIRS),
    "of 64, such as",
    sorted(scenes.HELD_OUT_PAIRS)[:2],
)
print("voices:            ", len(scenes.HELD_OUT_VOICES), "of 24")
again = {scene.key for scene in train.scenes} & {scene.key for scene in test.scenes}
print(
    "two-thing scenes:  ", len(again), "of the test meanings occur among these 400 training scenes"
)

# %% [markdown]
# ## How exercises work
#
# Each chapter has exercises. You write a function; `check` compares it with an independent
# answer and says what is wrong. As long as you skip it, or it is not right yet, the notebook goes
# on with the reference solution. Nothing breaks, so try things.

# %% [markdown]
# ### Exercise: `mirror` · ●○○ easy · 3 min
#
# **Goal.** Flip a picture left to right. A picture is an array of shape (3, height, width):
# three colour planes, each with rows from top to bottom and columns from left to right.
#
# Replace the `...` and run the cell. Try a wrong answer too, `return image` for example, and see
# what `check` tells you.

# %% tags=["exercise"]
from xmodal_lab.workbook import check


def mirror(image):
    """Flip a picture (3, height, width) left to right."""
    ...


mirror = check(mirror)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Columns are the last axis. A slice with a step of −1 runs backwards.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `numbers[::-1]` reverses a list. An array takes one slice per axis: `array[:, :, ...]`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def mirror(image):
#     """Flip a picture (3, height, width) left to right."""
#     return image[:, :, ::-1]
# ```
#
# The first two axes, colour and row, stay as they are. The last one, the column, runs backwards.
#
# </details>

# %% [markdown]
# ## Guess first
#
# Before a result that surprises, you are asked for a guess. A guess costs nothing and makes you
# remember. Here is one: mirror the picture of *“a small cyan star **left of** a large blue circle”*.

# %%
from xmodal_lab.workbook import predict

guess = predict(
    "Which caption is true of the mirrored picture?",
    {"the same one": False, "the one with “right of”": True, "neither": None},
)

# %% [markdown]
# Run the next cell to see. It looks for the star itself: the star is the greenest thing there.

# %%
picture = scenes.draw(scene, 128, scenes.stream(3))
mirrored = mirror(picture)
fig = Figure(figsize=(6, 3))
for axis, image, title in zip(fig.subplots(1, 2), (picture, mirrored), ("picture", "mirrored")):
    axis.imshow(image.transpose(1, 2, 0))
    axis.set_title(title)
    axis.axis("off")
show(fig, alt="A picture of a star and a circle, and the same one mirrored.")
column = mirrored[1].max(axis=0).argmax()  # where green, plane 1, is brightest
guess.reveal(column > 64)

# %% [markdown]
# That is why this course never augments its pictures by mirroring them. In most vision courses a
# mirrored cat is still a cat. Here the caption would become a lie.

# %% [markdown]
# ## Claims come with a band
#
# Numbers that depend on training vary a little from machine to machine. A chapter therefore says
# beforehand where a number must lie. `expect` prints ✓ or ✗. This is the claim from the top.

# %%
import torch

from xmodal_lab.joint import recall_at_k
from xmodal_lab.workbook import expect

right = torch.from_numpy(test.matches())
found = recall_at_k(places["text"], places["image"], 1, right)
expect("caption finds its picture first, of 500", 100 * found[1], 90, 100, "%")

# %% [markdown]
# And the same for spoken questions. Guessing would be right about once in 400 times: some meanings
# occur more than once in the gallery, and each of their pictures counts.

# %%
found = recall_at_k(places["audio"], places["image"], 1, right)
expect("speech finds its picture first, of 500", 100 * found[1], 84, 100, "%")

# %% [markdown]
# ## The map of the course
#
# | chapter | the question | |
# |---|---|---|
# | **00 Start here** | How does this workbook work? | you are here |
# | [01 Word embeddings](01_word_embeddings.ipynb) | How does a word become a vector, and what does counting already know? | ready |
# | [02 CNN features](02_cnn_features.ipynb) | What do convolutions see, and what do they throw away? | ready |
# | [02b Borrowed features](02b_transfer.ipynb) | Freeze a trained network, or fine-tune it? | ready |
# | [03 RNN features](03_rnn_features.ipynb) | How does a waveform become a sequence a network can read? | ready |
# | [03b Real speech](03b_real_speech.ipynb) | Who was heard in training, and how does a network read a whole sentence? | ready |
# | [04 Contrastive alignment](04_contrastive_alignment.ipynb) | How do two clouds that know nothing of each other become one? | ready |
# | [05 Attention and fusion](05_attention_fusion.ipynb) | Which modality knows the answer, and where does it stand? | ready |
# | [05b Transformers](05b_transformers.ipynb) | One stream or two? | ready |
# | [05c Missing and moods](05c_missing_and_moods.ipynb) | Missing, lazy, ironic: what does a fusion really carry? | ready |
# | **[06 The joint space](06_joint_space.ipynb)** | Text, pictures and sound in one space: what does it know? | ready |
#
# ## Three things to remember
#
# 1. A scene is the meaning; its picture, caption and sound are three views of it.
# 2. Unsolved exercises never stop a notebook, so experiment.
# 3. Every claim has a band and a level of chance. Ask for both whenever you read a number.
#
# ## Questions without code
#
# * Why would it be unfair to test on new *drawings* of scenes whose meaning occurred in training?
# * Two captions name the same scene, one from either thing. Which words must differ?
# * Pictures of 32 × 32 pixels are tiny. Which attribute suffers first: colour, size or shape?
#
# <details><summary>Answers</summary>
#
# * The model could have learned the answer by heart: the same caption, the same things in the same
#   relation. Only new meanings show that it understands the parts.
# * The relation: *left of* becomes *right of*. Synonyms may differ too.
# * Shape. Colour is in every pixel of a thing, size in the number of them, shape only at its edge.
#
# </details>
#
# **Next:** [06 The joint space](06_joint_space.ipynb) trains the model that you just asked.

"""A chapter of a few cells that uses the whole workbook kit."""

TINY = '''\
# %% [markdown]
# # 00 · Tiny
# A chapter for tests.

# %% [markdown]
# What it uses.

# %%
import numpy as np
from matplotlib.figure import Figure

from xmodal_lab.workbook import check, expect, explore, listen, predict, progress, show

# %% [markdown]
# ### Exercise: `mirror` · easy · 3 min
# **Goal.** Flip a picture left to right.

# %% tags=["exercise"]
def mirror(image):
    """Flip an image (3, height, width) left to right."""
    ...


mirror = check(mirror)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Which axis holds the columns?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def mirror(image):
#     return image[:, :, ::-1]
# ```
#
# The last axis is turned round.
#
# </details>

# %%
print(mirror(np.arange(6).reshape(1, 2, 3)).tolist())

# %% [markdown]
# A prediction, and the number.

# %%
guess = predict("How much is it?", {"much": 45, "little": 5})

# %% [markdown]
# The claim.

# %%
total = sum(progress(range(10), label="adding"))
guess.reveal(total)
expect("share", total / 46, 0.95, 1)

# %% [markdown]
# A figure, and the same one with a slider.


# %%
def draw(slope=2):
    fig = Figure(figsize=(4, 3))
    ax = fig.subplots()
    ax.plot([0, 1, 2], [0, slope, 2 * slope], label="line")
    ax.set(xlabel="step", ylabel="loss / nats", title="a line")
    ax.legend()
    return fig


show(draw(), alt="A straight line rises from 0 to 4 in two steps.")
explore(draw, slope=(1, 5), alt="A straight line whose slope follows the slider.")

# %% [markdown]
# A sound.

# %%
listen(np.sin(np.arange(800) / 3), 8000, "a low tone")
'''

# The same in plain Python, for tests in which the kit does not matter: its kernel starts at once.
PLAIN = """\
# %% [markdown]
# # 01 · Plain

# %% [markdown]
# A matrix.

# %%
print([[1, 2], [3, 4]])

# %% [markdown]
# A claim.

# %%
total = 45
print(f"✓ share: ≈ {total / 46:.3f}   expected 0.95 … 1")

# %% [markdown]
# A result.

# %%
total * 2
"""

"""Answers to `collapse` as people write them, and what they are told."""

import re

import numpy as np
import torch


def with_memory(path, blank=0):
    out, before = [], None
    for symbol in path:
        if symbol != before and symbol != blank:
            out.append(symbol)
        before = symbol
    return out


def by_torch(path, blank=0):
    runs = torch.unique_consecutive(torch.tensor(path, dtype=torch.int64))
    return runs[runs != blank].tolist()


def by_numpy(path, blank=0):
    path = np.array(path, dtype=int)
    begins = np.diff(path, prepend=blank) != 0
    return path[begins & (path != blank)].tolist()


def by_text(path, blank=0):
    text = "".join(chr(65 + symbol) for symbol in path)
    return [ord(x) - 65 for x in re.sub(r"(.)\1+", r"\1", text) if ord(x) - 65 != blank]


def in_two_walks(path, blank=0):
    kept = path[:1]
    for symbol in path[1:]:
        if symbol != kept[-1]:
            kept = [*kept, symbol]
    return [x for x in kept if x != blank]


def blanks_first(path, blank=0):
    return with_memory([x for x in path if x != blank], blank)


def last_label_remembered(path, blank=0):
    out = []
    for symbol in path:
        if symbol != blank and (not out or out[-1] != symbol):
            out.append(symbol)
    return out


def no_merging(path, blank=0):
    return list(filter(lambda symbol: symbol != blank, path))


def merging_only(path, blank=0):
    return torch.unique_consecutive(torch.tensor(path, dtype=torch.int64)).tolist()


def falsy(path, blank=0):
    return [x for x in merging_only(path) if x]


def unique(path, blank=0):
    return [x for x in torch.tensor(path, dtype=torch.int64).unique().tolist() if x != blank]


def seen(path, blank=0):
    out = []
    for symbol in path:
        if symbol not in (blank, *out):
            out.append(symbol)
    return out


def on_change(path, blank=0):
    out, current = [], None
    for symbol in path:
        if current not in (None, symbol, blank):
            out.append(current)
        current = symbol
    return out


def from_the_second(path, blank=0):
    return [path[i] for i in range(1, len(path)) if path[i] != path[i - 1] and path[i] != blank]


def around_the_corner(path, blank=0):
    return [x for i, x in enumerate(path) if x != path[i - 1] and x != blank]


def needs_frames(path, blank=0):
    out = [path[0]]
    for symbol in path[1:]:
        if symbol != out[-1]:
            out.append(symbol)
    return [x for x in out if x != blank]


def writes(path, blank=0):
    while blank in path:
        path.remove(blank)
    return path


def text(path, blank=0):
    return "".join(map(str, with_memory(path, blank)))


def as_words(path, blank=0):
    return [str(symbol) for symbol in with_memory(path, blank)]


def needs_blank(path, blank):
    return with_memory(path, blank)


def with_holes(path, blank=0):
    return [None if symbol == blank else symbol for symbol in path]


def one_blank_at_least(path, blank=0):
    return with_memory(path, blank) or ([blank] if path else [])


def as_tuple(path, blank=0):
    return tuple(with_memory(path, blank))


def as_tensor(path, blank=0):
    return torch.tensor(with_memory(path, blank))


def as_floats(path, blank=0):
    return [float(symbol) for symbol in with_memory(path, blank)]


def digit_by_digit(path, blank=0):
    return [int(x) for x in merging_text("".join(map(str, path))) if int(x) != blank]


def merging_text(text):
    return re.sub(r"(.)\1+", r"\1", text)


def by_identity(path, blank=0):
    out, before = [], None
    for symbol in path:
        if symbol is not before and symbol is not blank:
            out.append(symbol)
        before = symbol
    return out


def first_64(path, blank=0):
    return with_memory(path[:64], blank)


def begins_at_0(path, blank=0):
    out, before = [], 0
    for symbol in path:
        if symbol not in (before, blank):
            out.append(symbol)
        before = symbol
    return out


def in_numpy_numbers(path, blank=0):
    return list(np.array(with_memory(path, blank), dtype=int))


RIGHT = with_memory, by_torch, by_numpy, by_text, in_two_walks, in_numpy_numbers
WRONG = (
    (blanks_first, "what [3, 3, 0, 3] says should be [3, 3], yours is [3]. Did you take out the"),
    (last_label_remembered, "Merge first: 3, blank, 3 are two labels."),
    (no_merging, "Did you merge runs?"),
    (merging_only, "Did you take out the blanks?"),
    (falsy, "Did you use `blank`?"),
    (unique, "Is each label kept only once?"),
    (seen, "Is each label kept only once?"),
    (on_change, "Is the last label lost?"),
    (from_the_second, "Is the first label lost?"),
    (around_the_corner, "what [3, 3, 0, 3] says should be [3, 3], yours is [3]."),
    (needs_frames, "Without frames there are no labels: the empty list."),
    (writes, "changes its input `path`"),
    (text, "the result should be a list, yours is a str."),
    (as_tuple, "the result should be a list, yours is a tuple. A tuple, an array or a tensor is"),
    (as_tensor, "the result should be a list, yours is a tensor"),
    (as_floats, "the list should hold whole numbers, in yours is 3.0."),
    (digit_by_digit, "Did you go digit by digit?"),
    (by_identity, "what 200 frames say, blank 0, should be"),
    (first_64, "Are all frames read?"),
    (begins_at_0, "What stands before the first frame? Not symbol 0"),
    (as_words, "the list should hold whole numbers, in yours is '3'."),
    (with_holes, "the list should hold whole numbers, in yours is None."),
    (one_blank_at_least, "what [0, 0, 0] says should be [], yours is [0]. Where all is blank"),
    (needs_blank, "expected the signature collapse(path, blank=0)"),
    (lambda path, blank=4: with_memory(path, blank), "Is the default of `blank` 0?"),
)

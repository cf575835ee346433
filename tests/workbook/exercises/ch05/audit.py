"""Answers to `audit` as people write them, and what they are told."""

import torch


def score(answer, inputs, labels):
    return (answer(inputs) == labels).float().mean().item()


def no_row_stays(count, generator):
    """A random order in which every place is another's."""
    while True:
        order = torch.randperm(count, generator=generator)
        if (order != torch.arange(count)).all():
            return order


def drawn_again(answer, inputs, labels, generator):
    before, lost = score(answer, inputs, labels), {}
    for name in inputs:
        changed = inputs.copy()
        changed[name] = inputs[name][no_row_stays(len(labels), generator)]
        lost[name] = before - score(answer, changed, labels)
    return lost


def one_order_for_all(answer, inputs, labels, generator):
    order = no_row_stays(len(labels), generator)
    before = score(answer, inputs, labels)
    return {
        name: torch.tensor(before - score(answer, inputs | {name: inputs[name][order]}, labels))
        for name in inputs
    }


def sattolo(answer, inputs, labels, generator):
    lost = {}
    for name, rows in reversed(inputs.items()):
        order = list(range(len(labels)))
        for last in range(len(labels) - 1, 0, -1):
            other = int(torch.randint(last, (), generator=generator))
            order[last], order[other] = order[other], order[last]
        changed = {key: x if key != name else rows[order] for key, x in inputs.items()}
        lost[name] = score(answer, inputs, labels) - score(answer, changed, labels)
    return lost


def with_rows(change, tell=lambda before, after: before - after):
    def audit(answer, inputs, labels, generator):
        before = score(answer, inputs, labels)
        return {
            name: tell(before, score(answer, inputs | {name: change(rows, generator)}, labels))
            for name, rows in inputs.items()
        }

    return audit


def well(rows, generator):
    return rows[no_row_stays(len(rows), generator)]


def by_elements(rows, generator):
    return rows.flatten()[torch.randperm(rows.numel(), generator=generator)].view(rows.shape)


def never_restored(answer, inputs, labels, generator):
    before, lost, now = score(answer, inputs, labels), {}, dict(inputs)
    for name in now:
        now[name] = well(now[name], generator)
        lost[name] = before - score(answer, now, labels)
    return lost


def into_the_dict(answer, inputs, labels, generator):
    before, lost = score(answer, inputs, labels), {}
    for name in inputs:
        inputs[name] = well(inputs[name], generator)
        lost[name] = before - score(answer, inputs, labels)
    return lost


def left_out(answer, inputs, labels, generator):
    before = score(answer, inputs, labels)
    return {
        name: before - score(answer, {k: x for k, x in inputs.items() if k != name}, labels)
        for name in inputs
    }


def labels_moved(answer, inputs, labels, generator):
    before = score(answer, inputs, labels)
    return {name: before - score(answer, inputs, well(labels, generator)) for name in inputs}


def of_what_changed(answer, inputs, labels, generator):
    found, lost = answer(inputs), {}
    for name, rows in inputs.items():
        other = answer({**inputs, name: well(rows, generator)})
        lost[name] = (found != other).double().mean()
    return lost


def no_numbers(answer, inputs, labels, generator):
    return dict.fromkeys(inputs)


def the_others(answer, inputs, labels, generator):
    before, lost = score(answer, inputs, labels), {}
    for name, rows in inputs.items():
        changed = {key: well(x, generator) for key, x in inputs.items()}
        lost[name] = before - score(answer, changed | {name: rows}, labels)
    return lost


def as_a_list(answer, inputs, labels, generator):
    return list(drawn_again(answer, inputs, labels, generator).values())


def with_the_sum(answer, inputs, labels, generator):
    lost = drawn_again(answer, inputs, labels, generator)
    return lost | {"all": sum(lost.values())}


def three_names(answer, inputs, labels, generator):
    lost = drawn_again(answer, inputs, labels, generator)
    return {name: lost.get(name, 0.0) for name in ("text", "image", "sound")}


def hits(answer, inputs, labels, generator):
    before = answer(inputs) == labels
    return {
        name: before.float() - (answer(inputs | {name: well(x, generator)}) == labels).float()
        for name, x in inputs.items()
    }


def row_by_row(answer, inputs, labels, generator):
    found = [answer({name: x[[row]] for name, x in inputs.items()}) for row in range(len(labels))]
    before = (torch.cat(found) == labels).float().mean().item()
    return dict.fromkeys(inputs, before)


def by_a_drawn_step(rows, generator):
    return rows.roll(1 + int(torch.randint(len(rows) - 1, (), generator=generator)), 0)


def drawn_with_repetition(rows, generator):
    other = torch.randint(len(rows) - 1, (len(rows),), generator=generator)
    return rows[other + (other >= torch.arange(len(rows)))]


RIGHT = drawn_again, one_order_for_all, sattolo
WRONG = (
    (
        with_rows(lambda x, g: x[torch.randperm(len(x), generator=g)]),
        "torch.randperm leaves about one row",
    ),
    (with_rows(lambda x, g: x[torch.randperm(len(x))]), "torch.randperm leaves about one row"),
    (with_rows(lambda x, g: x.flip(0)), "8,000 rows that stand sorted"),
    (with_rows(lambda x, g: x.flip(0)), "Is the order drawn by chance?"),
    (with_rows(lambda x, g: torch.cat([x[1:], x[:1]])), "Is the order drawn by chance?"),
    *(
        (with_rows(lambda x, g, s=s: x.roll(s, 0)), "Do all rows move by one step?")
        for s in (4, 16)
    ),
    (with_rows(lambda x, g: x.roll(100, 0)), "Do all rows move by one step?"),
    (with_rows(lambda x, g: x.roll(len(x) // 2, 0)), "Do all rows move by one step?"),
    (with_rows(lambda x, g: x.roll(int(0.37 * len(x)), 0)), "Do all rows move by one step?"),
    (with_rows(by_a_drawn_step), "Do all rows move by one step?"),
    (with_rows(drawn_with_repetition), "Is one row handed out twice, and another to nobody?"),
    (with_rows(lambda x, g: torch.zeros_like(x)), "Do whole rows change places (rows[order])?"),
    (with_rows(lambda x, g: torch.randn(x.shape, generator=g)), "Do whole rows change places"),
    (with_rows(lambda x, g: x.mean(0).expand_as(x)), "Do whole rows change places"),
    (with_rows(lambda x, g: x.flip(1)), "Do whole rows change places (rows[order])?"),
    (
        with_rows(by_elements),
        "image should lose 0.60, in yours it loses 0.50. Does each row get another",
    ),
    (never_restored, "Are earlier modalities still shuffled?"),
    (into_the_dict, "changes its input `inputs`"),
    (left_out, "`answer` takes a dict with all 10 rows of image, sound, text"),
    (labels_moved, "Are labels shuffled?"),
    (of_what_changed, "Is what is found compared with what was found before?"),
    (no_numbers, "what image loses should be a number, yours is a NoneType."),
    (with_rows(well, lambda b, a: max(b - a, 0)), "Did you cut off what is negative?"),
    (the_others, "Is only the one in question left as it was?"),
    (with_rows(well, lambda before, after: after - before), "Is the sign turned?"),
    (with_rows(well, lambda before, after: after), "Is that the accuracy that is left?"),
    (
        with_rows(well, lambda before, after: 1 - after),
        "Is that 1 minus the accuracy that is left?",
    ),
    (with_rows(well, lambda before, after: 1 - after / before), "Did you divide by the accuracy"),
    (as_a_list, "the result should be a dict, yours is a list."),
    (with_the_sum, "the dict has the key 'all'."),
    (
        three_names,
        "numbers are wanted for ['image', 'sound'], yours has ['image', 'sound', 'text']",
    ),
    (hits, "what image loses should be a single number. Is a mean missing?"),
    (row_by_row, "`answer` takes a dict with all 10 rows"),
)

"""Answers to `fine_tune_step` as people write them, and what they are told."""

import torch
from torch.nn import functional as F


def by_backward(body, head, x, labels, body_rate, head_rate):
    body = body.clone().requires_grad_()
    head = head.clone().requires_grad_()
    F.cross_entropy(F.relu(x @ body) @ head, labels).backward()
    with torch.no_grad():
        return F.relu(x @ (body - body_rate * body.grad)) @ (head - head_rate * head.grad)


def by_sgd(body, head, x, labels, body_rate, head_rate):
    body, head = torch.nn.Parameter(body.clone()), torch.nn.Parameter(head.clone())
    groups = [{"params": [body], "lr": body_rate}, {"params": [head], "lr": head_rate}]
    optimiser = torch.optim.SGD(groups, lr=1.0)
    F.cross_entropy(torch.relu(x @ body) @ head, labels).backward()
    optimiser.step()
    return (torch.relu(x @ body) @ head).detach()


def by_hand(body, head, x, labels, body_rate, head_rate):
    hidden = (x @ body).clamp(min=0)
    wrong = (hidden @ head).softmax(1) - F.one_hot(labels, head.shape[1])
    wrong = wrong / len(x)
    of_head = hidden.T @ wrong
    of_body = x.T @ (wrong @ head.T * (hidden > 0))
    return (x @ (body - body_rate * of_body)).clamp(min=0) @ (head - head_rate * of_head)


def gradients(body, head, x, labels, reduction="mean"):
    body, head = body.clone().requires_grad_(), head.clone().requires_grad_()
    loss = F.cross_entropy(F.relu(x @ body) @ head, labels, reduction=reduction)
    return torch.autograd.grad(loss, [body, head])


def moved(body, head, x, labels, body_rate, head_rate, reduction="mean"):
    b, h = gradients(body, head, x, labels, reduction)
    return F.relu(x @ (body - body_rate * b)) @ (head - head_rate * h)


def swapped(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, head_rate, body_rate)


def one_rate(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, head_rate, head_rate)


def frozen(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, 0, head_rate)


def upwards(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, -body_rate, -head_rate)


def summed(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, body_rate, head_rate, "sum")


def head_then_body(body, head, x, labels, body_rate, head_rate):
    head = head - head_rate * gradients(body, head, x, labels)[1]
    body = body - body_rate * gradients(body, head, x, labels)[0]
    return F.relu(x @ body) @ head


def in_place(body, head, x, labels, body_rate, head_rate):
    b, h = gradients(body, head, x, labels)
    body -= body_rate * b
    head -= head_rate * h
    return F.relu(x @ body) @ head


def never_stepped(body, head, x, labels, body_rate, head_rate):
    return F.relu(x @ body) @ head


def probabilities(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, body_rate, head_rate).softmax(-1)


def forgot_requires_grad(body, head, x, labels, body_rate, head_rate):
    F.cross_entropy(F.relu(x @ body) @ head, labels).backward()
    return F.relu(x @ (body - body_rate * body.grad)) @ (head - head_rate * head.grad)


def asked_of_the_given(body, head, x, labels, body_rate, head_rate):
    body.requires_grad_()
    head.requires_grad_()
    b, h = torch.autograd.grad(F.cross_entropy(F.relu(x @ body) @ head, labels), (body, head))
    return (F.relu(x @ (body - body_rate * b)) @ (head - head_rate * h)).detach()


def left_behind(body, head, x, labels, body_rate, head_rate):
    body.requires_grad_()
    head.requires_grad_()
    F.cross_entropy(F.relu(x @ body) @ head, labels).backward()
    body.requires_grad_(False)
    head.requires_grad_(False)
    return F.relu(x @ (body - body_rate * body.grad)) @ (head - head_rate * head.grad)


def nought_is_none(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, body_rate, head_rate or body_rate)


def a_row_alone(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, body_rate, head_rate).squeeze()


def no_step_for_one(body, head, x, labels, body_rate, head_rate):
    steps = len(x) > 1
    return moved(body, head, x, labels, steps * body_rate, steps * head_rate)


def narrow_alone(body, head, x, labels, body_rate, head_rate):
    return by_hand(body, head, x, labels, body_rate if body.shape[1] < 20 else 0, head_rate)


def shortened(body, head, x, labels, body_rate, head_rate):
    b, h = gradients(body, head, x, labels)
    shorter = min(1, 10 / (b.norm() + h.norm() + 1e-9).item())
    return moved(body, head, x, labels, shorter * body_rate, shorter * head_rate)


def small_is_nothing(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, body_rate if body_rate >= 1e-2 else 0, head_rate)


def by_exponents(body, head, x, labels, body_rate, head_rate):
    hidden = (x @ body).clamp(min=0)
    wrong = (hidden @ head).exp()
    wrong = wrong / wrong.sum(1, keepdim=True) - F.one_hot(labels, head.shape[1])
    wrong = wrong / len(x)
    of_body = x.T @ (wrong @ head.T * (hidden > 0))
    body, head = body - body_rate * of_body, head - head_rate * hidden.T @ wrong
    return (x @ body).clamp(min=0) @ head


def chosen(body, head, x, labels, body_rate, head_rate):
    return moved(body, head, x, labels, body_rate, head_rate).argmax(1)


RIGHT = by_backward, by_sgd, by_hand
WRONG = (
    (swapped, "Are the two rates swapped?"),
    (one_rate, "Is the head's rate used for both?"),
    (frozen, "Did the body move at all?"),
    (upwards, "Does the loss rise?"),
    (summed, "Is that the sum over the rows?"),
    (head_then_body, "Do both gradients come from the old weights?"),
    (in_place, "changes its input `body`. Did you write into it in place?"),
    (never_stepped, "Are those the scores before the step?"),
    (probabilities, "Scores are asked for, before any softmax"),
    (forgot_requires_grad, "your version stopped with RuntimeError"),
    (asked_of_the_given, "asks for gradients afterwards"),
    (left_behind, "has a gradient afterwards"),
    (nought_is_none, "Here the head's rate is 0"),
    (a_row_alone, "the shape should be [1, 3], yours is [3]"),
    (no_step_for_one, "One row is a batch, too"),
    (narrow_alone, "30 hidden"),
    (shortened, "Is a gradient clipped"),
    (small_is_nothing, "a rate rounded"),
    (by_exponents, "a softmax infinite"),
    (chosen, "Scores are (rows, classes)."),
)

"""The stand-in for a GPU refuses what a GPU refuses, and nothing else."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from xmodal_lab.workbook.kit.elsewhere import DEVICE, Elsewhere, WrongDeviceError, send

REFUSED = {
    "a new tensor beside one": lambda a: a + torch.arange(4),
    "a matrix product": lambda a: torch.eye(4) @ a,
    "labels": lambda a: functional.cross_entropy(a, torch.arange(4)),
    "a mask": lambda a: a.masked_fill(torch.eye(4, dtype=torch.bool), 0),
    "a list": lambda a: torch.cat([a, torch.zeros(1, 4)]),
    "row numbers of a CPU tensor": lambda a: torch.arange(4)[a.argmax(dim=1)],
    "what was brought back": lambda a: a.cpu() + a,
    "what numpy made": lambda a: torch.from_numpy(np.ones((4, 4))) * a,
    "numpy": lambda a: a.numpy(),
    "numpy's own functions": lambda a: np.linalg.norm(a, axis=1),
    "an array": lambda a: np.asarray(a[0]),
}
ALLOWED = {
    "device=a.device": lambda a: torch.arange(4, device=a.device) + a,
    "device as a string": lambda a: torch.ones(4, device="cuda") + a,
    "to(a.device)": lambda a: torch.arange(4).to(a.device) + a,
    "to(a)": lambda a: torch.eye(4).to(a) + a,
    "cuda()": lambda a: torch.eye(4).cuda() + a,
    "new_zeros": lambda a: a.new_zeros(4) + a,
    "zeros_like": lambda a: torch.zeros_like(a, dtype=torch.long) + a,
    "a number": lambda a: a * 2 + np.float64(3),
    "a tensor without axes": lambda a: a * torch.tensor(2.0),
    "row numbers on the CPU": lambda a: a[torch.arange(4), torch.arange(4)],
    "writing at row numbers on the CPU": lambda a: a.clone().index_put((a.argmax(1),), a) + a,
    "a loop over rows": lambda a: torch.stack([x @ y for x in a for y in a]),
    "max": lambda a: a.max(dim=1).values + a.sort(dim=1).indices[0],
    "where": lambda a: torch.where(a > 0, a, 0.0),
    "in place": lambda a: a.clone().mul_(2) + a,
    "setting": lambda a: a.clone().__setitem__((torch.arange(2), 0), 1.0) or a,
}
BROUGHT_BACK = {
    "cpu().numpy()": lambda a: a.cpu().numpy(),
    "numpy(force=True)": lambda a: a.numpy(force=True),
    "to('cpu')": lambda a: a.to("cpu") + torch.ones(4),
    "tolist()": lambda a: np.array(a.tolist()),
    "item()": lambda a: np.array([[x.item() for x in row] for row in a]),
    "a tensor of numbers": lambda a: torch.tensor([float(x.sum()) for x in a]) + torch.ones(4),
    "a copy": lambda a: torch.zeros(4, 4).copy_(a) + torch.ones(4),
}


def run(function):
    with Elsewhere():
        return function(send(torch.rand(4, 4)))


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_what_a_gpu_refuses(function):
    with pytest.raises(WrongDeviceError):
        run(function)


@pytest.mark.parametrize("function", ALLOWED.values(), ids=ALLOWED)
def test_what_a_gpu_allows(function):
    assert run(function).device == DEVICE


@pytest.mark.parametrize("function", BROUGHT_BACK.values(), ids=BROUGHT_BACK)
def test_what_was_brought_back_is_plain(function):
    result = run(function)
    assert isinstance(result, np.ndarray) or result.device.type == "cpu"


def test_gradients_pass():
    leaf = torch.rand(4, 4, requires_grad=True)
    with Elsewhere():
        a = send(leaf)
        (a * torch.arange(4, device=a.device)).sum().backward()
    assert torch.equal(leaf.grad, torch.arange(4.0).expand(4, 4))


def test_gradients_are_asked_for_by_tensor():
    with Elsewhere():
        leaf = send(torch.arange(3.0)).clone().requires_grad_()
        (found,) = torch.autograd.grad((leaf * leaf).sum(), (leaf,))
        assert found.device == DEVICE
    assert found.tolist() == [0, 2, 4]


@pytest.mark.gpu
def test_a_real_gpu_agrees(gpu):
    if gpu.type == "cpu":
        pytest.skip("a rehearsal on the CPU: it refuses nothing")
    a = torch.rand(4, 4).to(gpu)
    for function in REFUSED.values():
        with pytest.raises((RuntimeError, TypeError)):
            function(a)
    for function in ALLOWED.values():
        assert function(a).device == a.device
    for function in BROUGHT_BACK.values():
        function(a)

"""check() on what comes after the answer is right: other devices, the chapter's size, time."""

import time

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from xmodal_lab.workbook import check
from xmodal_lab.workbook.exercises import EXERCISES
from xmodal_lab.workbook.kit import at_work, checking

USED = "; your version is used from here on.\n"
GOES_ON = " Continuing with the reference solution.\n"


def symmetric(a, b, temperature, labels):
    logits = normalize(a, dim=1) @ normalize(b, dim=1).T / temperature
    return (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2


def on_the_cpu():
    def info_nce(a, b, temperature):
        return symmetric(a, b, temperature, torch.arange(len(a)))

    return info_nce


def by_the_identity():
    def info_nce(a, b, temperature):
        logits = normalize(a, dim=1) @ normalize(b, dim=1).T / temperature
        return -((logits.log_softmax(0) + logits.log_softmax(1)) * torch.eye(len(a))).sum() / (
            2 * len(a)
        )

    return info_nce


def by_numpy():
    def modality_gap(a, b):
        a, b = (x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True) for x in (a, b))
        return np.linalg.norm(a.mean(0) - b.mean(0))

    return modality_gap


def anywhere():
    def info_nce(a, b, temperature):
        return symmetric(a, b, temperature, torch.arange(len(a), device=a.device))

    return info_nce


@pytest.fixture
def gpu(monkeypatch):
    """A runtime on a device that is not the CPU: the stand-in."""
    monkeypatch.setattr(checking, "chosen_device", lambda: torch.device("cuda"))
    real = at_work.place_of
    monkeypatch.setattr(
        at_work,
        "place_of",
        lambda device: at_work.STAND_IN if device.type == "cuda" else real(device),
    )


PUT = "Put new tensors where `a` is: device=a.device."
NUMPY = "NumPy works on the CPU only: stay in torch, or take .cpu() first."
TIED = [(on_the_cpu, PUT), (by_the_identity, PUT), (by_numpy, NUMPY)]


@pytest.mark.parametrize(("make", "advice"), TIED)
def test_on_a_cpu_an_answer_tied_to_it_is_used_with_a_warning(capsys, make, advice):
    answer = make()
    assert check(answer) is answer
    first, second = capsys.readouterr().out.splitlines(keepends=True)
    assert first.startswith("✓") and first.endswith(USED)
    assert second.startswith("  On a GPU it would stop (line ") and second.endswith(f"{advice}\n")


@pytest.mark.parametrize(("make", "advice"), TIED)
def test_on_a_gpu_it_is_not_used(capsys, gpu, make, advice):
    answer = make()
    assert check(answer) is EXERCISES[answer.__name__].reference
    said = capsys.readouterr().out
    assert said.startswith(f"✗ {answer.__name__}: right on the CPU, but on cuda your version stop")
    assert said.endswith(advice + GOES_ON) and said.count("\n") == 1


def covering_with_a_mask():
    def occlusion(score, image, patch, value=0.0):
        lines, columns = image.shape[1] // patch, image.shape[2] // patch
        pictures = [image]
        for i in range(lines):
            for j in range(columns):
                mask = torch.zeros(image.shape[1:], dtype=torch.bool)
                mask[i * patch : (i + 1) * patch, j * patch : (j + 1) * patch] = True
                pictures.append(torch.where(mask, value, image))
        scores = score(torch.stack(pictures))
        return (scores[0] - scores[1:]).reshape(lines, columns)

    return occlusion


def test_the_advice_names_a_tensor_where_the_first_input_is_a_function(capsys, gpu):
    check(covering_with_a_mask())
    advice = "Put new tensors where `image` is: device=image.device."
    assert capsys.readouterr().out.endswith(advice + GOES_ON)


def test_so_does_the_warning_on_a_cpu(capsys):
    check(covering_with_a_mask())
    warning = capsys.readouterr().out.splitlines()[1]
    assert warning.endswith("Put new tensors where `image` is: device=image.device.")


def test_of_a_list_of_tensors_the_first_is_named(capsys):
    def low_rank_product(vectors, factors):
        ones = [torch.ones(len(x), 1, dtype=x.dtype) for x in vectors]
        extended = [torch.cat([x, one], 1) for x, one in zip(vectors, ones, strict=True)]
        terms = [x @ factor for x, factor in zip(extended, factors, strict=True)]
        return torch.stack(terms).prod(0).sum(0)

    check(low_rank_product)
    assert "Put new tensors where `vectors[0]` is: device=vectors[0].device." in (
        capsys.readouterr().out
    )


def test_an_answer_for_any_device_needs_no_warning(capsys):
    answer = anywhere()
    assert check(answer) is answer
    assert capsys.readouterr().out.endswith(USED)


def test_an_answer_for_any_device_is_used_on_a_gpu(capsys, gpu):
    answer = anywhere()
    assert check(answer) is answer
    assert capsys.readouterr().out.endswith(USED)


def test_other_numbers_on_a_gpu_are_told(capsys, gpu):
    def modality_gap(a, b):
        gap = (normalize(a, dim=1).mean(0) - normalize(b, dim=1).mean(0)).norm()
        return 2 * gap if a.is_cuda else gap

    assert check(modality_gap) is EXERCISES["modality_gap"].reference
    assert "but on cuda your version gives other numbers." in capsys.readouterr().out


def test_numpy_is_welcome_where_the_chapter_stays_on_the_cpu(capsys, gpu):
    def recall_at_1(similarity, target):
        s, t = similarity.numpy(), target.numpy()
        return np.mean((s >= s[np.arange(len(t)), t][:, None]).sum(1) == 1)

    assert check(recall_at_1) is recall_at_1
    assert capsys.readouterr().out.endswith(USED)


@pytest.mark.parametrize("name", [n for n, x in EXERCISES.items() if x.on_device])
def test_references_work_on_any_device(gpu, name):
    exercise = EXERCISES[name]
    attempt = at_work.Attempt(exercise.reference, exercise.reference)
    exercise.checker(attempt)
    assert at_work.warning_for_gpus(attempt) == ""
    at_work.require_on_device(attempt, torch.device("cuda"))


def test_hard_coded_cuda_is_advised_against(capsys):
    def info_nce(a, b, temperature):
        return symmetric(a, b, temperature, torch.arange(len(a)).cuda())

    check(info_nce)
    said = capsys.readouterr().out
    # Where there is a GPU, the labels meet rows on the CPU; where there is none, CUDA is missing.
    assert said.startswith("✗ info_nce: your version stopped with ") and PUT in said


def slow_info_nce(a, b, temperature):
    """Right, and row by row."""
    a, b = normalize(a, dim=1), normalize(b, dim=1)
    return sum(
        -(b @ a[i] / temperature).log_softmax(0)[i] - (a @ b[i] / temperature).log_softmax(0)[i]
        for i in range(len(a))
    ) / (2 * len(a))


def slow():
    def info_nce(a, b, temperature):
        return slow_info_nce(a, b, temperature)

    return info_nce


def test_a_right_answer_that_costs_its_chapter_too_much_is_not_used(capsys, monkeypatch):
    monkeypatch.setattr(at_work, "TOO_MUCH", 5.0)  # on the fastest machine, too
    assert check(slow()) is EXERCISES["info_nce"].reference
    said = capsys.readouterr().out
    assert said.startswith(
        "✓ info_nce: right, and too slow for this chapter: with batches of 128 pairs it takes "
    )
    assert said.endswith(
        " of waiting in 1,440 calls, so the chapter goes on with the reference solution.\n"
    )
    assert said.count("\n") == 1


def test_what_is_too_slow_to_be_measured_is_told_too(capsys, monkeypatch):
    def info_nce(a, b, temperature):
        time.sleep(0.5 * (len(a) > 50))
        return symmetric(a, b, temperature, torch.arange(len(a)))

    monkeypatch.setattr(at_work, "LIMIT", 0.1)
    assert check(info_nce) is EXERCISES["info_nce"].reference
    assert "it takes more than 100 ms where a fast one takes" in capsys.readouterr().out


def test_slow_but_seldom_called_is_used():
    def recall_at_1(similarity, target):
        time.sleep(0.05)
        return EXERCISES["recall_at_1"].reference(similarity, target)

    assert check(recall_at_1) is recall_at_1


def test_an_answer_that_stops_at_the_chapters_size_is_told(capsys):
    def info_nce(a, b, temperature):
        if len(a) > 50:
            raise MemoryError("too many pairs")
        return symmetric(a, b, temperature, torch.arange(len(a)))

    check(info_nce)
    said = capsys.readouterr().out
    assert said.startswith(
        "✗ info_nce: right on small inputs, but with batches of 128 pairs your version stopped "
        "with MemoryError: too many pairs"
    )


def test_an_endless_loop_is_told_in_a_line(capsys, monkeypatch):
    monkeypatch.setattr(checking, "LIMIT", 0.5)

    def mirror(image):
        while True:
            pass

    assert check(mirror) is EXERCISES["mirror"].reference
    assert capsys.readouterr().out == (
        f"✗ mirror: no answer after 0.5 seconds, stopped. Does a loop never end?{GOES_ON}"
    )


def test_what_cannot_be_stopped_is_told_too(capsys, monkeypatch):
    monkeypatch.setattr(checking, "LIMIT", 0.2)

    def mirror(image):
        time.sleep(4)  # as a gigantic product of matrices, it does not listen
        return image

    check(mirror)
    assert "no answer after 0.2 seconds, and it cannot be stopped: restart the kernel" in (
        capsys.readouterr().out
    )


def test_stop_is_told_in_a_line(capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checking, "within", interrupted)
    check(anywhere())
    assert capsys.readouterr().out.startswith("✗ info_nce: your version was interrupted. Does a ")


def test_a_right_answer_may_take_its_time(capsys):
    def mirror(image):
        time.sleep(0.2)  # eight images: more than a second in all
        return image[:, :, ::-1]

    assert check(mirror) is mirror


def test_checking_moves_no_seed():
    torch.manual_seed(7)
    wanted = torch.rand(2)
    torch.manual_seed(7)
    check(anywhere())  # also measured on random inputs of the chapter's size
    assert torch.equal(torch.rand(2), wanted)

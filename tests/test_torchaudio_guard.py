"""The guard lets a torchaudio be imported whose compiled part does not fit torch, and no other.

Each case runs in a process of its own, since an import happens only once; each stub package stands
before the installed torchaudio on the path.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPORT = """
import sys
import xmodal_lab._torchaudio_guard as guard
print(guard.install())  # a second time: importing xmodal_lab has done it once
import torchaudio
print(getattr(torchaudio, "MARK", None))
print(getattr(torchaudio._extension, "__file__", None) is None)
"""


def run(code: str, folder: Path | None = None) -> subprocess.CompletedProcess:
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    if folder is not None:
        environment["PYTHONPATH"] = str(folder)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def make_stub(folder: Path, extension: str, package: str = "from . import _extension") -> Path:
    """Write a torchaudio whose `_extension` runs the code given, as the real one's does."""
    stub = folder / "torchaudio"
    (stub / "_extension").mkdir(parents=True)
    (stub / "__init__.py").write_text(f"{package}\nMARK = 'stub'\n", encoding="utf-8")
    (stub / "_extension" / "__init__.py").write_text(extension, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "failure",
    [
        "OSError('libc10_cuda.so: cannot open shared object file')",
        "RuntimeError('Detected that PyTorch and TorchAudio have different CUDA versions')",
    ],
)
def test_compiled_part_that_does_not_load_is_stood_in_for(tmp_path, failure):
    done = run(REPORT, make_stub(tmp_path, f"raise {failure}"))
    assert done.stdout.split() == ["False", "stub", "True"], done.stderr


def test_half_initialised_modules_are_imported_anew(tmp_path):
    # The first attempt leaves `_internal` behind, half an import deep; it must not be reused.
    package = "from . import _internal\nfrom . import _extension\n_internal.used = True"
    stub = make_stub(tmp_path, "raise OSError('libcudart.so')", package)
    (stub / "torchaudio" / "_internal.py").write_text("print('imported')\n", encoding="utf-8")
    done = run("import xmodal_lab", stub)
    assert done.stdout.split() == ["imported", "imported"], done.stderr


def test_torchaudio_that_imports_is_left_alone(tmp_path):
    done = run(REPORT, make_stub(tmp_path, "_IS_TORCHAUDIO_EXT_AVAILABLE = True"))
    assert done.stdout.split() == ["False", "stub", "False"], done.stderr


@pytest.mark.parametrize(
    "failure", ["ImportError('cannot import name x')", "ModuleNotFoundError('no torchaudio')"]
)
def test_other_failures_are_not_hidden(tmp_path, failure):
    done = run("import xmodal_lab", make_stub(tmp_path, f"raise {failure}"))
    assert done.returncode != 0
    # ImportError: cannot import name x
    assert done.stderr.strip().splitlines()[-1] == failure.replace("('", ": ").removesuffix("')")


def test_failure_of_torchaudio_itself_is_not_hidden(tmp_path):
    # Without the compiled part it fails all the same, so the second attempt must say why.
    stub = make_stub(tmp_path, "", "raise RuntimeError('broken elsewhere')")
    done = run("import xmodal_lab", stub)
    assert done.returncode != 0
    assert "broken elsewhere" in done.stderr


def test_transforms_work_with_the_installed_torchaudio():
    code = """
import torch, xmodal_lab
from torchaudio.transforms import FrequencyMasking, MelSpectrogram, Resample
mel = MelSpectrogram(sample_rate=8000, n_fft=256, hop_length=80, n_mels=40)
wave = torch.sin(2 * torch.pi * 440 * torch.arange(8000) / 8000)
print(*mel(wave).shape, *Resample(8000, 16000)(wave).shape)
assert torch.isfinite(mel(wave)).all() and mel(wave).sum() > 0
FrequencyMasking(8)(mel(wave)[None])
"""
    done = run(code)
    assert done.stdout.split() == ["40", "101", "16000"], done.stderr

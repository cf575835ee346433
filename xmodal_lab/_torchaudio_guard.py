"""Makes torchaudio importable beside a torch build that its compiled part does not fit.

torchaudio's Linux wheel is linked against CUDA. Beside a CPU-only torch its import dies with
``libc10_cuda.so: cannot open shared object file``, although the transforms used here are pure
Python. A stand-in for the module that loads the compiled part is enough to have them.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType


def install() -> bool:
    """Import torchaudio; where its compiled part fails to load, import it without that part.

    Returns:
        True where the stand-in had to be used.

    Raises:
        ImportError: where torchaudio is not installed, or fails for another reason.
    """
    try:
        importlib.import_module("torchaudio")
        return False
    except (OSError, RuntimeError):  # a missing CUDA library, or another CUDA version
        pass
    # The failed import leaves half-initialised modules behind.
    for name in [n for n in sys.modules if n.split(".")[0] == "torchaudio"]:
        del sys.modules[name]
    stand_in = ModuleType("torchaudio._extension")
    stand_in._IS_TORCHAUDIO_EXT_AVAILABLE = False
    stand_in._IS_ALIGN_AVAILABLE = False
    stand_in.fail_if_no_align = lambda function: function
    sys.modules["torchaudio._extension"] = stand_in
    importlib.import_module("torchaudio")
    return True

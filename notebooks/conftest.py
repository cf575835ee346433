"""Lets a plain ``pytest --nbval notebooks`` see what ``tools/check_notebooks.py`` sees."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config):
    """Load the strict plugin, the environment and the sanitizer where nbval runs without them."""
    if not config.getoption("nbval", default=False) or config.pluginmanager.hasplugin(
        "nbval_strict"
    ):
        return
    sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "notebooks")]
    from notebook_env import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    config.pluginmanager.import_plugin("nbval_strict")
    config.option.nbval_current_env = True
    if config.option.nbval_sanitize_with is None:
        config.option.nbval_sanitize_with = str(ROOT / "tests" / "notebooks" / "sanitize.cfg")

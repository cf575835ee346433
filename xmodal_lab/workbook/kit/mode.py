"""Is the notebook being recorded or checked (static), or does somebody sit in front of it?"""

from __future__ import annotations

import os


def is_static() -> bool:
    """True where ``XMODAL_STATIC`` is set to anything but '' or '0': no widgets are made."""
    return os.environ.get("XMODAL_STATIC", "0") not in ("", "0")


def in_notebook() -> bool:
    """True where an IPython shell is there to display pictures."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None

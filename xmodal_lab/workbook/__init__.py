"""The classroom: exercises that answer, claims that are checked, figures that describe themselves.

``check`` judges an exercise and ``expect`` a number; ``show`` and ``listen`` display; ``explore``
makes a figure live, ``predict`` keeps a guess, ``progress`` says how far a loop has come.
"""

from xmodal_lab.workbook.kit import check, expect, explore, listen, predict, progress, show

__all__ = ["check", "expect", "explore", "listen", "predict", "progress", "show"]

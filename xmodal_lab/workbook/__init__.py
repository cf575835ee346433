"""The classroom: exercises that answer, claims that are checked, figures that describe themselves.

``check`` judges an exercise and ``expect`` a number; ``show`` and ``listen`` display; ``explore``
makes a figure live, ``predict`` keeps a guess, ``progress`` says how far a loop has come.
"""

from xmodal_lab.workbook import style
from xmodal_lab.workbook.checking import check
from xmodal_lab.workbook.expecting import expect
from xmodal_lab.workbook.exploring import explore
from xmodal_lab.workbook.figures import show
from xmodal_lab.workbook.predicting import predict
from xmodal_lab.workbook.progressing import progress
from xmodal_lab.workbook.sounds import listen

style.apply()

__all__ = ["check", "expect", "explore", "listen", "predict", "progress", "show"]

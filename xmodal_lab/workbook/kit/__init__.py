"""What every chapter uses, whatever its subject."""

from xmodal_lab.workbook.kit import style
from xmodal_lab.workbook.kit.checking import check
from xmodal_lab.workbook.kit.expecting import expect
from xmodal_lab.workbook.kit.exploring import explore
from xmodal_lab.workbook.kit.figures import show
from xmodal_lab.workbook.kit.predicting import predict
from xmodal_lab.workbook.kit.progressing import progress
from xmodal_lab.workbook.kit.sounds import listen

style.apply()

__all__ = ["check", "expect", "explore", "listen", "predict", "progress", "show"]

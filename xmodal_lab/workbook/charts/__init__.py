"""Figures of the chapters: those that several share here, those of one subject in its module."""

from xmodal_lab.workbook.charts.basic import (
    arrows_and_cosines,
    bars,
    maps,
    painted_maps,
    results_table,
    training,
)

__all__ = ["arrows_and_cosines", "bars", "maps", "painted_maps", "results_table", "training"]

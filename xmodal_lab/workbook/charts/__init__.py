"""Every figure of the chapters, by what it draws; each brings its alt text.

``charts.curves(…)`` and so on return a matplotlib ``Figure`` for ``show`` or ``explore``.
"""

from xmodal_lab.workbook.charts.alignment import (
    clouds,
    loss_and_recall,
    mining,
    shapes,
    temperatures,
)
from xmodal_lab.workbook.charts.basic import (
    bars,
    maps,
    maps_on,
    painted_maps,
    results_table,
    training,
)
from xmodal_lab.workbook.charts.blocks import architectures, looking_around, message_graph, race
from xmodal_lab.workbook.charts.fusing import joined, spotlights, weights_by_noise
from xmodal_lab.workbook.charts.hearing import filter_bank, gates, spectrogram, waveforms
from xmodal_lab.workbook.charts.matrix import arrows_and_cosines, film, heat, matrices, plans
from xmodal_lab.workbook.charts.moods import confusion, opinions, threshold, tracks
from xmodal_lab.workbook.charts.pictures import (
    log_mel,
    minimal_pair,
    scene_grid,
    spoken_search,
    spoken_search_on,
    three_ways,
)
from xmodal_lab.workbook.charts.seeing import answers, fields, filters, heats, windows
from xmodal_lab.workbook.charts.senses import curves, dots, probed
from xmodal_lab.workbook.charts.tables import (
    before_and_after,
    draws,
    lists_entered,
    spread,
    table_with_nulls,
)
from xmodal_lab.workbook.charts.words import neighbours, parallelogram, word_map, word_maps

__all__ = [
    "answers",
    "architectures",
    "arrows_and_cosines",
    "bars",
    "before_and_after",
    "clouds",
    "confusion",
    "curves",
    "dots",
    "draws",
    "fields",
    "film",
    "filter_bank",
    "filters",
    "gates",
    "heat",
    "heats",
    "joined",
    "lists_entered",
    "log_mel",
    "looking_around",
    "loss_and_recall",
    "maps",
    "maps_on",
    "matrices",
    "message_graph",
    "minimal_pair",
    "mining",
    "neighbours",
    "opinions",
    "painted_maps",
    "parallelogram",
    "plans",
    "probed",
    "race",
    "results_table",
    "scene_grid",
    "shapes",
    "spectrogram",
    "spoken_search",
    "spoken_search_on",
    "spotlights",
    "spread",
    "table_with_nulls",
    "temperatures",
    "three_ways",
    "threshold",
    "tracks",
    "training",
    "waveforms",
    "weights_by_noise",
    "windows",
    "word_map",
    "word_maps",
]

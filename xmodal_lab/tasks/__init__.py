"""What features are good for: a head, a loss and a metric for each task."""

from xmodal_lab.tasks.classification import (
    Classifier,
    accuracy,
    binary_cross_entropy,
    cross_entropy,
)

__all__ = ["Classifier", "accuracy", "binary_cross_entropy", "cross_entropy"]

"""Alignment without training: the classic answers, each one matrix factorisation away.

``procrustes`` turns one cloud onto another, ``cca`` finds the directions in which two clouds vary
together, ``kernel_cca`` does the same after a bend.
"""

from xmodal_lab.alignment.closed_form.correlation import CanonicalCorrelation, cca
from xmodal_lab.alignment.closed_form.kernels import KernelCorrelation, kernel_cca, median_distance
from xmodal_lab.alignment.closed_form.rotation import OrthogonalMap, procrustes

__all__ = [
    "CanonicalCorrelation",
    "KernelCorrelation",
    "OrthogonalMap",
    "cca",
    "kernel_cca",
    "median_distance",
    "procrustes",
]

"""What can be measured about embeddings without asking what they are good for.

Each has a definition, a range, and a value that random vectors give; ``permutation_null`` measures
that value for the data at hand.
"""

from xmodal_lab.alignment.diagnostics.hubs import csls, hubness, inverted_softmax, k_occurrences
from xmodal_lab.alignment.diagnostics.likeness import linear_cka, mutual_knn
from xmodal_lab.alignment.diagnostics.nulls import PermutationNull, permutation_null
from xmodal_lab.alignment.diagnostics.spectrum import rank_me
from xmodal_lab.alignment.diagnostics.sphere import alignment, modality_gap, uniformity

__all__ = [
    "PermutationNull",
    "alignment",
    "csls",
    "hubness",
    "inverted_softmax",
    "k_occurrences",
    "linear_cka",
    "modality_gap",
    "mutual_knn",
    "permutation_null",
    "rank_me",
    "uniformity",
]

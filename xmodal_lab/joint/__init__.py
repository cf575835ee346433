"""What a joint space can do: embed every modality, find, rank, name, and be looked at."""

from xmodal_lab.joint.atlas import Atlas, mixing
from xmodal_lab.joint.retrieval import (
    choice_accuracy,
    mean_reciprocal_rank,
    ranks,
    ranks_from_similarity,
    recall_at_k,
    recall_from_similarity,
    search,
    zero_shot,
)
from xmodal_lab.joint.space import JointSpace

__all__ = [
    "Atlas",
    "JointSpace",
    "choice_accuracy",
    "mean_reciprocal_rank",
    "mixing",
    "ranks",
    "ranks_from_similarity",
    "recall_at_k",
    "recall_from_similarity",
    "search",
    "zero_shot",
]

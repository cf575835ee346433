"""Mappers: what they compute, what they can undo, and that the training loop takes them."""

import pytest
import torch

from xmodal_lab.alignment.losses import info_nce, over_pairs
from xmodal_lab.alignment.mappers import LinearMapper, MLPMapper
from xmodal_lab.joint.retrieval import recall_at_k
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training.loop import fit


@pytest.mark.parametrize("mapper", [LinearMapper(7, 4), MLPMapper(7, 4, hidden=9)])
def test_points_lie_on_the_sphere_unless_told_otherwise(mapper):
    x = torch.randn(10, 7)
    points = mapper(x)
    torch.testing.assert_close(points.norm(dim=1), torch.ones(10))
    mapper.normalise = False
    free = mapper(x)
    torch.testing.assert_close(torch.nn.functional.normalize(free, dim=1), points)
    assert mapper.output_dim == 4 and free.norm(dim=1).std() > 0.01


def test_the_linear_mapper_is_a_matrix_and_a_shift():
    mapper, x = LinearMapper(7, 4, normalise=False), torch.randn(10, 7)
    weight, bias = mapper.layers.weight.detach(), mapper.layers.bias.detach()
    wanted = [[float(weight[j] @ row + bias[j]) for j in range(4)] for row in x]
    torch.testing.assert_close(mapper(x), torch.tensor(wanted))


def test_the_mlp_does_not_mind_the_scale_of_the_features():
    mapper, x = MLPMapper(7, 4), torch.randn(64, 7)
    torch.testing.assert_close(mapper(x * 1000 + 5), mapper(x), atol=1e-3, rtol=0)


def learned(mapper, x, y, steps: int = 200) -> float:
    """R@1 on the second half of the rows, after learning on the first half to find y from x."""
    half = len(x) // 2
    optimiser = torch.optim.Adam(mapper.parameters(), lr=1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        info_nce(mapper(x[:half]), y[:half], 0.1).backward()
        optimiser.step()
    mapper.eval()
    return recall_at_k(mapper(x[half:]).detach(), y[half:], 1)[1]


def test_both_undo_a_matrix_and_only_the_mlp_undoes_a_bend():
    y = torch.nn.functional.normalize(torch.randn(400, 4), dim=1)
    turned = y @ torch.randn(4, 6)
    assert learned(LinearMapper(6, 4), turned, y) > 0.8
    # Each point's sign is lost to all but a coordinate that says whether to flip.
    sign = torch.randn(400, 1).sign()
    flipped = torch.cat([y * sign, sign], 1)
    linear, bent = learned(LinearMapper(5, 4), flipped, y), learned(MLPMapper(5, 4), flipped, y)
    assert bent > linear + 0.3


def test_the_training_loop_takes_them_as_encoders_of_a_joint_space():
    features = {"text": torch.randn(128, 7), "image": torch.randn(128, 9)}
    space = JointSpace(
        {
            "text": LinearMapper(7, 16, normalise=False),
            "image": MLPMapper(9, 16, normalise=False),
        },
        dim=8,
    )
    losses = [s.loss for s in fit(space, over_pairs, features, steps=40, batch_size=64, warmup=5)]
    assert losses[-1] < losses[0] - 0.5


def test_sizes_and_shapes_that_do_not_fit_are_refused(unchecked):
    with pytest.raises(ValueError, match="dim must be at least 1, got 0"):
        LinearMapper(3, 0)
    with pytest.raises(ValueError, match="hidden must be at least 1"):
        MLPMapper(3, 4, hidden=0)
    for mapper in (LinearMapper(7), MLPMapper(7)):
        with pytest.raises(ValueError, match=r"expected features \(batch, 7\), got \(10, 6\)"):
            mapper(torch.randn(10, 6))

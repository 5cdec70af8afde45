"""What is called a density integrates to one."""

import pytest
import torch

from flowenedet_ros.detector.fed import FedFlow, FedHead
from flowenedet_ros.detector.flow import Condition, EnergyFlow
from flowenedet_ros.detector.mixture import CoordinateMixture, GaussianMixture, PrecisionFactor


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def grid(channels, reach, step):
    """Give points as (1, channels, points, 1) and the volume of one."""
    axis = torch.arange(-reach, reach, step)
    points = torch.cartesian_prod(*[axis] * channels)
    return points.T.reshape(1, channels, -1, 1), step**channels


def test_mixture_of_full_gaussians_integrates_to_its_priors():
    mixture = GaussianMixture(2, 2)
    with torch.no_grad():
        mixture.factor.diagonal.normal_(std=0.3)
        mixture.factor.below.normal_(std=0.3)
    points, volume = grid(2, 15, 0.1)
    prior = torch.tensor([0.3, 0.7])
    joint = mixture(points, torch.randn(1, 4, 1, 1), prior.log().view(1, 2, 1, 1))
    assert torch.allclose(joint.exp().sum((0, 2, 3)) * volume, prior, atol=1e-3)


def test_energy_flow_integrates_to_one():
    flow = EnergyFlow(2, 4)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    points, volume = grid(4, 7.6, 0.5)
    size = (1, 1)
    condition = Condition(
        torch.randn(1, 3, *size), 0.5 * torch.randn(1, 12, *size), torch.randn(1, 4, *size)
    )
    with torch.no_grad():
        joint = flow.joint(points, condition)
    mass = joint.double().exp().sum((0, 2, 3)) * volume
    assert mass.sum().item() == pytest.approx(1, abs=5e-3)
    assert torch.allclose(mass, condition.prior.softmax(1).flatten().double(), atol=5e-3)


def test_corrected_fed_integrates_to_one_where_pixels_do_not_meet():
    flow, head = FedFlow(2, 0, published=False).eval(), FedHead()
    with torch.no_grad():
        for block in flow.blocks:
            wide = block.coupling.subnet[2].weight
            centre = wide[:, :, 3, 3].clone()
            wide.zero_()
            wide[:, :, 3, 3] = centre
            block.attention.kept_scale.fill_(-1)
        points, volume = grid(2, 40, 0.1)
        points = points.expand(-1, -1, -1, 4)
        joint = head(*flow(points, None))
    mass = joint.double().exp().sum((1, 2)) * volume
    assert torch.allclose(mass, torch.ones(1, 4, dtype=torch.float64), atol=5e-3)


def test_published_head_reads_component_m_off_coordinate_m():
    head = CoordinateMixture()
    u, log_det = torch.randn(1, 2, 3, 3), torch.randn(1, 2, 3, 3)
    expected = -torch.log(torch.tensor(2.0)) - 0.5 * u.square() + log_det
    assert torch.allclose(head(u, log_det), expected, atol=1e-6)


def test_precision_factor_starts_as_identity():
    assert torch.allclose(PrecisionFactor(3, 4).matrix(), torch.eye(4).expand(3, 4, 4))

"""Every layer that claims to be a bijection is one, and says rightly how it scales volume."""

import pytest
import torch
from torch.nn import functional

from flowenedet_ros.detector.actnorm import ActNorm, PublishedActNorm
from flowenedet_ros.detector.coupling import Coupling, PixelCoupling, PublishedCoupling
from flowenedet_ros.detector.fed import FedFlow
from flowenedet_ros.detector.flow import Condition, EnergyFlow
from flowenedet_ros.detector.imap import IMap
from flowenedet_ros.detector.invertible_conv import InvertibleConv

SIDE = 4


@pytest.fixture(autouse=True)
def _double_precision():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def randomise(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return module.eval()


def energy_condition():
    return Condition(
        torch.randn(1, 3, SIDE, SIDE), torch.randn(1, 12, SIDE, SIDE), torch.randn(1, 8, SIDE, SIDE)
    )


def cases():
    condition = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)).double()
    yield 'actnorm', lambda: ActNorm(2), 2, ()
    yield 'invertible conv of 2', lambda: InvertibleConv(2), 2, ()
    yield 'invertible conv of 4', lambda: InvertibleConv(4), 4, ()
    for kept in (0, 1):
        yield f'coupling keeping {kept}', lambda kept=kept: Coupling(kept, 0), 2, ()
        yield f'conditional {kept}', lambda kept=kept: Coupling(kept, 3), 2, (condition,)
        yield f'imap keeping {kept}', lambda kept=kept: IMap(kept, published=False), 2, ()
    yield 'pixel coupling', lambda: PixelCoupling(4, 3), 4, (condition,)
    yield 'fed_u', lambda: FedFlow(3, 0, published=False), 2, (None,)
    yield 'fed_c', lambda: FedFlow(2, 3, published=False), 2, (condition,)
    yield 'energy flow', lambda: EnergyFlow(2, 8), 4, (energy_condition(),)


CASES = {name: rest for name, *rest in cases()}


@pytest.fixture(params=CASES)
def case(request):
    build, channels, condition = CASES[request.param]
    return randomise(build()), torch.randn(1, channels, SIDE, SIDE), condition


def test_inverse_undoes_forward(case):
    layer, z, condition = case
    y, _ = layer(z, *condition)
    assert not torch.allclose(y, z)
    assert torch.allclose(layer.inverse(y, *condition), z, atol=1e-7)


def test_log_determinant_is_that_of_the_jacobian(case):
    layer, z, condition = case

    def flat(x):
        return layer(x.view_as(z), *condition)[0].flatten()

    jacobian = torch.autograd.functional.jacobian(flat, z.flatten())
    _, log_det = layer(z, *condition)
    pixels = log_det.sum(dim=1, keepdim=True).expand(1, 1, SIDE, SIDE)
    assert torch.allclose(pixels.sum(), torch.linalg.slogdet(jacobian).logabsdet, atol=1e-8)


def test_published_coupling_without_condition_misstates_its_jacobian():
    layer, z = randomise(PublishedCoupling(1, 0)), torch.randn(1, 2, SIDE, SIDE)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: layer(x.view_as(z))[0].flatten(), z.flatten()
    )
    claimed = layer(z)[1].sum()
    assert not torch.allclose(claimed, torch.linalg.slogdet(jacobian).logabsdet, atol=1e-4)


def test_actnorm_standardises_its_first_training_batch():
    layer, x = ActNorm(3).train(), torch.randn(4, 3, 8, 8) * 5 + 2
    y, _ = layer(x)
    assert torch.allclose(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-9)
    assert torch.allclose(y.std((0, 2, 3)), torch.ones(3), atol=1e-5)
    again, _ = layer(x + 1)
    assert torch.allclose(again.std((0, 2, 3)), torch.ones(3), atol=1e-5)
    assert (again.mean((0, 2, 3)) > 0.1).all()


def test_published_actnorm_adds_the_mean_and_scales_by_one_over_one_plus_std():
    layer, x = PublishedActNorm(2).train(), torch.randn(4, 2, 8, 8) * 3 + 1
    y, log_det = layer(x)
    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3))
    expected = mean.view(1, 2, 1, 1) + x / (1 + std.view(1, 2, 1, 1))
    assert torch.allclose(y, expected, atol=1e-5)
    assert torch.allclose(log_det.flatten(), -(1 + std).log(), atol=1e-5)
    assert torch.allclose(layer.inverse(y), x)


def test_published_imap_counts_its_attention_twice():
    layer = randomise(IMap(0, published=True))
    z = torch.randn(1, 2, SIDE, SIDE)
    _, log_det = layer(z)
    constant = -functional.softplus(layer.kept_scale[0])
    assert torch.allclose(log_det[:, 0], log_det[:, 1] + constant)

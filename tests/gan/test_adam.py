"""Our Adam against torch's, and what it does with gradients that no run should follow."""

import pytest
import torch

from vidgan.gan.adam import Adam


def parameter(*values: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(values))


def test_adam_is_torchs_adam():
    ours, theirs = parameter(1.0, -2.0), parameter(1.0, -2.0)
    a, b = Adam([ours], 0.1), torch.optim.Adam([theirs], 0.1, betas=(0.5, 0.99))
    for _ in range(5):
        a.follow(torch.autograd.grad((ours**3).sum(), [ours]))
        b.zero_grad()
        (theirs**3).sum().backward()
        b.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_rate_may_change_between_steps():
    value = parameter(1.0)
    adam = Adam([value], 0.1)
    adam.follow([torch.ones(1)])
    adam.rate = 0.0
    before = value.detach().clone()
    adam.follow([torch.ones(1)])
    assert torch.equal(value.detach(), before)


def test_a_parameter_without_a_gradient_stands_still():
    moved, still = parameter(1.0), parameter(1.0)
    Adam([moved, still], 0.1).follow([torch.ones(1), None])
    assert float(moved.detach()) == pytest.approx(0.9)
    assert float(still.detach()) == 1


@pytest.mark.parametrize("wild", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_is_left_out(wild):
    one, other = parameter(1.0, 1.0), parameter(2.0)
    adam = Adam([one, other], 0.1)
    adam.follow([torch.ones(2), torch.ones(1)])
    before = [one.detach().clone(), other.detach().clone()]
    adam.follow([torch.tensor([1.0, wild]), torch.ones(1)])
    assert torch.equal(one.detach(), before[0])
    assert torch.equal(other.detach(), before[1])
    adam.follow([torch.ones(2), torch.ones(1)])
    assert bool(one.isfinite().all())


def test_a_gradient_far_longer_than_usual_is_cut():
    """After it, the way goes on much as if it had been four times the usual."""
    wild, cut = parameter(0.0), parameter(0.0)
    for value, spike in ((wild, 1e6), (cut, 4.0)):
        adam = Adam([value], 0.1)
        for gradient in (1.0, 1.0, 1.0, spike, -1.0, -1.0):
            adam.follow([torch.tensor([gradient])])
    assert float(wild.detach()) == pytest.approx(float(cut.detach()), abs=1e-4)


def test_adam_goes_on_from_its_state_exactly():
    gradients = [torch.randn(3, generator=torch.Generator().manual_seed(n)) for n in range(6)]
    whole, halves = parameter(1.0, 2.0, 3.0), parameter(1.0, 2.0, 3.0)
    adam, first, second = Adam([whole], 0.1), Adam([halves], 0.1), Adam([halves], 0.1)
    for gradient in gradients:
        adam.follow([gradient])
    for gradient in gradients[:3]:
        first.follow([gradient])
    second.load({name: value.clone() for name, value in first.state().items()})
    for gradient in gradients[3:]:
        second.follow([gradient])
    assert torch.equal(whole, halves)


def test_a_state_from_before_the_first_step_will_do():
    value = parameter(1.0)
    adam = Adam([value], 0.1)
    adam.load(Adam([value], 0.1).state())
    adam.follow([torch.ones(1)])
    assert float(value.detach()) == pytest.approx(0.9)


def test_adam_follows_gradients_as_they_are_where_nothing_is_cut():
    ours, theirs = parameter(1.0), parameter(1.0)
    a, b = Adam([ours], 0.1, largest=None), torch.optim.Adam([theirs], 0.1, betas=(0.5, 0.99))
    for gradient in (1.0, 1.0, 100.0, 1.0):
        a.follow([torch.tensor([gradient])])
        theirs.grad = torch.tensor([gradient])
        b.step()
    assert torch.allclose(ours, theirs, atol=1e-6)

"""What one iteration draws and is judged by: one domain alone, or two that translate each other's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.gan import losses
from vidgan.gan.adversarial import cut_alike
from vidgan.gan.published.side import Side

Fake = tuple[Side, Tensor]
"""A picture, and the side whose critic judges it."""


@dataclass
class Fakes:
    """judged: by critics. cycles: pictures, and what came back of them by way of the other domain."""

    judged: list[Fake] = field(default_factory=list)
    cycles: list[tuple[Tensor, Tensor]] = field(default_factory=list)


def unconditional(sides: Sequence[Side], rng: torch.Generator) -> Fakes:
    """SinGAN's and ConSinGAN's."""
    return Fakes([(side, side.fake(rng)) for side in sides])


def cyclic(sides: Sequence[Side], rng: torch.Generator) -> Fakes:
    """The thesis's and structural-analogy's (Benaim et al. 2020, sec. 3): four fakes, two cycles."""
    a, b = sides
    fake_a, fake_b = a.fake(rng), b.fake(rng)
    fake_ab, fake_ba = b.translate(fake_a, rng), a.translate(fake_b, rng)
    back = [(fake_a, a.translate(fake_ab, rng)), (fake_b, b.translate(fake_ba, rng))]
    return Fakes([(a, fake_a), (b, fake_ab), (b, fake_b), (a, fake_ba)], back)


DRAWS: dict[int, Callable[[Sequence[Side], torch.Generator], Fakes]] = {1: unconditional, 2: cyclic}
"""By the number of domains."""


def critic_loss(fakes: Sequence[Fake], penalty: float, rng: torch.Generator) -> Tensor:
    """WGAN-GP over all fakes, which are not to carry gradients."""
    terms = []
    for side, fake in fakes:
        terms.append(losses.wasserstein_critic(side.critic(side.real), side.critic(fake)))
        terms.append(penalty * losses.gradient_penalty(_slopes(side, fake, rng)))
    return torch.stack(terms).sum()


def generator_terms(fakes: Fakes, sides: Sequence[Side]) -> dict[str, Tensor]:
    """By the names that they are reported under."""
    terms = {
        "adversarial": _total([losses.raise_score(side.critic(fake)) for side, fake in fakes.judged]),
        "reconstruction": _total([F.mse_loss(side.reconstruct(), side.real) for side in sides]),
    }
    if fakes.cycles:
        terms["cycle"] = _total([losses.cycle(was, back) for was, back in fakes.cycles])
    return terms


def _slopes(side: Side, fake: Tensor, rng: torch.Generator) -> Tensor:
    share = torch.rand(1, 1, 1, 1, generator=rng, device=rng.device).to(fake.device)
    real, fake = cut_alike(side.real, fake)
    mixture = (share * real + (1 - share) * fake).requires_grad_()
    return torch.autograd.grad(side.critic(mixture).sum(), mixture, create_graph=True)[0]


def _total(terms: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()

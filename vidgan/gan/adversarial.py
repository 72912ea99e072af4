"""The games that a critic and a generator can play, by the name that a recipe gives them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidgan.gan import losses
from vidgan.gan.critic import Critic


@dataclass(frozen=True)
class Game:
    """spectral: critics' weights are divided by their spectral norms. penalised: slopes are held to 1."""

    critic_loss: Callable[[Tensor, Tensor], Tensor]
    generator_loss: Callable[[Tensor], Tensor]
    spectral: bool = True
    penalised: bool = False


GAMES = {
    "hinge": Game(losses.hinge_critic, losses.raise_score),
    "non-saturating": Game(losses.logistic_critic, losses.non_saturating),
    "wgan-gp": Game(losses.wasserstein_critic, losses.raise_score, spectral=False, penalised=True),
}
"""`wgan-gp` is the source work's; its double backward makes a critic's step twice as dear."""


def slopes_between(critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Sequence[Tensor]:
    """The critic's gradients at random mixtures of real and fake, one (B, 3, H, W) for each of its sizes."""
    share = torch.rand(len(real), 1, 1, 1, generator=rng, device=rng.device)
    mixture = (share * real + (1 - share) * fake.detach()).requires_grad_()
    return [torch.autograd.grad(s.sum(), mixture, create_graph=True)[0] for s in critic(mixture)]


def cut_alike(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The parts of both that have one size."""
    height, width = min(x.shape[-2], y.shape[-2]), min(x.shape[-1], y.shape[-1])
    return x[..., :height, :width], y[..., :height, :width]

"""What tests of training share: settings that train in a moment, pictures of noise, weights as one vector."""

from collections.abc import Callable

import torch

from vidgan.config import TrainSettings
from vidgan.gan.pair import Pair
from vidgan.gan.published.training import PublishedTrainer
from vidgan.gan.training import Trained, Trainer

CPU = torch.device("cpu")
TINY = TrainSettings(
    seconds=0, steps=6, channels=8, blocks=1, critic_channels=8, coarsest_px=16, window_px=24, projections=8
)


def picture(height: int, width: int, seed: int) -> torch.Tensor:
    """Noise in [-1, 1], (1, 3, height, width)."""
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def pair(a: tuple[int, int] = (40, 52), b: tuple[int, int] = (36, 30)) -> Pair:
    """Two pictures of noise, of two sizes and shapes unless told."""
    return Pair(picture(*a, seed=0), picture(*b, seed=1))


def weights(trained: Trained) -> torch.Tensor:
    """All that both generators have learnt."""
    generators = (trained.model.to_a.generator, trained.model.to_b.generator)
    return torch.cat([p.detach().flatten() for generator in generators for p in generator.parameters()])


def after(trainer: Trainer | PublishedTrainer, steps: int) -> Callable[[], bool]:
    """What answers yes once the trainer has taken that many more steps."""
    end = sum(trainer.schedule.steps_taken) + steps
    return lambda: sum(trainer.schedule.steps_taken) >= end

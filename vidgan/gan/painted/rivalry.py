"""A patch critic that sees picture and result together (Isola et al. 2017), on frames that nobody painted."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan.adam import Adam
from vidgan.gan.adversarial import GAMES
from vidgan.gan.critic import PatchCritic
from vidgan.gan.device import autocast
from vidgan.gan.model import named, prefixed
from vidgan.gan.painted.guess import Guess
from vidgan.gan.painted.network import MULTIPLE, to_multiple
from vidgan.gan.pyramid import size_of

_BETAS = (0.5, 0.99)
_WINDOWS = 2
_GAME = GAMES["hinge"]


class Rivalry:
    """The critic, and windows of the frames that it judges."""

    def __init__(
        self, others: Sequence[Guess], settings: TrainSettings, device: torch.device, precision: torch.dtype
    ) -> None:
        """others: guesses of whole frames, of one size that holds a window."""
        self.others, self.device, self.precision = others, device, precision
        self.side = settings.window_px // MULTIPLE * MULTIPLE
        critic = PatchCritic(settings.critic_channels, _GAME.spectral, inputs=6)
        self.critic = critic.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimise = Adam(self.critic.parameters(), 0.0, _BETAS)

    def draw(self, rng: torch.Generator) -> Guess:
        """Windows of frames that nobody painted, with all that is carried to them."""
        windows = [self._window(rng) for _ in range(_WINDOWS)]
        return Guess(*(torch.cat(planes) for planes in zip(*windows, strict=True)))

    def teach(self, frame: Tensor, painting: Tensor, judged: Tensor, result: Tensor, rate: float) -> Tensor:
        """One step of the critic; its loss. frame and painting are real, judged and result are not."""
        self.critic.iterate()
        weights = self.critic.weights()
        with autocast(self.device, self.precision):
            real, fake = (
                self.critic(torch.cat(pair, 1), weights).float()
                for pair in ((frame, painting), (judged, result))
            )
        loss = _GAME.critic_loss(real, fake)
        self.optimise.rate = rate
        self.optimise.follow(torch.autograd.grad(loss, self.optimise.parameters))
        return loss.detach()

    def word(self, judged: Tensor, result: Tensor) -> Tensor:
        """What a result has to lower."""
        with autocast(self.device, self.precision):
            return _GAME.generator_loss(self.critic(torch.cat([judged, result], 1)).float())

    def state(self) -> dict[str, Tensor]:
        return prefixed("critic", self.critic.state_dict()) | prefixed("adam", self.optimise.state())

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        self.critic.load_state_dict(named("critic", tensors))
        self.optimise.load(named("adam", tensors))

    def _window(self, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        other = self.others[int(torch.randint(len(self.others), (1,), generator=rng))]
        height, width = size_of(other.told)
        top = int(torch.randint(max(1, height - self.side + 1), (1,), generator=rng))
        left = int(torch.randint(max(1, width - self.side + 1), (1,), generator=rng))
        inside = (..., slice(top, top + self.side), slice(left, left + self.side))
        return to_multiple(other.picture[inside]), to_multiple(other.told[inside])

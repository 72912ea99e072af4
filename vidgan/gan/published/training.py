"""Training by a published recipe, on whole pictures: draw fakes, update critics and generators, advance."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vidgan.config import Recipe
from vidgan.errors import LookError
from vidgan.gan.adam import Adam
from vidgan.gan.model import named, prefixed
from vidgan.gan.published.fakes import DRAWS, Fakes, critic_loss, generator_terms
from vidgan.gan.published.model import Published, copied, new_sides
from vidgan.gan.schedule import Record, Replay, Schedule, Tick
from vidgan.gan.threads import working_with
from vidgan.gan.training import Trained, TrainProgress
from vidgan.resample import to_pixels, to_tensor

_BETAS = (0.5, 0.999)
_REPORT_SECONDS = 0.2  # reading losses off a GPU makes it wait
_MEMORY = 0.05


class PublishedTrainer:
    """The state of one run over one or two domains."""

    def __init__(self, pictures: Sequence[Tensor], recipe: Recipe, record: Record | None = None) -> None:
        """pictures: (1, 3, H, W) in [-1, 1] each, one per domain, on one device. record: to repeat."""
        self.train, self.parts = recipe.train, recipe.parts
        self.device = pictures[0].device
        self.rng = torch.Generator(self.device).manual_seed(self.train.seed)
        # As a look's file keeps them: what is sampled after training is what the file gives.
        self.sides = new_sides([to_tensor(to_pixels(x), self.device) for x in pictures], recipe)
        self.draw_fakes = DRAWS[len(pictures)]
        self.stages, self.stage = len(self.sides[0].levels), -1
        self.schedule = self._new_schedule(record)
        self.running: dict[str, Tensor] = {}
        self.threads = torch.get_num_threads()
        self.threads_before = 0 if record is None else record.threads

    def run(
        self,
        on_progress: Callable[[TrainProgress], None] = lambda progress: None,
        on_stage: Callable[[Trained], None] = lambda trained: None,
        should_stop: Callable[[], bool] = lambda: False,
        between: Callable[[], None] = lambda: None,
    ) -> Trained:
        """Train, or go on training, to the end; or until should_stop, asked between iterations.

        between: called there, too, where state() is whole.
        """
        with working_with(1, self.threads_before, timed=not self.train.steps) as self.threads:
            return self._run(on_progress, on_stage, should_stop, between)

    def _run(
        self,
        on_progress: Callable[[TrainProgress], None],
        on_stage: Callable[[Trained], None],
        should_stop: Callable[[], bool],
        between: Callable[[], None],
    ) -> Trained:
        self.schedule.resume()
        told = 0.0
        for stage in range(max(0, self.stage), self.stages):
            if stage > self.stage:
                self.enter(stage)
            for tick in self.schedule.ticks(stage):
                self._iterate(tick)
                if time.monotonic() - told > _REPORT_SECONDS:
                    on_progress(self._progress(stage, tick))
                    told = time.monotonic()
                between()
                if should_stop():
                    return self.trained(interrupted=True)
            on_stage(self.trained())
        return self.trained()

    def trained(self, interrupted: bool = False) -> Trained:
        """What stands so far."""
        rates = tuple(tuple(stage) for stage in self.schedule.rates)
        seconds = tuple(self.schedule.seconds)
        model = Published(copied(self.sides, self.device))
        return Trained(model, rates, seconds, self.threads, interrupted=interrupted)

    def enter(self, stage: int) -> None:
        self.stage = stage
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.train.seed + stage)
            for side in self.sides:
                side.enter(stage, self.rng)
        self._new_optimisers()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The run's whole state between two iterations, as tensors and plain values."""
        tensors = {"rng": self.rng.get_state()}
        for number, side in enumerate(self.sides):
            tensors |= prefixed(f"side.{number}", side.tensors())
            tensors |= prefixed(f"critic.{number}", side.critic.state_dict())
        for number, optimise in enumerate([self.optimise_critics, *self.optimise]):
            tensors |= prefixed(f"adam.{number}", optimise.state())
        for stage, rates in enumerate(self.schedule.rates):
            tensors[f"rates.{stage}"] = torch.tensor(rates, dtype=torch.float64)
        return tensors, {
            "stage": self.stage,
            "threads": self.threads,
            "schedule": self.schedule.state(),
            "running": self._losses(),
        }

    def load(self, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
        """Go on from a state() of the same pictures and recipe."""
        self.stage = header["stage"]
        self.running = {
            name: torch.tensor(loss, device=self.device) for name, loss in header["running"].items()
        }
        self.threads_before = header["threads"]
        for number, side in enumerate(self.sides):
            side.restore(named(f"side.{number}", tensors))
            side.critic.load_state_dict(named(f"critic.{number}", tensors))
        self._new_optimisers()
        for number, optimise in enumerate([self.optimise_critics, *self.optimise]):
            optimise.load(named(f"adam.{number}", tensors))
        self.rng.set_state(tensors["rng"].cpu())
        rates = [tensors[f"rates.{stage}"].tolist() for stage in range(self.stages)]
        self.schedule.load(header["schedule"], rates)

    def _new_schedule(self, record: Record | None) -> Schedule:
        if record is None:
            return Schedule(self.train, self.stages)
        if len(record.rates) != self.stages:
            raise LookError(
                f"the training to repeat has {len(record.rates)} stages, this one {self.stages}: "
                "give the picture that it was made with"
            )
        return Replay(self.train, record)

    def _new_optimisers(self) -> None:
        """One for each stage that trains, newest first, of all domains."""
        groups = zip(
            *(side.trained_parameters(self.parts.trained_stages) for side in self.sides), strict=True
        )
        self.optimise = [_adam([p for part in group for p in part]) for group in groups]
        critics = [p for side in self.sides for p in side.critic.parameters()]
        self.optimise_critics = _adam(critics)

    def _iterate(self, tick: Tick) -> None:
        """One draw of noise for all steps, and one gradient for the generators' (ConSinGAN's code)."""
        fakes = self.draw_fakes(self.sides, self.rng)
        for _ in range(self.parts.critic_steps):
            self._update_critics(fakes, tick.rate * self.parts.critic_rate)
        self._update_generators(fakes, tick.rate)

    def _update_critics(self, fakes: Fakes, rate: float) -> None:
        judged = [(side, fake.detach()) for side, fake in fakes.judged]
        loss = critic_loss(judged, self.train.lambda_penalty, self.rng)
        self._remember("critic", loss)
        self.optimise_critics.rate = rate
        self.optimise_critics.follow(torch.autograd.grad(loss, self.optimise_critics.parameters))

    def _update_generators(self, fakes: Fakes, rate: float) -> None:
        terms = generator_terms(fakes, self.sides)
        for name, term in terms.items():
            self._remember(name, term)
        weights = self.train.weights()
        total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        parameters = [p for optimise in self.optimise for p in optimise.parameters]
        gradients = iter(torch.autograd.grad(total, parameters, allow_unused=True))
        for down, optimise in enumerate(self.optimise):
            optimise.rate = rate * self.parts.lower_rate**down
            own = [next(gradients) for _ in optimise.parameters]
            for _ in range(self.parts.generator_steps):
                optimise.follow(own)

    def _remember(self, name: str, loss: Tensor) -> None:
        value = loss.detach()
        before = self.running.get(name, value)
        self.running[name] = before + _MEMORY * (value - before)  # read when it is told: a GPU would wait

    def _losses(self) -> dict[str, float]:
        return {name: float(loss) for name, loss in self.running.items()}

    def _progress(self, stage: int, tick: Tick) -> TrainProgress:
        seconds = self.schedule.elapsed()
        return TrainProgress(stage, self.stages, tick.step, tick.run_progress, seconds, self._losses())


def _adam(parameters: list[nn.Parameter]) -> Adam:
    return Adam(parameters, 0.0, _BETAS)

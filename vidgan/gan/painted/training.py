"""Training on painted keyframes: windows of them, told as other frames will be, and the rest is learnt."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import Recipe
from vidgan.errors import LookError
from vidgan.gan.adam import Adam
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.losses import detail_apart, patch_distribution, patch_projections, patch_whitening
from vidgan.gan.model import Motion, at_rest, named, prefixed
from vidgan.gan.painted.anchor import Anchor, Keyframe, likeness
from vidgan.gan.painted.guess import Guess, Guesser, inputs_for
from vidgan.gan.painted.model import Painted
from vidgan.gan.painted.network import Refiner
from vidgan.gan.painted.objective import apart, what_counts
from vidgan.gan.painted.rivalry import Rivalry
from vidgan.gan.painted.windows import HeldOut, Window, Windows
from vidgan.gan.schedule import Record, Replay, Schedule, Tick
from vidgan.gan.threads import working_with
from vidgan.gan.training import Trained, TrainProgress

_BETAS = (0.9, 0.99)
_CRISP = 2  # of the windows, for the term on detail: it has little to learn, and takes a third of the time
_REPORT_SECONDS = 0.2
_EXAMINE_EVERY = 40
_MEMORY = 0.05


class PaintedTrainer:
    """The state of one run."""

    def __init__(
        self,
        keyframes: Sequence[Keyframe],
        recipe: Recipe,
        record: Record | None = None,
        others: Sequence[tuple[int, Tensor]] = (),
        motion: Motion = at_rest,
        cuts: Sequence[int] = (),
    ) -> None:
        """keyframes: of one size, on one device. record: another run's schedule, to repeat it.

        others: frames that nobody painted, (1, 3, H, W) of that size, by their numbers. cuts: as in Painted.
        """
        if record is not None and len(record.rates) != 1:
            raise LookError("the look to repeat was not painted: give the same keyframes")
        self.train, self.cuts = recipe.train, cuts
        self.schedule = Schedule(self.train, 1) if record is None else Replay(self.train, record)
        with working_with(1, same=1, timed=False):  # the same bits however busy the machine is
            self.anchors = anchors = [Anchor.fitted(keyframe) for keyframe in keyframes]
        self.device = anchors[0].frame.device
        self.precision = choose_precision(self.train.precision, self.device)
        self.rng = torch.Generator().manual_seed(self.train.seed)  # on the CPU: every device draws the same
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.train.seed)
            refiner = Refiner(inputs_for(len(anchors)), self.train.channels)
        self.refiner = refiner.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.held_out = HeldOut(anchors, self.train, self.rng)
        self.windows = Windows(anchors, self.held_out.learnt, self.train)
        if self.train.lambda_patch:
            self.shaping = patch_whitening(
                anchors[0].painting.cpu(), self.train.patch_px, self.train.patch_whitening
            )
        self.optimise = Adam(self.refiner.parameters(), 0.0, _BETAS)
        self.rivalry = self._new_rivalry(others, motion)
        self.best: dict[str, Tensor] = {}
        self.least = float("inf")
        self.running = torch.zeros(())
        self.threads = torch.get_num_threads()
        self.threads_before = 0 if record is None else record.threads
        self.schedule.prepared()

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
            self.schedule.resume()
            if not self.schedule.rates[0]:
                self._examine()
                on_stage(self.trained())
                self.schedule.resume()  # whoever shows what stands so far takes no time from it
            told = 0.0
            for tick in self.schedule.ticks(0):
                self._iterate(tick)
                if tick.step % _EXAMINE_EVERY == _EXAMINE_EVERY - 1:
                    self._examine()
                if time.monotonic() - told > _REPORT_SECONDS:
                    on_progress(self._progress(tick))
                    told = time.monotonic()
                between()
                if should_stop():
                    return self.trained(interrupted=True)
            self._examine()
            on_stage(self.trained())
            return self.trained()

    def trained(self, interrupted: bool = False) -> Trained:
        """What stands so far: the weights that did best on what was held out, or none at all."""
        refiner = None
        if self.best:
            refiner = copy.deepcopy(self.refiner)
            refiner.load_state_dict(self.best)
        rates = tuple(tuple(stage) for stage in self.schedule.rates)
        model = Painted(self.anchors, refiner, self.cuts, stage=2 if self.schedule.rates[0] else 1)
        return Trained(model, rates, tuple(self.schedule.seconds), self.threads, interrupted=interrupted)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The run's whole state between two iterations, as tensors and plain values."""
        tensors = {"rng": self.rng.get_state()}
        tensors |= prefixed("refiner", self.refiner.state_dict())
        tensors |= prefixed("best", self.best)
        tensors |= prefixed("adam", self.optimise.state())
        tensors |= prefixed("rivalry", {} if self.rivalry is None else self.rivalry.state())
        tensors["rates"] = torch.tensor(self.schedule.rates[0], dtype=torch.float64)
        return tensors, {
            "threads": self.threads,
            "schedule": self.schedule.state(),
            "least": self.least,
            "running": float(self.running),
        }

    def load(self, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
        """Go on from a state() of the same keyframes and recipe."""
        self.refiner.load_state_dict(named("refiner", tensors))
        self.best = {name: value.to(self.device) for name, value in named("best", tensors).items()}
        self.optimise.load(named("adam", tensors))
        if self.rivalry is not None:
            self.rivalry.load(named("rivalry", tensors))
        self.rng.set_state(tensors["rng"].cpu())
        self.least, self.threads_before = header["least"], header["threads"]
        self.running = torch.tensor(header["running"], device=self.device)
        self.schedule.load(header["schedule"], [tensors["rates"].tolist()])

    def _new_rivalry(self, others: Sequence[tuple[int, Tensor]], motion: Motion) -> Rivalry | None:
        if not self.train.lambda_adv or not others:
            return None
        with torch.no_grad():
            guesser = Guesser(self.anchors, likeness(self.anchors), motion, self.cuts)
            guesses = [guesser(frame, number) for number, frame in others]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.train.seed + 1)
            return Rivalry(guesses, self.train, self.device, self.precision)

    def _iterate(self, tick: Tick) -> None:
        window = self.windows.draw(self.rng)
        added = self._added(window.guess)
        foretold, lent = window.guess.foretold(added), window.guess.lent(added)
        loss = apart(foretold, window.painting, window.counts)
        result = foretold + lent
        real = what_counts(result, window.painting, window.counts)
        if self.train.lambda_detail:  # by borrowed strokes alone: left free, the network rules lines instead
            plain = foretold.detach()[:_CRISP]
            textured = detail_apart(plain + lent[:_CRISP], real[:_CRISP], plain)
            loss = loss + self.train.lambda_detail * textured
        if self.train.lambda_patch:
            loss = loss + self.train.lambda_patch * self._texture(result, real)
        if self.rivalry is not None:
            loss = loss + self.train.lambda_adv * self._judged(self.rivalry, window, real, tick)
        self.optimise.rate = tick.rate
        self.optimise.follow(torch.autograd.grad(loss, self.optimise.parameters))
        value = loss.detach()
        self.running = value if not tick.step else torch.lerp(self.running.to(value), value, _MEMORY)

    def _added(self, guess: Guess) -> Tensor:
        with autocast(self.device, self.precision):
            return self.refiner(guess.told).float()

    def _judged(self, rivalry: Rivalry, window: Window, real: Tensor, tick: Tick) -> Tensor:
        guess = rivalry.draw(self.rng)
        added = self._added(guess)
        judged, result = guess.told[:, :3], guess.foretold(added) + guess.lent(added)
        rivalry.teach(window.guess.told[:, :3], real, judged, result.detach(), tick.rate)
        return rivalry.word(judged, result)

    def _texture(self, result: Tensor, painting: Tensor) -> Tensor:
        """How unlike the patches of results and paintings are, wherever in a window they lie."""
        axes = patch_projections(self.train.projections, self.shaping, self.rng).to(self.device)
        offset = [int(torch.randint(2, (1,), generator=self.rng)) for _ in range(2)]
        apart = patch_distribution(result, painting, axes, offset, stride=2)
        half, half_painting = (F.avg_pool2d(picture, 2) for picture in (result, painting))
        return (apart + patch_distribution(half, half_painting, axes, offset, stride=2)) / 2

    @torch.no_grad()
    def _examine(self) -> None:
        """Keep the weights if they do better than any before, adding nothing among them."""
        error = self.held_out.error(self.refiner, self.device, self.precision)
        if error is not None and error >= self.least:
            return
        self.least = self.least if error is None else error
        if self.schedule.rates[0]:
            self.best = {name: value.detach().clone() for name, value in self.refiner.state_dict().items()}

    def _progress(self, tick: Tick) -> TrainProgress:
        losses = {"difference": float(self.running)}
        return TrainProgress(1, 2, tick.step, tick.run_progress, self.schedule.elapsed(), losses)

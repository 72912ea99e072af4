"""The work that a batch consists of, as it is sent to a process, here or elsewhere."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from vidgan.errors import Interrupted, LookError, VidganError
from vidgan.gan.look import load_look
from vidgan.jobs.batch.figures import figures_of
from vidgan.jobs.batch.plan import Execution, Job, Training
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.render import carry_out
from vidgan.jobs.request import Request, absolute_recipe
from vidgan.jobs.train import checkpoint_of, train


class EngineLost(VidganError):
    """Whatever did the work has gone; nothing is wrong with the work, which may be begun again."""


@dataclass(frozen=True)
class TrainTask:
    """look: where it goes; what an earlier attempt left beside it is gone on from."""

    training: Training
    look: Path
    options: Options

    def absolute(self) -> "TrainTask":
        """The same for a process that runs in another folder."""
        told = self.training
        training = replace(
            told,
            clip=told.clip.absolute(),
            target=None if told.target is None else told.target.absolute(),
            keyframes=tuple(map(_absolute_picture, told.keyframes)),
            masks=tuple(map(_absolute_picture, told.masks)),
            pipeline=absolute_recipe(told.pipeline),
        )
        return replace(self, training=training, look=self.look.absolute())

    def run(self, watch: Watch) -> float:
        """Seconds that it took; 0 where the look was there. Raises VidganError."""
        if is_trained(self.look):
            return 0.0
        began = time.perf_counter()
        checkpoint = checkpoint_of(self.look)
        try:
            self._train(checkpoint.exists(), watch)
        except LookError as error:  # it was made by another version, or on another device
            if not checkpoint.exists():
                raise
            watch.notice(f"a training that was broken off cannot go on, so it starts over: {error}")
            checkpoint.unlink()
            self._train(False, watch)
        except Interrupted as error:  # there is no such option here
            raise Interrupted(str(error).replace(" with --resume", "")) from error
        return time.perf_counter() - began

    def _train(self, resume: bool, watch: Watch) -> None:
        told = self.training
        train(
            told.clip,
            told.target,
            self.look,
            pipeline=told.pipeline,
            overrides=told.overrides,
            frame=told.frame,
            keyframes=told.keyframes,
            masks=told.masks,
            resume=resume,
            options=self.options,
            watch=watch,
        )


@dataclass(frozen=True)
class Made:
    """A job's result, and how good it is by the figures of vidgan.metrics. seconds: all of it took."""

    result: Result
    figures: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class RenderTask:
    """target: what the figures compare with; None where there is nothing."""

    request: Request
    target: Path | None

    def absolute(self) -> "RenderTask":
        """The same for a process that runs in another folder."""
        return replace(
            self,
            request=self.request.absolute(),
            target=None if self.target is None else self.target.absolute(),
        )

    def fresh(self) -> "RenderTask":
        """The same from its beginning, whatever was begun before."""
        options = replace(self.request.options, fresh=True)
        return replace(self, request=replace(self.request, options=options))

    def run(self, watch: Watch) -> Made:
        began = time.perf_counter()
        result = carry_out(self.request, watch)
        figures = figures_of(self.request, self.target)
        return Made(result, figures, time.perf_counter() - began)


Task = TrainTask | RenderTask


def options_of(job: Job, execution: Execution) -> Options:
    """How a job is carried out, wherever its sheet goes and whatever its output replaces."""
    return Options(
        device=execution.device,
        engine=execution.engine,
        stream=job.stream,
        rate=job.rate,
        allow_truncated=job.allow_truncated,
        start=job.start,
        end=job.end,
        report=job.report,
        verify=job.verify,
    )


def _absolute_picture(given: str) -> str:
    """FRAME=PICTURE."""
    frame, _, picture = given.partition("=")
    return f"{frame}={Path(picture).absolute()}"


def is_trained(look: Path) -> bool:
    """Whether a look is there that was not stopped before its end."""
    try:
        return look.is_file() and not load_look(look).interrupted
    except LookError:
        return False

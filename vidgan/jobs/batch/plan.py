"""What a batch consists of: looks to train, clips to render in them, and how to go about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True)
class Training:
    """A look that is trained once, for all jobs that name it. Fields as vidgan.train's arguments and options.

    name: unlike every other training's, also in files' names: the look's, or LOOK@CLIP where a job has it for
    itself. place: where the batch asks for it, for messages: "shots.toml, line 12". any_clip: nobody said
    which clip: it is the first that gets the look, and any other of those would do.
    """

    name: str
    clip: Path
    target: Path | None = None
    keyframes: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    frame: str | None = None
    pipeline: str | None = None
    overrides: tuple[str, ...] = ()
    stream: int | None = None
    rate: Fraction | None = None
    place: str = field(default="", compare=False)
    any_clip: bool = field(default=False, compare=False)

    @property
    def pictures(self) -> list[Path]:
        """Of its look: the target, or the painted frames."""
        painted = [Path(keyframe.partition("=")[2]) for keyframe in self.keyframes]
        return [self.target] if self.target is not None else painted


@dataclass(frozen=True)
class Trained:
    """A look that is there already."""

    name: str
    model: Path
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class AsItIs:
    """In a look's place: a recipe that does not translate. name: as load_recipe takes it."""

    name: str
    place: str = field(default="", compare=False)


LookSource = Training | Trained | AsItIs


@dataclass(frozen=True)
class Job:
    """A clip to render in one look. Fields as the arguments and options of vidgan.render."""

    clip: Path
    look: LookSource
    out: Path
    overrides: tuple[str, ...] = ()
    matte: Path | None = None
    feather: float | None = None
    start: str | None = None
    end: str | None = None
    stream: int | None = None
    rate: Fraction | None = None
    allow_truncated: bool = False
    report: bool = False
    verify: bool = True
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class Execution:
    """How a batch is carried out; nothing of it changes a frame (but for what devices differ in).

    jobs: at the same time on this machine (None: as many as it has room for). device, engine: as in Options.
    cpus, gpus: what each actor on a cluster takes of its node.
    """

    jobs: int | None = None
    device: str = "auto"
    engine: str = "auto"
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A batch, checked. folder: where its looks, records and report go. looks: those to train, each once."""

    folder: Path
    jobs: tuple[Job, ...]
    execution: Execution = Execution()

    @property
    def trainings(self) -> list[Training]:
        return list(dict.fromkeys(job.look for job in self.jobs if isinstance(job.look, Training)))

    def label(self, job: Job) -> str:
        """What people call a job: its output, as far as it tells it from others."""
        if job.out.is_relative_to(self.folder.parent):
            return str(job.out.relative_to(self.folder.parent))
        return str(job.out)

    def jobs_of(self, training: Training) -> Iterator[Job]:
        return (job for job in self.jobs if job.look == training)

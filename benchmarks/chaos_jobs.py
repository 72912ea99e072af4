"""The jobs that benchmarks/chaos.py breaks off: their commands, their processes, what they leave behind."""

import contextlib
import json
import multiprocessing
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from multiprocessing.connection import Connection
from multiprocessing.process import _children  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, NamedTuple

import av
import imageio_ffmpeg
from chaos_program import run_apart

from vidgan.jobs.work import work_folder_of

PHASES = ("ready", "survey", "train", "render", "join", "verify", "closing")
_PROGRAM = Path(__file__).with_name("chaos_program.py")
_SAMPLES = Path(__file__).parent.parent / "samples"
_LIMIT_SECONDS = 300.0
_CLOSING_SECONDS = 0.05  # from the last step to the end
os.environ["PYTHONPATH"] = os.pathsep.join(  # which preloading looks at
    filter(None, [str(_PROGRAM.parent), os.environ.get("PYTHONPATH", "")])
)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["chaos_program"])
_RECIPE = """
about = "tiny"
[train]
steps = 10         # steps alone decide, so that a run repeats exactly
seconds = 0
channels = 8
critic_channels = 8
window_px = 32
coarsest_px = 16
generated_every = 1
arranged_every = 1
cycle_every = 1
imitated_every = 1
reconstruct_every = 1
[smooth]
window = 1
[encode]
segment = 4
"""
FRAMES = 60


@dataclass(frozen=True)
class World:
    """What all jobs work on: a clip with sound, a target, a recipe that trains in seconds, a look."""

    folder: Path

    @property
    def clip(self) -> Path:
        return self.folder / "clip.mp4"

    @property
    def target(self) -> Path:
        return self.folder / "target.png"

    @property
    def recipe(self) -> Path:
        return self.folder / "tiny.toml"

    @property
    def look(self) -> Path:
        return self.folder / "look.safetensors"

    def make(self) -> None:
        self.folder.mkdir()
        _ffmpeg(
            "-i", _SAMPLES / "clip.mp4", "-vf", "scale=112:64", "-crf", "12", "-t", FRAMES / 24, self.clip
        )
        _ffmpeg("-i", _SAMPLES / "target.png", "-vf", "scale=112:-1", self.target)
        self.recipe.write_text(_RECIPE, encoding="utf-8")
        training = ("train", self.clip, self.target, "-o", self.look, "--pipeline", self.recipe)
        subprocess.run(_program(*training, "--json"), check=True, capture_output=True)


@dataclass(frozen=True)
class Kind:
    """A command without its places. beside: what it writes beside its output."""

    name: str
    verb: str
    out: str
    options: tuple[str, ...] = ()
    sheet: bool = False

    @property
    def pictures(self) -> bool:
        return "%" in self.out


FFV1, H264, PRORES = ("--codec", "ffv1"), ("--codec", "h264"), ("--codec", "prores422")
KINDS = (
    Kind("render, mp4 h264, sheet", "render", "out.mp4", H264, sheet=True),
    Kind("render, mkv ffv1, report", "render", "out.mkv", (*FFV1, "--report")),
    Kind("render, png", "render", "frames/%05d.png"),
    Kind("translate, mkv ffv1", "translate", "out.mkv", FFV1),
    Kind("render, mov prores, sheet, report", "render", "out.mov", (*PRORES, "--report"), sheet=True),
    Kind("render, a span, mkv ffv1", "render", "out.mkv", (*FFV1, "--start", "7", "--end", "49")),
    Kind("translate, mp4 h264, sheet", "translate", "out.mp4", H264, sheet=True),
    Kind("translate, png", "translate", "frames/%05d.png"),
)


@dataclass(frozen=True)
class Job:
    """A command whose outputs go into a folder of its own, which is made."""

    kind: Kind
    world: World
    folder: Path
    more: tuple[str, ...] = ()

    @property
    def out(self) -> Path:
        return self.folder / self.kind.out

    @property
    def work(self) -> Path:
        return work_folder_of(self.out)

    @property
    def command(self) -> list[object]:
        world = self.world
        own = ["-m", world.look] if self.kind.verb == "render" else [world.target, "--pipeline", world.recipe]
        sheet = ["--sheet", self.folder / "sheet.png"] if self.kind.sheet else []
        shared = ["-o", self.out, *sheet, *self.kind.options, *self.more, "--json"]
        return [self.kind.verb, world.clip, *own, *shared]

    def entries(self) -> dict[str, tuple[int, int, str]]:
        """What is journaled: where and when each entry was written, and what it says."""
        found = {}
        for path in sorted((self.work / "journal").glob("[0-9]*.json")):
            stat = path.stat()
            found[path.stem] = (stat.st_ino, stat.st_mtime_ns, path.read_text(encoding="utf-8"))
        return found

    def frames_done(self) -> int:
        return sum(int(stop) - int(start) for start, stop in (name.split("-") for name in self.entries()))

    def files(self) -> dict[str, Path]:
        """What lies under final names, and what should not lie there; the work folder apart."""
        inside = self.work.relative_to(self.folder)
        places = {path.relative_to(self.folder): path for path in self.folder.rglob("*") if path.is_file()}
        return {str(name): path for name, path in places.items() if not name.is_relative_to(inside)}

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Step(NamedTuple):
    """What a process tells. done: how many frames are, in that phase."""

    seconds: float
    phase: str
    done: int


@dataclass(frozen=True)
class Ended:
    """How a process ended. said: its lines on standard error, steps apart."""

    code: int
    stdout: str
    steps: tuple[Step, ...]
    said: tuple[str, ...]

    @property
    def result(self) -> Mapping[str, Any]:
        return json.loads(self.stdout)

    @property
    def was_done(self) -> bool:
        """Whether it found the job done: killed when nothing but the empty work folder was left to remove."""
        return self.code == 1 and bool(
            re.search(r"exists( \(.*\))?: name another output", " ".join(self.said))
        )

    @property
    def phase(self) -> str:
        return self.steps[-1].phase if self.steps else "start"

    @property
    def first_frame(self) -> int | None:
        """How many frames were done with the first that was rendered."""
        return next((step.done for step in self.steps if step.phase == "render"), None)


class Attempt:
    """A job's process, forked from one that has imported everything: that alone takes seconds."""

    def __init__(self, job: Job, hooks: Mapping[str, Any] | None = None) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        self._lines: list[str] = []
        self._steps: list[Step] = []
        self._news, self._silent = threading.Condition(), False
        self._stdout = job.world.folder / f"{secrets.token_hex(8)}.json"
        receiver, sender = _FORKS.Pipe(duplex=False)
        arguments = [str(word) for word in job.command]
        self._process = _FORKS.Process(
            target=run_apart, args=(arguments, str(self._stdout), sender, hooks or {})
        )
        self._process.start()
        _children.discard(self._process)  # other threads would ask after it, and one of two gets no answer
        sender.close()
        self._reader = threading.Thread(target=self._read, args=(receiver,))
        self._reader.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def rendered(self) -> int:
        return max((step.done for step in self._steps if step.phase == "render"), default=0)

    def reach(self, phase: str, done: int = 0) -> bool:
        """Wait until a phase, or a later one, has begun (with so many frames done). False where it ended."""
        wanted = PHASES.index(phase), done
        with self._news:
            self._news.wait_for(lambda: self._silent or self._place() >= wanted, _LIMIT_SECONDS)
        return self._process.is_alive()

    def wait(self, seconds: float) -> bool:
        """Whether it is still alive after so long."""
        self._process.join(seconds)
        return self._process.is_alive()

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def end(self) -> Ended:
        """Wait for it, however it ends; one that hangs is killed."""
        if self.wait(_LIMIT_SECONDS):
            self._process.kill()
            self._lines.append("hangs")
        self._process.join()
        self._reader.join()
        assert self._process.exitcode is not None
        stdout = self._stdout.read_text(encoding="utf-8") if self._stdout.exists() else ""
        self._stdout.unlink(missing_ok=True)
        return Ended(self._process.exitcode, stdout, *_steps_and_rest(self._lines))

    def kill(self) -> Ended:
        self.signal(signal.SIGKILL)
        return self.end()

    def _place(self) -> tuple[int, int]:
        return (PHASES.index(self._steps[-1].phase), self._steps[-1].done) if self._steps else (-1, 0)

    def _read(self, receiver: Connection) -> None:
        with os.fdopen(os.dup(receiver.fileno()), encoding="utf-8", errors="replace") as lines:
            receiver.close()
            for line in lines:
                self._lines.append(line.rstrip("\n"))
                with self._news:
                    self._steps = list(_steps_and_rest(self._lines)[0])
                    self._news.notify_all()
        with self._news:
            self._silent = True
            self._news.notify_all()


def _steps_and_rest(lines: Sequence[str]) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    steps = [line.split() for line in lines if line.startswith("step ")]
    rest = tuple(line for line in lines if not line.startswith("step "))
    return tuple(Step(float(seconds), phase, int(done)) for _, phase, done, seconds in steps), rest


@dataclass(frozen=True)
class Reference:
    """What a command gives when nobody breaks it off."""

    job: Job
    ended: Ended
    contents: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: Kind, world: World, folder: Path) -> "Reference":
        """In a process that is started anew, as a user would."""
        job = Job(kind, world, folder)
        folder.mkdir(parents=True)
        ran = subprocess.run(_program(*job.command), capture_output=True, text=True, check=False)
        ended = Ended(ran.returncode, ran.stdout, *_steps_and_rest(ran.stderr.splitlines()))
        if ended.code:
            sys.exit(f"{kind.name} fails by itself: {' '.join(ended.said)}")
        return cls(job, ended, {name: content(path) for name, path in job.files().items()})

    @cached_property
    def spans(self) -> dict[str, float]:
        """How many seconds each phase took."""
        began: dict[str, float] = {}
        for step in self.ended.steps:
            began.setdefault(step.phase, step.seconds)
        ends = [*list(began.values())[1:], self.ended.steps[-1].seconds + _CLOSING_SECONDS]
        return {phase: end - start for (phase, start), end in zip(began.items(), ends, strict=True)}

    def standing_faults(self, job: Job) -> Iterator[str]:
        """What is wrong with what lies under final names, at any moment."""
        for name, path in job.files().items():
            if name in self.contents and content(path) != self.contents[name]:
                yield f"{name} is there, and not what it should be"

    def ended_faults(self, job: Job, ended: Ended) -> Iterator[str]:
        """What is wrong with a job that was broken off and has ended now."""
        if ended.code and not ended.was_done:
            yield f"exit code {ended.code}: {_last(ended)}"
            return
        if not ended.code and ended.result["frames_sha256"] != self.ended.result["frames_sha256"]:
            yield "other frames"
        yield from self.standing_faults(job)
        there = set(job.files()) | ({job.work.name} if job.work.exists() else set())
        for name in sorted(there - set(self.contents)):
            yield f"left behind: {name}"
        for name in sorted(set(self.contents) - there):
            yield f"missing: {name}"


def content(path: Path) -> object:
    """What tells two files apart: their bytes; of Matroska, which names itself at random, the packets'."""
    if path.suffix != ".mkv":
        return path.read_bytes()
    try:
        with av.open(str(path)) as container:
            return [
                (
                    packet.stream_index,
                    packet.pts,
                    packet.dts,
                    packet.duration,
                    sha256(bytes(packet)).hexdigest(),
                )
                for packet in container.demux()
            ]
    except av.FFmpegError as error:
        return f"cannot be opened: {error}"


def refusal_faults(ended: Ended, *named: str) -> Iterator[str]:
    """What is wrong with a refusal: it is exit code 1 and one line that says so and so."""
    errors = [line for line in ended.said if line.startswith("error:")]
    if ended.code != 1 or len(errors) != 1 or len(ended.said) > 1:
        yield f"refuses with exit code {ended.code} and {len(ended.said)} lines: {_last(ended)}"
    elif "a fault of vidgan's own" in errors[0]:
        yield errors[0]
    for words in named:
        if words not in " ".join(errors):
            yield f"does not say {words!r}: {_last(ended)}"


def _last(ended: Ended) -> str:
    return ended.said[-1] if ended.said else "not a word"


def _program(*arguments: object) -> Sequence[str]:
    return [sys.executable, str(_PROGRAM), *map(str, arguments)]


def _ffmpeg(*arguments: object) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", "-y", *map(str, arguments)], check=True)

"""What a render of a film consists of, measured: the quantities that scaling.py simulates with.

Everything is measured through vidgan's own functions, on a clip brought to 1920x1080 at a film's bit rate:
what reads and writes whole files on a few minutes of it (the same seconds over and over, copied) on a disk in
memory, what draws on a few frames. Bytes are those of the system calls, as /proc says (Linux alone): what a
machine has in its page cache counts as if it came from the storage.
"""

import json
import logging
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path
from statistics import mean, median
from typing import Any

import imageio_ffmpeg
import torch

import vidgan
from vidgan.gan.device import choose_device
from vidgan.gan.look import load_look
from vidgan.gan.threads import rendering_threads
from vidgan.jobs.journal import Entry, Journal
from vidgan.jobs.options import Watch
from vidgan.jobs.rendering import estimator_for, placed_frames, rendered_frames, translated_frames
from vidgan.jobs.source import survey_clip
from vidgan.media import Clip, Frame, codec_for, compare, mux, open_clip, picture_writer
from vidgan.media.container import open_input
from vidgan.media.digest import file_sha256
from vidgan.stream import prefetch

TARGET = Path(__file__).parent.parent / "samples" / "target.png"
STEPS = 40  # of training: drawing takes as long as with a good look, and parts are about as large
SECOND = 24  # frames
FILM_SECONDS, SHORT_SECONDS, SHOT_SECONDS = 200, 20, 4
PART_FRAMES, SHORT_PART_FRAMES = 60, 12
SURVEYED_FRAMES, ENTRIES, CALLS = 240, 20, 300
READ, WRITTEN = "rchar", "wchar"  # /proc/self/io


@dataclass(frozen=True)
class Cost:
    """Seconds where the storage is as fast as memory, and bytes that it has to deliver and to take."""

    seconds: float
    read_bytes: float = 0.0
    written_bytes: float = 0.0

    def __mul__(self, times: float) -> "Cost":
        return Cost(self.seconds * times, self.read_bytes * times, self.written_bytes * times)

    def __truediv__(self, number: float) -> "Cost":
        return self * (1 / number)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Cost)))

    def __sub__(self, other: "Cost") -> "Cost":
        return self + other * -1


@dataclass(frozen=True)
class Drawing:
    """Wall seconds of a whole worker that one frame more takes.

    followed: decoded, and motion measured to it, for the noise. drawn: translated, too. finished: and
    smoothed and encoded.
    """

    followed: float
    drawn: float
    finished: float


@dataclass(frozen=True)
class Measured:
    """machine, recipe: in words. load: of the machine, before anything was measured.

    rounds: each a measurement of its own. window, anchor_every: of the recipe. source_bytes, part_bytes: a
    frame. keyframe_every: frames, of the source. start_seconds: from a worker's process to its first frame,
    without that frame. hashing: a byte. opening: of a file, and header for every frame that it has more.
    indexing, surveying, joining, verifying, judging (as far as it is indexing): a frame of the film.
    joining_part: a part. entering: a segment
    in the journal. dispatch_seconds: a call of an actor on this machine; None where Ray is not installed.
    """

    machine: str
    day: str
    load: float
    recipe: str
    rounds: tuple[Drawing, ...]
    window: int
    anchor_every: int
    source_bytes: float
    keyframe_every: float
    part_bytes: float
    start_seconds: float
    hashing: Cost
    opening: Cost
    header: Cost
    indexing: Cost
    surveying: Cost
    entering: Cost
    joining: Cost
    joining_part: Cost
    verifying: Cost
    judging: Cost
    dispatch_seconds: float | None

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Measured":
        told = json.loads(text)
        costs = {key: Cost(**value) for key, value in told.items() if isinstance(value, dict)}
        rounds = tuple(Drawing(**one) for one in told["rounds"])
        return cls(**{**told, **costs, "rounds": rounds})


def measure(source: Path, folder: Path, frames: int, rounds: int) -> Measured:
    """All of it, in a folder with room for 4 GiB. frames: to draw in each round."""
    load = os.getloadavg()[0]
    footage, look = _Footage.made(source, folder), _trained(source, folder)
    worker = _Worker(footage.shot, look)
    drawings, drawn = worker.measure(frames, rounds)
    clip, recipe = open_clip(footage.film), worker.recipe
    opening, header = _opening(footage)
    part = worker.part(drawn, PART_FRAMES, clip, folder / "part")
    short_part = worker.part(drawn, SHORT_PART_FRAMES, clip, folder / "short")
    joining, joining_part = _joining(part, short_part, clip)
    surveying = _cost(lambda: survey_clip(clip, recipe, Watch(), range(SURVEYED_FRAMES)))
    return Measured(
        machine=f"{platform.machine()}, {os.cpu_count()} cores, cpu, torch {torch.__version__}",
        day=str(date.today()),
        load=load,
        recipe=f"{recipe.name} at {clip.info.width}x{clip.info.height}",
        rounds=tuple(drawings),
        window=recipe.smooth.window,
        anchor_every=recipe.translate.anchor_every,
        source_bytes=footage.film.stat().st_size / len(clip),
        keyframe_every=_keyframe_every(footage.film),
        part_bytes=part.stat().st_size / PART_FRAMES,
        start_seconds=_start_seconds(footage.shot, look),
        hashing=_median(lambda: file_sha256(footage.film), 3) / footage.film.stat().st_size,
        opening=opening,
        header=header,
        indexing=_median(lambda: open_clip(footage.film), 3) / len(clip),
        surveying=surveying / SURVEYED_FRAMES,
        entering=_entering(part, folder),
        joining=joining,
        joining_part=joining_part,
        verifying=_median(lambda: compare(clip, _joined(clip))) / len(clip),
        judging=_median(lambda: (open_clip(footage.film), open_clip(_joined(clip)))) / len(clip),
        dispatch_seconds=_dispatch_seconds(),
    )


@dataclass(frozen=True)
class _Footage:
    """shot: a few seconds at 1080p with grain, at 20 Mbit/s, a keyframe every 2 s. film, short: these over
    and over, with sound."""

    shot: Path
    short: Path
    film: Path

    @classmethod
    def made(cls, source: Path, folder: Path) -> "_Footage":
        made = cls(folder / "shot.mp4", folder / "short.mp4", folder / "film.mp4")
        _ffmpeg("-stream_loop", "-1", "-i", source, "-an", "-frames:v", SHOT_SECONDS * SECOND, "-r", SECOND,
                "-vf", "scale=1920:1080:flags=lanczos,noise=alls=6:allf=t", "-c:v", "libx264", "-b:v", "20M",
                "-preset", "fast", "-maxrate", "25M", "-bufsize", "20M", "-g", 2 * SECOND,
                "-pix_fmt", "yuv420p", made.shot)  # fmt: skip
        for path, seconds in ((made.short, SHORT_SECONDS), (made.film, FILM_SECONDS)):
            _ffmpeg("-stream_loop", "-1", "-i", made.shot, "-stream_loop", "-1", "-i", source, "-map", "0:v",
                    "-map", "1:a?", "-frames:v", seconds * SECOND, "-t", seconds, "-c", "copy",
                    path)  # fmt: skip
        return made


class _Worker:
    """What a process has ready that renders segments."""

    def __init__(self, clip: Path, look: Path) -> None:
        self.clip, loaded = open_clip(clip), load_look(look)
        self.recipe, self.device = loaded.recipe, choose_device("cpu")
        self.estimator = estimator_for(self.recipe, self.device, None)
        self.translate = loaded.translation(self.device, self.recipe.translate, engine="auto")

    def finished(self, stop: int) -> list[Frame]:
        frames = rendered_frames(self.clip, self.translate, self.recipe.smooth, (), self.estimator, 0, stop)
        return [rendered.frame for rendered in frames]

    def encode(self, frames: Iterable[Frame], part: Path) -> None:
        info, encode = self.clip.info, self.recipe.encode
        codec = codec_for(encode.codec, part.with_suffix(".mp4"), info, encode)
        with picture_writer(part, info, codec) as writer:
            for frame in frames:
                writer.write(frame)

    def measure(self, frames: int, rounds: int) -> tuple[list[Drawing], list[Frame]]:
        """And the frames that were drawn."""
        drawn = self.finished(1)  # draws the noise, compiles
        found = []
        for _ in range(rounds):
            with rendering_threads(self.device):
                followed = _seconds(lambda: _all(self._placed(frames))) / frames
                translated = _seconds(lambda: _all(translated_frames(self._placed(frames), self.translate)))
            began = time.perf_counter()
            drawn = self.finished(frames)
            self.encode(drawn, self.clip.path.with_name("round"))
            seconds = time.perf_counter() - began
            margin = self.recipe.smooth.window * translated / frames  # frames that are drawn behind the last
            found.append(Drawing(followed, translated / frames, (seconds - margin) / frames))
        return found, drawn

    def part(self, drawn: Sequence[Frame], length: int, clip: Clip, path: Path) -> Path:
        """The drawn frames to and fro, so that they move, as the first frames of another clip."""
        to_and_fro = [*drawn, *drawn[-2:0:-1]]
        order = (to_and_fro[number % len(to_and_fro)] for number in range(length))
        self.encode((_moved(frame, clip, number) for number, frame in enumerate(order)), path)
        return path

    def _placed(self, stop: int) -> Iterator:
        return placed_frames(prefetch(self.clip.frames(0, stop)), self.translate, (), self.estimator)


def _moved(frame: Frame, clip: Clip, number: int) -> Frame:
    return replace(frame, index=number, pts=clip.timestamps[number], duration=clip.duration(number))


def _ffmpeg(*arguments: object) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)


def _trained(source: Path, folder: Path) -> Path:
    look = folder / "look.safetensors"
    overrides = [f"train.steps={STEPS}", "train.seconds=0"]
    vidgan.train(source, TARGET, look, pipeline="balanced", overrides=overrides)
    return look


def _keyframe_every(film: Path) -> float:
    with open_input(film) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    return len(keys) / sum(keys)


def _opening(footage: _Footage) -> tuple[Cost, Cost]:
    """Of a file without frames, and of every frame."""
    long, short = _median(lambda: _open(footage.film), 15), _median(lambda: _open(footage.short), 15)
    header = (long - short) / ((FILM_SECONDS - SHORT_SECONDS) * SECOND)
    return short - header * (SHORT_SECONDS * SECOND), header


def _open(path: Path) -> None:
    with open_input(path):
        pass


def _joining(part: Path, short: Path, clip: Clip) -> tuple[Cost, Cost]:
    """Of a frame and of a part: as many frames in more parts take longer."""
    parts, few = len(clip) // PART_FRAMES, SHORT_SECONDS * SECOND
    whole = _median(lambda: mux([part] * parts, clip, _joined(clip)))
    other = clip.path.with_name("few.mp4")
    in_long = _median(lambda: mux([part] * (few // PART_FRAMES), clip, other, stop=few))
    in_short = _median(lambda: mux([short] * (few // SHORT_PART_FRAMES), clip, other, stop=few))
    more_parts = few // SHORT_PART_FRAMES - few // PART_FRAMES
    a_part = Cost((in_short - in_long).seconds / more_parts)
    return (whole - a_part * parts) / len(clip), a_part


def _joined(clip: Clip) -> Path:
    return clip.path.with_name("joined.mp4")


def _entering(part: Path, folder: Path) -> Cost:
    """An entry is written and synced; a part's hash is counted elsewhere."""
    journal, digest, size = Journal(folder), file_sha256(part), part.stat().st_size
    made = _median(lambda: journal.add(Entry(0, PART_FRAMES, digest, digest, size)), ENTRIES)
    return Cost(made.seconds, 0, made.written_bytes)


def _start_seconds(clip: Path, look: Path) -> float:
    """Python, imports, the look, its network made ready: all but the first picture itself."""
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, __file__, clip, look], check=True, capture_output=True, text=True
    ).stdout
    return time.perf_counter() - began - 2 * float(told)


def _start(clip: Path, look: Path) -> None:
    worker = _Worker(clip, look)
    worker.finished(1)
    print(_seconds(lambda: worker.finished(1)))


def _dispatch_seconds() -> float | None:
    """A call of an actor that answers at once."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        return None
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        echo: Any = ray.remote(_echo()).remote()
        ray.get(echo.answer.remote((0, 1)))
        return _seconds(lambda: [ray.get(echo.answer.remote((n, n + 1))) for n in range(CALLS)]) / CALLS
    finally:
        ray.shutdown()


def _echo() -> type:
    class Echo:  # in a function, so that Ray sends it rather than its name
        def answer(self, segment: tuple[int, int]) -> tuple[int, int]:
            return segment

    return Echo


def _cost(work: Callable[[], object]) -> Cost:
    before, began = _io(), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - began, _io()
    return Cost(seconds, after[READ] - before[READ], after[WRITTEN] - before[WRITTEN])


def _io() -> dict[str, int]:
    lines = Path("/proc/self/io").read_text().splitlines()
    return {name: int(count) for name, count in (line.split(": ") for line in lines)}


def _median(work: Callable[[], object], times: int = 1) -> Cost:
    """Of the seconds; the mean of the bytes."""
    costs = [_cost(work) for _ in range(times)]
    read, written = (mean(getattr(c, kind) for c in costs) for kind in ("read_bytes", "written_bytes"))
    return Cost(median(cost.seconds for cost in costs), read, written)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _all(items: Iterable) -> None:
    for _ in items:
        pass


if __name__ == "__main__":
    _start(Path(sys.argv[1]), Path(sys.argv[2]))

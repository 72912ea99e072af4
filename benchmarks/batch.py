"""What a batch of short clips takes: several at a time, one by one, by single commands, on a Ray cluster.

    python benchmarks/batch.py [--clips 12] [--frames 24] [--rounds 3] [--without-ray]

Clips of the sample (24 frames of 240x136) in two looks that are trained before, and as they are
(passthrough, twice as many frames of 640x360). Each way renders the same jobs: `vidgan render` or `vidgan
translate` commands one after the other, as a loop in a shell would; `vidgan batch --jobs 1`; `vidgan batch`
with as many jobs as it takes by itself; and on a cluster of two one-CPU nodes of this machine. Printed are
medians over rounds, ratios within a round, how busy the processor was, and what a job costs beyond its own
render.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from imageio_ffmpeg import get_ffmpeg_exe

_ROOT = Path(__file__).parent.parent
_SHORT = ["train.seconds=0", "train.steps=24"]
_VIDGAN = [sys.executable, "-m", "vidgan"]


@dataclass(frozen=True)
class Workload:
    """jobs: clip, output, and the look's file (None: as it is) of each."""

    name: str
    jobs: Sequence[tuple[Path, str, Path | None]]

    def as_file(self) -> str:
        tables = []
        for clip, out, look in self.jobs:
            told = 'recipe = "passthrough"' if look is None else f"model = {json.dumps(str(look))}"
            tables.append(f"[[jobs]]\nclip = {json.dumps(str(clip))}\nout = {json.dumps(out)}\n{told}\n")
        return "\n".join(tables)


@dataclass(frozen=True)
class Taken:
    """seconds: wall time. busy: share of all cores in it. jobs: seconds of each job by its own account."""

    seconds: float
    busy: float
    jobs: tuple[float, ...] = ()


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="vidgan-batch-") as folder:
        world = Path(folder)
        workloads = list(_workloads(world, arguments.clips, arguments.frames))
        print(f"{platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}\n")
        for workload in workloads:
            rounds = [_round(world, workload, arguments.without_ray) for _ in range(arguments.rounds)]
            _show(workload, rounds)


def _round(world: Path, workload: Workload, without_ray: bool) -> dict[str, Taken]:
    taken = {
        "single commands": _commands(world, workload),
        "batch, 1 at a time": _batch(world, workload, ["--jobs", "1"]),
        "batch, as it chooses": _batch(world, workload, []),
    }
    if not without_ray:
        with _cluster() as address:
            taken["Ray, two one-CPU nodes"] = _batch(world, workload, ["--cluster", address])
    return taken


def _commands(world: Path, workload: Workload) -> Taken:
    out = _fresh(world / "out")

    def run() -> None:
        for clip, name, look in workload.jobs:
            how = ["render", clip, "-m", look] if look else ["translate", clip, "-p", "passthrough"]
            _run([*_VIDGAN, *map(str, how), "-o", str(out / name)])

    return _timed(run)


def _batch(world: Path, workload: Workload, more: Sequence[str]) -> Taken:
    out = _fresh(world / "out")
    (world / "jobs.toml").write_text(workload.as_file())
    command = [*_VIDGAN, "batch", str(world / "jobs.toml"), "-o", str(out), *more]
    taken = _timed(lambda: _run(command))
    told = json.loads((out / "jobs.batch" / "report.json").read_text())
    return Taken(taken.seconds, taken.busy, tuple(job["seconds"] for job in told["jobs"]))


def _timed(run: Callable[[], None]) -> Taken:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(seconds, used / seconds / (os.cpu_count() or 1))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@contextmanager
def _cluster() -> Iterator[str]:
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            made.add_node(num_cpus=1)
        made.wait_for_nodes()
        yield made.address
    finally:
        made.shutdown()


def _workloads(world: Path, clips: int, frames: int) -> Iterator[Workload]:
    small = [_clip(world, f"small{number}", number, frames, 240) for number in range(clips)]
    looks = [_look(world, small[0], name) for name in ("target", "frame")]
    jobs = [(clip, f"{clip.stem}-{look.stem}.mp4", look) for clip in small for look in looks]
    yield Workload(f"{clips} clips x 2 looks, {frames} frames of 240x136", jobs)
    large = [_clip(world, f"large{number}", number, 2 * frames, 640) for number in range(clips)]
    yield Workload(
        f"{clips} clips as they are, {2 * frames} frames of 640x360",
        [(clip, f"{clip.stem}.mp4", None) for clip in large],
    )


def _clip(world: Path, name: str, number: int, frames: int, width: int) -> Path:
    made = world / f"{name}.mp4"
    """It begins some frames later than the one before; from the sample's end it goes on at its beginning."""
    looped = ["-stream_loop", "-1", "-i", str(_ROOT / "samples" / "clip.mp4")]
    cut = ["-ss", f"{number / 12:.3f}", *looped, "-frames:v", str(frames)]
    _run([get_ffmpeg_exe(), "-y", "-v", "error", *cut, "-vf", f"scale={width}:-2", "-an", str(made)])
    return made


def _look(world: Path, clip: Path, name: str) -> Path:
    target = _ROOT / "samples" / "target.png"
    if name == "frame":
        target = world / "frame.png"
        picture = ["-i", str(_ROOT / "samples" / "clip.mp4"), "-frames:v", "1", str(target)]
        _run([get_ffmpeg_exe(), "-y", "-v", "error", *picture])
    look = world / f"{name}.safetensors"
    settings = [part for setting in _SHORT for part in ("--set", setting)]
    _run([*_VIDGAN, "train", str(clip), str(target), "-o", str(look), "-p", "draft", *settings])
    return look


def _show(workload: Workload, rounds: Sequence[dict[str, Taken]]) -> None:
    print(f"### {workload.name}\n")
    print("| way | seconds | of single commands | of batch, 1 at a time | cores busy | beyond a job's own |")
    print("|---|---|---|---|---|---|")
    for way in rounds[0]:
        taken = [one[way] for one in rounds]
        to_commands = median(one[way].seconds / one["single commands"].seconds for one in rounds)
        to_one = median(one[way].seconds / one["batch, 1 at a time"].seconds for one in rounds)
        busy = f"{median(one.busy for one in taken):.0%}" if "Ray" not in way else ""
        beyond = ""
        if way == "batch, 1 at a time":
            each = [(one.seconds - sum(one.jobs)) / len(one.jobs) for one in taken]
            beyond = f"{median(each):.2f} s each, of {median(sum(t.jobs) / len(t.jobs) for t in taken):.2f} s"
        seconds = ", ".join(f"{one.seconds:.1f}" for one in taken)
        print(f"| {way} | {seconds} | {to_commands:.2f} | {to_one:.2f} | {busy} | {beyond} |")
    print(flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-ray", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()

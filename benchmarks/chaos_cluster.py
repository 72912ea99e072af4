"""Is anything lost when a Ray cluster's nodes, workers, head, or the batch itself are killed at it?

    python benchmarks/chaos_cluster.py [--nodes 10] [--workers 3] [--drivers 3] [--heads 2] [--seed 0]

A batch of short clips in two looks (trained in it, by steps) runs on a cluster of two one-CPU nodes on this
machine (ray.cluster_utils.Cluster). At a random moment of the time that an undisturbed run takes, a node's
processes are killed and another node joins, or a worker is killed, or the batch itself or the whole head, and
then the same command is given again. Lost is what then differs from the same batch on this machine without
Ray: a job that did not end, the hash of its frames, a work folder left behind, a segment that was in the
journal and was rendered again. The exit code is 1 if anything was lost.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median

from imageio_ffmpeg import get_ffmpeg_exe
from ray.cluster_utils import Cluster

_ROOT = Path(__file__).parent.parent
_CLIPS, _FRAMES, _SEGMENT = 2, 48, 4
_MOST_SECONDS = 600
_JOBS = """
[defaults]
recipe = "draft"
set = ["train.seconds=0", "train.steps=24", "encode.segment={segment}"]
out = "{{name}}-{{look}}.mkv"

[looks.mosaic]
target = {mosaic}

[looks.frame]
target = {frame}

[[jobs]]
clip = "footage/*.mp4"
looks = ["mosaic", "frame"]
"""


@dataclass
class Trial:
    """What was killed, at what share of an undisturbed run, how many jobs were done, and what was lost."""

    killed: str
    moment: float
    done: int = 0
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)


class Journals:
    """Watches which attempt enters which segment, and notes every one that another enters again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.again: list[str] = []
        self.entered: dict[str, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Journals":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            for entry in self._entries():
                try:
                    attempt = json.loads(entry.read_text())["attempt"]
                except (OSError, ValueError):
                    continue
                name = str(entry.relative_to(self.folder))
                if self.entered.setdefault(name, attempt) != attempt:
                    self.again.append(name)
                    self.entered[name] = attempt

    def _entries(self) -> list[Path]:
        """None while a folder goes that is looked at."""
        try:
            return list(self.folder.glob("*.work/journal/*.json"))
        except OSError:
            return []


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A head without CPUs and two nodes with one each."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            made.add_node(num_cpus=1)
        made.wait_for_nodes()
        yield made
    finally:
        made.shutdown()


def main() -> None:
    arguments = _arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vidgan-chaos-") as folder:
        world = Path(folder)
        _make_world(world)
        wanted = _local(world)
        with cluster() as made:
            whole = _undisturbed(world, made.address, wanted)
        trials = list(_trials(world, arguments, wanted, whole))
    _show(trials, whole)
    print(f"{len(trials)} trials in {time.monotonic() - began:.0f} s, seed {arguments.seed}")
    sys.exit(any(trial.lost for trial in trials))


def _trials(
    world: Path, arguments: argparse.Namespace, wanted: dict[str, str], whole: float
) -> Iterator[Trial]:
    kinds: list[tuple[str, int, Callable[[Path, str, float, float, Trial], None]]] = [
        ("node", arguments.nodes, _node_killed),
        ("worker", arguments.workers, _worker_killed),
        ("batch", arguments.drivers, _batch_killed),
        ("head", arguments.heads, _head_killed),
    ]
    for name, count, kill in kinds:
        for number in range(count):
            moment = Random(f"{arguments.seed}/{name}/{number}").uniform(0.05, 0.95)
            trial = Trial(name, moment)
            out = world / f"{name}-{number}"
            began = time.monotonic()
            with Journals(out) as journals:
                kill(world, str(out), whole, moment, trial)
            trial.seconds = time.monotonic() - began
            trial.lost += _lost(out, wanted) + [f"made again: {one}" for one in journals.again]
            shutil.rmtree(out, ignore_errors=True)
            print(f"{name} {number} at {moment:.2f}: {trial.done} jobs done; lost: {trial.lost}", flush=True)
            yield trial


def _node_killed(world: Path, out: str, whole: float, moment: float, trial: Trial) -> None:
    with cluster() as made:
        running = _batch(world, out, made.address)
        _wait(running, whole * moment)
        trial.done = _done(out)
        nodes = sorted(made.worker_nodes, key=lambda node: node.node_id)
        victim = nodes[Random(out).randrange(len(nodes))]
        made.remove_node(victim, allow_graceful=False)
        made.add_node(num_cpus=1)
        _expect(running, trial)


def _worker_killed(world: Path, out: str, whole: float, moment: float, trial: Trial) -> None:
    with cluster() as made:
        running = _batch(world, out, made.address)
        _wait(running, whole * moment)
        workers = _until(_actors, 60)
        trial.done = _done(out)
        if workers:
            os.kill(Random(out).choice(workers), signal.SIGKILL)
        _expect(running, trial)


def _batch_killed(world: Path, out: str, whole: float, moment: float, trial: Trial) -> None:
    with cluster() as made:
        running = _batch(world, out, made.address)
        _wait(running, whole * moment)
        trial.done = _done(out)
        running.kill()
        running.communicate()
        _expect(_batch(world, out, made.address), trial)


def _head_killed(world: Path, out: str, whole: float, moment: float, trial: Trial) -> None:
    with cluster() as made:
        running = _batch(world, out, made.address)
        _wait(running, whole * moment)
        trial.done = _done(out)
        made.remove_node(made.head_node, allow_graceful=False)
        try:
            _, said = running.communicate(timeout=_MOST_SECONDS)
            if running.returncode == 0 and _done(out) < _CLIPS * 2:
                trial.lost.append("the batch ended well without its head")
            if "Traceback" in said:
                trial.lost.append("a traceback")
        except subprocess.TimeoutExpired:
            trial.lost.append("the batch hung without its head")
            running.kill()
            running.communicate()
    with cluster() as made:
        _expect(_batch(world, out, made.address), trial)


def _batch(world: Path, out: str, address: str | None) -> "subprocess.Popen[str]":
    engine = ["--jobs", "2"] if address is None else ["--cluster", address]
    command = [sys.executable, "-m", "vidgan", "batch", str(world / "jobs.toml"), "-o", out, *engine]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _expect(running: "subprocess.Popen[str]", trial: Trial) -> None:
    """The batch ends well."""
    try:
        _, said = running.communicate(timeout=_MOST_SECONDS)
    except subprocess.TimeoutExpired:
        running.kill()
        _, said = running.communicate()
        trial.lost.append(f"it hung: {said[-300:]}")
        return
    if running.returncode != 0:
        trial.lost.append(f"exit code {running.returncode}: {said[-600:]}")


def _wait(running: "subprocess.Popen[str]", seconds: float) -> None:
    """Its standard error is read later: it is far smaller than a pipe holds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and running.poll() is None:
        time.sleep(0.05)


def _actors() -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "cmdline").read_bytes().split(b"\0")[0]
        except OSError:
            continue
        if name.startswith(b"ray::_Actor"):
            found.append(int(process.name))
    return found


def _until(ask: Callable[[], list[int]], seconds: float) -> list[int]:
    ends = time.monotonic() + seconds
    while not (found := ask()) and time.monotonic() < ends:
        time.sleep(0.05)
    return found


def _done(out: str) -> int:
    return len(list(Path(out).glob("jobs.batch/jobs/*.json")))


def _lost(out: Path, wanted: dict[str, str]) -> list[str]:
    found = _hashes(out)
    wrong = [f"{name}: other frames" for name, frames in wanted.items() if found.get(name) != frames]
    return wrong + [f"left behind: {work.name}" for work in out.glob("*.work")]


def _hashes(out: Path) -> dict[str, str]:
    try:
        told = json.loads((out / "jobs.batch" / "report.json").read_text())
    except (OSError, ValueError):
        return {}
    return {Path(job["out"]).name: job["frames_sha256"] for job in told["jobs"] if job["status"] == "done"}


def _local(world: Path) -> dict[str, str]:
    running = _batch(world, str(world / "local"), None)
    _, said = running.communicate()
    assert running.returncode == 0, said
    return _hashes(world / "local")


def _undisturbed(world: Path, address: str, wanted: dict[str, str]) -> float:
    began = time.monotonic()
    running = _batch(world, str(world / "undisturbed"), address)
    _, said = running.communicate()
    assert running.returncode == 0, said
    assert _lost(world / "undisturbed", wanted) == [], "frames of the cluster differ from those without it"
    return time.monotonic() - began


def _make_world(world: Path) -> None:
    (world / "footage").mkdir()
    ffmpeg = [get_ffmpeg_exe(), "-y", "-v", "error"]
    for number in range(_CLIPS):
        cut = ["-ss", str(number), "-i", str(_ROOT / "samples" / "clip.mp4"), "-frames:v", str(_FRAMES)]
        made = str(world / "footage" / f"shot{number}.mp4")
        subprocess.run([*ffmpeg, *cut, "-vf", "scale=192:-2", "-an", made], check=True)
    frame = ["-i", str(_ROOT / "samples" / "clip.mp4"), "-frames:v", "1", str(world / "frame.png")]
    subprocess.run([*ffmpeg, *frame], check=True)
    pictures = {"mosaic": _ROOT / "samples" / "target.png", "frame": world / "frame.png"}
    told = {name: json.dumps(str(path)) for name, path in pictures.items()}
    (world / "jobs.toml").write_text(_JOBS.format(segment=_SEGMENT, **told))


def _show(trials: list[Trial], whole: float) -> None:
    print(f"\nundisturbed: {whole:.0f} s\n")
    print("| killed | times | at (share of an undisturbed run) | jobs done by then | seconds | lost |")
    print("|---|---|---|---|---|---|")
    for name, count in Counter(trial.killed for trial in trials).items():
        of_kind = [trial for trial in trials if trial.killed == name]
        moments = ", ".join(f"{trial.moment:.2f}" for trial in sorted(of_kind, key=lambda one: one.moment))
        done = ", ".join(str(trial.done) for trial in sorted(of_kind, key=lambda one: one.moment))
        lost = sum(bool(trial.lost) for trial in of_kind)
        print(
            f"| {name} | {count} | {moments} | {done} | {median(t.seconds for t in of_kind):.0f} | {lost} |"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--drivers", type=int, default=3)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()

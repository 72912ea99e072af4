"""Is anything lost when renders are killed, interrupted, or run out of disk? The same command is to go on.

    python benchmarks/chaos.py [--kills 200] [--jobs 20] [--seed 0] [--at-once 2] [--quick]
    python benchmarks/chaos.py --trials disk --seed 0        # kills, disk, interrupts, two, damage, folder

Short jobs (`vidgan render` and `vidgan translate` with a tiny look, into mp4, mov, mkv and numbered PNG) run
as processes and are broken off: killed at random moments of their work, start-up left out; by a disk that
fills at every segment and at the join; by SIGINT and SIGTERM, once and twice; by a second process with the
same output; by damage to what lies in the work folder. Then the same command is given again until it ends.
Lost is what then differs from a run that nobody disturbed: frames (their hash), every file (its bytes; of
Matroska, which names itself at random, its packets), a file left behind, a journaled segment rendered again,
a file under a final name that is not whole, a refusal that is not one line with a remedy. The exit code is 1
if anything was lost.
"""

import argparse
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

from chaos_jobs import FRAMES, KINDS, Attempt, Ended, Job, Kind, Reference, World, refusal_faults

_DISK_MIB = 64
_LATE_SECONDS = 0.3  # behind the last segment
_SAME_SECONDS = 0.25  # signals nearer to each other count as one
_ATTEMPTS = 60  # of one job, before it counts as one that never ends
_TENS = ("--set", "encode.segment=10")
_NEEDS_DISK = "not tried: needs root, or unshare --map-root-user --mount, for a disk of its own"


@dataclass(frozen=True)
class Trial:
    """One thing that was tried. kinds: what of it happened, counted. lost: what was."""

    name: str
    happened: Counter = field(default_factory=Counter)
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chaos:
    """Everything that trials need: undisturbed runs, and a place for disturbed ones."""

    world: World
    references: Mapping[str, Reference]
    folder: Path
    seed: int
    quick: bool

    def rng(self, *name: object) -> Random:
        return Random("/".join(map(str, (self.seed, *name))))

    def job(self, kind: Kind, *name: object, more: tuple[str, ...] = ()) -> Job:
        return Job(kind, self.world, self.folder.joinpath(*map(str, name)), more)


def main() -> None:
    arguments = _arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        trials = list(_watched(all_trials(Path(folder), arguments), 60 * arguments.minutes))
    show(trials, arguments.seed)
    print(f"{len(trials)} trials in {time.monotonic() - began:.0f} s")
    sys.exit(any(trial.lost for trial in trials))


def all_trials(folder: Path, arguments: argparse.Namespace) -> Iterator[Trial]:
    """As many at once as arguments.at_once."""
    world = World(folder / "world")
    world.make()
    kinds = KINDS[:4] if arguments.quick else KINDS
    with ThreadPoolExecutor(arguments.at_once) as pool:
        made = pool.map(lambda kind: Reference.of(kind, world, folder / "whole" / slug(kind)), kinds)
        references = {reference.job.kind.name: reference for reference in made}
        chaos = Chaos(world, references, folder, arguments.seed, arguments.quick)
        for name in arguments.trials:
            yield from TRIALS[name](chaos, pool, arguments)


def slug(kind: Kind) -> str:
    return kind.name.replace(",", "").replace(" ", "-")


# Kills.


def kills(chaos: Chaos, pool: ThreadPoolExecutor, arguments: argparse.Namespace) -> Iterator[Trial]:
    """So many jobs, and more until there were enough kills."""
    each, done, number = max(1, round(arguments.kills / arguments.jobs)), 0, 0
    while done < arguments.kills or number < arguments.jobs:
        missing = max(arguments.jobs - number, -(-(arguments.kills - done) // each))
        numbers = range(number, number + missing)
        for trial in pool.map(lambda one: killed(chaos, one, each), numbers):
            done += sum(trial.happened.values())
            yield trial
        number += missing


def killed(chaos: Chaos, number: int, most: int) -> Trial:
    """One job, killed up to so many times."""
    reference = _nth(list(chaos.references.values()), number)
    job, rng = chaos.job(reference.job.kind, "kills", number), chaos.rng("kills", number)
    happened: Counter = Counter()
    lost: list[str] = []
    for _ in range(_ATTEMPTS):
        before = job.entries()
        ended = killed_once(job, moment(rng, reference)) if happened.total() < most else Attempt(job).end()
        lost += again_faults(before, job, ended)
        if ended.code != -signal.SIGKILL:
            lost += reference.ended_faults(job, ended)
            break
        happened[f"in {ended.phase}"] += 1
        lost += reference.standing_faults(job)
    else:
        lost.append("never ends")
    return _trial(f"killed: {job.kind.name}", number, happened, lost, job)


def moment(rng: Random, reference: Reference) -> tuple[str, float]:
    """A phase, and how many seconds from its beginning: anywhere, at the very end, in any phase alike."""
    chance = rng.random()
    if chance < 0.4:
        return "ready", rng.uniform(0, sum(reference.spans.values()))
    if chance < 0.6:
        return rng.choice(["join", "verify", "closing"]), rng.uniform(0, rng.choice([0.02, _LATE_SECONDS]))
    phase = rng.choice(list(reference.spans))
    return phase, rng.uniform(0, reference.spans[phase])


def killed_once(job: Job, when: tuple[str, float]) -> Ended:
    attempt, (phase, seconds) = Attempt(job), when
    if attempt.reach(phase) and attempt.wait(seconds):
        return attempt.kill()
    return attempt.end()


def again_faults(before: Mapping[str, tuple[int, int, str]], job: Job, ended: Ended) -> Iterator[str]:
    """What of what was journaled was made again."""
    frames = sum(int(stop) - int(start) for start, stop in (name.split("-") for name in before))
    if ended.first_frame is not None and ended.first_frame != frames + 1:
        yield f"{frames} frames were journaled, rendering went on with number {ended.first_frame}"
    after = job.entries()
    if ended.phase != "closing" and before.items() - after.items() and ended.code:
        yield f"journaled, and gone or made again: {', '.join(sorted(set(before) - set(after))) or 'changed'}"


# Full disks.


def disk(chaos: Chaos, pool: ThreadPoolExecutor, arguments: argparse.Namespace) -> Iterator[Trial]:
    if not may_mount():
        print(f"disk full: {_NEEDS_DISK}")
        return
    kinds = [kind for kind in KINDS if kind.verb == "render" and "span" not in kind.name]
    if chaos.quick:
        kinds = [kind for kind in kinds if kind.name in chaos.references][:1]
    for kind in kinds:
        whole = _tens(chaos, kind)
        borders = [*range(0, FRAMES, 10), FRAMES]
        places = [f"{a:08}-{b:08}" for a, b in pairwise(borders)]
        tried = [(place, leave) for place in (*places, "join") for leave in ("nothing", "a little")]
        tried = tried[-3:] if chaos.quick else tried
        yield from pool.map(lambda one, whole=whole: filled(chaos, whole, *one), tried)


def _tens(chaos: Chaos, kind: Kind) -> Reference:
    longer = Kind(kind.name, kind.verb, kind.out, (*kind.options, *_TENS), kind.sheet)
    return Reference.of(longer, chaos.world, chaos.folder / "whole" / f"{slug(kind)}-tens")


def filled(chaos: Chaos, whole: Reference, place: str, leave: str) -> Trial:
    """The disk is full at a segment, or at the join, at once or somewhere in it; then there is room again."""
    name = ("disk", slug(whole.job.kind), f"{place}-{leave.replace(' ', '-')}")
    rng, mount = chaos.rng(*name), chaos.folder.joinpath(*name)
    mount.mkdir(parents=True)
    _mount(mount)
    try:
        job = Job(whole.job.kind, chaos.world, mount / "out")
        filler = mount / "filler"
        left = rng.randrange(4096, 40_000) if leave == "a little" else 0
        ended = Attempt(job, {"fill": place, "filler": str(filler), "leave_bytes": left}).end()
        happened = Counter({f"full at {'the join' if place == 'join' else 'a segment'}": 1})
        lost = list(whole.standing_faults(job))
        if ended.code == 0 and left:
            happened = Counter({"enough room": 1})
        else:
            lost += refusal_faults(ended, "no space left", "free some", str(job.folder))
            if place != "join" or not job.kind.pictures:  # which are whole, each, and take no room any more
                lost += [f"under its final name: {name}" for name in job.files() if name in whole.contents]
            filler.unlink(missing_ok=True)
            before = job.entries()
            again = Attempt(job).end()
            lost += [*again_faults(before, job, again), *whole.ended_faults(job, again)]
        return _trial(f"disk full: {job.kind.name}", f"{place}, left {left}", happened, lost, job)
    finally:
        subprocess.run(["umount", str(mount)], check=False)


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            _mount(Path(folder))
        except (OSError, subprocess.CalledProcessError):
            return False
        subprocess.run(["umount", folder], check=True)
        return True


def _mount(folder: Path) -> None:
    size = f"size={_DISK_MIB}m"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def with_disks() -> None:
    """As a user who may not mount: this very program again, where it may."""
    if os.geteuid() == 0 or os.environ.get("CHAOS_UNSHARED") or shutil.which("unshare") is None:
        return
    apart = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode == 0:
        os.environ["CHAOS_UNSHARED"] = "1"
        os.execvp("unshare", [*apart, sys.executable, *sys.argv])


# Interrupts.


def interrupts(chaos: Chaos, pool: ThreadPoolExecutor, arguments: argparse.Namespace) -> Iterator[Trial]:
    rounds = 1 if chaos.quick else 8
    tried = [(n, number, times) for n in range(rounds) for number in _SIGNALS for times in (1, 2)]
    yield from pool.map(lambda one: interrupted(chaos, *one), tried)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def interrupted(chaos: Chaos, which: int, number: signal.Signals, times: int) -> Trial:
    """A signal at a random moment, once or twice; then the same command."""
    rng = chaos.rng("interrupts", which, number, times)
    reference = rng.choice(list(chaos.references.values()))
    job = chaos.job(reference.job.kind, "interrupts", which, number.name, times)
    attempt, (phase, seconds) = Attempt(job), moment(rng, reference)
    if not (attempt.reach(phase) and attempt.wait(seconds)):
        attempt.end()
        job.clear()
        return Trial(f"{number.name}, {_TIMES[times]}", Counter({"too late": 1}))
    rendered = attempt.rendered
    attempt.signal(number)
    lost, hurried = [], times == 2 and attempt.wait(_SAME_SECONDS)
    if hurried:
        attempt.signal(number)
    ended = attempt.end()
    happened = Counter({f"in {ended.phase}": 1})
    if ended.code:
        lost += interrupt_faults(job, ended, 0 if hurried else rendered)
        before = job.entries()
        again = Attempt(job).end()
        lost += [*again_faults(before, job, again), *reference.ended_faults(job, again)]
    else:
        lost += reference.ended_faults(job, ended)
    return _trial(f"{number.name}, {_TIMES[times]}", f"{which}, {job.kind.name}", happened, lost, job)


_TIMES = {1: "once", 2: "twice"}


def interrupt_faults(job: Job, ended: Ended, rendered: int) -> Iterator[str]:
    """What is wrong with how an interrupted job ended. rendered: frames that must be journaled by then."""
    said = " ".join(ended.said)
    if ended.code != 130 or len([line for line in ended.said if line.startswith("error:")]) != 1:
        yield f"exit code {ended.code}, {len(ended.said)} lines: {said[-200:]}"
    if len(ended.said) > 1:
        yield f"more than one line: {said[-300:]}"
    if job.frames_done() < rendered and ended.phase == "render":
        yield f"{rendered} frames were rendered by the signal, {job.frames_done()} are journaled"
    if job.work.exists() and "the same command" not in said:
        yield f"does not say how to go on, though {job.work.name} is there (in {ended.phase}): {said[-200:]}"


# Two at once.


def two(chaos: Chaos, pool: ThreadPoolExecutor, arguments: argparse.Namespace) -> Iterator[Trial]:
    rounds = 1 if chaos.quick else 8
    yield from pool.map(lambda number: contested(chaos, number), range(rounds))


def contested(chaos: Chaos, number: int) -> Trial:
    """Two processes given the same output at once, more or less."""
    rng = chaos.rng("two", number)
    reference = _nth(list(chaos.references.values()), number)
    job = chaos.job(reference.job.kind, "two", number)
    first = Attempt(job)
    time.sleep(rng.choice([0, rng.uniform(0, 1), rng.uniform(0, sum(reference.spans.values()))]))
    attempts = [first, Attempt(job)]
    ended = [attempt.end() for attempt in attempts]
    won = [one for one in ended if one.code == 0]
    lost = [] if len(won) == 1 else [f"{len(won)} of two ended well: {ended[0].said} {ended[1].said}"]
    happened: Counter = Counter()
    for attempt, one in zip(reversed(attempts), ended, strict=True):
        if one.code:
            exists = "exists" in " ".join(one.said)
            holder = f"process {attempt.pid} on {socket.gethostname()}"
            happened["came when it was done" if exists else "told who holds it"] += 1
            lost += refusal_faults(one, "exists" if exists else holder)
        else:
            lost += reference.ended_faults(job, one)
    return _trial("two at once", number, happened, lost, job)


# Damage.


def cut(path: Path, rng: Random) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path, rng: Random) -> None:
    path.write_bytes(b"")


def flipped(path: Path, rng: Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data) // 2, len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def removed(path: Path, rng: Random) -> None:
    path.unlink()


Damage = Callable[[Path, Random], None]
# What is damaged, in which phase of which verb, and how.
DAMAGES: Sequence[tuple[str, str, str, Sequence[Damage]]] = (
    ("parts/*", "render", "render", (cut, emptied, flipped, removed)),
    ("parts/*", "join", "render", (cut, flipped)),
    ("parts/*/*", "render", "png", (cut, flipped, removed)),
    ("journal/*", "render", "render", (cut, emptied, removed)),
    ("survey.json", "render", "render", (cut, removed)),
    ("job.json", "render", "render", (cut, emptied)),
    ("job.json", "train", "translate", (cut,)),
    ("joined.*", "verify", "render", (cut, emptied, removed)),
    ("job.json", "verify", "render", (cut,)),
    ("look.safetensors", "render", "translate", (cut, flipped, removed)),
    ("lesson.json", "render", "translate", (cut, removed)),
    ("training.checkpoint", "train", "translate", (cut, emptied)),
)


def damage(chaos: Chaos, pool: ThreadPoolExecutor, arguments: argparse.Namespace) -> Iterator[Trial]:
    tried = [(what, phase, of, how) for what, phase, of, ways in DAMAGES for how in ways]
    yield from pool.map(lambda one: damaged(chaos, *one), tried[:: 6 if chaos.quick else 1])


def damaged(chaos: Chaos, what: str, phase: str, of: str, how: Damage) -> Trial:
    """A job is killed, its work folder damaged; it ends the same, or is refused in one line."""
    rng = chaos.rng("damage", what, phase, how.__name__)
    suited = [one for one in chaos.references.values() if of in one.job.kind.name]
    if of != "png":
        suited = [one for one in suited if not one.job.kind.pictures]
    reference = rng.choice(suited)
    folder = f"{what} {phase} {of} {how.__name__}".replace("/", "-").replace("*", "x")
    job = chaos.job(reference.job.kind, "damage", folder)
    attempt = Attempt(job)
    attempt.reach(phase, FRAMES // 2 if phase == "render" else 0)
    if phase == "train":
        _until(lambda: (job.work / "training.checkpoint").exists(), attempt)
    attempt.kill()
    found = [path for path in job.work.glob(what) if path.is_file() and not path.name.startswith(".")]
    if not found:
        return _trial(f"damaged: {what}", how.__name__, Counter({"not there": 1}), [], job)
    how(rng.choice(sorted(found)), rng)
    again = Attempt(job).end()
    happened, lost = Counter({"same result": 1}), list(reference.standing_faults(job))
    if again.code:
        happened = Counter({"refused": 1})
        lost += refusal_faults(again)
        fresh = Job(job.kind, job.world, job.folder, ("--fresh", "--overwrite"))
        again = Attempt(fresh).end()
    lost += reference.ended_faults(job, again)
    return _trial(f"damaged: {what}", f"{how.__name__} in {phase}, {job.kind.name}", happened, lost, job)


def _until(condition: Callable[[], bool], attempt: Attempt) -> None:
    while not condition() and attempt.wait(0.02):
        pass


# Folders that nobody may write to.


def folder(chaos: Chaos, pool: ThreadPoolExecutor, arguments: argparse.Namespace) -> Iterator[Trial]:
    if os.access("/", os.W_OK):
        print("read-only folder: not tried: root may write anywhere")
        return
    for number, reference in enumerate(chaos.references.values()):
        yield locked(chaos, number, reference)


def locked(chaos: Chaos, number: int, reference: Reference) -> Trial:
    """Read-only from the start, and from a kill in the middle on."""
    job = chaos.job(reference.job.kind, "locked", number)
    job.folder.mkdir(parents=True)
    job.folder.chmod(0o555)
    lost = list(refusal_faults(Attempt(job).end(), str(job.folder)))
    job.folder.chmod(0o755)
    killed_once(job, ("render", 0.5))
    job.folder.chmod(0o555)
    lost += refusal_faults(Attempt(job).end(), str(job.folder))
    job.folder.chmod(0o755)
    lost += reference.ended_faults(job, Attempt(job).end())
    return _trial("read-only folder", job.kind.name, Counter({"refused": 2}), lost, job)


Make = Callable[[Chaos, ThreadPoolExecutor, argparse.Namespace], Iterator[Trial]]
TRIALS: dict[str, Make] = {
    "kills": kills,
    "disk": disk,
    "interrupts": interrupts,
    "two": two,
    "damage": damage,
    "folder": folder,
}


def _trial(name: str, which: object, happened: Counter, lost: Iterable[str], job: Job) -> Trial:
    told = tuple(f"{name} ({which}): {fault}" for fault in dict.fromkeys(lost))
    if not told:
        job.clear()
    return Trial(name, happened, told)


def _nth(of: Sequence[Reference], number: int) -> Reference:
    return of[number % len(of)]


def _watched(trials: Iterable[Trial], most_seconds: float) -> Iterator[Trial]:
    began = time.monotonic()
    for number, trial in enumerate(trials, 1):
        print(f"{time.monotonic() - began:5.0f} s  {number:4}  {trial.name}", file=sys.stderr, flush=True)
        for line in trial.lost:
            print(f"LOST {line}", file=sys.stderr, flush=True)
        yield trial
        if time.monotonic() - began > most_seconds:
            print(f"stopped after {most_seconds / 60:g} minutes: not all was tried")
            return


def show(trials: Sequence[Trial], seed: int) -> None:
    print("| tried | jobs | what happened | lost |\n|---|---|---|---|")
    for name in dict.fromkeys(trial.name for trial in trials):
        of = [trial for trial in trials if trial.name == name]
        happened = sum((trial.happened for trial in of), Counter())
        told = ", ".join(f"{count} {what}" for what, count in sorted(happened.items()))
        print(f"| {name} | {len(of)} | {told} | {sum(bool(trial.lost) for trial in of)} |")
    kills = sum(sum(t.happened.values()) for t in trials if t.name.startswith("killed"))
    print(f"\n{kills} kills; seed {seed}")
    for trial in trials:
        for line in trial.lost:
            print(f"LOST {line}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many, at least")
    parser.add_argument("--jobs", type=int, default=20, help="how many are killed, at least")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=2, help="how many jobs run at a time")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop then, with what was tried")
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    parser.add_argument("--trials", nargs="+", choices=list(TRIALS), default=list(TRIALS))
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.kills, arguments.jobs = 8, 2
    return arguments


if __name__ == "__main__":
    with_disks()
    main()

"""What becomes of damaged clips? They are to be rendered, with losses named, or refused with a clear error.

    python benchmarks/fuzz.py [--count 1000] [--seed 0] [--jobs 2] [--keep FOLDER] [--limit-seconds 20]
    python benchmarks/fuzz.py --seed 0 --only 123 --keep FOLDER      # one variant again

Ten small clips of as many kinds are made with the real ffmpeg. Every variant is one of them, damaged as its
number and the seed decide, and goes through `vidgan probe` and `vidgan translate --pipeline passthrough`,
without and with --allow-truncated, in a worker process that may crash or hang. The real ffmpeg counts the
frames that come out. The exit code is 1 if anything failed.

rendered whole: as many frames as probe promised, and no word of a loss; "of these shorter" had fewer than the
clip before it was damaged, which its file may not tell any more. reported loss: a notice names it, or the
refusal without --allow-truncated did.
"""

import argparse
import faulthandler
import itertools
import json
import multiprocessing
import os
import queue
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import imageio_ffmpeg

_PROGRESS_SECONDS = 15.0
_START_SECONDS = 300.0  # importing torch, on a busy disk
_MEMORY_BYTES = 6 * 2**30  # a worker's: one damaged size must not take the machine down
_WHOLE, _SHORTER, _LOSS, _REFUSED, _FAILED = (
    "rendered whole", "of these shorter", "reported loss", "refused", "FAILED",
)  # fmt: skip
_RENDERS = {"plain": (), "lenient": ("--allow-truncated",)}
# A notice of something lost; that timestamps are missing, or a container has no place for sound, is none.
_REPORTED = re.compile(
    r"^note: (truncated|\d+ packets of .* damaged|.*\bframes?\b.*(missing|skipped|damaged|not decode))", re.M
)
_UNVERIFIED = "is written, but"  # the one error after which an output stays
_PLACE = re.compile(r'/(vidgan/[\w/]+\.py)", line (\d+)')  # in a traceback

_VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.96")
_WIDE = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=0.64")
_SEE_THROUGH = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.32:alpha=128")
_SOUND = ("-f", "lavfi", "-i", "sine=duration=0.96:sample_rate=48000")
_H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "8", "-bf", "2")
_TEXTS = ("-i", "lines.srt", "-i", "chapters.txt", "-map", "0", "-map", "1", "-map_chapters", "2")

# What ffmpeg makes them of.
BASES: dict[str, tuple[str, ...]] = {
    "h264.mp4": (*_VIDEO, *_SOUND, *_H264, "-c:a", "aac", "-movflags", "+faststart"),
    "hevc10.mp4": (*_WIDE, "-c:v", "libx265", "-pix_fmt", "yuv420p10le",
                   "-x265-params", "log-level=none:keyint=8:pools=1"),
    "prores4444.mov": (*_SEE_THROUGH, "-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le",
                       "-alpha_bits", "16", "-movflags", "+faststart"),
    "ffv1.mkv": (*_VIDEO, *_SOUND, "-c:v", "ffv1", "-level", "3", "-slicecrc", "1", "-c:a", "flac"),
    "chapters.mkv": (*_VIDEO, *_TEXTS, *_H264, "-c:s", "srt"),
    "vp9.webm": (*_VIDEO, *_SOUND, "-c:v", "libvpx-vp9", "-c:a", "libopus"),
    "mpeg4.avi": (*_VIDEO, *_SOUND, "-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame"),
    "h264.ts": (*_VIDEO, *_SOUND, *_H264, "-c:a", "aac"),
    "mpeg2.mxf": (*_VIDEO, *_SOUND, "-c:v", "mpeg2video", "-bf", "2", "-c:a", "pcm_s16le"),
    "palette.gif": (*_VIDEO, "-c:v", "gif"),
}  # fmt: skip
_BITEXACT = ("-threads", "1", "-fflags", "+bitexact", "-flags", "+bitexact")  # a seed is to name a file
_SUBTITLES = "1\n00:00:00,100 --> 00:00:00,500\nfirst\n\n2\n00:00:00,500 --> 00:00:00,900\nsecond\n"
_CHAPTERS = ";FFMETADATA1\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={start + 480}\ntitle=part {start}\n"
    for start in (0, 480)
)
_ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mxf", ".gif", ".png", ".txt")


@dataclass(frozen=True)
class Base:
    name: str
    data: bytes
    frames: int


@dataclass(frozen=True)
class Variant:
    number: int
    base: Base
    damage: str
    ending: str
    data: bytes


@dataclass(frozen=True)
class Ran:
    """How a command ended. died: how its process did, where it did not live to give an exit code."""

    code: int | None = None
    stdout: str = ""
    stderr: str = ""
    died: str = ""


@dataclass(frozen=True)
class Verdict:
    variant: Variant
    outcome: str
    faults: tuple[str, ...] = ()


def main() -> None:
    arguments = _arguments()
    began = time.monotonic()
    numbers = range(arguments.count) if arguments.only is None else [arguments.only]
    with tempfile.TemporaryDirectory() as folder:
        verdicts = list(_watched(check_all(numbers, Path(folder), arguments), len(numbers)))
    show(verdicts, arguments.seed)
    print(f"{len(verdicts)} variants in {time.monotonic() - began:.0f} s")
    sys.exit(any(verdict.faults for verdict in verdicts))


# The clips, and how they are damaged.


def make_bases(folder: Path) -> list[Base]:
    (folder / "lines.srt").write_text(_SUBTITLES, encoding="utf-8")
    (folder / "chapters.txt").write_text(_CHAPTERS, encoding="utf-8")
    return [_make_base(folder / name, options) for name, options in BASES.items()]


def _make_base(path: Path, options: Sequence[str]) -> Base:
    made = ffmpeg(path.parent, *options, *_BITEXACT, path.name)
    if made.returncode:
        sys.exit(f"ffmpeg cannot make {path.name}: {made.stderr}")
    return Base(path.name, path.read_bytes(), frames_in(path) or 0)


def make_variant(number: int, seed: int, bases: Sequence[Base]) -> Variant:
    """The same for the same number and seed; numbers go round the bases."""
    base, rng = bases[number % len(bases)], Random(f"{seed}/{number}")
    damage, own = rng.choice(list(DAMAGES)), Path(base.name).suffix
    data = DAMAGES[damage](base.data, rng)
    if rng.random() > 1 / 8:
        return Variant(number, base, damage, own, data)
    ending = rng.choice([ending for ending in _ENDINGS if ending != own])
    return Variant(number, base, f"{damage} as {ending}", ending, data)


def truncated(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


def flipped(data: bytes, rng: Random, *, within: int = 2**40, most: int = 64) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, most)):
        changed[rng.randrange(min(within, len(data)))] ^= rng.randint(1, 255)
    return bytes(changed)


def header_flipped(data: bytes, rng: Random) -> bytes:
    return flipped(data, rng, within=4096, most=16)


def zeroed(data: bytes, rng: Random) -> bytes:
    begin, end = _chunk(data, rng)
    return data[:begin] + bytes(end - begin) + data[end:]


def removed(data: bytes, rng: Random) -> bytes:
    begin, end = _chunk(data, rng)
    return data[:begin] + data[end:]


def duplicated(data: bytes, rng: Random) -> bytes:
    begin, end = _chunk(data, rng)
    return data[:end] + data[begin:]


def _chunk(data: bytes, rng: Random) -> tuple[int, int]:
    begin = rng.randrange(len(data))
    return begin, min(len(data), begin + rng.randint(1, len(data) // 6))


DAMAGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "truncated": truncated,
    "bytes flipped": flipped,
    "header flipped": header_flipped,
    "run zeroed": zeroed,
    "chunk removed": removed,
    "chunk duplicated": duplicated,
}


# What every variant goes through.


def check_all(numbers: Iterable[int], folder: Path, arguments: argparse.Namespace) -> Iterator[Verdict]:
    """The verdicts in the order of the numbers; as many are worked on at once as there are jobs."""
    bases = make_bases(folder)
    workers = [Worker(folder / f"worker{job}.log", arguments.limit_seconds) for job in range(arguments.jobs)]
    idle: queue.Queue[Worker] = queue.Queue()

    def check(number: int) -> Verdict:
        worker = idle.get()
        try:
            variant = make_variant(number, arguments.seed, bases)
            return examine(variant, worker, folder / str(number), arguments.keep)
        finally:
            idle.put(worker)

    for worker in workers:
        idle.put(worker)
    pool = ThreadPoolExecutor(arguments.jobs)
    try:
        yield from pool.map(check, numbers)
    finally:
        pool.shutdown(cancel_futures=True)
        for worker in workers:
            worker.stop()


def examine(variant: Variant, worker: "Worker", folder: Path, keep: Path | None) -> Verdict:
    """One variant through every command, in a folder of its own; kept if it fails."""
    clip, out = folder / f"clip{variant.ending}", folder / "out"
    out.mkdir(parents=True)
    clip.write_bytes(variant.data)
    verdict = judge(variant, clip, out, worker)
    if verdict.faults and keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, keep / f"{variant.number}-{Path(variant.base.name).stem}{variant.ending}")
    shutil.rmtree(folder)
    return verdict


def judge(variant: Variant, clip: Path, out: Path, worker: "Worker") -> Verdict:
    probe = ("probe", clip, "--json")
    probed = worker.run(*probe)
    promised = json.loads(probed.stdout)["frame_count"] if probed.code == 0 else None
    faults = {"probe": faults_of(probed, probe, worker)}
    rendered = []
    for name, flags in _RENDERS.items():
        job = ("translate", clip, "--pipeline", "passthrough", "-o", out / f"{name}.mkv", *flags)
        rendered.append(ran := worker.run(*job))
        found = [*output_faults(ran, out, name, promised), *faults_of(ran, (*job, "--overwrite"), worker)]
        faults[" ".join(("translate", *flags))] = found
    faults["translate"] += advice_faults(*rendered)
    if any(faults.values()):
        return Verdict(variant, _FAILED, tuple(_merged(faults)))
    return Verdict(variant, _outcome(rendered, promised, variant.base))


def _outcome(rendered: Sequence[Ran], promised: int | None, base: Base) -> str:
    if rendered[0].code == 0 and not _REPORTED.search(rendered[0].stderr):
        return _SHORTER if (promised or 0) < base.frames else _WHOLE
    return _LOSS if any(ran.code == 0 for ran in rendered) else _REFUSED


def _merged(faults: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Every fault once, with the commands that have it."""
    for fault in dict.fromkeys(itertools.chain(*faults.values())):
        yield f"{', '.join(command for command, found in faults.items() if fault in found)}: {fault}"


def faults_of(ran: Ran, job: Sequence[object], worker: "Worker") -> list[str]:
    """What no command may do, whatever its clip."""
    if ran.died:
        return [ran.died]
    found = []
    if own := re.search(r"a fault of vidgan's own.*", ran.stderr):
        found.append(own[0])
    if re.search(r"^Traceback|^Exception ignored", ran.stderr, re.M):
        found.append(f"a traceback: {ran.stderr.splitlines()[-1]}")
    if ran.code not in (0, 1, 2) or (ran.code and "error: " not in ran.stderr):
        found.append(f"exit code {ran.code}: {ran.stderr.strip()[-200:]}")
    if "cannot be written" in ran.stderr:  # it can; only the clip is damaged
        found.append(f"blames the output: {_last_words(ran)}")
    if not found:
        return []
    # Of its own faults vidgan tells the place only if asked.
    places = _PLACE.findall(ran.stderr) or _PLACE.findall(worker.run(*job, "--debug").stderr)
    return [f"{fault} at {':'.join(places[-1])}" if places else fault for fault in found]


def advice_faults(plain: Ran, lenient: Ran) -> list[str]:
    """What is wrong with a refusal that --allow-truncated is to lift."""
    if plain.code == 0 or plain.died or lenient.died:
        return []
    if lenient.code == 0 and not _REPORTED.search(lenient.stderr):
        return ["is refused, and with --allow-truncated rendered without a notice"]
    if lenient.code != 0 and "--allow-truncated" in plain.stderr and _UNVERIFIED not in lenient.stderr:
        return [f"advises --allow-truncated, which is refused too: {_last_words(lenient)}"]
    return []


def _last_words(ran: Ran) -> str:
    """Without the names of folders, which differ each time."""
    return re.sub(r"/\S*/", "", ran.stderr.strip().splitlines()[-1])


def output_faults(ran: Ran, out: Path, name: str, promised: int | None) -> list[str]:
    """What is wrong with what lies in the folder of outputs."""
    if ran.died:  # what a killed process leaves is no fault
        return []
    path, recipe, found = out / f"{name}.mkv", out / f"{name}.mkv.recipe.toml", []
    if ran.code == 0:
        found += _count_faults(frames_in(path), promised, bool(_REPORTED.search(ran.stderr)))
    elif _UNVERIFIED in ran.stderr:
        found.append(f"fails its own verification: {_last_words(ran)}")
    else:
        there = [final.name for final in (path, recipe) if final.exists()]
        found += [f"{final} is there, after exit code {ran.code}" for final in there]
    expected = {f"{each}.mkv{ending}" for each in _RENDERS for ending in ("", ".recipe.toml")}
    found += [f"left behind: {stray.name}" for stray in out.iterdir() if stray.name not in expected]
    return found


def _count_faults(frames: int | None, promised: int | None, reported: bool) -> Iterator[str]:
    if frames is None:
        yield "FFmpeg cannot read the output"
    elif promised is None:
        yield "rendered what probe refuses"
    elif frames < promised and not reported:
        yield f"{frames} of the {promised} frames that probe promised, and no notice"


def frames_in(path: Path) -> int | None:
    """How many pictures the real ffmpeg decodes; None where there are none."""
    count = ("-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "-")
    ran = ffmpeg(path.parent, "-i", path.name, *count)
    lines = [line for line in ran.stdout.splitlines() if not line.startswith("#")]
    return len(lines) or None if ran.returncode == 0 else None


def ffmpeg(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120)


# Commands run in processes of their own, which may die of them.


class Worker:
    """A process that has imported vidgan and runs one command after another; a new one after its death.

    log: takes what native code writes to standard error, and the stacks when it dies.
    """

    def __init__(self, log: Path, limit_seconds: float) -> None:
        self._log, self._limit_seconds = log, limit_seconds
        self._running = False

    def run(self, *arguments: object) -> Ran:
        if not self._running:
            self._start()
        self._pipe.send([str(argument) for argument in arguments])
        return self._answer(self._limit_seconds)

    def stop(self) -> None:
        if self._running:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._running = False

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._log), daemon=True)
        self._process.start()
        self._running = True
        theirs.close()
        if (started := self._answer(_START_SECONDS)).died:
            raise RuntimeError(f"a worker did not start: {started.died}\n{self._log.read_text()}")

    def _answer(self, limit_seconds: float) -> Ran:
        try:
            if self._pipe.poll(limit_seconds):
                return self._pipe.recv()
        except (EOFError, ConnectionError):
            return Ran(died=self._crash())
        os.kill(self._process.pid, signal.SIGUSR1)  # to say where it hangs
        time.sleep(0.5)
        self.stop()
        return Ran(died=f"no end after {limit_seconds:g} s{self._places()}")

    def _crash(self) -> str:
        self._process.join(5)
        code = self._process.exitcode or 0
        self.stop()
        how = f"crashed by {signal.Signals(-code).name}" if code < 0 else f"died with exit code {code}"
        return how + self._places()

    def _places(self) -> str:
        """The innermost line of vidgan in every thread."""
        stacks = re.split(r"^(?:Current thread|Thread)", self._log.read_text(errors="replace"), flags=re.M)
        places = [":".join(found[0]) for found in map(_PLACE.findall, stacks[1:]) if found]
        return f" at {', '.join(places)}" if places else ""


def _serve(pipe: Connection, log: Path) -> None:
    """A worker's life."""
    stream = log.open("a")  # appending, so that it can be emptied below
    os.dup2(stream.fileno(), 2)
    faulthandler.enable(stream)
    faulthandler.register(signal.SIGUSR1, stream)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    _import_slow_things()
    pipe.send(Ran())
    while True:
        arguments = pipe.recv()
        os.truncate(log, 0)
        pipe.send(_run(arguments, log))


def _import_slow_things() -> None:
    """Now, not in the first command's time."""
    import torch

    import vidgan.jobs.translate  # noqa: F401

    torch.set_num_threads(1)


def _run(arguments: list[str], log: Path) -> Ran:
    from typer.testing import CliRunner

    from vidgan.cli.program import app

    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})
    result = runner.invoke(app, arguments, prog_name="vidgan")
    stderr = result.stderr + log.read_text(errors="replace")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        stderr += "".join(traceback.format_exception(result.exception))
    return Ran(result.exit_code, result.stdout, stderr)


# What people see.


def _watched(verdicts: Iterable[Verdict], total: int) -> Iterator[Verdict]:
    failed, said = 0, time.monotonic()
    for done, verdict in enumerate(verdicts, 1):
        failed += bool(verdict.faults)
        if time.monotonic() - said > _PROGRESS_SECONDS:
            said = time.monotonic()
            print(f"{done} of {total}, {failed} failed", flush=True)
        yield verdict


def show(verdicts: Sequence[Verdict], seed: int) -> None:
    columns = (_WHOLE, _SHORTER, _LOSS, _REFUSED, _FAILED)
    print(" " * 16 + "".join(f"{column:>18}" for column in columns))
    for name in BASES:
        print(_row(name, columns, [one.outcome for one in verdicts if one.variant.base.name == name]))
    print(_row("all", columns, [one.outcome for one in verdicts]), end="\n\n")
    for verdict in verdicts:
        if verdict.faults:
            print(_failure(verdict, seed))


def _row(name: str, columns: Sequence[str], outcomes: Iterable[str]) -> str:
    counts = Counter(outcomes)
    counts[_WHOLE] += counts[_SHORTER]
    return f"{name:16}" + "".join(f"{counts[column]:18}" for column in columns)


def _failure(verdict: Verdict, seed: int) -> str:
    variant = verdict.variant
    what = f"FAILED {variant.number} ({variant.base.name}, {variant.damage}): {'; '.join(verdict.faults)}"
    return f"{what}  [again: python benchmarks/fuzz.py --seed {seed} --only {variant.number} --keep FOLDER]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="how many variants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="copy the variants that fail there")
    parser.add_argument("--limit-seconds", type=float, default=20.0, help="for each command")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this variant alone")
    return parser.parse_args()


if __name__ == "__main__":
    main()

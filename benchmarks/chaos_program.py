"""vidgan as benchmarks/chaos.py starts it: every step is told on standard error; a disk fills when it is to.

Trainings are kept three times a second, palettes are coarse (a fine one takes longer than a tiny training),
and x264 is pinned to one thread and AVX2: else it gives other bits each time.
"""

import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vidgan.cli import main, show
from vidgan.gan import palette
from vidgan.jobs import delivery, encoding, render, training, translate  # noqa: F401 (slow, so done before)
from vidgan.jobs.options import Progress
from vidgan.media import codecs

_KEEP_EVERY_SECONDS = 0.3
_X264 = {"x264-params": "threads=1" + ":asm=avx2" * (platform.machine() == "x86_64")}


def run_apart(arguments: Sequence[str], stdout: str, stderr: Connection, hooks: Mapping[str, Any]) -> None:
    """In a process that was forked for it."""
    os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(stderr.fileno(), 2)
    stderr.close()
    run(arguments, hooks)


def run(arguments: Sequence[str], hooks: Mapping[str, Any]) -> None:
    """hooks: "fill", a segment such as 00000006-00000012, or "join": when the disk fills; "filler": the file
    that does it; "leave_bytes": how much it leaves."""
    palette._TABLE_SIDE = 9
    training.KEEP_EVERY_SECONDS = _KEEP_EVERY_SECONDS
    h264 = codecs.CODECS["h264"]
    codecs.CODECS["h264"] = replace(h264, options=lambda *asked: h264.options(*asked) | _X264)
    show._Bars.__call__ = lambda self, progress: step(progress)  # type: ignore[method-assign]
    if hooks:
        fill_at(hooks)
    say("ready", 0)
    sys.argv[1:] = arguments
    main()


def step(progress: Progress) -> None:
    """In place of bars: what is under way, and how many frames of it are done."""
    if progress.phase == "verify" and progress.fraction == 1:
        say("closing", 0)
        return
    done = progress.detail.removeprefix("frame ").partition("/")[0]
    say(progress.phase, int(done) if done.isdecimal() else 0)


def say(phase: str, done: int) -> None:
    os.write(2, f"step {phase} {done} {time.monotonic():.4f}\n".encode())


def fill_at(told: Mapping[str, Any]) -> None:
    begun, join, publish = encoding.picture_writer, delivery.mux, delivery.publish_pictures

    def writer(path: Path, *others: Any) -> Any:
        if path.name == told["fill"]:
            fill(Path(told["filler"]), told["leave_bytes"])
        return begun(path, *others)

    def joined(*arguments: Any, **named: Any) -> Any:
        if told["fill"] == "join":
            fill(Path(told["filler"]), told["leave_bytes"])
        return join(*arguments, **named)

    def published(*arguments: Any) -> None:
        if told["fill"] == "join":
            fill(Path(told["filler"]), told["leave_bytes"])
        publish(*arguments)

    encoding.picture_writer, delivery.mux, delivery.publish_pictures = writer, joined, published


def fill(filler: Path, leave_bytes: int) -> None:
    """Let a file take all that is left of its disk, but for so much."""
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(2**16)):
                pass
        except OSError:
            file.truncate(max(0, file.tell() - leave_bytes))


if __name__ == "__main__":
    run(sys.argv[1:], {})

"""Does a process that renders clip after clip grow? Decode/encode cycles, and what they leave in it.

    python benchmarks/cycles.py [--cycles 500]

Every cycle is vidgan.translate with the recipe passthrough, of 24 frames of 320x240 with sound, to mp4 and to
mkv in turn. Resident memory, open files and threads are shown every 50 cycles. The exit code is 1 if from
cycle 100 to the end memory grew by more than 5 %, or the number of open files or threads at all.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg

import vidgan

_EVERY = 50
_SETTLED = 100  # by then caches and heaps have the size that they keep
_ALLOWED_GROWTH = 0.05


class Usage(NamedTuple):
    """What a process holds. threads: native ones too, where the system tells."""

    mib: float
    files: int
    threads: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cycles", type=int, default=500)
    cycles = parser.parse_args().cycles
    if cycles <= _SETTLED:
        parser.error(f"give more than {_SETTLED} --cycles: growth is measured from there")
    print("cycle   resident MiB   open files   threads")
    with tempfile.TemporaryDirectory() as folder:
        settled, end = run(make_clip(Path(folder)), cycles)
    sys.exit(report(settled, end))


def make_clip(folder: Path) -> Path:
    path = folder / "clip.mp4"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-f", "lavfi", "-i",
         "testsrc2=size=320x240:rate=25:duration=0.96", "-f", "lavfi", "-i", "sine=duration=0.96",
         "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)],
        check=True,
    )  # fmt: skip
    return path


def run(clip: Path, cycles: int) -> tuple[Usage, Usage]:
    """The usage after cycle _SETTLED and after the last."""
    began = time.monotonic()
    settled = usage()
    for cycle in range(1, cycles + 1):
        render(clip, clip.with_name(("out.mp4", "out.mkv")[cycle % 2]))
        if cycle % _EVERY == 0 or cycle == cycles:
            now = usage()
            print(f"{cycle:5} {now.mib:14.1f} {now.files:12} {now.threads:9}", flush=True)
        if cycle == _SETTLED:
            settled = now
    print(f"{(time.monotonic() - began) / cycles:.2f} s a cycle")
    return settled, now


def render(clip: Path, out: Path) -> None:
    vidgan.translate(clip, None, out, pipeline="passthrough", options=vidgan.Options(overwrite=True))


def usage() -> Usage:
    status = Path("/proc/self/status")
    if not status.exists():
        return Usage(_peak_mib(), len(os.listdir("/dev/fd")), threading.active_count())
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    files = len(os.listdir("/proc/self/fd"))
    return Usage(int(lines["VmRSS"].split()[0]) / 1024, files, int(lines["Threads"]))


def _peak_mib() -> float:
    """Without /proc only the peak is known; it is in bytes on macOS and KiB elsewhere."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def report(settled: Usage, end: Usage) -> bool:
    """Say how much was gained since cycle _SETTLED; whether that is too much."""
    growth = end.mib / settled.mib - 1
    files, threads = end.files - settled.files, end.threads - settled.threads
    gained = f"{growth:+.1%} ({end.mib - settled.mib:+.1f} MiB), open files {files:+}, threads {threads:+}"
    print(f"from cycle {_SETTLED} to the end: memory {gained}")
    return growth > _ALLOWED_GROWTH or files > 0 or threads > 0


if __name__ == "__main__":
    main()

"""How fast pixels go through float RGB and out again, against ffmpeg doing the same transcode through RGB.

    python benchmarks/passthrough.py            # a second of the sample clip at 1920x1080, looped
    python benchmarks/passthrough.py --clip CLIP --rounds 5

Both decode H.264, turn every frame into RGB and back and encode with libx264 veryfast, crf 17, without
sound. Each round runs ffmpeg without RGB, through 8-bit RGB (`format=rgb24`), through float RGB
(`format=gbrpf32le`) and `passthrough` one after the other, so that a noisy machine disturbs all alike;
the table gives medians and the ratio of frames a second to each. Starting is left out of all seconds:
the time of one frame is taken from that of the whole clip; CPU times hold both runs.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import av
import imageio_ffmpeg
import torch

import vidgan
from vidgan import Options
from vidgan.media import open_clip
from vidgan.media.convert import FromRGB, ToRGB

SAMPLE = Path(__file__).parent.parent / "samples" / "clip.mp4"
SETTINGS = ("encode.codec=h264", "encode.preset=veryfast", "encode.crf=17")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clip", type=Path, default=SAMPLE)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(prepared(arguments.clip, arguments.frames, Path(folder)), arguments.rounds, Path(folder))


def measure(clip: Path, rounds: int, folder: Path) -> None:
    frames = len(open_clip(clip))
    ways = {
        "ffmpeg, rgb24": lambda: transcode(clip, folder, "rgb24"),
        "ffmpeg, no RGB": lambda: transcode(clip, folder, "yuv420p"),
        "ffmpeg, gbrpf32le": lambda: transcode(clip, folder, "gbrpf32le"),
        "vidgan passthrough": lambda: passthrough(clip, folder),
    }
    for way in ways.values():
        way()  # files into the cache, modules loaded
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    busy: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            before = _cpu_seconds()
            seconds[name].append(way())
            busy[name].append(_cpu_seconds() - before)
    ours = seconds["vidgan passthrough"]
    print(f"{frames} frames of 1920x1080, {rounds} rounds, {torch.get_num_threads()} cores\n")
    print(f"{'':20s} frames/s   CPU ms a frame   passthrough is")
    for name, taken in seconds.items():
        ratio = statistics.median(theirs / mine for theirs, mine in zip(taken, ours, strict=True))
        cpu_ms = 1000 * statistics.median(busy[name]) / frames
        print(f"{name:20s} {frames / statistics.median(taken):8.1f}   {cpu_ms:14.1f}   {ratio:.2f} of it")
    print(f"\nH.264's frames to float RGB and back alone, one thread: {conversion_ms(clip):.1f} ms a frame")


def conversion_ms(clip: Path, frames: int = 20) -> float:
    """How long our own conversion takes, from decoded frames to an encoder's."""
    with av.open(str(clip)) as container:
        decoded = list(itertools.islice(container.decode(video=0), frames))
    colour = open_clip(clip).info.colour
    to_rgb, from_rgb = ToRGB(colour), FromRGB(colour, "yuv420p")
    times = []
    for frame in decoded:
        began = time.perf_counter()
        from_rgb(to_rgb(frame)[0])
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def _cpu_seconds() -> float:
    """Of this process and the ffmpegs that it has started."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def prepared(clip: Path, frames: int, folder: Path) -> Path:
    """The clip at 1080p, looped to so many frames, without sound."""
    path = folder / "clip.mp4"
    ffmpeg("-stream_loop", "-1", "-i", str(clip), "-frames:v", str(frames), "-an", "-vf",
           "scale=1920:1080:flags=lanczos", "-c:v", "libx264", "-preset", "fast", "-crf", "17",
           "-pix_fmt", "yuv420p", str(path))  # fmt: skip
    return path


def transcode(clip: Path, folder: Path, through: str) -> float:
    def run(*limit: str) -> float:
        began = time.perf_counter()
        ffmpeg("-i", str(clip), *limit, "-vf", f"format={through},format=yuv420p", "-c:v", "libx264",
               "-preset", "veryfast", "-crf", "17", str(folder / "theirs.mp4"))  # fmt: skip
        return time.perf_counter() - began

    return run() - run("-frames:v", "1")


def passthrough(clip: Path, folder: Path) -> float:
    def run(end: int | None) -> float:
        options = Options(overwrite=True, verify=False, end=end)
        out = folder / "ours.mp4"
        began = time.perf_counter()
        vidgan.translate(clip, None, out, pipeline="passthrough", overrides=SETTINGS, options=options)
        return time.perf_counter() - began

    return run(None) - run(1)


def ffmpeg(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()

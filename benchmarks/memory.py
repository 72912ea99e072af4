"""Does memory grow with the clip? A clip and the same clip looped, each rendered in a process of its own.

    python benchmarks/memory.py CLIP TARGET [--loops 10] [--recipe draft]

The look is trained once, as briefly as can be (memory does not care how good it is); with
--set train.channels=8 the long render is several times faster. Peak memory is the child process's largest
resident set.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av

import vidgan


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        look, long_clip = Path(folder) / "look.safetensors", Path(folder) / "looped.mp4"
        overrides = ["train.seconds=2", *arguments.set]
        vidgan.train(arguments.clip, arguments.target, look, pipeline=arguments.recipe, overrides=overrides)
        loop(arguments.clip, long_clip, arguments.loops)
        sizes = [_measure(clip, look, Path(folder) / "out.mp4") for clip in (arguments.clip, long_clip)]
    print(f"growth {sizes[1] / sizes[0] - 1:+.1%}")


def loop(clip: Path, out: Path, times: int) -> None:
    """Write the clip's video stream `times` times over, without re-encoding."""
    with av.open(str(out), "w") as sink:
        stream, shift = None, 0
        for _ in range(times):
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                stream = stream or sink.add_stream_from_template(video)
                end = 0
                for packet in source.demux(video):
                    if packet.pts is None:
                        continue
                    end = max(end, packet.pts + packet.duration)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    sink.mux(packet)
                shift += end


def _measure(clip: Path, look: Path, out: Path) -> float:
    began = time.monotonic()
    command = [sys.executable, __file__, "--render", str(clip), str(look), str(out)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    frames, mib = result.stdout.split()
    seconds = time.monotonic() - began
    print(f"{frames:>6} frames: peak {float(mib):.0f} MiB, {seconds:.0f} s", flush=True)
    return float(mib)


def _render(clip: str, look: str, out: str) -> None:
    result = vidgan.render(clip, look, out, options=vidgan.Options(overwrite=True))
    kib = Fraction(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(result.frames, float(kib / 1024))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--loops", type=int, default=10)
    parser.add_argument("--recipe", default="draft")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    if "--render" in sys.argv:
        _render(*sys.argv[2:5])
    else:
        main()

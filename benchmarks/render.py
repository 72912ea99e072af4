"""How near a render comes to what the machine allows, stage by stage.

    python benchmarks/render.py [--media FOLDER] [--size 480x270 1280x720 1920x1080] [--frames 48]
                                [--rounds 3] [--set smooth.window=0] [--look LOOK.safetensors]
                                [--journal] [--memory]

The limit of a frame's time is the larger of the slowest stage alone and the processor time of all stages over
the number of cores; the pipeline is given as a share of it. Every stage is measured alone on frames that lie
in memory, with the threads that it has in a render; each round measures all stages and then the pipeline, so
that a noisy machine disturbs all alike. Medians. The look is trained for a few steps: what it draws takes as
long as if it were good.

--journal: what segments, hashes and syncing cost, by leaving them out. --memory: peak memory of a long
render beside a short one.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import imageio_ffmpeg
import torch
from steady import print_machine

import vidgan
from vidgan import Options
from vidgan.gan.device import choose_device
from vidgan.gan.look import load_look
from vidgan.gan.threads import rendering_threads, usable_cores
from vidgan.jobs.rendering import Placed, estimator_for, placed_frames, translated_frames
from vidgan.jobs.request import recipe_of
from vidgan.media import Clip, Frame, PictureWriter, codec_for, open_clip
from vidgan.motion import smooth
from vidgan.resample import from_signal

SAMPLES = Path(__file__).parent.parent / "samples"
STEPS = 12


@dataclass(frozen=True)
class Spent:
    """Milliseconds a frame."""

    wall: float
    cpu: float


def main() -> None:
    arguments = _arguments()
    device = choose_device(arguments.device)
    clips = {"sample": SAMPLES / "clip.mp4"}
    if arguments.media:
        clips["bunny"] = arguments.media / "bunny.mp4"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        look = arguments.look or _trained(folder)
        print_machine(device, f"{arguments.frames} frames, median of {arguments.rounds} rounds")
        for kind, source in clips.items():
            for size in arguments.size:
                clip = _sized(source, size, arguments.frames, folder)
                print(f"\n{kind} at {size}")
                _compare(clip, look, arguments, device)
        if arguments.journal:
            _journal(clips["sample"], look, arguments, folder)
        if arguments.memory:
            _memory(clips["sample"], look, arguments, folder)


def _compare(path: Path, look: Path, arguments: argparse.Namespace, device: torch.device) -> None:
    rounds = [_round(path, look, arguments, device) for _ in range(arguments.rounds)]
    stages = {
        name: Spent(*(statistics.median(getattr(r[name], kind) for r in rounds) for kind in ("wall", "cpu")))
        for name in rounds[0]
    }
    print(f"{'':12}{'ms a frame':>12}{'frames/s':>10}{'CPU ms':>9}")
    for name, spent in stages.items():
        print(f"{name:12}{spent.wall:12.1f}{1000 / spent.wall:10.1f}{spent.cpu:9.1f}")
    limits = [_limit(r) for r in rounds]
    shares = [limit / r["pipeline"].wall for limit, r in zip(limits, rounds, strict=True)]
    reached = f"the pipeline reaches {statistics.median(shares):.2f} of that ({_list(shares)})"
    print(f"limit {statistics.median(limits):.1f} ms; {reached}")


def _limit(stages: dict[str, Spent]) -> float:
    alone = {name: spent for name, spent in stages.items() if name != "pipeline"}
    return max(max(s.wall for s in alone.values()), sum(s.cpu for s in alone.values()) / usable_cores())


def _round(path: Path, look: Path, arguments: argparse.Namespace, device: torch.device) -> dict[str, Spent]:
    clip, loaded = open_clip(path), load_look(look)
    recipe = recipe_of(loaded, arguments.set)
    estimator = estimator_for(recipe, device, None)
    translate = loaded.translation(device, recipe.translate, engine=arguments.engine)
    clock = _Clock(len(clip))
    frames = clock.timed("decode", lambda: list(clip.frames()))
    with rendering_threads(device):
        first = placed_frames(frames[:2], translate, (), estimator)
        list(translated_frames(first, translate))  # draws noise, compiles
        placed = clock.timed("flow", lambda: _measured(placed_frames(frames, translate, (), estimator)))
        drawn = clock.timed("translate", lambda: list(translated_frames(placed, translate)))
        shown = clock.timed("smooth", lambda: list(smooth(drawn, recipe.smooth)))
    pairs = zip(frames, shown, strict=True)
    finished = [replace(frame, pixels=from_signal(moment.translated)) for frame, moment in pairs]
    with tempfile.TemporaryDirectory() as name:
        clock.timed("encode", lambda: _encode(clip, finished, recipe, Path(name) / "part"))
        frames, placed, drawn, shown, finished = [], [], [], [], []
        clock.spent["pipeline"] = _pipeline(path, look, arguments, Path(name) / "out.mp4", len(clip))
    return clock.spent


def _measured(placed: Iterable[Placed]) -> list[Placed]:
    """With the motion that smoothing will ask for, too."""
    found = list(placed)
    for (_, step), _ in found:
        if step is not None:
            assert len(step.back) == len(step.forth)
    return found


class _Clock:
    def __init__(self, frames: int) -> None:
        self.frames, self.spent = frames, dict[str, Spent]()

    def timed(self, name: str, work: Callable):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        per_frame = 1000 / self.frames
        self.spent[name] = Spent(
            (time.perf_counter() - wall) * per_frame, (time.process_time() - cpu) * per_frame
        )
        return result


def _encode(clip: Clip, frames: list[Frame], recipe, out: Path) -> None:
    codec = codec_for(recipe.encode.codec, out.with_suffix(".mp4"), clip.info, recipe.encode)
    with PictureWriter(out, clip.info, codec) as writer:
        for frame in frames:
            writer.write(frame)


def _pipeline(path: Path, look: Path, arguments: argparse.Namespace, out: Path, frames: int) -> Spent:
    options = Options(
        overwrite=True,
        verify=False,
        profile=True,
        device=arguments.device,
        engine=arguments.engine,
        fresh=True,
    )
    result = vidgan.render(path, look, out, overrides=arguments.set, options=options)
    assert result.profile is not None
    return Spent(1000 * result.profile.wall_seconds / frames, 1000 * result.profile.cpu_seconds / frames)


def _journal(source: Path, look: Path, arguments: argparse.Namespace, folder: Path) -> None:
    """passthrough, where they weigh most, and a render, with all of it and without."""
    print("\nwhat segments, hashes and syncing add, libx264 veryfast")
    large, small = (_sized(source, size, 240, folder) for size in ("1920x1080", "480x270"))
    settings = ["encode.codec=h264", "encode.preset=veryfast"]
    out, options = folder / "journal.mp4", Options(overwrite=True, verify=False)
    jobs = {
        "passthrough, 240 frames at 1920x1080": lambda: vidgan.translate(
            large, None, out, pipeline="passthrough", overrides=settings, options=options
        ),
        "render, 40 frames at 480x270": lambda: vidgan.render(
            small, look, out, overrides=[*settings, *arguments.set], options=replace(options, end=40)
        ),
    }
    for kind, job in jobs.items():
        job()
        ratios = [_seconds_of(job) / _without_journal(job) for _ in range(arguments.rounds)]
        print(f"{kind:40} {100 * (statistics.median(ratios) - 1):+.1f} % ({_list(ratios)})", flush=True)


def _seconds_of(job: Callable) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def _without_journal(job: Callable) -> float:
    """One segment, no hash of anything, nothing synced."""
    with ExitStack() as stack:
        for name in ("vidgan.media.digest.FramesDigest.add", "vidgan.media.output.os.fsync"):
            stack.enter_context(mock.patch(name))
        for room in ("facts", "journal", "delivery"):
            stack.enter_context(mock.patch(f"vidgan.jobs.{room}.file_sha256", return_value=""))
        stack.enter_context(mock.patch("vidgan.jobs.delivery.segments", _one_segment))
        return _seconds_of(job)


def _one_segment(span: range, cuts: object, length: int) -> list:
    from vidgan.jobs.segments import segments

    return segments(span, (), len(span))


def _memory(source: Path, look: Path, arguments: argparse.Namespace, folder: Path) -> None:
    print("\npeak memory of a render at 480x270, each in a process of its own")
    peaks = []
    for frames in (200, 2000):
        clip = _sized(source, "480x270", frames, folder)
        command = [sys.executable, __file__, "--alone", str(clip), str(look), str(folder / "out.mp4")]
        overrides = [word for value in arguments.set for word in ("--set", value)]
        done = subprocess.run([*command, *overrides], check=True, capture_output=True, text=True)
        peaks.append(float(done.stdout))
        print(f"{frames:6} frames {peaks[-1]:8.0f} MiB", flush=True)
    print(f"growth {peaks[1] / peaks[0] - 1:+.1%}")


def _alone(arguments: argparse.Namespace) -> None:
    clip, look, out = arguments.alone
    vidgan.render(clip, look, out, overrides=arguments.set, options=Options(overwrite=True))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _trained(folder: Path) -> Path:
    look = folder / "look.safetensors"
    overrides = [f"train.steps={STEPS}", "train.seconds=0", "train.redraw_steps=20"]
    vidgan.train(SAMPLES / "clip.mp4", SAMPLES / "target.png", look, overrides=overrides)
    return look


def _sized(source: Path, size: str, frames: int, folder: Path) -> Path:
    """The clip at that size, looped to so many frames, without sound."""
    path = folder / f"{source.stem}-{size}-{frames}.mp4"
    if not path.exists():
        scale = f"scale={size.replace('x', ':')}:flags=lanczos"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-stream_loop", "-1"]
        command += ["-i", str(source), "-frames:v", str(frames), "-an", "-vf", scale, "-c:v", "libx264"]
        command += ["-preset", "fast", "-crf", "17", "-pix_fmt", "yuv420p", str(path)]
        subprocess.run(command, check=True)
    return path


def _list(numbers: list[float]) -> str:
    return ", ".join(f"{number:.2f}" for number in sorted(numbers))


def _arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--media", type=Path, help="a folder with bunny.mp4, to be measured, too")
    parser.add_argument("--size", nargs="*", default=["480x270", "1280x720", "1920x1080"])
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--look", type=Path, help="instead of training one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--journal", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    if "--alone" in sys.argv:
        _alone(_arguments())
    else:
        main()

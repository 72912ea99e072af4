"""Where does a frame's time go? Every stage by itself.

    python benchmarks/cost.py [--pair bunny-tiles] [--look LOOK.safetensors] [--budget 20] [--frames 24]
                              [--width 480] [--set smooth.window=2 --set flow.preset=fast] [--runs 3]

Prints milliseconds a frame and shares of flow, carrying noise, the generator, smoothing and encoding,
each alone with all cores, medians of several runs. Training is short: its length changes no time.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from carried import Still
from numpy.typing import NDArray
from quality import PAIRS
from steady import pair_arguments, print_machine, read_pair

from vidgan.config import EncodeSettings, override_recipe
from vidgan.gan.conditioned import Translator
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look
from vidgan.jobs.rendering import estimator_for
from vidgan.media import Frame, PictureWriter, codec_for, open_clip
from vidgan.motion import Moment, Stepped, in_steps, origins, smooth
from vidgan.resample import to_pixels, to_tensor


def main() -> None:
    parser = pair_arguments(__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.set_defaults(pair=["bunny-tiles"], budget=20.0, frames=24, width=480)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    for pair in arguments.pair:
        look, frames, _ = read_pair(pair, 0, arguments, device)
        height, width = frames[0].shape[:2]
        print_machine(device, f"{pair} at {width}x{height}, median of {arguments.runs} runs")
        clip = arguments.media / PAIRS[pair][0]
        runs = [_stages(look, frames, clip, device, arguments.set) for _ in range(arguments.runs)]
        stages = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        total = sum(stages.values())
        for name, ms in stages.items():
            print(f"{name:36}{ms:9.1f} ms{ms / total:8.1%}")


def _stages(
    look: Look, frames: Sequence[NDArray], clip: Path, device: torch.device, overrides: list[str]
) -> dict[str, float]:
    recipe = override_recipe(look.recipe, overrides)
    estimator, translate = estimator_for(recipe, device, None), look.translation(device, recipe.translate)
    assert isinstance(translate, Translator)
    stills = [Still(number, frame) for number, frame in enumerate(frames)]
    clock = _Clock(len(frames))
    steps = clock.timed(f"flow, both ways ({recipe.flow.preset})", lambda: _flows(stills, estimator))
    every = recipe.translate.anchor_every
    if not every:
        raise SystemExit("translate.anchor_every = 0 carries nothing: leave it out, a row says what it costs")
    followed = clock.timed("noise carried", lambda: list(origins(steps, (), every)))
    translate.across(to_tensor(frames[0]))  # the first one draws the noise
    drawn = clock.timed("generator", lambda: [translate.across(to_tensor(frame)) for frame in frames])
    moving = clock.alone(lambda: [translate.across(to_tensor(s.frame.pixels), o) for s, o in followed])
    clock.ms["noise carried"] += max(0.0, moving - clock.ms["generator"])
    moments = [Moment(s.frame.index, s.frame.pixels, x, s.step) for s, x in zip(steps, drawn, strict=True)]
    shown = clock.timed(
        f"smoothing, K = {recipe.smooth.window}", lambda: list(smooth(moments, recipe.smooth))
    )
    clock.timed(
        "encoding", lambda: _encode(clip, [to_pixels(m.translated) for m in shown], recipe.encode.crf)
    )
    return clock.ms


class _Clock:
    """ms: milliseconds a frame, by stage."""

    def __init__(self, frames: int) -> None:
        self.frames, self.ms = frames, dict[str, float]()

    def timed(self, name: str, work: Callable):
        began = time.perf_counter()
        result = work()
        self.ms[name] = 1000 * (time.perf_counter() - began) / self.frames
        return result

    def alone(self, work: Callable) -> float:
        began = time.perf_counter()
        work()
        return 1000 * (time.perf_counter() - began) / self.frames


def _flows(stills: Sequence[Still], estimator) -> list[Stepped]:
    steps = list(in_steps(stills, estimator))
    for _, step in steps:
        if step is not None:
            assert len(step.back) == len(step.forth)
    return steps


def _encode(clip: Path, pictures: Sequence[NDArray], crf: int) -> None:
    height, width = pictures[0].shape[:2]
    info = replace(open_clip(clip).info, width=width, height=height)
    ticks = round(1 / (info.average_rate * info.time_base))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"
        with PictureWriter(out, info, codec_for("h264", out, info, EncodeSettings(crf=crf))) as writer:
            for number, pixels in enumerate(pictures):
                writer.write(Frame(number, number * ticks, ticks, info.time_base, pixels))


if __name__ == "__main__":
    main()

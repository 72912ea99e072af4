"""Which engine draws frames fastest on a CPU, and how far do their pictures differ?

    python benchmarks/engines.py [--clip CLIP] [--target PICTURE] [--look LOOK.safetensors] [--budget 20]
                                 [--width 480] [--height 270] [--runs 9] [--without-compile]

Trains the `balanced` generator for a moment (its length changes no time), and draws one frame by every
engine, in turns, as a render does: several frames at the same time, each by its share of the cores.
Milliseconds a frame are medians, and the fastest: of the generator alone, and of a frame's whole crossing.
Ratios and largest differences (in levels of 255) are to torch in fp32 with channels last, a frame in one
piece by all cores. Where others use the machine, the fastest say more of the engines, medians of how they
share.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from steady import print_machine
from torch import Tensor

from vidgan.config import load_recipe
from vidgan.gan import generator as generators
from vidgan.gan.conditioned import Translator
from vidgan.gan.device import autocast
from vidgan.gan.engine import has_openvino
from vidgan.gan.look import Look, load_look
from vidgan.gan.threads import frames_at_once, rendering_threads
from vidgan.jobs.options import Watch
from vidgan.jobs.subject import choose_footage
from vidgan.jobs.training import train_look
from vidgan.keyframes import survey
from vidgan.media import open_clip, read_picture
from vidgan.resample import resize, to_tensor

CPU = torch.device("cpu")
Draw = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]


@dataclass
class Row:
    """One engine: the translator that draws by it, how many frames at once, and its times in milliseconds.

    bands: of rows, each through a stage at a time; False: whole pictures.
    """

    name: str
    translate: Translator
    at_once: int
    bands: bool = True
    told: Sequence[Tensor] = ()
    noises: Sequence[Tensor] = ()
    ready_seconds: float = 0.0
    alone: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    picture: Tensor = field(default_factory=lambda: torch.zeros(0))


def main() -> None:
    arguments = _arguments()
    look = load_look(arguments.look) if arguments.look else _trained(arguments)
    frame = to_tensor(open_clip(arguments.clip).frame(10).pixels)
    frame = resize(frame, (arguments.height, arguments.width)).clamp(-1, 1)
    rows = [_ready(row, frame) for row in _rows(look, not arguments.without_compile)]
    for _ in range(arguments.runs):
        for row in rows:
            _measure(row, frame)
    print_machine(CPU, f"{arguments.width}x{arguments.height}, {torch.get_num_threads()} threads")
    _print(rows)
    for precision in (torch.float32, torch.bfloat16, torch.float16):
        print(f"one core, one convolution in {precision}: {convolution_gflops(precision):.0f} GFLOP/s")


def _arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--clip", type=Path, default=Path("samples/clip.mp4"))
    parser.add_argument("--target", type=Path, default=Path("samples/target.png"))
    parser.add_argument("--look", type=Path, help="instead of training")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of training")
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--height", type=int, default=270)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument(
        "--without-compile", action="store_true", help="leave torch.compile out: a minute less"
    )
    return parser.parse_args()


def _trained(arguments: argparse.Namespace) -> Look:
    clip, picture = open_clip(arguments.clip), read_picture(arguments.target)
    recipe = load_recipe("balanced", [f"train.seconds={arguments.budget:g}"])
    found = survey(clip.frames(), recipe.decode.cut_threshold)
    footage = choose_footage(clip, found, found.representative, recipe.train.frames)
    return train_look(footage, picture, recipe, CPU, Watch())[0]


def _rows(look: Look, with_compile: bool) -> list[Row]:
    at_once, precisions = frames_at_once(CPU), ("fp32", "bf16")
    rows = [_torch(look, "fp32", False, 1)]
    rows += [_torch(look, precision, bands, at_once) for bands in (False, True) for precision in precisions]
    if with_compile:
        rows += [_compiled(look, precision) for precision in precisions]
    if has_openvino():
        rows += [Row(f"OpenVINO {name}", _translator(look, name, "openvino"), at_once) for name in precisions]
    return rows


def _translator(look: Look, precision: str, engine: str) -> Translator:
    crossing = look.model.to_b.to(CPU)
    settings, trained = look.recipe.translate, look.recipe.train
    trained = type(trained)(**{**vars(trained), "precision": precision})
    return Translator(crossing, look.model.ladder, settings, trained, CPU, engine)


def _torch(look: Look, precision: str, bands: bool, at_once: int) -> Row:
    how = "bands of rows" if bands else "one piece"
    turn = "" if at_once > 1 else ", by all cores"
    return Row(f"torch {precision}, {how}{turn}", _translator(look, precision, "torch"), at_once, bands)


def _compiled(look: Look, precision: str) -> Row:
    translate = _translator(look, precision, "torch")
    ready = torch.compile(_in_one_piece(translate.engine.generator))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32

    def draw(told: Sequence[Tensor], noises: Sequence[Tensor], tile_px: int = 0) -> Tensor:
        with autocast(CPU, dtype):
            return ready(list(told), list(noises))

    translate.engine.draw = draw
    return Row(f"torch.compile {precision}, by all cores", translate, 1)


def _in_one_piece(generator: generators.Generator) -> Draw:
    def draw(told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
        features = None
        for stage, level, noise in zip(generator.stages, told, noises, strict=True):
            if features is not None:
                size = level.shape[-2:]
                features = torch.nn.functional.interpolate(features, size, mode="bilinear")
            features = stage(level, noise, features)
        return generator.picture(features)

    return draw


def _ready(row: Row, frame: Tensor) -> Row:
    """The first frame, in which an engine compiles what it compiles; then as often as it takes to settle."""
    engine, draw = row.translate.engine, row.translate.engine.draw

    def remembering(told: Sequence[Tensor], noises: Sequence[Tensor], tile_px: int = 0) -> Tensor:
        row.told, row.noises = told, noises
        return draw(told, noises, tile_px)

    engine.draw = remembering
    with _as_drawn(row):
        began = time.perf_counter()
        row.picture = row.translate.across(frame)
        first = time.perf_counter() - began
        began = time.perf_counter()
        row.translate.across(frame)
        row.ready_seconds = first - (time.perf_counter() - began)
    engine.draw = draw
    return row


def _measure(row: Row, frame: Tensor) -> None:
    def alone() -> None:
        with torch.inference_mode():
            row.translate.engine.draw(row.told, row.noises)

    with _as_drawn(row), ThreadPoolExecutor(row.at_once) as pool:
        row.alone.append(_ms_each(pool, row.at_once, alone))
        row.whole.append(_ms_each(pool, row.at_once, lambda: row.translate.across(frame)))


def _ms_each(pool: ThreadPoolExecutor, at_once: int, work: Callable) -> float:
    """A frame, where so many are drawn at the same time, two by each thread."""
    count = 2 * at_once
    began = time.perf_counter()
    list(pool.map(lambda _: work(), range(count)))
    return 1000 * (time.perf_counter() - began) / count


@contextmanager
def _as_drawn(row: Row) -> Iterator[None]:
    kept = generators.BAND_ROWS
    generators.BAND_ROWS = kept if row.bands else 10**6
    try:
        if row.at_once > 1:
            with rendering_threads(CPU):
                yield
        else:
            yield
    finally:
        generators.BAND_ROWS = kept


def convolution_gflops(precision: torch.dtype, channels: int = 32, side: int = 400) -> float:
    """What one core computes in a generator's own convolution, at best: 10**9 operations a second."""
    picture = torch.randn(1, channels, side, side).to(precision, memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3).to(precision, memory_format=torch.channels_last)
    before, seconds = torch.get_num_threads(), []
    torch.set_num_threads(1)
    for _ in range(9):
        began = time.perf_counter()
        torch.nn.functional.conv2d(picture, weight, padding=1)
        seconds.append(time.perf_counter() - began)
    torch.set_num_threads(before)
    return 2 * 9 * channels**2 * side**2 / min(seconds) / 1e9


def _print(rows: Sequence[Row]) -> None:
    heads = (
        "generator",
        "ratio",
        "fastest",
        "ratio",
        "whole",
        "ratio",
        "fastest",
        "ratio",
        "levels",
        "ready, s",
    )
    print(f"{'':34}" + "".join(f"{head:>10}" for head in heads))
    first = _figures(rows[0])
    for row in rows:
        times = [f"{ms:10.1f}{base / ms:10.2f}" for ms, base in zip(_figures(row), first, strict=True)]
        levels = float((row.picture - rows[0].picture).abs().max()) * 127.5
        print(f"{row.name:34}{''.join(times)}{levels:10.3f}{row.ready_seconds:10.1f}", flush=True)


def _figures(row: Row) -> list[float]:
    return [figure(times) for times in (row.alone, row.whole) for figure in (statistics.median, min)]


if __name__ == "__main__":
    main()

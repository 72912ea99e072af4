"""What computes a generator while frames are rendered: torch, or OpenVINO on a CPU. In no recipe.

OpenVINO is an optional package. It joins a convolution with what follows it; how much faster that is, and how
far results differ, is in benchmarks.md.
"""

import threading
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Protocol

import torch
from torch import Tensor

from vidgan.errors import DeviceError, UsageError
from vidgan.gan.compiled import Compiled, compile_stages
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.generator import Generator, climb
from vidgan.gan.pyramid import Size, size_of
from vidgan.gan.tiles import drawn_in_tiles

ENGINES = ("auto", "torch", "openvino")
REMEDY = "pip install 'vidgan[openvino]'"

TILE_PX = 256
"""Side of the tiles that frames larger than that are drawn in."""
_MOST_PIXELS = 10_000_000  # 4K in one piece takes 3 GiB, and tiles take more time (benchmarks.md)
_LEAST_PIXELS = 25_000  # smaller frames take no time to speak of, and OpenVINO a moment to get ready


def require_engine(name: str, device: torch.device) -> None:
    """UsageError for what is no engine or does not fit the device; DeviceError where it is not installed."""
    if name not in ENGINES:
        raise UsageError(f"engine {name!r} is unknown; known: {', '.join(ENGINES)}")
    if name == "openvino" and device.type != "cpu":
        raise UsageError(f"engine openvino works on a CPU, not on {device}: add --device cpu, or take torch")
    if name == "openvino" and not has_openvino():
        raise DeviceError(f"engine openvino was asked for, but it is not installed: {REMEDY}")


def require_torch(name: str, looks: str) -> None:
    """Of looks that torch alone draws: UsageError where OpenVINO is asked for."""
    if name == "openvino":
        raise UsageError(f"{looks} are drawn by torch alone: leave --engine openvino out")


def has_openvino() -> bool:
    return find_spec("openvino") is not None


def engine_in_words(name: str, device: torch.device) -> str:
    """What that name stands for here, as far as it changes bits; auto takes torch for small pictures."""
    if name == "torch" or device.type != "cpu" or not has_openvino():
        return "torch"
    return f"{name}, openvino {version('openvino')}"


class _Parts(Protocol):
    """A generator in pieces. told: levels, (B, 3, h, w), as much as they are shown; noises: (B, 1, h, w)."""

    def whole(self, told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
        """Generator.difference."""
        ...

    def coarse(self, told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
        """Features of as many stages as there are levels, (B, C, h, w)."""
        ...

    def finest(self, level: Tensor, noise: Tensor, below: Tensor | None) -> Tensor:
        """The last stage and the tail on features of the level's own size: (B, 3, h, w)."""
        ...


class Engine:
    """Draws with one generator on one device. name: one of ENGINES; precision: as a recipe has it."""

    def __init__(self, generator: Generator, name: str, precision: str, device: torch.device) -> None:
        require_engine(name, device)
        self.generator, self.name, self.device = generator, name, device
        self._torch = _Torch(generator, choose_precision(precision, device))
        self._openvino = _OpenVino(generator, _compiled_precision(precision))

    def draw(self, told: Sequence[Tensor], noises: Sequence[Tensor], tile_px: int = 0) -> Tensor:
        """Generator.difference. tile_px: in tiles of that side; 0: in one piece, unless the frame is large.

        What is chosen follows from the size alone, so every frame of a clip is drawn in the same way.
        """
        size = size_of(told[-1])
        parts: _Parts = self._openvino if self._takes_openvino(size) else self._torch
        if self.device.type == "cpu" and size[0] * size[1] > _MOST_PIXELS:
            tile_px = tile_px or TILE_PX
        if not tile_px:
            return parts.whole(told, noises)
        below = parts.coarse(told[:-1], noises[:-1]) if told[:-1] else None
        reach = self.generator.reach
        return drawn_in_tiles(parts.finest, told[-1], noises[-1], below, tile_px, reach)

    def _takes_openvino(self, size: Size) -> bool:
        if self.name == "auto":
            return self.device.type == "cpu" and size[0] * size[1] >= _LEAST_PIXELS and has_openvino()
        return self.name == "openvino"


class _Torch:
    def __init__(self, generator: Generator, precision: torch.dtype) -> None:
        self.generator, self.precision = generator, precision

    def whole(self, told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
        with autocast(told[-1].device, self.precision):
            return self.generator.difference(told, noises)

    def coarse(self, told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
        with autocast(told[-1].device, self.precision):
            return climb(self.generator.stages[: len(told)], told, noises)

    def finest(self, level: Tensor, noise: Tensor, below: Tensor | None) -> Tensor:
        with autocast(level.device, self.precision):
            return self.generator.picture(self.generator.stages[-1](level, noise, below))


class _OpenVino:
    """Every piece is compiled once, for as long as pictures have the same size."""

    def __init__(self, generator: Generator, precision: torch.dtype) -> None:
        self.generator, self.precision = generator, precision
        self._ready: dict[str, tuple[list[Size], Compiled]] = {}
        self._compiling = threading.Lock()

    def whole(self, told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
        return self._piece("whole", told)(told, noises)

    def coarse(self, told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
        return self._piece("coarse", told)(told, noises)

    def finest(self, level: Tensor, noise: Tensor, below: Tensor | None) -> Tensor:
        return self._piece("finest", [level])([level], [noise], below)

    def _piece(self, name: str, told: Sequence[Tensor]) -> Compiled:
        sizes = [size_of(level) for level in told]
        with self._compiling:
            if name not in self._ready or self._ready[name][0] != sizes:
                self._ready[name] = sizes, self._compiled(name, sizes)
            return self._ready[name][1]

    def _compiled(self, name: str, sizes: Sequence[Size]) -> Compiled:
        stages, tail = list(self.generator.stages), self.generator.tail
        if name == "coarse":
            return compile_stages(stages[: len(sizes)], None, sizes, self.precision)
        if name == "finest":
            return compile_stages(stages[-1:], tail, sizes, self.precision, has_below=len(stages) > 1)
        return compile_stages(stages, tail, sizes, self.precision)


def _compiled_precision(name: str) -> torch.dtype:
    """auto: bf16 with AMX alone; with AVX512-BF16 it was slower than fp32 (benchmarks.md)."""
    has_amx = bool(torch.cpu._is_amx_tile_supported())
    return torch.bfloat16 if name == "bf16" or (name == "auto" and has_amx) else torch.float32

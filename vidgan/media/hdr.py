"""HDR10's static metadata (SMPTE ST 2086, CTA-861.3): read from frames, said again to encoders."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

_DYNAMIC = {
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DOVI_METADATA": "Dolby Vision",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
}

Point = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Hdr10:
    """red, green, blue, white: CIE x and y of the mastering display; nits: its darkest and brightest (cd/m2).

    light: the brightest pixel and the brightest frame's mean (MaxCLL, MaxFALL). Empty where nothing is said.
    """

    primaries: tuple[Point, ...] = ()
    nits: tuple[Fraction, ...] = ()
    light: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.primaries or self.nits or self.light)

    @property
    def has_display(self) -> bool:
        return bool(self.primaries and self.nits)

    def matches(self, other: "Hdr10") -> bool:
        """Whether both say the same, but for the units that they were stored in."""
        ours, theirs = self._numbers(), other._numbers()
        return len(ours) == len(theirs) and all(
            abs(a - b) <= max(Fraction(1, 10000), abs(a) / 1000) for a, b in zip(ours, theirs, strict=True)
        )

    def _numbers(self) -> list[Fraction]:
        points = [coordinate for point in self.primaries for coordinate in point]
        return [*points, *self.nits, *map(Fraction, self.light)]

    def for_x265(self) -> dict[str, str]:
        """Integers: chromaticities in 1/50000, luminance in 1/10000 cd/m2; x264 takes the same."""
        return {"display": self._display(50000, 10000, whole=True), "light": ",".join(map(str, self.light))}

    def for_svt_av1(self) -> dict[str, str]:
        """The same in plain numbers."""
        return {"display": self._display(1, 1, whole=False), "light": ",".join(map(str, self.light))}

    def _display(self, chromaticity: int, luminance: int, whole: bool) -> str:
        if not self.has_display:
            return ""
        red, green, blue, white = self.primaries

        def said(pair: tuple[Fraction, ...], unit: int) -> str:
            return ",".join(str(round(x * unit)) if whole else f"{float(x * unit):.6g}" for x in pair)

        named = {"G": green, "B": blue, "R": red, "WP": white}
        points = "".join(f"{name}({said(point, chromaticity)})" for name, point in named.items())
        return f"{points}L({said(self.nits[::-1], luminance)})"

    def as_json(self) -> dict[str, object] | None:
        if not self:
            return None
        names = ("red", "green", "blue", "white")
        return {
            "primaries": {n: [float(x) for x in p] for n, p in zip(names, self.primaries, strict=False)},
            "nits": [float(x) for x in self.nits],
            "max_cll": self.light[0] if self.light else None,
            "max_fall": self.light[1] if self.light else None,
        }


def hdr10_of(frame: VideoFrame) -> Hdr10:
    """What a frame says, whether its bitstream or its container told."""
    primaries, nits = _mastering_display(_data(frame, "MASTERING_DISPLAY_METADATA"))
    light = _data(frame, "CONTENT_LIGHT_LEVEL")
    return Hdr10(primaries, nits, struct.unpack("=2I", light[:8]) if len(light) >= 8 else ())


def dynamic_hdr(frame: VideoFrame) -> str:
    """The name of metadata that describes every frame anew; "" where there is none."""
    return next((name for kind, name in _DYNAMIC.items() if _data(frame, kind)), "")


def _data(frame: VideoFrame, kind: str) -> bytes:
    side = cast(SideData | None, frame.side_data.get(kind))
    return b"" if side is None else bytes(side)


def _mastering_display(data: bytes) -> tuple[tuple[Point, ...], tuple[Fraction, ...]]:
    """FFmpeg's AVMasteringDisplayMetadata: ten rationals, and whether either half of them counts."""
    if len(data) < 88:
        return (), ()
    *numbers, has_primaries, has_luminance = struct.unpack("=22i", data[:88])
    values = [Fraction(a, b or 1) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
    points = tuple(zip(values[:8:2], values[1:8:2], strict=True))
    return points if has_primaries else (), tuple(values[8:]) if has_luminance else ()

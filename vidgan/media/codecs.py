"""The codecs that pictures are encoded with, which one an output gets, and as what it stores them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vidgan.config import PRESETS, EncodeSettings
from vidgan.errors import OutputError, UsageError
from vidgan.media.clip import ClipInfo
from vidgan.media.colour import BT709, MATRIX_RGB
from vidgan.media.hdr import Hdr10
from vidgan.media.output import MATROSKA, container_of
from vidgan.media.planes import Layout, layout_of, plain_format

# How hard to try: SVT-AV1's number for x264's names.
_SVT_PRESETS = dict(zip(PRESETS, (12, 11, 10, 9, 8, 7, 5, 4, 3), strict=True))

_RICHNESS = ("gray", "410", "411", "420", "440", "422", "444", "rgb")


@dataclass(frozen=True)
class Codec:
    """How pictures become packets.

    name: as the recipe and --codec say it. encoder, pix_fmt, options: FFmpeg's. part: the container that
    holds its packets until they are joined.
    lossless: what is stored comes back bit for bit. notices: what this choice costs this clip.
    """

    name: str
    encoder: str
    pix_fmt: str
    options: tuple[tuple[str, str], ...] = ()
    part: str = "nut"
    lossless: bool = False
    notices: tuple[str, ...] = ()

    @property
    def pictures(self) -> bool:
        """Whether every frame becomes a file of its own."""
        return self.name in ("png", "exr")


@dataclass(frozen=True)
class _Kind:
    """A codec before it is fitted to a clip. even: odd sizes only without subsampling."""

    encoder: str
    containers: tuple[str, ...]
    formats: tuple[str, ...]
    options: Callable[[Layout, int, str], dict[str, str]]
    part: str = "nut"
    even: bool = False
    lossless: bool = False


@dataclass(frozen=True)
class _Wanted:
    """What of a clip its storage should hold."""

    alpha: bool
    bits: int
    chroma: str

    def cost(self, layout: Layout) -> tuple[int, ...]:
        """How badly a format suits: first what it loses, then what it stores for nothing."""
        chroma = _RICHNESS.index(chroma_of(layout)) - _RICHNESS.index(self.chroma)
        bits = layout.bits - self.bits
        lost = (self.alpha > layout.alpha, max(0, -bits), max(0, -chroma))
        spare = (max(0, bits), max(0, chroma), layout.alpha > self.alpha)
        return tuple(map(int, (*lost, *spare)))


def codec_for(name: str, out: str | Path, info: ClipInfo, settings: EncodeSettings | None = None) -> Codec:
    """The codec for a clip's pictures in `out`. name: a key of CODECS, or "auto".

    auto follows the clip's bit depth, chroma and alpha within what the container can hold: in mp4 H.264, and
    HEVC for deeper pictures; in mov also ProRes; in mkv FFV1, which is lossless; in webm AV1, and VP9 with
    alpha; in mxf DNxHR. settings: their crf, preset and chroma count. Raises UsageError for an unknown name,
    OutputError where the container cannot hold the codec.
    """
    settings = settings or EncodeSettings()
    container = container_of(Path(out))
    wanted = _wanted(info, settings.chroma)
    if name == "auto":
        name = _auto(container, wanted)
    if name not in CODECS:
        raise UsageError(f"unknown codec {name!r}: use auto, {', '.join(CODECS)}.")
    kind = CODECS[name]
    if name == "exr" and info.colour.high_dynamic_range:
        transfer = info.colour.names()["transfer"]
        raise OutputError(
            f"{out}: {transfer} is not turned into EXR's linear light: use .png, or ffv1 in .mkv."
        )
    if container not in kind.containers:
        raise OutputError(f"{out}: {name} does not go into this container: {_suited(kind)}.")
    odd = kind.even and (info.width % 2 or info.height % 2)
    formats = [f for f in kind.formats if not odd or layout_of(plain_format(f)).steps == (0, 0)]
    if not formats:
        raise OutputError(f"{out}: {name} cannot hold {info.width}x{info.height}: use ffv1 or h264.")
    chosen = min(formats, key=lambda f: wanted.cost(layout_of(plain_format(f))))
    layout = layout_of(plain_format(chosen))
    options = kind.options(layout, settings.crf, settings.preset)
    options |= _hdr10(kind.encoder, info.hdr10, options)
    return Codec(
        name=name,
        encoder=kind.encoder,
        pix_fmt=chosen,
        options=tuple(options.items()),
        part="matroska" if name == "vp9" and layout.alpha else kind.part,
        lossless=kind.lossless,
        notices=_notices(name, info, wanted, layout, bool(odd)),
    )


def chroma_of(layout: Layout) -> str:
    """How much colour a format has: one of _RICHNESS."""
    return layout.kind if layout.kind != "yuv" else layout.subsampling


def richness(chroma: str) -> int:
    """Its place among them."""
    return _RICHNESS.index(chroma)


def _wanted(info: ClipInfo, chroma: str) -> _Wanted:
    source = layout_of(plain_format(info.pix_fmt))
    return _Wanted(info.alpha, source.bits, chroma_of(source) if chroma == "auto" else chroma)


def _auto(container: str, wanted: _Wanted) -> str:
    deep, subsampled = wanted.bits > 8, wanted.chroma in ("gray", "410", "411", "420")
    if container in _ONLY:
        return _ONLY[container]
    if container == "webm":
        return "vp9" if wanted.alpha or not (subsampled or deep) else "av1"
    if container == "mov" and wanted.alpha:
        return "prores4444"
    if not deep:
        return "h264"
    if container == "mp4" or subsampled:
        return "h265-10bit"
    return "prores422" if wanted.chroma in ("422", "440") else "prores4444"


_ONLY = {"matroska": "ffv1", "mxf": "dnxhr", "png": "png", "exr": "exr"}


def _notices(name: str, info: ClipInfo, wanted: _Wanted, layout: Layout, odd: bool) -> tuple[str, ...]:
    said = []
    if wanted.alpha and not layout.alpha:
        said.append(f"alpha is dropped: {name} cannot hold it; ffv1 (mkv), prores4444 (mov), png and exr can")
    if layout.bits < wanted.bits:
        deep = f"{wanted.bits}-bit" if wanted.bits < 32 else "floating-point"
        keeps = "an .mkv output (FFV1)" if wanted.bits <= 16 else "an .exr output"
        said.append(f"{deep} pictures become {layout.bits}-bit {name}; {keeps} keeps their depth")
    if name == "dnxhr" and chroma_of(layout) != "rgb" and info.colour.matrix not in (BT709, 9, MATRIX_RGB):
        said.append(
            f"converted to BT.709's matrix from {info.colour.names()['matrix']}, which dnxhr cannot say"
        )
    if info.hdr10 and CODECS[name].encoder not in _HDR10_OPTIONS:
        said.append(f"HDR10's mastering display and light level are dropped: {name} cannot hold them")
    if odd:
        size = f"{info.width}x{info.height}"
        said.append(f"{size} is odd, which {name} 4:2:0 cannot hold; stored as 4:4:4")
    return (*said, *_chroma_notices(name, wanted.chroma, chroma_of(layout), odd, info))


def _chroma_notices(name: str, wanted: str, stored: str, odd: bool, info: ClipInfo) -> list[str]:
    source = chroma_of(layout_of(plain_format(info.pix_fmt)))
    if _RICHNESS.index(stored) < _RICHNESS.index(wanted) and wanted not in ("rgb", "440"):
        return [f"{_ratio(wanted)} chroma becomes {_ratio(stored)} in {name}"]
    if _RICHNESS.index(stored) > _RICHNESS.index(wanted) and wanted != source:
        return [f"{_ratio(wanted)} was asked for, {name} stores {_ratio(stored)}"]
    if wanted == "rgb" and stored in ("420", "422"):
        return [f"RGB becomes {_ratio(stored)} in {name}: colour is stored less finely"]
    if name in ("h264", "vp9") and stored in ("422", "444") and not odd and wanted == source:
        wish = "many players want 4:2:0: --set encode.chroma=420"
        return [f"stored as {_ratio(stored)}, as its source is; {wish}"]
    return []


def _ratio(chroma: str) -> str:
    return ":".join(chroma) if chroma.isdecimal() else chroma.upper()


def _hdr10(encoder: str, told: Hdr10, options: dict[str, str]) -> dict[str, str]:
    """Said again, since encoding loses it."""
    names = _HDR10_OPTIONS.get(encoder)
    if names is None or not told:
        return {}
    option, display, light = names
    values = told.for_svt_av1() if encoder == "libsvtav1" else told.for_x265()
    said = {display: values["display"], light: values["light"]}
    params = [options.get(option, ""), *(f"{name}={value}" for name, value in said.items() if value)]
    return {option: ":".join(filter(None, params))}


_HDR10_OPTIONS = {
    "libx264": ("x264-params", "mastering-display", "cll"),
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
}


def _suited(kind: _Kind) -> str:
    endings = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv", "webm": ".webm", "mxf": ".mxf",
               "png": "%05d.png", "exr": "%05d.exr"}  # fmt: skip
    return f"name the output {' or '.join(endings[container] for container in kind.containers)}"


def _x264(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    return {"preset": preset, "crf": str(min(crf, 51))}


def _x265(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    return {"preset": preset, "crf": str(min(crf, 51)), "x265-params": "log-level=none"}


def _svt_av1(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    return {"preset": str(_SVT_PRESETS[preset]), "crf": str(crf)}


def _vp9(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    speed = min(8, max(0, _SVT_PRESETS[preset] - 4))
    options = {"crf": str(crf), "b": "0", "deadline": "good", "cpu-used": str(speed), "row-mt": "1"}
    # Its hidden frames cannot carry alpha.
    return options | ({"auto-alt-ref": "0"} if layout.alpha else {})


def _prores422(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    return {"profile": "hq", "vendor": "apl0"}


def _prores4444(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    return {"profile": "4444", "vendor": "apl0", "alpha_bits": "16" if layout.alpha else "0"}


def _dnxhr(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    if chroma_of(layout) in ("444", "rgb"):
        return {"profile": "dnxhr_444"}
    return {"profile": "dnxhr_hqx" if layout.bits > 8 else "dnxhr_hq"}


def _ffv1(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    # Version 3 has slices, which thread, and checksums, which tell a damaged frame.
    return {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}


def _nothing(layout: Layout, crf: int, preset: str) -> dict[str, str]:
    return {}


def _family(stem: str, depths: str) -> tuple[str, ...]:
    return tuple(stem + depth for depth in depths.split())


_YUV_DEPTHS = "p p9le p10le p12le p14le p16le"
_FFV1_FORMATS = (
    *("gray", "gray9le", "gray10le", "gray12le", "gray14le", "gray16le"),
    *("yuv410p", "yuv411p", "yuv440p", "yuv440p10le", "yuv440p12le"),
    *_family("yuv420", _YUV_DEPTHS), *_family("yuv422", _YUV_DEPTHS), *_family("yuv444", _YUV_DEPTHS),
    *_family("yuva420", "p p9le p10le p16le"), *_family("yuva422", "p p9le p10le p12le p16le"),
    *_family("yuva444", "p p9le p10le p12le p16le"),
    *("bgr0", "bgra"), *_family("gbr", "p9le p10le p12le p14le p16le"),
    *_family("gbra", "p10le p12le p14le p16le"),
)  # fmt: skip

_MOVIES = ("mp4", "mov", "matroska")
CODECS: dict[str, _Kind] = {
    "h264": _Kind("libx264", _MOVIES, ("yuv420p", "yuv422p", "yuv444p"), _x264, even=True),
    "h265-10bit": _Kind("libx265", _MOVIES, _family("yuv", "420p10le 422p10le 444p10le"), _x265, even=True),
    "prores422": _Kind("prores_ks", ("mov", "matroska"), ("yuv422p10le",), _prores422, part="mov"),
    "prores4444": _Kind(
        "prores_ks", ("mov", "matroska"), ("yuv444p10le", "yuva444p10le"), _prores4444, "mov"
    ),
    "dnxhr": _Kind(
        "dnxhd", ("mov", "mxf"), ("yuv422p", "yuv422p10le", "yuv444p10le", "gbrp10le"), _dnxhr, "mov", True
    ),
    "ffv1": _Kind("ffv1", ("matroska",), _FFV1_FORMATS, _ffv1, lossless=True),
    "av1": _Kind("libsvtav1", ("mp4", *MATROSKA), ("yuv420p", "yuv420p10le"), _svt_av1),
    "vp9": _Kind("libvpx-vp9", ("mp4", *MATROSKA), _family("yuv", "420p a420p 422p 444p"), _vp9),
    "png": _Kind("png", ("png",), ("rgb24", "rgba", "rgb48be", "rgba64be"), _nothing, lossless=True),
    "exr": _Kind("exr", ("exr",), ("gbrpf32le", "gbrapf32le"), _nothing, lossless=True),
}

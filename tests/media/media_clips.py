"""Small clips with known contents, written where a test needs them."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from vidgan.config import EncodeSettings
from vidgan.media import PictureWriter, codec_for

# Uneven steps, all of them over a millisecond.
VFR = (7, 107, 619, 1207, 2907, 3007, 3048, 4407, 5007, 6007, 6519, 9007)


def picture(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A smooth picture that differs from every other index: (H, W, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    red = 60 + 100 * x + 4 * index
    green = 50 + 110 * y + 5 * index
    blue = 128 + 30 * np.sin(5 * x + index)
    return np.stack([red, green, blue], axis=2).round().astype(np.uint8)


@dataclass
class ClipSpec:
    """What to write. pts are in units of time_base; their number is the number of frames."""

    pts: Sequence[int] = tuple(range(0, 12 * 512, 512))
    time_base: Fraction = Fraction(1, 12800)
    rate: Fraction = Fraction(25)
    size: tuple[int, int] = (64, 48)
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"g": "5", "crf": "10"})
    colour: tuple[int, int, int, int] | None = None  # primaries, transfer, matrix, range
    aspect: Fraction | None = None
    rotation: int = 0
    mirrored: bool = False
    audio: bool = False
    audio_start_seconds: float = 0.0
    video_streams: int = 1
    container_options: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    draw: Callable[..., np.ndarray] = picture


def write_clip(path: Path, **changes: object) -> Path:
    spec = ClipSpec(**changes)  # type: ignore[arg-type]
    with av.open(str(path), "w", options=spec.container_options) as container:
        container.metadata.update(spec.metadata)
        videos = [_add_video(container, spec) for _ in range(spec.video_streams)]
        sound = container.add_stream("aac", rate=48000) if spec.audio else None
        for index, pts in enumerate(spec.pts):
            for shade, video in enumerate(videos):
                frame = av.VideoFrame.from_ndarray(spec.draw(index + shade, *spec.size), format="rgb24")
                frame = frame.reformat(format=spec.pix_fmt)
                frame.pts, frame.time_base = pts, spec.time_base
                container.mux(video.encode(frame))
        for video in videos:
            container.mux(video.encode(None))
        if sound is not None:
            seconds = float((spec.pts[-1] + 512 - spec.pts[0]) * spec.time_base)
            _write_tone(container, sound, seconds, spec.audio_start_seconds)
    return path


def _add_video(container, spec: ClipSpec):  # type: ignore[no-untyped-def]
    stream = container.add_stream(spec.codec, rate=spec.rate, options=dict(spec.options))
    stream.width, stream.height = spec.size
    stream.pix_fmt = spec.pix_fmt
    stream.time_base = stream.codec_context.time_base = spec.time_base
    context = stream.codec_context
    if spec.colour:
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = spec.colour
    if spec.aspect:
        context.sample_aspect_ratio = spec.aspect
    if spec.rotation or spec.mirrored:
        stream.set_display_rotation(spec.rotation, hflip=spec.mirrored)
    return stream


def _write_tone(container, stream, seconds: float, start: float) -> None:  # type: ignore[no-untyped-def]
    count = int(seconds * 48000)
    tone = (0.3 * np.sin(np.arange(count) * 0.05)).astype(np.float32)
    for offset in range(0, count, 1024):
        block = np.zeros((2, 1024), np.float32)
        block[:, : len(tone[offset : offset + 1024])] = tone[offset : offset + 1024]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, offset + int(start * 48000), Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def translated(clip, folder: Path, out: str, ranges: list[tuple[int, int]], crf: int = 17) -> list[Path]:
    """Parts holding the given ranges of a clip, encoded for `out`."""
    parts, codec = [], codec_for("auto", out, clip.info, EncodeSettings(crf=crf))
    for start, stop in ranges:
        parts.append(folder / f"{start}-{stop}.part")
        with PictureWriter(parts[-1], clip.info, codec) as writer:
            for frame in clip.frames(start, stop):
                writer.write(frame)
    return parts


def packets(path: Path, kind: str) -> list[tuple[int | None, Fraction, bytes]]:
    """(pts, time base, bytes) of each packet of a kind of stream, by stream, in file order."""
    with av.open(str(path)) as container:
        found = [p for p in container.demux() if p.size and p.stream.type == kind]
        return [(p.pts, p.time_base, bytes(p)) for p in sorted(found, key=lambda p: p.stream_index)]


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the real ffmpeg, an oracle that shares no code path with PyAV here."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True)


def ffmpeg_rgb(path: Path, size: tuple[int, int], *options: str) -> np.ndarray:
    """All frames as ffmpeg decodes them, (N, H, W, 3) uint8."""
    flags = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp:in_chroma_loc=left"
    raw = ffmpeg("-i", str(path), *options, "-vf", f"scale={flags}", "-fps_mode", "passthrough",
                 "-pix_fmt", "rgb24", "-f", "rawvideo", "-").stdout  # fmt: skip
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)

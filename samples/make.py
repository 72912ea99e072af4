"""Makes the sample media from nothing but code and fixed seeds.

    python samples/make.py [--out DIR]

writes clip.mp4, target.png and keyframe_48.png. `render`, `exact_flow` and `exact_visible` are the
clip's frames and the truth about their motion; see samples/scene.py.
"""

import argparse
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from brush import paint_over
from mosaic import mosaic
from moves import FRAMES
from scene import exact_flow, exact_visible, render
from soundtrack import SAMPLE_RATE, soundtrack

__all__ = ["FRAMES", "KEYFRAME", "RATE", "exact_flow", "exact_visible", "main", "render"]

Array = np.ndarray

RATE = 24
KEYFRAME = 48
# libx264 repeats its bits only on one thread, and only with AVX-512 left alone.
X264 = {"crf": "16", "preset": "slow", "threads": "1", "x264-params": "asm=avx2:threads=1"}


def main(arguments: list[str] | None = None) -> None:
    """Write the sample media into the folder given by `--out`, by default this one."""
    parser = argparse.ArgumentParser(description="Render vidgan's sample media.")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parent, help="folder to write to"
    )
    folder = parser.parse_args(arguments).out
    folder.mkdir(parents=True, exist_ok=True)
    write_clip(folder / "clip.mp4")
    write_png(folder / "target.png", mosaic())
    write_png(folder / f"keyframe_{KEYFRAME}.png", paint_over(render(KEYFRAME)))


def write_clip(path: Path) -> None:
    """Encode the scene and its soundtrack: H.264 and AAC in mp4, BT.709, moov first."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video, audio = (
            _video_stream(container),
            container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo"),
        )
        audio.bit_rate = 96_000
        for frame in _video_frames():
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for block in _audio_frames(audio.codec_context.frame_size or 1024):
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def write_png(path: Path, picture: Array) -> None:
    """Write an RGB uint8 (H, W, 3) picture."""
    if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise OSError(f"{path} could not be written")


def _video_stream(container: av.container.OutputContainer) -> av.VideoStream:
    height, width = render(0).shape[:2]
    stream = container.add_stream("libx264", rate=RATE, options=X264)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, RATE)
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    return stream


_BT709, _LIMITED = 1, 1  # as H.273 and FFmpeg number them


def _video_frames() -> Iterator[av.VideoFrame]:
    for t in range(FRAMES):
        rgb = av.VideoFrame.from_ndarray(render(t), format="rgb24")
        frame = rgb.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        frame.pts, frame.time_base = t, Fraction(1, RATE)
        yield frame


def _audio_frames(block: int) -> Iterator[av.AudioFrame]:
    sound = soundtrack(FRAMES / RATE)
    for start in range(0, sound.shape[1], block):
        samples = np.ascontiguousarray(sound[:, start : start + block])
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        yield frame


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()

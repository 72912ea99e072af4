"""One small source for every row of docs/media.md, made by the real ffmpeg wherever it can."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from media_clips import VFR, ffmpeg, write_clip
from PIL import Image

from vidgan.media import write_picture

PICTURES = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.4")
NTSC = "testsrc2=size=64x48:rate=30000/1001:duration=0.4"
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=0.4")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
HDR = "setparams=color_primaries=bt2020:color_trc={}:colorspace=bt2020nc:range=tv,format=yuv420p10le"
HDR10 = (
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
    ":hdr10=1:log-level=none"
)


@dataclass(frozen=True)
class Feature:
    """make: writes the source, given a folder. checks: what verify calls it. told: a word of the notice."""

    make: Callable[[Path], Path]
    checks: tuple[str, ...]
    told: str = ""


def by_ffmpeg(name: str, *arguments: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        ffmpeg(*arguments, str(folder / name))
        return folder / name

    return make


def by_us(name: str, **changes: object) -> Callable[[Path], Path]:
    return lambda folder: write_clip(folder / name, **changes)


def subtitled(name: str, codec: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        lines = folder / "lines.srt"
        lines.write_text("1\n00:00:00,000 --> 00:00:00,200\nhello\n", encoding="utf-8")
        ffmpeg(*PICTURES, "-i", str(lines), *H264, "-c:s", codec, str(folder / name))
        return folder / name

    return make


def with_chapters(folder: Path) -> Path:
    chapters = folder / "chapters.txt"
    each = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"
    chapters.write_text(
        ";FFMETADATA1\n" + each.format(0, 200, "one") + each.format(200, 400, "two"), encoding="utf-8"
    )
    ffmpeg(*PICTURES, "-i", str(chapters), "-map_metadata", "1", *H264, str(folder / "chapters.mp4"))
    return folder / "chapters.mp4"


def with_attachment(folder: Path) -> Path:
    (folder / "font.ttf").write_bytes(bytes(range(256)) * 4)
    ffmpeg(*PICTURES, *H264, "-attach", str(folder / "font.ttf"), "-metadata:s:t", "mimetype=font/ttf",
           str(folder / "font.mkv"))  # fmt: skip
    return folder / "font.mkv"


def with_cover(folder: Path) -> Path:
    write_picture(folder / "cover.png", np.full((32, 32, 3), 90, np.uint8))
    ffmpeg(*PICTURES, "-i", str(folder / "cover.png"), "-map", "0", "-map", "1", *H264, "-c:v:1", "copy",
           "-disposition:v:1", "attached_pic", str(folder / "cover.mp4"))  # fmt: skip
    return folder / "cover.mp4"


def with_alpha(folder: Path) -> Path:
    half = "format=yuva444p10le,colorchannelmixer=aa=0.5"
    prores = ("-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "16")
    ffmpeg(*PICTURES, "-vf", half, *prores, str(folder / "alpha.mov"))
    return folder / "alpha.mov"


def folder_of_pictures(folder: Path) -> Path:
    (folder / "frames").mkdir()
    for number in range(1001, 1005):
        Image.effect_noise((64, 48), number - 980).convert("RGB").save(
            folder / "frames" / f"shot_{number}.png"
        )
    return folder / "frames"


def folder_of_exr(folder: Path) -> Path:
    (folder / "exr").mkdir()
    ffmpeg(*PICTURES, "-pix_fmt", "gbrpf32le", "-frames:v", "4", str(folder / "exr" / "%04d.exr"))
    return folder / "exr"


TIMES = ("frames", "timestamps", "duration")
COLOURS = ("colour primaries", "colour transfer", "colour matrix", "colour range")
SOUNDS = ("audio", "audio to pictures")
DEPTH = ("bit depth", "chroma")
SHAPE = ("size", "rotation", "pixel aspect")
FFV1 = ("-c:v", "ffv1", "-pix_fmt")

FEATURES: dict[str, Feature] = {
    "constant frame rate": Feature(by_ffmpeg("cfr.mp4", *PICTURES, *H264), TIMES),
    "29.97 a second": Feature(by_ffmpeg("ntsc.mp4", "-f", "lavfi", "-i", NTSC, *H264), TIMES),
    "variable frame rate": Feature(by_us("vfr.mp4", pts=VFR), TIMES, "variable frame rate"),
    "late start, with sound": Feature(
        by_us(
            "late.mp4", pts=[7000 + 512 * i for i in range(10)], audio=True, audio_start_seconds=7000 / 12800
        ),
        (*TIMES, "audio", "audio to pictures"),
        "audio",
    ),
    "AAC sound": Feature(by_ffmpeg("aac.mp4", *PICTURES, *SOUND, *H264, "-c:a", "aac"), SOUNDS, "audio"),
    "Opus sound": Feature(
        by_ffmpeg("opus.mkv", *PICTURES, *SOUND, *H264, "-c:a", "libopus"), SOUNDS, "audio"
    ),
    "PCM sound": Feature(
        by_ffmpeg("pcm.mov", *PICTURES, *SOUND, *H264, "-c:a", "pcm_s24le"), SOUNDS, "audio"
    ),
    "FLAC sound": Feature(by_ffmpeg("flac.mkv", *PICTURES, *SOUND, *H264, "-c:a", "flac"), SOUNDS, "audio"),
    "several sound tracks": Feature(
        by_ffmpeg(
            "two.mp4", *PICTURES, *SOUND, *SOUND, "-map", "0", "-map", "1", "-map", "2", *H264, "-c:a", "aac"
        ),
        ("audio 0", "audio 1"),
        "audio",
    ),
    "timed text subtitles": Feature(subtitled("text.mp4", "mov_text"), ("subtitle",), "subtitle"),
    "SubRip subtitles": Feature(subtitled("text.mkv", "srt"), ("subtitle",), "subtitle"),
    "chapters": Feature(with_chapters, ("chapters",), "chapters"),
    "attachments": Feature(with_attachment, ("attachment",), "attachment"),
    "cover picture": Feature(with_cover, ("cover",), "cover"),
    "title, comment": Feature(
        by_ffmpeg("title.mp4", *PICTURES, *H264, "-metadata", "title=Tiles", "-metadata", "comment=first"),
        ("metadata",),
        "metadata",
    ),
    "timecode": Feature(
        by_ffmpeg("timecode.mov", *PICTURES, *H264, "-timecode", "01:02:03:04"), ("timecode",), "the timecode"
    ),
    "BT.601 tags": Feature(by_us("601.mp4", colour=(6, 6, 6, 1)), COLOURS, "colour"),
    "BT.709 tags": Feature(by_us("709.mp4", colour=(1, 1, 1, 1)), COLOURS, "colour"),
    "BT.2020 tags": Feature(by_us("2020.mp4", colour=(9, 14, 9, 1)), COLOURS, "colour"),
    "full range": Feature(by_us("full.mp4", colour=(1, 1, 1, 2)), COLOURS, "colour"),
    "no tags": Feature(by_us("untagged.mp4"), COLOURS, "colour"),
    "PQ, HDR10": Feature(
        by_ffmpeg("pq.mp4", *PICTURES, "-vf", HDR.format("smpte2084"), *X265, "-x265-params", HDR10),
        (*COLOURS, "HDR10", "bit depth"),
        "HDR10",
    ),
    "HLG": Feature(
        by_ffmpeg(
            "hlg.mp4", *PICTURES, "-vf", HDR.format("arib-std-b67"), *X265, "-x265-params", "log-level=none"
        ),
        (*COLOURS, "bit depth"),
        "colour tags",
    ),
    "10 bits 4:2:0": Feature(by_ffmpeg("10.mkv", *PICTURES, *FFV1, "yuv420p10le"), DEPTH, "bit"),
    "10 bits 4:2:2": Feature(by_ffmpeg("10.mkv", *PICTURES, *FFV1, "yuv422p10le"), DEPTH, "chroma"),
    "12 bits 4:4:4": Feature(by_ffmpeg("12.mkv", *PICTURES, *FFV1, "yuv444p12le"), DEPTH, "12-bit"),
    "8 bits 4:2:2": Feature(by_ffmpeg("422.mp4", *PICTURES, "-c:v", "libx264", "-pix_fmt", "yuv422p"), DEPTH),
    "8 bits 4:4:4": Feature(by_ffmpeg("444.mp4", *PICTURES, "-c:v", "libx264", "-pix_fmt", "yuv444p"), DEPTH),
    "RGB": Feature(by_ffmpeg("rgb.mkv", *PICTURES, *FFV1, "bgr0"), DEPTH),
    "grey": Feature(by_ffmpeg("grey.mkv", *PICTURES, *FFV1, "gray"), DEPTH),
    "alpha": Feature(with_alpha, ("alpha",), "alpha"),
    "pixel aspect": Feature(by_us("dv.mp4", aspect=Fraction(16, 15)), SHAPE, "shape"),
    "rotation": Feature(by_us("phone.mp4", rotation=-90), SHAPE),
    "interlaced": Feature(
        by_ffmpeg("fields.mp4", *PICTURES, "-vf", "setfield=tff", *H264, "-flags", "+ilme+ildct"),
        TIMES,
        "interlaced",
    ),
    "several video streams": Feature(by_us("two.mp4", video_streams=2), TIMES, "other video streams"),
    "odd size": Feature(by_us("odd.mkv", codec="ffv1", pix_fmt="bgr0", options={}, size=(63, 47)), SHAPE),
    "H.264 without times": Feature(by_ffmpeg("raw.h264", *PICTURES, *H264), ("frames", *SHAPE)),
    "AVI": Feature(
        by_ffmpeg("old.avi", *PICTURES, *SOUND, "-c:v", "mpeg4", "-c:a", "libmp3lame"),
        (*TIMES, "audio"),
        "audio",
    ),
    "MPEG-TS": Feature(
        by_ffmpeg("air.ts", *PICTURES, *SOUND, *H264, "-c:a", "aac"),
        (*TIMES, "audio", "audio to pictures"),
        "audio",
    ),
    "MXF": Feature(by_ffmpeg("tape.mxf", *PICTURES, "-c:v", "mpeg2video", "-q:v", "2"), TIMES),
    "GIF": Feature(by_ffmpeg("loop.gif", *PICTURES), TIMES),
    "PNG sequence": Feature(folder_of_pictures, (*TIMES, "size", "bit depth")),
    "OpenEXR sequence": Feature(folder_of_exr, ("frames", "size", "bit depth"), "floating"),
}
CONTAINERS = {
    "mp4": "out.mp4",
    "mov": "out.mov",
    "mkv": "out.mkv",
    "webm": "out.webm",
    "PNG": "out/%04d.png",
    "OpenEXR": "out/%04d.exr",
}

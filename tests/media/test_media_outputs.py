"""What lies in the files that each codec makes, read by the real ffmpeg."""

import os
import re
import subprocess
import sys
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from features import FEATURES
from media_clips import ffmpeg, write_clip

import vidgan
from vidgan.errors import OutputError
from vidgan.media import open_clip

CODECS = {
    "h264": ("out.mp4", r"h264 \(High\).*yuv420p\("),
    "h265-10bit": ("out.mp4", r"hevc \(Main 10\) \(hvc1.*yuv420p10le\("),
    "prores422": ("out.mov", r"prores \(HQ\) \(apch.*yuv422p10le\("),
    "prores4444": ("out.mov", r"prores \(4444\) \(ap4h.*yuv444p1[02]le\("),
    "dnxhr": ("out.mov", r"dnxhd \(DNXHR HQ\) \(AVdh.*yuv422p\("),
    "ffv1": ("out.mkv", r"ffv1.*yuv420p\("),
    "av1": ("out.webm", r"av1.*yuv420p\("),
    "vp9": ("out.webm", r"vp9.*yuv420p\("),
}


def described(path: Path) -> str:
    """What ffmpeg says of the first video stream."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    text = subprocess.run(command, capture_output=True, text=True).stderr
    return next(line for line in text.splitlines() if "Video:" in line)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("outputs") / "clip.mp4", size=(256, 128), colour=(1, 1, 1, 1))


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_what_it_says(clip: Path, tmp_path: Path, codec: str) -> None:
    name, expected = CODECS[codec]
    out = tmp_path / name
    result = vidgan.translate(clip, None, out, pipeline="passthrough", overrides=[f"encode.codec={codec}"])
    assert result.verified is not None
    assert re.search(expected, described(out)), described(out)
    assert "bt709" in described(out)
    for before, after in zip(open_clip(clip).frames(), open_clip(out).frames(), strict=True):
        assert abs(before.pixels - after.pixels).mean() < 0.04


@pytest.mark.parametrize(
    ("codec", "name", "told"),
    [
        (
            "prores422",
            "out.mp4",
            r"prores422 does not go into this container: name the output \.mov or \.mkv",
        ),
        ("vp9", "out.mov", "vp9 does not go into this container"),
        ("png", "out.mp4", r"name the output %05d\.png"),
        ("dnxhr", "out.mov", "dnxhr does not take pictures of 64x48"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(
    tmp_path: Path, codec: str, name: str, told: str
) -> None:
    small = write_clip(tmp_path / "small.mp4")
    with pytest.raises(OutputError, match=told):
        vidgan.translate(
            small, None, tmp_path / name, pipeline="passthrough", overrides=[f"encode.codec={codec}"]
        )
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["out.mov", "out.mkv", "out.webm", "out/%02d.png", "out/%02d.exr"])
def test_alpha_comes_out_as_it_went_in(tmp_path: Path, name: str) -> None:
    source = FEATURES["alpha"].make(tmp_path)
    vidgan.translate(source, None, tmp_path / name, pipeline="passthrough")
    before, after = open_clip(source).frame(3).alpha, open_clip(tmp_path / name).frame(3).alpha
    assert before is not None
    assert after is not None
    assert 0.4 < before.mean() < 0.6
    assert abs(before - after).max() < 0.01


@pytest.mark.parametrize("codec", ["h264", "h265-10bit", "av1"])
def test_hdr10_is_said_again(tmp_path: Path, codec: str) -> None:
    source = FEATURES["PQ, HDR10"].make(tmp_path)
    out = tmp_path / "out.mp4"
    vidgan.translate(source, None, out, pipeline="passthrough", overrides=[f"encode.codec={codec}"])
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "info",
        "-i",
        str(out),
        "-vf",
        "showinfo",
        "-f",
        "null",
        "-",
    ]
    shown = subprocess.run(command, capture_output=True, text=True).stderr
    assert "MaxCLL=1000, MaxFALL=400" in shown
    light = re.search(r"min_luminance=([\d.]+), max_luminance=([\d.]+)", shown)
    assert light is not None
    assert [float(x) for x in light.groups()] == pytest.approx([0.005, 1000], rel=0.02)
    assert "r(0.6800,0.3200)" in shown.replace(" ", "")


def test_mxf_keeps_pcm_sound_and_timecode(tmp_path: Path) -> None:
    source = tmp_path / "tape.mov"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=256x128:rate=25:duration=0.4", "-f", "lavfi", "-i",
           "sine=sample_rate=48000:duration=0.4", "-vf", "setparams=colorspace=bt709", "-c:v", "prores_ks",
           "-c:a", "pcm_s16le", "-timecode", "01:00:00:00", str(source))  # fmt: skip
    vidgan.translate(
        source, None, tmp_path / "out.mxf", pipeline="passthrough", options=vidgan.Options(verify=False)
    )
    kept = {check.name for check in vidgan.verify(source, tmp_path / "out.mxf") if check.kept}
    assert {"frames", "timestamps", "audio", "timecode", "bit depth", "colour matrix"} <= kept


def test_ten_bits_never_pass_through_eight(tmp_path: Path) -> None:
    """A ramp finer than 8 bits, through every codec that has ten."""
    ramp = "nullsrc=s=512x128:r=25:d=0.12,format=yuv422p10le,geq=lum='64+X*1.5':cb=512:cr=512"
    source = tmp_path / "ramp.mkv"
    ffmpeg("-f", "lavfi", "-i", ramp, "-c:v", "ffv1", str(source))
    for codec, name in {
        "h265-10bit": "a.mp4",
        "prores422": "b.mov",
        "ffv1": "c.mkv",
        "av1": "d.webm",
        "dnxhr": "e.mov",
    }.items():
        out = tmp_path / name
        vidgan.translate(
            source, None, out, pipeline="passthrough", overrides=[f"encode.codec={codec}", "encode.crf=4"]
        )
        with av.open(str(out)) as container:
            frame = next(container.decode(video=0))
            luma = frame.reformat(format="gray10le").to_ndarray()[32]
        assert len(np.unique(luma)) > 300  # of eight bits there would be 192 steps at most


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux alone")
def test_no_encoder_takes_the_machine_for_itself(clip: Path, tmp_path: Path) -> None:
    """SVT-AV1, as root, makes real-time threads, beside which a later training hangs."""
    program = (
        "import os, sys, vidgan\n"
        "av1 = ['encode.codec=av1']\n"
        "vidgan.translate(sys.argv[1], None, sys.argv[2], pipeline='passthrough', overrides=av1)\n"
        "print({os.sched_getscheduler(int(task)) for task in os.listdir('/proc/self/task')})"
    )
    command = [sys.executable, "-c", program, str(clip), str(tmp_path / "out.webm")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str({os.sched_getscheduler(0)})

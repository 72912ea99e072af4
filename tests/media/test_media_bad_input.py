"""Whatever is given: one line that names the file and says what to do."""

import json
import subprocess
import sys
from pathlib import Path

import av
import pytest
from media_clips import ffmpeg, write_clip

from vidgan.errors import MediaError, VidganError
from vidgan.media import open_clip, probe


def refused(path: Path) -> str:
    with pytest.raises(VidganError) as caught:
        open_clip(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    assert message.endswith(".")
    return message


def test_a_missing_file(tmp_path: Path) -> None:
    assert "does not exist: check the name" in refused(tmp_path / "none.mp4")


def test_a_text_file_named_mp4(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("this is no video\n" * 50)
    assert "is not a video that can be read" in refused(tmp_path / "notes.mp4")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x00" * 5000, "is not a video that can be read"),
        (bytes(range(256)) * 20, "is not a video that can be read"),
        (b"\x00\x00\x00\x18ftyp", "is cut off before its index"),
    ],
)
def test_other_rubbish(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "rubbish.mov").write_bytes(content)
    assert told in refused(tmp_path / "rubbish.mov")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "is empty (0 bytes)" in refused(tmp_path / "empty.mp4")


def test_sound_alone(tmp_path: Path, clip_path: Path) -> None:
    ffmpeg("-i", str(clip_path), "-vn", "-c", "copy", str(tmp_path / "song.m4a"))
    assert "has no video, only audio" in refused(tmp_path / "song.m4a")


def test_sound_with_a_cover_is_no_clip(tmp_path: Path, clip_path: Path) -> None:
    ffmpeg("-i", str(clip_path), "-frames:v", "1", str(tmp_path / "cover.png"))
    ffmpeg("-i", str(clip_path), "-i", str(tmp_path / "cover.png"), "-map", "0:a", "-map", "1", "-c", "copy",
           "-disposition:v:0", "attached_pic", str(tmp_path / "song.mp4"))  # fmt: skip
    assert "has no video, only audio and a still picture" in refused(tmp_path / "song.mp4")


@pytest.mark.parametrize(
    ("suffix", "told"), [(".mp4", "has no video"), (".mkv", "is not a video that can be read")]
)
def test_no_frames(tmp_path: Path, suffix: str, told: str) -> None:
    path = tmp_path / f"none{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    assert told in refused(path)


def test_an_absurd_size_is_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "huge.mkv", codec="ffv1", pix_fmt="bgr0", options={"level": "3"}, size=(300, 300), pts=[0]
    )
    data = path.read_bytes()
    for tag in (b"\xb0", b"\xba"):  # Matroska's PixelWidth and PixelHeight, two bytes each
        data = data.replace(tag + b"\x82" + (300).to_bytes(2), tag + b"\x82" + (60000).to_bytes(2), 1)
    path.write_bytes(data)
    assert "no picture size that can be decoded (none, or over 16384x16384)" in refused(path)


def test_the_wrong_ending_does_not_matter(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv").rename(tmp_path / "clip.mp4")
    assert len(list(open_clip(path).frames())) == 12


def test_metadata_that_is_not_utf8(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", metadata={"title": "XXXXXXXX"})
    path.write_bytes(path.read_bytes().replace(b"XXXXXXXX", b"caf\xe9 \xff\xfe!"))
    assert len(open_clip(path)) == 12


def test_a_file_that_goes_away_is_named_too(tmp_path: Path, clip_path: Path) -> None:
    clip = open_clip(clip_path)
    clip_path.unlink()
    with pytest.raises(MediaError, match=r"clip\.mp4 does not exist"):
        next(clip.frames())


def test_reading_writes_nothing_to_the_terminal(tmp_path: Path) -> None:
    """FFmpeg's own chatter would tear a progress bar apart."""
    path = write_clip(
        tmp_path / "clip.mp4", pts=range(0, 24 * 512, 512), container_options={"movflags": "faststart"}
    )
    path.write_bytes(path.read_bytes()[:-300])
    program = (
        "import sys; from vidgan.media import open_clip; "
        "print(len(list(open_clip(sys.argv[1], allow_truncated=True).frames())) > 3)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("True", "")


def test_probe_describes_in_plain_json(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", audio=True, colour=(1, 1, 1, 1), aspect=None)
    told = json.loads(json.dumps(probe(path)))
    assert told["path"] == str(path)
    assert (told["width"], told["height"], told["frame_count"]) == (64, 48, 12)
    assert told["average_rate"] == "25"
    assert told["time_base"] == "1/12800"
    assert told["duration_seconds"] == pytest.approx(0.48)
    assert told["variable_frame_rate"] is False
    assert told["colour"] == {
        "primaries": "bt709",
        "transfer": "bt709",
        "matrix": "bt709",
        "range": "limited",
    }
    assert told["audio_streams"][0]["codec"] == "aac"
    assert told["audio_streams"][0]["description"] == "48000 Hz, stereo"
    assert probe(write_clip(tmp_path / "vfr.mp4", pts=[0, 512, 2048]))["variable_frame_rate"] is True


def test_probe_describes_a_truncated_file(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4", pts=range(0, 24 * 512, 512), container_options={"movflags": "faststart"}
    )
    path.write_bytes(path.read_bytes()[:-3000])
    told = probe(path)
    assert told["missing_frames"] == 24 - told["frame_count"] > 0

"""Clips, frames and targets that cannot be used: one line that names them and says what to do."""

import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from vidgan.media import open_clip

Cli = Callable[..., Result]
Refused = Callable[..., str]
WriteClip = Callable[..., Path]

# Eighty frames, so that half a file still holds some.
LONG = {"frames": 80, "container_options": {"movflags": "faststart"}}


def test_a_missing_clip(translate: Refused, tmp_path: Path) -> None:
    assert translate(tmp_path / "none.mp4") == f"{tmp_path / 'none.mp4'} does not exist: check the name."


def test_a_missing_target(translate: Refused, clip: Path, tmp_path: Path) -> None:
    message = translate(clip, aim=tmp_path / "none.png")
    assert message == f"{tmp_path / 'none.png'} does not exist: check the name."


def test_an_empty_folder(translate: Refused, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    message = translate(tmp_path / "frames")
    assert (
        message
        == f"{tmp_path / 'frames'} holds no pictures: put PNG, JPEG, TIFF, BMP, WebP or EXR frames in it."
    )


def test_a_text_named_mp4(translate: Refused, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video\n" * 99)
    assert re.match(
        r".*notes\.mp4 is not a video that can be read.*export it", translate(tmp_path / "notes.mp4")
    )


def test_a_text_named_png_as_target(translate: Refused, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture\n" * 99)
    message = translate(clip, aim=tmp_path / "notes.png")
    assert re.match(r".*notes\.png is not a picture that can be read: give a PNG", message)


def test_a_clip_given_as_target(translate: Refused, clip: Path) -> None:
    assert re.match(r".*clip\.mp4 is not a picture that can be read: it is an mp4", translate(clip, aim=clip))


def test_sound_alone(translate: Refused, clip: Path, tmp_path: Path) -> None:
    with av.open(str(clip)) as source, av.open(str(tmp_path / "song.mp4"), "w") as song:
        stream = song.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                song.mux(packet)
    message = translate(tmp_path / "song.mp4")
    assert message == f"{tmp_path / 'song.mp4'} has no video, only audio: give a clip with pictures."


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_no_frames(translate: Refused, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"none{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 40, "yuv420p"
        container.start_encoding()
    message = translate(path)
    assert message.startswith(str(path))
    assert re.search(r"export it again|has no video: give a clip with pictures", message)


def test_a_truncated_clip_says_how_many_frames_are_missing_and_renders_what_decodes(
    translate: Refused, cli: Cli, write_clip: WriteClip, look: Path, tmp_path: Path
) -> None:
    path = halved(write_clip(tmp_path / "cut.mp4", **LONG))
    message = translate(path)
    found = re.fullmatch(
        rf"{re.escape(str(path))} is truncated: (\d+) of 80 frames decode. "
        r"Re-export it, or pass --allow-truncated to render what there is.",
        message,
    )
    assert found
    out = tmp_path / "out.mp4"
    shown = cli("render", path, "-m", look, "-o", out, "--allow-truncated")
    assert shown.exit_code == 0
    assert f"note: truncated: {80 - int(found[1])} frames are missing" in shown.stderr
    assert open_clip(out).timestamps == open_clip(path, allow_truncated=True).timestamps
    assert len(open_clip(out)) == int(found[1])


def halved(path: Path) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


def test_frames_of_different_size(translate: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, size in enumerate([(48, 40), (48, 40), (40, 48)]):
        Image.new("RGB", size).save(folder / f"{index}.png")
    message = translate(folder)
    assert message == f"{folder / '2.png'} is 40x48, but 0.png is 48x40: make all pictures one size."


@pytest.mark.parametrize("size", [(13, 300), (1, 1)])
def test_a_target_smaller_than_the_patch(
    translate: Refused, clip: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    Image.new("RGB", size).save(tmp_path / "tiny.png")
    assert translate(clip, aim=tmp_path / "tiny.png") == (
        f"{tmp_path / 'tiny.png'} is {size[0]}x{size[1]}, too small to learn 7x7 patches from: "
        "give a picture of 14 pixels a side or more."
    )


def test_a_frame_smaller_than_the_patch(translate: Refused, write_clip: WriteClip, tmp_path: Path) -> None:
    def grey(index: int, width: int, height: int) -> np.ndarray:
        return np.full((height, width, 3), 90 + index, np.uint8)

    small = write_clip(tmp_path / "small.mp4", size=(48, 12), draw=grey)
    assert translate(small).startswith(f"{small} is 48x12, too small to learn 7x7 patches from: ")


@pytest.mark.parametrize("command", ["translate", "train", "preview"])
def test_every_job_refuses_what_is_too_small(
    refused: Refused, clip: Path, recipe: str, tmp_path: Path, command: str
) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "tiny.png")
    out = {"translate": "out.mp4", "train": "out.safetensors", "preview": "out.png"}[command]
    message = refused(command, clip, tmp_path / "tiny.png", "-o", tmp_path / out, "-p", recipe)
    assert "tiny.png is 9x9, too small" in message


def test_a_stream_that_is_not_there(translate: Refused, refused: Refused, clip: Path) -> None:
    assert "has no video stream 1: it has 1, counted from 0" in translate(clip, "--stream", 1, code=2)
    assert "has no video stream 1" in refused("probe", clip, "--stream", 1, code=2)


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ("6", "clip.mp4 has no frame 6: its 6 frames are numbered 0 to 5"),
        ("00:00:00.240", "clip.mp4 has no frame 00:00:00.240: its 6 frames are numbered 0 to 5"),
        ("first", "'first' is neither a frame number nor a timecode: give 48, 00:00:02.000 or HH:MM:SS:FF"),
        ("-1", "'-1' is neither a frame number nor a timecode"),
        ("1.5", "'1.5' is neither a frame number nor a timecode"),
        ("00:00:99.0", "clip.mp4 has no frame 00:00:99.0"),
        ("", "'' is neither a frame number nor a timecode"),
    ],
)
def test_a_bad_frame(
    translate: Refused, refused: Refused, clip: Path, look: Path, tmp_path: Path, frame: str, told: str
) -> None:
    assert told in translate(clip, f"--frame={frame}", code=2)
    assert told in refused("preview", clip, "-m", look, "-o", tmp_path / "a.png", f"--at={frame}", code=2)


@pytest.mark.parametrize("name", ["clip.mp4", "none.mp4", "notes.mp4"])
def test_json_keeps_standard_output_clean_of_errors(cli: Cli, tmp_path: Path, clip: Path, name: str) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    shown = cli("probe", tmp_path / name if name != "clip.mp4" else clip, "--json")
    assert (shown.exit_code == 0) == (name == "clip.mp4")
    assert bool(shown.stdout) == (name == "clip.mp4")
    assert len(shown.stderr.splitlines()) == (0 if name == "clip.mp4" else 1)

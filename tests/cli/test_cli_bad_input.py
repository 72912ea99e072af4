"""Whatever is given: one line that names it and says what to do, and nothing left behind."""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from typer.testing import Result

from vidgan.media import open_clip

Cli = Callable[..., Result]
WriteClip = Callable[..., Path]

# Eighty frames, so that half a file still holds some.
LONG = {"frames": 80, "container_options": {"movflags": "faststart"}}


@pytest.fixture
def refused(cli: Cli, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must be refused; its message, once all else is as promised."""

    def run(*arguments: object, code: int = 1) -> str:
        before = listing(tmp_path)
        shown = cli(*arguments)
        *progress, error = shown.stderr.splitlines()
        assert error.startswith("error: ")
        assert (shown.exit_code, shown.stdout) == (code, "")
        assert not [line for line in progress if re.search("rror|Traceback|training", line)]
        assert "vidgan's own" not in error
        assert listing(tmp_path) == before
        return error.removeprefix("error: ")

    return run


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def translate(refused: Callable[..., str], recipe: str, target: Path, tmp_path: Path) -> Callable[..., str]:
    """Have `vidgan translate` refuse a clip, with a good target and output unless told."""

    def run(clip: Path, *options: object, out: Path | None = None, aim: Path = target, code: int = 1) -> str:
        return refused(
            "translate", clip, aim, "-o", out or tmp_path / "out.mp4", "-p", recipe, *options, code=code
        )

    return run


Refused = Callable[..., str]


def test_a_missing_clip(translate: Refused, tmp_path: Path) -> None:
    assert translate(tmp_path / "none.mp4") == f"{tmp_path / 'none.mp4'} does not exist: check the name."


def test_a_missing_target(translate: Refused, clip: Path, tmp_path: Path) -> None:
    message = translate(clip, aim=tmp_path / "none.png")
    assert message == f"{tmp_path / 'none.png'} does not exist: check the name."


def test_an_empty_folder(translate: Refused, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    message = translate(tmp_path / "frames")
    assert (
        message == f"{tmp_path / 'frames'} holds no pictures: put PNG, JPEG, TIFF, BMP or WebP frames in it."
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
    assert re.match(r".*clip\.mp4 is not a picture that can be read: give a PNG", translate(clip, aim=clip))


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


def halved(path: Path) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


def test_a_truncated_clip_says_how_many_frames_are_missing_and_renders_what_decodes(
    translate: Refused, cli: Cli, write_clip: WriteClip, look: Path, tmp_path: Path
) -> None:
    path = halved(write_clip(tmp_path / "cut.mp4", **LONG))
    message = translate(path)
    found = re.fullmatch(
        rf"{re.escape(str(path))} is truncated: (\d+) of 80 frames decode. "
        r"Re-export it, or pass --allow-truncated to render those \1.",
        message,
    )
    assert found
    out = tmp_path / "out.mp4"
    shown = cli("render", path, "-m", look, "-o", out, "--allow-truncated")
    assert shown.exit_code == 0
    assert f"note: truncated: {80 - int(found[1])} frames are missing" in shown.stderr
    assert open_clip(out).timestamps == open_clip(path, allow_truncated=True).timestamps
    assert len(open_clip(out)) == int(found[1])


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


def test_a_missing_output_folder(translate: Refused, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.mp4"
    assert translate(clip, out=out) == (
        f"{out}: the folder {tmp_path / 'new'} does not exist: create it, or choose another."
    )


@pytest.mark.skipif(not Path("/proc/sys").is_dir(), reason="needs a folder that nobody can write to")
def test_an_unwritable_output_folder(translate: Refused, clip: Path) -> None:
    message = translate(clip, out=Path("/proc/sys/out.mp4"))
    assert re.match(r"/proc/sys cannot be written to .*: choose another folder\.", message)


def test_a_folder_as_output(translate: Refused, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()
    assert "is a folder: name a file in it" in translate(clip, "--overwrite", out=tmp_path / "out.mp4")


@pytest.mark.parametrize("name", ["out", "out.xyz", "out.png"])
def test_an_output_of_no_known_kind(translate: Refused, clip: Path, tmp_path: Path, name: str) -> None:
    assert "no known output: use .mp4, .m4v, .mov, .mkv." in translate(clip, out=tmp_path / name)


def test_a_codec_that_the_output_cannot_hold(translate: Refused, clip: Path) -> None:
    message = translate(clip, "--codec", "ffv1")
    assert re.match(r".*out\.mp4: ffv1 does not go into this container: name the output \.mkv\.", message)


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["plain", "with --overwrite"])
def test_the_output_is_the_input(
    translate: Refused, write_clip: WriteClip, tmp_path: Path, overwrite: list[str]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    (tmp_path / "link.mp4").symlink_to(clip)
    for out in (clip, tmp_path / "link.mp4"):
        assert translate(clip, *overwrite, out=out) == f"{out} is also the input: name another output."


def test_the_sheet_is_an_input_or_the_output(
    refused: Refused, translate: Refused, clip: Path, recipe: str, target: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "tiles.png"
    picture.write_bytes(target.read_bytes())
    message = translate(clip, "--sheet", picture, "--overwrite", aim=picture)
    assert message == f"{picture} is also the input: name another output."


def test_a_sheet_that_cannot_be_written(translate: Refused, clip: Path, tmp_path: Path) -> None:
    assert "does not exist: create it" in translate(clip, "--sheet", tmp_path / "new" / "sheet.png")
    assert "no known output: use .png" in translate(clip, "--sheet", tmp_path / "sheet.tiff")


def test_a_preview_or_look_over_an_input(refused: Refused, clip: Path, recipe: str, target: Path) -> None:
    message = refused("preview", clip, target, "-o", target, "-p", recipe, "--overwrite")
    assert message == f"{target} is also the input: name another output."


def test_a_look_as_the_output_of_its_own_render(
    refused: Refused, clip: Path, look: Path, tmp_path: Path
) -> None:
    own = tmp_path / "look.mp4"
    own.write_bytes(look.read_bytes())
    message = refused("render", clip, "-m", own, "-o", own, "--overwrite")
    assert message == f"{own} is also the input: name another output."


LIMITED = """
import resource, sys
import vidgan.jobs.translate
from vidgan.cli.program import app
resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))
app(sys.argv[1:], prog_name="vidgan")
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file sizes")
def test_no_space(clip: Path, tmp_path: Path) -> None:
    arguments = ["translate", str(clip), "-o", str(tmp_path / "out.mkv"), "-p", "passthrough"]
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", LIMITED, *arguments], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(r"error: no space left to write .*: free some, or ", done.stderr.splitlines()[-1])
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_all_but_full(
    translate: Refused, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 2**20

    monkeypatch.setattr("vidgan.media.output.shutil.disk_usage", lambda folder: Usage)
    message = translate(clip)
    assert message == (
        f"no space left to write {tmp_path / 'out.mp4'} (1 MiB free): free some, or choose another disk."
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
@pytest.mark.parametrize("command", ["translate", "train", "preview", "render"])
def test_cuda_that_is_not_there(
    refused: Refused, clip: Path, target: Path, look: Path, recipe: str, tmp_path: Path, command: str
) -> None:
    what = ["-m", look] if command == "render" else [target, "-p", recipe]
    out = tmp_path / {"train": "out.safetensors", "preview": "out.png"}.get(command, "out.mp4")
    message = refused(command, clip, *what, "-o", out, "--device", "cuda")
    assert message == "device cuda was asked for, but torch sees none here; use --device auto or cpu"


def test_a_device_that_does_not_exist(translate: Refused, clip: Path) -> None:
    assert "device 'gpu' is unknown; known: auto, cpu, cuda, mps" in translate(clip, "--device", "gpu")


def test_an_unknown_recipe(refused: Refused, clip: Path, target: Path, tmp_path: Path) -> None:
    message = refused("translate", clip, target, "-o", tmp_path / "out.mp4", "-p", "drat", code=2)
    assert message.startswith("recipe 'drat' is unknown; known: balanced, draft")
    assert refused("pipelines", "drat", code=2) == message


def test_an_unknown_key_in_a_recipe(refused: Refused, clip: Path, target: Path, tmp_path: Path) -> None:
    own = tmp_path / "my.toml"
    own.write_text("[train]\nstepz = 4\n")
    message = refused("translate", clip, target, "-o", tmp_path / "out.mp4", "-p", own, code=2)
    assert message.startswith(f"{own}, [train]: unknown key 'stepz'; known: seconds, steps, ")


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["wet", "dry"])
def test_an_unknown_or_bad_setting(translate: Refused, clip: Path, dry: list[str]) -> None:
    assert "unknown key 'stepz'" in translate(clip, "--set", "train.stepz=4", *dry, code=2)
    assert "must be a whole number" in translate(clip, "--set", "train.steps=few", *dry, code=2)
    assert "not of the form section.key=value" in translate(clip, "--set", "steps", *dry, code=2)
    assert "it must be 0 to 51" in translate(clip, "--crf", 99, *dry, code=2)
    assert "it must be 0 to 1" in translate(clip, "--strength", 1.5, *dry, code=2)
    assert "known: auto, h264, ffv1" in translate(clip, "--codec", "h265", *dry, code=2)


def write_look(path: Path, look: Path, kind: str) -> Path:
    data = look.read_bytes()
    if kind == "text":
        path.write_text("not a look\n" * 50)
    elif kind == "empty":
        path.touch()
    elif kind == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb(path.with_name("exploded"))))
    elif kind == "checkpoint":
        torch.save({"weights": torch.zeros(3)}, path)
    elif kind == "other weights":
        save_file({"weights": torch.zeros(3)}, path)
    elif kind == "other recipe":
        path.write_bytes(data.replace(b"channels = 8", b"channels = 9", 1))
    elif kind == "rubbish recipe":
        path.write_bytes(data.replace(b"channels = 8", b"chan#els = 8", 1))
    return path


class Bomb:
    """What happens when it is unpickled can be seen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("command", ["render", "preview"])
@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "text",
        "empty",
        "cut",
        "pickle",
        "checkpoint",
        "other weights",
        "other recipe",
        "rubbish recipe",
    ],
)
def test_what_is_no_look(
    refused: Refused, clip: Path, look: Path, tmp_path: Path, command: str, kind: str
) -> None:
    model = write_look(tmp_path / "look.safetensors", look, kind)
    message = refused(
        command, clip, "-m", model, "-o", tmp_path / ("a.mp4" if command == "render" else "a.png")
    )
    assert str(model) in message
    assert re.search(r"train it|expected a look that vidgan trained", message)


def test_a_folder_as_look(refused: Refused, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "looks.safetensors").mkdir()
    message = refused("render", clip, "-m", tmp_path / "looks.safetensors", "-o", tmp_path / "out.mp4")
    assert "looks.safetensors" in message


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ("6", "clip.mp4 has no frame 6: its 6 frames are numbered 0 to 5"),
        ("00:00:00.240", "clip.mp4 has no frame 00:00:00.240: its 6 frames are numbered 0 to 5"),
        ("first", "'first' is neither a frame number nor a timecode: give 48 or 00:00:02.000"),
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


def test_a_stream_that_is_not_there(translate: Refused, refused: Refused, clip: Path) -> None:
    assert "has no video stream 1: it has 1, counted from 0" in translate(clip, "--stream", 1, code=2)
    assert "has no video stream 1" in refused("probe", clip, "--stream", 1, code=2)


def test_passthrough_takes_no_target_and_others_need_one(
    refused: Refused, clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    message = refused("translate", clip, target, "-o", out, "-p", "passthrough", code=2)
    assert message == f"the recipe passthrough does not translate: leave {target} out."
    message = refused("translate", clip, "-o", out, "-p", recipe, code=2)
    assert message == "the recipe tiny needs a target picture: vidgan translate CLIP TARGET -o OUT"


def test_raft_without_weights(
    translate: Refused, refused: Refused, clip: Path, target: Path, tmp_path: Path
) -> None:
    none = tmp_path / "none.pth"
    message = translate(clip, "--set", "flow.backend=raft-small", "--raft-weights", none)
    assert str(none) in message
    message = refused(
        "preview",
        clip,
        target,
        "-o",
        tmp_path / "a.png",
        "--set",
        "flow.backend=raft-small",
        "--raft-weights",
        none,
    )
    assert str(none) in message


@pytest.mark.parametrize("name", ["clip.mp4", "none.mp4", "notes.mp4"])
def test_json_keeps_standard_output_clean_of_errors(cli: Cli, tmp_path: Path, clip: Path, name: str) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    shown = cli("probe", tmp_path / name if name != "clip.mp4" else clip, "--json")
    assert (shown.exit_code == 0) == (name == "clip.mp4")
    assert bool(shown.stdout) == (name == "clip.mp4")
    assert len(shown.stderr.splitlines()) == (0 if name == "clip.mp4" else 1)

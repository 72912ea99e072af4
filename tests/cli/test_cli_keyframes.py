"""Painted keyframes from the command line: what is made of them, and what is refused."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from vidgan.gan.look import load_look
from vidgan.media import open_clip, write_picture
from vidgan.resample import eight_bit

Cli = Callable[..., Result]
FAST = ("--set", "train.steps=3", "--set", "train.channels=8", "--set", "train.window_px=32")


def painted(clip: Path, number: int) -> np.ndarray:
    """Frame, its red and blue exchanged, with dark stripes."""
    pixels = eight_bit(open_clip(clip).frame(number).pixels)[..., ::-1].copy()
    pixels[::4] //= 2
    return pixels


@pytest.fixture
def painting(clip: Path, tmp_path: Path) -> Path:
    write_picture(tmp_path / "painted.png", painted(clip, 2))
    return tmp_path / "painted.png"


@pytest.fixture
def sized(tmp_path: Path) -> Callable[[int, int], Path]:
    def write(width: int, height: int, level: int = 120) -> Path:
        path = tmp_path / f"{width}x{height}.png"
        write_picture(path, np.full((height, width, 3), level, np.uint8))
        return path

    return write


def frames(path: Path) -> list[np.ndarray]:
    return [eight_bit(frame.pixels).astype(int) for frame in open_clip(path).frames()]


def test_a_keyframe_is_carried_through_the_clip(cli: Cli, clip: Path, painting: Path, tmp_path: Path):
    out = tmp_path / "out.mkv"
    shown = cli("translate", clip, "-k", f"2={painting}", "-o", out, *FAST, "--json")
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["representative"] == 2
    results = frames(out)
    assert len(results) == 6
    assert np.abs(results[2] - painted(clip, 2)).mean() < 8
    sources = frames(clip)
    for result, source in zip(results, sources, strict=True):
        assert np.abs(result - source).mean() > 10


def test_the_recipe_is_chosen_by_what_is_given(cli: Cli, clip: Path, painting: Path, tmp_path: Path):
    key = f"2={painting}"
    for command, out, name in (
        ("translate", "a.mp4", "60"),
        ("train", "a.safetensors", "60"),
        ("preview", "a.png", "20"),
    ):
        shown = cli(command, clip, "-k", key, "-o", tmp_path / out, "--dry-run", "--json")
        told = json.loads(shown.stdout)
        assert told["parts"]["conditioning"] == "painted"
        assert told["train"]["seconds"] == float(name)


def test_a_painted_look_is_kept_shown_and_rendered(cli: Cli, clip: Path, painting: Path, tmp_path: Path):
    look = tmp_path / "look.safetensors"
    assert cli("train", clip, "-k", f"0:00.08={painting}", "-o", look, *FAST).exit_code == 0
    assert [anchor.number for anchor in load_look(look).model.anchors] == [2]
    assert cli("preview", clip, "-m", look, "--at", "4", "-o", tmp_path / "a.png").exit_code == 0
    assert cli("render", clip, "-m", look, "-o", tmp_path / "out.mkv").exit_code == 0
    assert np.abs(frames(tmp_path / "out.mkv")[2] - painted(clip, 2)).mean() < 8


def test_a_preview_of_a_keyframe_shows_another_frame(cli: Cli, clip: Path, painting: Path, tmp_path: Path):
    shown = cli("preview", clip, "-k", f"2={painting}", "-o", tmp_path / "a.png", *FAST)
    assert shown.exit_code == 0, shown.stderr
    assert "shows stage 1 of 2" in shown.stderr
    assert "shows stage 2 of 2" in shown.stderr


def test_two_keyframes_with_two_looks(cli: Cli, clip: Path, tmp_path: Path):
    first, last = tmp_path / "first.png", tmp_path / "last.png"
    write_picture(first, painted(clip, 0))
    write_picture(last, 255 - painted(clip, 5))
    out = tmp_path / "out.mkv"
    shown = cli("translate", clip, "-k", f"5={last}", "-k", f"0={first}", "-o", out, *FAST)
    assert shown.exit_code == 0, shown.stderr
    assert "trained on  frames 0, 5," in shown.stdout
    results = frames(out)
    assert np.abs(results[0] - painted(clip, 0)).mean() < 8
    assert np.abs(results[5] - (255 - painted(clip, 5).astype(int))).mean() < 8
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(results)]
    assert max(steps) < 0.5 * sum(steps)


def test_a_mask_says_what_of_a_keyframe_counts(cli: Cli, clip: Path, painting: Path, tmp_path: Path):
    half = np.zeros((40, 48, 3), np.uint8)
    half[:, :24] = 255
    write_picture(tmp_path / "mask.png", half)
    scribbled = painted(clip, 2)
    scribbled[:, 26:] = 0
    write_picture(painting, scribbled)
    out = tmp_path / "out.mkv"
    shown = cli(
        "translate", clip, "-k", f"2={painting}", "--mask", f"2={tmp_path / 'mask.png'}", "-o", out, *FAST
    )
    assert shown.exit_code == 0, shown.stderr
    result = frames(out)[2]
    assert np.abs(result - scribbled)[:, :20].mean() < 10
    assert result[:, 30:].mean() > 40  # the scribble is black


@pytest.mark.parametrize("kind", ["picture", "clip"])
def test_a_matte_limits_the_result(
    cli: Cli, clip: Path, painting: Path, tmp_path: Path, write_clip, kind: str
):
    def half(index: int, width: int, height: int) -> np.ndarray:
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[:, : width // 2] = 255
        return pixels

    matte = tmp_path / ("matte.png" if kind == "picture" else "matte.mp4")
    if kind == "picture":
        write_picture(matte, half(0, 48, 40))
    else:
        write_clip(matte, draw=half, audio=False)
    out = tmp_path / "out.mkv"
    shown = cli("translate", clip, "-k", f"2={painting}", "--matte", matte, "-o", out, *FAST)
    assert shown.exit_code == 0, shown.stderr
    for result, source in zip(frames(out), frames(clip), strict=True):
        assert np.abs(result - source)[:, 30:].max() <= 4  # what 4:2:0 costs
        assert np.abs(result - source)[:, :20].mean() > 10


def test_the_edge_of_a_matte_is_as_soft_as_asked(cli: Cli, clip: Path, painting: Path, tmp_path: Path):
    half = np.zeros((40, 48, 3), np.uint8)
    half[:, :24] = 255
    write_picture(tmp_path / "matte.png", half)
    touched = []
    for feather in ("0", "6"):
        out = tmp_path / f"out{feather}.mkv"
        matte = ("--matte", tmp_path / "matte.png", "--feather", feather)
        assert cli("translate", clip, "-k", f"2={painting}", *matte, "-o", out, *FAST).exit_code == 0
        touched.append(np.abs(frames(out)[0] - frames(clip)[0])[:, 27:34].mean())
    assert touched[1] > 2 * touched[0]


def test_a_keyframe_of_another_size_is_resized_and_said_so(cli: Cli, clip: Path, sized, tmp_path: Path):
    shown = cli("translate", clip, "-k", f"2={sized(96, 80)}", "-o", tmp_path / "out.mp4", *FAST)
    assert shown.exit_code == 0
    assert "96x80" in shown.stderr
    assert "resized to the clip's 48x40" in shown.stderr


def test_what_is_transparent_does_not_count(cli: Cli, clip: Path, tmp_path: Path):
    """A layer out of a painting program: nothing at the right, and black below it."""
    layer = np.zeros((40, 48, 4), np.uint8)
    layer[:, :24, :3], layer[:, :24, 3] = painted(clip, 2)[:, :24], 255
    Image.fromarray(layer).save(tmp_path / "layer.png")
    out = tmp_path / "out.mkv"
    shown = cli("translate", clip, "-k", f"2={tmp_path / 'layer.png'}", "-o", out, *FAST)
    assert shown.exit_code == 0, shown.stderr
    assert "transparent in places" in shown.stderr
    result = frames(out)[2]
    assert np.abs(result - painted(clip, 2))[:, :20].mean() < 10
    assert result[:, 30:].mean() > 40
    layer[..., 3] = 0
    Image.fromarray(layer).save(tmp_path / "nothing.png")
    refusal = cli("translate", clip, "-k", f"2={tmp_path / 'nothing.png'}", "-o", tmp_path / "b.mkv", *FAST)
    assert "is transparent" in refusal.stderr
    assert refusal.exit_code == 2


def test_a_keyframe_that_is_its_frame_gives_the_source(cli: Cli, clip: Path, tmp_path: Path):
    same = tmp_path / "same.png"
    write_picture(same, eight_bit(open_clip(clip).frame(2).pixels))
    shown = cli("translate", clip, "-k", f"2={same}", "-o", tmp_path / "out.mkv", *FAST)
    assert "is frame 2 itself" in shown.stderr
    for result, source in zip(frames(tmp_path / "out.mkv"), frames(clip), strict=True):
        assert np.abs(result - source).max() <= 4


def test_bad_keyframes_are_refused(refused, clip: Path, painting: Path, sized, target: Path, tmp_path: Path):
    out = ("-o", tmp_path / "out.mp4")
    good = ("-k", f"2={painting}")

    def message(*options: object) -> str:
        return refused("translate", clip, *options, *out, code=2)

    assert "48x40: give the same proportions" in message("-k", f"2={sized(60, 40)}")
    assert "has no frame 6" in message("-k", f"6={painting}")
    assert "neither a frame number nor a timecode" in message("-k", f"two={painting}")
    assert "is not FRAME=PICTURE" in message("-k", str(painting))
    assert "names frame 2 twice" in message(*good, "-k", f"0:00.08={painting}")
    assert "masks no keyframe" in message(*good, "--mask", f"3={painting}")
    assert "is black" in message(*good, "--mask", f"2={sized(48, 40, 0)}")
    assert "give -k FRAME=PICTURE too" in message(target, "--mask", f"2={painting}")
    assert "leave" in message(target, *good)
    assert "leave --frame out" in message(*good, "--frame", "1")
    assert "learns from a target" in message(*good, "-p", "draft")
    assert "is for painted keyframes" in message(target, "-p", "keyframe")
    assert "strength: not for painted keyframes" in message(*good, "--strength", "0.5")
    assert "give --matte too" in message(*good, "--feather", "2")
    assert "does not translate" in message(*good, "-p", "passthrough")


def test_missing_keyframes_are_refused(refused, clip: Path, tmp_path: Path):
    told = refused("translate", clip, "-k", f"2={tmp_path / 'no.png'}", "-o", tmp_path / "out.mp4")
    assert "no.png" in told


def test_a_matte_that_does_not_fit_is_refused(
    refused, clip: Path, painting: Path, sized, write_clip, tmp_path: Path
):
    short = write_clip(tmp_path / "short.mp4", frames=3, audio=False)
    base = ("translate", clip, "-k", f"2={painting}", "-o", tmp_path / "out.mp4")
    assert "has 3 frames, the clip 6" in refused(*base, "--matte", short, code=2)
    assert "the same proportions" in refused(*base, "--matte", sized(80, 40), code=2)


def test_frames_worth_painting(cli: Cli, clip: Path, tmp_path: Path):
    folder = tmp_path / "paint"
    shown = cli("keyframes", clip, "--count", "2", "-o", folder, "--json")
    assert shown.exit_code == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert told["shots"] == [{"first": 0, "last": 5}]
    numbers = [one["frame"] for one in told["suggestions"]]
    assert len(set(numbers)) == 2
    assert told["suggestions"][0]["covers"] > told["suggestions"][1]["covers"]
    for one in told["suggestions"]:
        written = eight_bit(open_clip(Path(one["picture"])).frame(0).pixels)
        assert (written == eight_bit(open_clip(clip).frame(one["frame"]).pixels)).all()
    assert "exists" in cli("keyframes", clip, "-o", folder, "--count", "2").stderr
    assert "-k" in cli("keyframes", clip).stdout


def test_shots_are_listed(cli: Cli, write_clip, tmp_path: Path):
    def cut(index: int, width: int, height: int) -> np.ndarray:
        level = 40 if index < 5 else 210
        stripes = np.indices((height, width))[int(index >= 5)] // 4 % 2 * 30
        return np.repeat((level + stripes)[..., None], 3, 2).astype(np.uint8)

    clip = write_clip(tmp_path / "cut.mp4", frames=12, draw=cut)
    told = json.loads(cli("keyframes", clip, "--shots", "--json").stdout)
    assert told["shots"] == [{"first": 0, "last": 4}, {"first": 5, "last": 11}]
    advice = json.loads(cli("keyframes", clip, "--json").stdout)
    assert sorted(one["shot"] for one in advice["suggestions"]) == [0, 1]


def test_every_shot_gets_a_frame_however_short(cli: Cli, write_clip, tmp_path: Path):
    """A long one in which everything moves could use two before a short one gets any."""

    def draw(index: int, width: int, height: int) -> np.ndarray:
        if index >= 20:
            return np.full((height, width, 3), 230, np.uint8)
        noise = np.random.default_rng(index // 5).integers(0, 120, (height // 4, width // 4, 3))
        return np.kron(noise, np.ones((4, 4, 1))).astype(np.uint8)

    clip = write_clip(tmp_path / "uneven.mp4", frames=24, draw=draw)
    advice = json.loads(cli("keyframes", clip, "--json").stdout)
    shots = [one["shot"] for one in advice["suggestions"]]
    assert sorted(shots) == list(range(len(advice["shots"])))
    assert len(shots) >= 2


def test_pictures_to_paint_are_written_all_or_none(cli: Cli, clip: Path, tmp_path: Path):
    folder = tmp_path / "paint"
    first = json.loads(cli("keyframes", clip, "--count", "2", "-o", folder, "--json").stdout)
    kept, gone = (Path(one["picture"]) for one in first["suggestions"])
    gone.unlink()
    shown = cli("keyframes", clip, "--count", "2", "-o", folder)
    assert "exists" in shown.stderr
    assert kept.exists()
    assert not gone.exists()


def test_a_folder_of_mattes(cli: Cli, clip: Path, painting: Path, tmp_path: Path):
    folder = tmp_path / "mattes"
    folder.mkdir()
    for number in range(6):
        level = 255 if number == 3 else 0
        write_picture(folder / f"{number:02d}.png", np.full((40, 48, 3), level, np.uint8))
    out = tmp_path / "out.mkv"
    shown = cli("translate", clip, "-k", f"2={painting}", "--matte", folder, "-o", out, *FAST)
    assert shown.exit_code == 0, shown.stderr
    apart = [np.abs(a - b).mean() for a, b in zip(frames(out), frames(clip), strict=True)]
    assert apart[3] > 10
    assert max(apart[:3] + apart[4:]) < 3


def test_the_least_certain_frame_is_named(cli: Cli, clip: Path, painting: Path, tmp_path: Path):
    look = tmp_path / "look.safetensors"
    assert cli("train", clip, "-k", f"0={painting}", "-o", look, *FAST).exit_code == 0
    told = json.loads(cli("keyframes", clip, "-m", look, "--json").stdout)
    assert told["uncertain"]["frame"] > 0  # not the one that is painted
    assert "paint next: frame" in cli("keyframes", clip, "-m", look).stdout


def test_bad_advice_is_refused(refused, clip: Path, look: Path, tmp_path: Path):
    assert "--count 0" in refused("keyframes", clip, "--count", "0", code=2)
    assert "leave --count" in refused("keyframes", clip, "--shots", "--count", "1", code=2)
    assert "was not learnt from painted" in refused("keyframes", clip, "-m", look, code=2)
    assert "there is no folder" in refused("keyframes", clip, "-o", tmp_path / "a" / "b")

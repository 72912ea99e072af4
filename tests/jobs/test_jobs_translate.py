"""The main job: the result is the clip in another look, and in nothing else another clip."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vidgan
from vidgan import Options, Result
from vidgan.config import load_recipe, parse_recipe
from vidgan.errors import UsageError
from vidgan.media import open_clip, probe, read_picture
from vidgan.resample import eight_bit

Pictures = Callable[[Path], np.ndarray]
Packets = Callable[[Path, str], list[tuple[int | None, bytes]]]


@dataclass
class Made:
    """A translation that many tests look at."""

    folder: Path
    out: Path
    sheet: Path
    result: Result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, clip: Path, target: Path, recipe: str) -> Made:
    folder = tmp_path_factory.mktemp("made")
    out, sheet = folder / "out.mp4", folder / "sheet.png"
    result = vidgan.translate(clip, target, out, pipeline=recipe, options=Options(sheet=sheet))
    return Made(folder, out, sheet, result)


@pytest.fixture(scope="module")
def lossless(tmp_path_factory: pytest.TempPathFactory, clip: Path, target: Path, recipe: str) -> Path:
    out = tmp_path_factory.mktemp("lossless") / "out.mkv"
    vidgan.translate(clip, target, out, pipeline=recipe)
    return out


def test_every_frame_is_there_at_its_time_and_size(made: Made, clip: Path) -> None:
    source, result = open_clip(clip), open_clip(made.out)
    assert result.timestamps == source.timestamps
    assert result.info.time_base == source.info.time_base
    assert result.end_pts == source.end_pts
    assert (result.info.width, result.info.height) == (48, 40)
    assert len(list(result.frames())) == 6


def test_the_sound_is_the_sources_bit_for_bit(made: Made, clip: Path, packets: Packets) -> None:
    assert packets(made.out, "audio") == packets(clip, "audio")
    assert len(packets(clip, "audio")) > 5


def test_the_codec_follows_the_container(made: Made, lossless: Path) -> None:
    assert open_clip(made.out).info.codec == "h264"
    assert open_clip(lossless).info.codec == "ffv1"


def test_the_clip_has_changed_towards_the_target(
    lossless: Path, clip: Path, target: Path, pictures: Pictures
) -> None:
    source, result, aim = pictures(clip), pictures(lossless), read_picture(target)
    assert np.abs(source.astype(float) - result).mean() > 5

    def distance(frames: np.ndarray) -> float:
        return float(np.abs(frames.mean((0, 1, 2)) - aim.mean((0, 1))).sum())

    assert distance(result) < distance(source)


def test_the_result_moves_as_the_source_does(lossless: Path, pictures: Pictures) -> None:
    frames = pictures(lossless).astype(float)
    assert all(np.abs(later - frame).mean() > 0.1 for frame, later in pairwise(frames))


def test_the_recipe_lies_beside_the_output_and_repeats_the_result(
    lossless: Path, clip: Path, target: Path, recipe: str, tmp_path: Path, pictures: Pictures
) -> None:
    beside = lossless.with_name("out.mkv.recipe.toml")
    assert parse_recipe(beside.read_text(encoding="utf-8")) == load_recipe(recipe)
    vidgan.translate(clip, target, tmp_path / "again.mkv", pipeline=str(beside))
    assert np.array_equal(pictures(tmp_path / "again.mkv"), pictures(lossless))


def test_the_recipe_beside_the_output_is_the_resolved_one(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    overrides = ["encode.crf=30", "train.seed=3"]
    result = vidgan.translate(clip, target, tmp_path / "out.mp4", pipeline=recipe, overrides=overrides)
    assert result.recipe is not None
    stored = parse_recipe(result.recipe.read_text(encoding="utf-8"))
    assert (stored.name, stored.encode.crf, stored.train.seed) == ("tiny", 30, 3)


def test_the_contact_sheet_shows_sources_results_and_target(made: Made, clip: Path, target: Path) -> None:
    with Image.open(made.sheet) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(float)
    assert pixels.shape[1] == 5 * 326 + 332  # five cells and the target, with gaps
    cell = pixels[6 : 6 + 267, 332 : 332 + 320]
    first = np.asarray(Image.fromarray(eight_bit(open_clip(clip).frame(0).pixels)).resize((320, 267)), float)
    assert np.abs(cell - first).mean() < 8
    below = pixels[6 + 267 + 6 :, 332 : 332 + 320][:267]
    assert np.abs(below - first).mean() > 5
    tiles = read_picture(target).reshape(-1, 3).mean(0)
    column = pixels[:, 6:326].reshape(-1, 3)
    assert np.abs(column[column.sum(1) > 0].mean(0) - tiles).max() < 12


def test_nothing_else_is_left_behind(made: Made, names: Callable[[Path], list[str]]) -> None:
    assert names(made.folder) == ["out.mp4", "out.mp4.recipe.toml", "sheet.png"]


def test_train_then_render_is_translate(
    lossless: Path, look: Path, clip: Path, tmp_path: Path, pictures: Pictures
) -> None:
    vidgan.render(clip, look, tmp_path / "rendered.mkv")
    assert np.array_equal(pictures(tmp_path / "rendered.mkv"), pictures(lossless))


def test_another_seed_gives_another_result(
    lossless: Path, clip: Path, target: Path, recipe: str, tmp_path: Path, pictures: Pictures
) -> None:
    vidgan.translate(clip, target, tmp_path / "out.mkv", pipeline=recipe, overrides=["train.seed=1"])
    assert not np.array_equal(pictures(tmp_path / "out.mkv"), pictures(lossless))


def test_the_frame_to_train_on_can_be_chosen_by_number_and_timecode(
    clip: Path, target: Path, recipe: str, tmp_path: Path
) -> None:
    def trained_on(frame: str | int) -> int | None:
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.safetensors"
        return vidgan.train(clip, target, out, pipeline=recipe, frame=frame).representative

    assert trained_on(4) == 4
    assert trained_on("5") == 5
    assert trained_on("00:00:00.120") == 3
    assert trained_on("0:00.119") == 2


def test_the_stream_can_be_chosen(
    write_clip: Callable[..., Path], look: Path, tmp_path: Path, pictures: Pictures
) -> None:
    two = write_clip(tmp_path / "two.mkv", streams=2, codec="ffv1", pix_fmt="bgr0", options={})
    for stream in (0, 1):
        vidgan.translate(
            two, None, tmp_path / f"{stream}.mkv", pipeline="passthrough", options=Options(stream=stream)
        )
    first, second = (pictures(tmp_path / f"{stream}.mkv") for stream in (0, 1))
    assert (second.astype(int) - first).mean() == pytest.approx(40, abs=2)


def test_a_folder_of_pictures_is_a_clip(
    clip: Path, target: Path, recipe: str, tmp_path: Path, pictures: Pictures
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, pixels in enumerate(pictures(clip)):
        Image.fromarray(pixels).save(folder / f"{index:04d}.png")
    vidgan.translate(folder, target, tmp_path / "out.mkv", pipeline=recipe)
    assert pictures(tmp_path / "out.mkv").shape == (6, 40, 48, 3)
    assert probe(tmp_path / "out.mkv")["audio_streams"] == []


def test_one_frame_is_a_clip(
    write_clip: Callable[..., Path], target: Path, recipe: str, tmp_path: Path, pictures: Pictures
) -> None:
    single = write_clip(tmp_path / "single.mp4", frames=1)
    sheet = tmp_path / "sheet.png"
    vidgan.translate(single, target, tmp_path / "out.mp4", pipeline=recipe, options=Options(sheet=sheet))
    assert pictures(tmp_path / "out.mp4").shape == (1, 40, 48, 3)
    assert sheet.exists()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_odd_sizes_stay_odd(
    write_clip: Callable[..., Path], look: Path, tmp_path: Path, pictures: Pictures, suffix: str
) -> None:
    odd = write_clip(tmp_path / "odd.mp4", size=(49, 41), pix_fmt="yuv444p")
    vidgan.render(odd, look, tmp_path / f"out{suffix}")
    assert pictures(tmp_path / f"out{suffix}").shape == (6, 41, 49, 3)


def test_uneven_times_are_kept(write_clip: Callable[..., Path], look: Path, tmp_path: Path) -> None:
    uneven = write_clip(tmp_path / "uneven.mp4", pts=[0, 500, 1400, 1401, 4000, 4700])
    vidgan.render(uneven, look, tmp_path / "out.mp4")
    assert open_clip(tmp_path / "out.mp4").timestamps == open_clip(uneven).timestamps


def test_ten_bits_come_out_as_more_than_eight(
    write_clip: Callable[..., Path], look: Path, tmp_path: Path, pictures: Pictures
) -> None:
    deep = write_clip(tmp_path / "deep.mkv", codec="ffv1", pix_fmt="yuv444p10le", options={}, frames=3)
    vidgan.render(deep, look, tmp_path / "out.mkv")
    made = open_clip(tmp_path / "out.mkv")
    assert made.info.bit_depth == 10
    result = np.stack([frame.pixels for frame in made.frames()])
    assert len(np.unique(((result + 1) * 511.5).round())) > 256


def test_frames_do_not_mix_across_a_cut(
    write_clip: Callable[..., Path], look: Path, tmp_path: Path, pictures: Pictures
) -> None:
    """Each shot comes out as it does when it is alone."""

    def first(index: int, width: int, height: int) -> np.ndarray:
        y, x = np.mgrid[0:height, 0:width]
        return np.stack([120 + x, 40 + 2 * y, 30 + 0 * x], 2).astype(np.uint8)

    def second(index: int, width: int, height: int) -> np.ndarray:
        return 255 - first(index, width, height)[::-1, ::-1]

    def both(index: int, width: int, height: int) -> np.ndarray:
        return (first if index < 6 else second)(index, width, height)

    exact = {"codec": "ffv1", "pix_fmt": "bgr0", "options": {}, "audio": False}
    for name, draw, frames in (("both", both, 12), ("first", first, 6), ("second", second, 6)):
        source = write_clip(tmp_path / f"{name}.mkv", draw=draw, frames=frames, **exact)
        as_they_are = ["smooth.window=2", "translate.match_tones=0", "translate.strength=0"]
        vidgan.render(source, look, tmp_path / f"{name}-out.mkv", overrides=as_they_are)
    whole = pictures(tmp_path / "both-out.mkv")
    assert np.array_equal(whole[:6], pictures(tmp_path / "first-out.mkv"))
    assert np.array_equal(whole[6:], pictures(tmp_path / "second-out.mkv"))
    assert np.abs(whole[5].astype(float) - whole[6]).mean() > 5


def test_strength_is_chosen_when_rendering(
    look: Path, clip: Path, tmp_path: Path, pictures: Pictures
) -> None:
    for strength in (0, 1):
        out = tmp_path / f"{strength}.mkv"
        vidgan.render(clip, look, out, overrides=[f"translate.strength={strength}"])
    assert not np.array_equal(pictures(tmp_path / "0.mkv"), pictures(tmp_path / "1.mkv"))


def test_a_look_is_reversed_when_rendering(
    look: Path, clip: Path, target: Path, tmp_path: Path, pictures: Pictures
) -> None:
    """Footage of the target's kind takes the clip's colours."""
    footage = tmp_path / "footage"
    footage.mkdir()
    for index in range(2):
        Image.fromarray(np.roll(read_picture(target), index, axis=1)).save(footage / f"{index}.png")
    vidgan.render(footage, look, tmp_path / "back.mkv", overrides=["translate.reverse=true"])
    source, result, manner = pictures(footage), pictures(tmp_path / "back.mkv"), pictures(clip)

    def distance(frames: np.ndarray) -> float:
        return float(np.abs(frames.mean((0, 1, 2)) - manner.mean((0, 1, 2))).sum())

    assert result.shape == source.shape
    assert distance(result) < 0.5 * distance(source)


def test_a_translation_needs_a_target(clip: Path, recipe: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tiny needs a target picture"):
        vidgan.translate(clip, None, tmp_path / "out.mp4", pipeline=recipe)


def test_a_target_of_another_size_and_shape_will_do(
    clip: Path, recipe: str, tmp_path: Path, pictures: Pictures
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 30, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "tall.png")
    vidgan.translate(clip, tmp_path / "tall.png", tmp_path / "out.mkv", pipeline=recipe)
    assert pictures(tmp_path / "out.mkv").shape == (6, 40, 48, 3)

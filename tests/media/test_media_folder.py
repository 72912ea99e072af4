from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import picture
from PIL import Image

from vidgan.errors import MediaError
from vidgan.media import PictureWriter, codec_for, mux, open_clip, write_picture
from vidgan.resample import eight_bit


def write_frames(folder: Path, names: list[str], size: tuple[int, int] = (64, 48)) -> Path:
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        write_picture(folder / name, picture(index, *size))
    return folder


def test_a_folder_reads_like_a_clip_in_natural_order(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", [f"shot{n}.png" for n in range(8, 12)])
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_text("nor this")
    clip = open_clip(folder)
    assert (clip.info.kind, clip.info.width, clip.info.height) == ("pictures", 64, 48)
    assert clip.timestamps == (0, 1, 2, 3)
    assert clip.info.average_rate == 24
    assert clip.info.duration_seconds == Fraction(4, 24)
    for index, frame in enumerate(clip.frames()):
        assert (frame.index, frame.seconds, frame.duration) == (index, Fraction(index, 24), 1)
        np.testing.assert_array_equal(eight_bit(frame.pixels), picture(index))
    np.testing.assert_array_equal(eight_bit(clip.frame(2).pixels), picture(2))
    assert [frame.index for frame in clip.frames(1, 3)] == [1, 2]


def test_the_rate_can_be_given(tmp_path: Path) -> None:
    clip = open_clip(write_frames(tmp_path / "frames", ["1.png", "2.png"]), rate=Fraction(30000, 1001))
    assert clip.frame(1).seconds == Fraction(1001, 30000)


def test_a_pattern_takes_only_what_it_matches(tmp_path: Path) -> None:
    write_frames(tmp_path / "frames", [f"a_{n:05d}.png" for n in range(7, 10)])
    write_frames(tmp_path / "frames", ["b_00001.png"])
    clip = open_clip(tmp_path / "frames" / "a_%05d.png")
    assert len(clip) == 3
    np.testing.assert_array_equal(eight_bit(clip.frame(0).pixels), picture(0))
    with pytest.raises(MediaError, match="matches no file"):
        open_clip(tmp_path / "frames" / "c_%05d.png")


def test_one_picture_is_a_clip_of_one_frame_whatever_its_name(tmp_path: Path) -> None:
    write_picture(tmp_path / "frame_%03d.png", picture(0))
    assert len(open_clip(tmp_path / "frame_%03d.png")) == 1


def test_a_gap_is_refused_naming_it(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", ["f_0001.png", "f_0002.png", "f_0004.png"])
    with pytest.raises(MediaError, match=r"gap: frame 3 is missing between f_0002\.png and f_0004\.png"):
        open_clip(folder)
    with pytest.raises(MediaError, match="frame 3 is missing"):
        open_clip(folder / "f_%04d.png")


def test_a_number_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="has frame 1 twice"):
        open_clip(write_frames(tmp_path / "frames", ["f1.png", "f01.png"]))


def test_a_different_size_is_refused_naming_the_first_odd_file(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", ["1.png", "2.png"])
    for name in ("3.png", "4.png"):
        write_picture(folder / name, picture(0, 32, 48))
    with pytest.raises(MediaError, match=r"3\.png is 32x48, but 1\.png is 64x48: make all pictures one size"):
        open_clip(folder)


def test_mixed_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"mixes \.jpg and \.png pictures"):
        open_clip(write_frames(tmp_path / "frames", ["1.png", "1.jpg"]))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    with pytest.raises(MediaError, match="frames holds no pictures"):
        open_clip(tmp_path / "frames")


def test_sixteen_bit_pictures_keep_their_depth(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (48, 64, 3)).astype(np.uint16)
    folder = tmp_path / "frames"
    folder.mkdir()
    with av.open(str(folder / "1.png"), "w", format="image2", options={"update": "1"}) as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb48be"
        container.mux(
            stream.encode(av.VideoFrame.from_ndarray(deep, format="rgb48le").reformat(format="rgb48be"))
        )
        container.mux(stream.encode(None))
    write_picture(folder / "2.png", picture(0))
    clip = open_clip(folder)
    assert clip.info.bit_depth == 16
    np.testing.assert_array_equal(((clip.frame(0).pixels + 1) * 32767.5).round(), deep)
    np.testing.assert_array_equal(eight_bit(clip.frame(1).pixels), picture(0))


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", ["1.png", "2.png"])
    data = (folder / "2.png").read_bytes()
    (folder / "2.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"2\.png is not a picture that can be read"):
        list(open_clip(folder).frames())


def test_a_folder_renders_to_a_video(tmp_path: Path) -> None:
    clip = open_clip(write_frames(tmp_path / "frames", [f"{n}.png" for n in range(5)]))
    with PictureWriter(tmp_path / "part.nut", clip.info, codec_for("auto", "x.mkv", clip.info)) as writer:
        for frame in clip.frames():
            writer.write(frame)
    assert mux([tmp_path / "part.nut"], clip, tmp_path / "out.mkv") == []
    made = open_clip(tmp_path / "out.mkv")
    assert made.info.average_rate == 24
    assert [round(float(frame.seconds) * 24) for frame in made.frames()] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(eight_bit(made.frame(3).pixels), picture(3))


def test_a_picture_on_its_side_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to show
    (tmp_path / "frames").mkdir()
    Image.fromarray(picture(0)).save(tmp_path / "frames" / "1.png", exif=exif)
    clip = open_clip(tmp_path / "frames")
    assert (clip.info.width, clip.info.height) == (48, 64)
    np.testing.assert_array_equal(eight_bit(clip.frame(0).pixels), np.rot90(picture(0), k=-1))

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from media_clips import picture
from PIL import Image, ImageCms

from vidgan.errors import MediaError, OutputError
from vidgan.media import open_clip, read_picture, write_picture


def huge_png(path: Path) -> Path:
    """A real header of 60000x60000, and next to nothing behind it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("name", ["p.png", "p.jpg"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    write_picture(tmp_path / name, picture(0))
    pixels = read_picture(tmp_path / name)
    assert pixels.dtype == np.uint8
    assert abs(pixels.astype(int) - picture(0)).max() <= (0 if name.endswith("png") else 6)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    name = "p.tif" if mode == "CMYK" else "p.png"
    Image.fromarray(picture(0)).convert(mode).save(tmp_path / name)
    assert read_picture(tmp_path / name).shape == (48, 64, 3)


def test_alpha_is_dropped_and_the_colours_under_it_stay(tmp_path: Path) -> None:
    painted = np.dstack([picture(0), np.zeros((48, 64), np.uint8)])
    Image.fromarray(painted).save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), picture(0))


def test_sixteen_bit_grey_is_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 32896, np.uint16)).save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), np.full((4, 4, 3), 128))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_32_bit_pictures_are_refused(tmp_path: Path, dtype: type) -> None:
    Image.fromarray(np.full((4, 4), 1, dtype)).save(tmp_path / "p.tiff")
    with pytest.raises(MediaError, match=r"p\.tiff has 32 bits a channel: save it with 8 or 16\."):
        read_picture(tmp_path / "p.tiff")


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(picture(0)).save(tmp_path / "p.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), np.rot90(picture(0)))


def test_an_embedded_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    Image.fromarray(picture(0)).save(tmp_path / "p.png", icc_profile=lab.tobytes())
    assert abs(read_picture(tmp_path / "p.png").astype(int) - picture(0)).max() <= 1
    Image.fromarray(picture(0)).save(tmp_path / "q.png", icc_profile=b"broken")
    np.testing.assert_array_equal(read_picture(tmp_path / "q.png"), picture(0))


def test_an_absurd_size_is_refused_by_its_header(tmp_path: Path) -> None:
    path = huge_png(tmp_path / "huge.png")
    with pytest.raises(MediaError, match=r"huge\.png .*large"):
        read_picture(path)
    with pytest.raises(MediaError, match=r"huge\.png .*large"):
        open_clip(path)


def test_bad_pictures_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"none\.png does not exist"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(MediaError, match="is a folder"):
        read_picture(tmp_path)
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(MediaError, match=r"text\.png is not a picture that can be read"):
        read_picture(tmp_path / "text.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(MediaError, match=r"empty\.png is empty"):
        read_picture(tmp_path / "empty.png")


def test_an_unwritable_picture_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.xyz"):
        write_picture(tmp_path / "p.xyz", picture(0))
    with pytest.raises(OutputError, match="does not exist"):
        write_picture(tmp_path / "none" / "p.png", picture(0))
    with pytest.raises(ValueError, match="uint8"):
        write_picture(tmp_path / "p.png", picture(0).astype(np.float32))
    assert list(tmp_path.iterdir()) == []

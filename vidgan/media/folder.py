"""A folder of pictures, or a numbered pattern, as a clip. FFmpeg's own reader ends silently at a gap and does
not mind mixed sizes, so the files are listed and checked here."""

import re
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidgan.errors import MediaError
from vidgan.media.clip import Clip, ClipInfo
from vidgan.media.colour import MATRIX_RGB, RANGE_FULL, Colour
from vidgan.media.container import choose_video_stream, open_input
from vidgan.media.convert import ToRGB, as_float, planewise
from vidgan.media.frame import Frame
from vidgan.media.linear import to_display
from vidgan.media.numbering import is_pattern, matching
from vidgan.media.picture import open_picture, read_alpha, read_picture

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".exr")
_BITS_PER_SAMPLE = 258
_RGB = Colour(matrix=MATRIX_RGB, range=RANGE_FULL)
_ALIKE = {".jpeg": ".jpg", ".tiff": ".tif"}


def is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()


def looks_like_pattern(path: Path) -> bool:
    """True for frames/%05d.png, unless a file really has that name."""
    return path.suffix.lower() in PICTURE_SUFFIXES and is_pattern(path)


def open_pictures(path: Path, rate: Fraction, numbers: range | None = None) -> "FolderClip":
    """Open a folder, a single picture or a pattern as a clip of `rate` pictures a second.

    numbers: those of the pictures that count; all unless told.
    Raises MediaError for an empty folder, a gap in the numbers, mixed kinds or mixed sizes, naming the file.
    """
    files = list_pictures(path, numbers)
    heads = [_Head.of(file) for file in files]
    for file, head in zip(files, heads, strict=True):
        if head.size != heads[0].size:
            raise MediaError(
                f"{file} is {head.width}x{head.height}, but {files[0].name} is "
                f"{heads[0].width}x{heads[0].height}: make all pictures one size."
            )
    depth, alpha = max(head.bits for head in heads), any(head.alpha for head in heads)
    info = ClipInfo(
        path=path,
        kind="pictures",
        width=heads[0].width,
        height=heads[0].height,
        pix_fmt=f"gbr{'a' * alpha}p{_ENDINGS[depth]}",
        bit_depth=depth,
        codec=files[0].suffix.lower().lstrip("."),
        time_base=1 / rate,
        average_rate=rate,
        frame_count=len(files),
        duration_seconds=len(files) / rate,
        colour=_RGB,
        container="pictures",
        alpha=alpha,
        first_number=_number(files[0]),
    )
    return FolderClip(info, files, tuple(head.bits for head in heads))


_ENDINGS = {8: "", 16: "16le", 32: "f32le"}


class FolderClip(Clip):
    """Pictures in natural order, one a time step. Use open_clip."""

    def __init__(self, info: ClipInfo, files: list[Path], depths: tuple[int, ...]) -> None:
        super().__init__(info, tuple(range(len(files))), len(files))
        self._files = files
        self._depths = depths

    @property
    def files(self) -> list[Path]:
        return self._files

    def _read(self, start: int, stop: int) -> Generator[Frame, None, None]:
        for index in range(start, stop):
            pixels, alpha = _pixels(self._files[index], self._depths[index], self.info.alpha)
            if pixels.shape[:2] != (self.info.height, self.info.width):
                raise MediaError(f"{self._files[index]} changed size since the clip was opened: start again.")
            yield Frame(index, self.timestamps[index], 1, self.info.time_base, pixels, alpha)


def _pixels(file: Path, bits: int, opacity: bool) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """(H, W, 3), and (H, W) of how opaque it is where the picture says so."""
    if bits == 8:
        return planewise(as_float(read_picture(file))), read_alpha(file) if opacity else None
    pixels, alpha = _read_deep(file)
    return (pixels, alpha) if bits == 16 else (to_display(pixels), alpha)


def list_pictures(path: Path, numbers: range | None = None) -> list[Path]:
    """The clip's files in natural order (2 before 10). Raises MediaError as open_pictures does."""
    if path.is_file():
        return [path]
    files = _matching(path) if looks_like_pattern(path) else _in_folder(path)
    if numbers is not None:
        files = [file for file in files if _number(file) in numbers]
        if not files:
            raise MediaError(f"{path} holds none of the pictures {numbers.start} to {numbers.stop - 1}.")
    numbered = sorted(files, key=lambda file: _natural(file.name))
    _refuse_gaps(numbered)
    return numbered


def _in_folder(folder: Path) -> list[Path]:
    pictures = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in PICTURE_SUFFIXES and file.is_file() and not file.name.startswith(".")
    ]
    if not pictures:
        raise MediaError(f"{folder} holds no pictures: put PNG, JPEG, TIFF, BMP, WebP or EXR frames in it.")
    kinds = Counter(_ALIKE.get(file.suffix.lower(), file.suffix.lower()) for file in pictures)
    if len(kinds) > 1:
        raise MediaError(
            f"{folder} mixes {' and '.join(sorted(kinds))} pictures: keep one kind of file in it."
        )
    return pictures


def _matching(pattern: Path) -> list[Path]:
    if not pattern.parent.is_dir():
        raise MediaError(f"{pattern}: the folder {pattern.parent} does not exist: check the name.")
    files = matching(pattern)
    if not files:
        raise MediaError(f"{pattern} matches no file: check the name and the number of digits.")
    return files


def _number(file: Path) -> int:
    """The last number of a name; 0 where it has none."""
    found = re.findall(r"\d+", file.stem)
    return int(found[-1]) if found else 0


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        (0, int(part), part) if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name)
    )


def _refuse_gaps(files: list[Path]) -> None:
    """Where the names differ in their last number alone, it must count without a gap."""
    parts = [re.fullmatch(r"(.*?)(\d+)(\D*)", file.stem) for file in files]
    if len({(part.group(1), part.group(3)) if part else None for part in parts}) > 1 or parts[0] is None:
        return
    numbers = [int(part.group(2)) for part in parts if part]
    for (before, after), (file, later) in zip(pairwise(numbers), pairwise(files), strict=True):
        if after == before:
            raise MediaError(
                f"{file.parent} has frame {before} twice, {file.name} and {later.name}: remove one."
            )
        if after > before + 1:
            lost = f"frame {before + 1} is" if after == before + 2 else f"frames {before + 1}-{after - 1} are"
            raise MediaError(
                f"{file.parent} has a gap: {lost} missing between {file.name} and {later.name}: "
                "add what is missing, or number the files without a gap."
            )


@dataclass(frozen=True)
class _Head:
    """What a picture's header says; upright."""

    width: int
    height: int
    bits: int
    alpha: bool

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    @classmethod
    def of(cls, path: Path) -> "_Head":
        return cls._of_exr(path) if path.suffix.lower() == ".exr" else cls._of_others(path)

    @classmethod
    def _of_exr(cls, path: Path) -> "_Head":
        with open_input(path) as container:
            _, stream = choose_video_stream(container, path, None)
            return cls(stream.width, stream.height, 32, "a" in (stream.pix_fmt or ""))

    @classmethod
    def _of_others(cls, path: Path) -> "_Head":
        with open_picture(path) as image:
            width, height = image.size
            if _on_its_side(image):
                width, height = height, width
            alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            return cls(width, height, _bits(path, image), alpha)


def _on_its_side(image: Image.Image) -> bool:
    # Asked for EXIF that is not in a PNG's header, Pillow decodes the whole picture to look behind it.
    if image.format == "PNG" and "exif" not in image.info:
        return False
    return image.getexif().get(0x0112, 1) in (5, 6, 7, 8)


def _bits(path: Path, image: Image.Image) -> int:
    """8 or 16. Pillow opens 16-bit RGB as 8-bit without a word, so the file's own header is asked."""
    if image.format == "PNG":
        with path.open("rb") as file:
            return 16 if file.read(25)[24] == 16 else 8
    if image.format == "TIFF" and max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) == 16:  # type: ignore[attr-defined]
        return 16
    return 16 if image.mode.startswith("I;16") else 8


def _read_deep(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Pixels and alpha of a picture of 16 bits or floats, through FFmpeg: Pillow would keep 8 bits."""
    try:
        with path.open("rb") as file, av.open(file, "r") as container:
            pixels, alpha = ToRGB(_RGB)(next(container.decode(video=0)))
    except (av.FFmpegError, StopIteration, ValueError) as error:
        raise MediaError(f"{path} is not a picture that can be read: export it again.") from error
    if not np.isfinite(pixels).all():
        raise MediaError(f"{path} holds values that are not finite: clean it, or export it again.")
    return pixels, alpha

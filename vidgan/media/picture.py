"""Single pictures: targets, painted keyframes, previews."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from vidgan.errors import MediaError
from vidgan.media.container import check_size, require_file, what_it_is
from vidgan.media.output import replacing

_WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def read_picture(path: str | Path) -> np.ndarray:
    """Read any still picture as (H, W, 3) uint8 RGB, upright.

    EXIF orientation is applied; an embedded colour profile is converted to sRGB; grey and palette pictures
    become RGB; alpha is dropped and the colours stored under it are kept, so that a painting saved with
    holes still lines up. Raises MediaError for what is missing, unreadable or absurdly large (refused by
    its header, before anything is decoded).
    """
    place = Path(path)
    try:
        with open_picture(place) as image:
            if image.mode in ("I", "F"):
                raise MediaError(f"{place} has 32 bits a channel: save it with 8 or 16.")
            upright = ImageOps.exif_transpose(image)
            return np.array(_to_srgb(upright).convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise _unreadable(place, error) from error


def read_alpha(path: str | Path) -> np.ndarray | None:
    """How opaque a still picture is, (H, W) in [0, 1] float32, upright; None where all of it is.

    Raises MediaError as read_picture does.
    """
    place = Path(path)
    try:
        with open_picture(place) as image:
            if not image.has_transparency_data:
                return None
            upright = ImageOps.exif_transpose(image).convert("RGBA")
            alpha = np.asarray(upright.getchannel("A"), np.float32) / 255
            return None if alpha.min() == 1 else alpha
    except (OSError, SyntaxError, ValueError) as error:
        raise _unreadable(place, error) from error


def open_picture(path: Path) -> Image.Image:
    """Open a picture lazily: its header is read and its size checked, its pixels are not touched."""
    require_file(path)
    with warnings.catch_warnings():
        # Pillow's own limit is lower than ours, and a warning at first.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(path)
        except Image.DecompressionBombError as error:
            raise MediaError(f"{path} is absurdly large ({error}): scale it down first.") from error
        except (OSError, SyntaxError, ValueError) as error:
            raise _unreadable(path, error) from error
    check_size(image.width, image.height, path)
    return image


def write_picture(path: str | Path, pixels: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as PNG or JPEG, whichever `path` ends in; appears whole or not at all.

    Raises OutputError for an unknown ending, a missing folder or a full disk.
    """
    with replacing(Path(path), known=_WRITTEN) as temporary:
        save_picture(temporary, pixels)


def save_picture(path: Path, pixels: np.ndarray) -> None:
    """The same, under that very name and at once: for a file that nobody looks at yet."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"expected (H, W, 3) uint8 pixels, got {pixels.shape} {pixels.dtype}")
    kind = _WRITTEN[path.suffix.lower()]
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    Image.fromarray(pixels).save(path, format=kind, **options)


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return _to_eight_bits(image)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return (
            ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode) or image
        )
    except (ImageCms.PyCMSError, OSError):
        return image  # a broken profile says nothing: the colours are taken as they are


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Pillow clips 16-bit grey instead of scaling it."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
    return image


def _unreadable(path: Path, error: Exception) -> MediaError:
    if isinstance(error, MediaError):
        return error
    is_a = what_it_is(path)
    if is_a:
        return MediaError(
            f"{path} is not a picture that can be read: it is {is_a}; name it so, or give another."
        )
    return MediaError(
        f"{path} is not a picture that can be read: give a PNG, JPEG, TIFF, WebP or BMP of 8 or 16 bits."
    )

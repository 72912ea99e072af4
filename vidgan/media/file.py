"""Opening a video file: its facts from the header and the first frame, its index from the packets."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidgan.errors import MediaError, TruncatedError
from vidgan.media.clip import ClipInfo
from vidgan.media.colour import colour_of
from vidgan.media.container import choose_video_stream, open_input
from vidgan.media.decode import FileClip
from vidgan.media.decoder import Decoder
from vidgan.media.fields import field_order
from vidgan.media.hdr import dynamic_hdr, hdr10_of
from vidgan.media.index import Index, index_file
from vidgan.media.orientation import Orientation, orientation_of
from vidgan.media.planes import bit_depth, has_alpha
from vidgan.media.streams import kept_metadata, summaries, timecode_of

_OWN_TIMING = "the clip has timestamps of its own: the rate that was given is not used"


def open_file(
    path: Path, *, stream: int | None, allow_truncated: bool, decode_threads: int, rate: Fraction | None
) -> FileClip:
    """Open a video file: decode its first frame, index its packets, refuse what cannot be rendered."""
    facts = _gather(path, stream)
    found = index_file(path, facts.chosen, rate or facts.rate, by_frames=bool(facts.info.field_order))
    index, skipped = _without_leading(found, facts.picture.pts)
    if not index.decodable:
        raise MediaError(f"{path}: none of its frames decodes: export it again.")
    ignored = rate is not None and not index.counted
    rate = rate if rate is not None and index.counted else facts.rate
    _refuse_truncated(path, index, allow_truncated)
    end_pts = index.timestamps[-1] + (index.last_duration or max(1, round(1 / (rate * facts.time_base))))
    info = replace(
        facts.info,
        average_rate=rate,
        frame_count=len(index.timestamps),
        duration_seconds=(end_pts - index.timestamps[0]) * facts.time_base,
        missing_frames=index.missing,
        notices=(*facts.info.notices, *_index_notices(index, skipped), *([_OWN_TIMING] if ignored else [])),
    )
    return FileClip(
        info,
        index,
        facts.orientation,
        end_pts,
        decode_threads=decode_threads,
        lenient=allow_truncated,
    )


@dataclass(frozen=True)
class _Facts:
    """What the header and the first frame tell; info still lacks what only the index knows."""

    chosen: int
    picture: VideoFrame
    orientation: Orientation
    info: ClipInfo

    @property
    def time_base(self) -> Fraction:
        return self.info.time_base

    @property
    def rate(self) -> Fraction:
        return self.info.average_rate


def _gather(path: Path, wanted: int | None) -> _Facts:
    with open_input(path) as container:
        chosen, video = choose_video_stream(container, path, wanted)
        picture = next(Decoder(container, video).frames(), None)
        if picture is None:
            raise MediaError(f"{path}: none of its frames decodes: export it again.")
        orientation = orientation_of(picture, path)
        info = _describe(path, container, chosen, video, picture, orientation)
        choices = len(info.video_streams) if wanted is None else 1
        return _Facts(
            chosen, picture, orientation, replace(info, notices=_picture_notices(info, picture, choices))
        )


def _describe(
    path: Path,
    container: InputContainer,
    chosen: int,
    video: VideoStream,
    picture: VideoFrame,
    orientation: Orientation,
) -> ClipInfo:
    width, height = picture.width, picture.height
    aspect = video.sample_aspect_ratio or Fraction(1)
    if orientation.transpose:
        width, height, aspect = height, width, 1 / aspect
    return ClipInfo(
        path=path,
        kind="file",
        width=width,
        height=height,
        pix_fmt=picture.format.name,
        bit_depth=bit_depth(picture.format),
        codec=video.codec_context.name,
        time_base=video.time_base or Fraction(1, 1000),
        average_rate=next((rate for rate in (video.average_rate, video.guessed_rate) if rate), Fraction(25)),
        sample_aspect_ratio=aspect,
        rotation=orientation.degrees,
        colour=colour_of(video.codec_context, picture, path),
        alpha=has_alpha(picture.format),
        field_order=field_order(video, picture),
        hdr10=hdr10_of(picture),
        timecode=timecode_of(container),
        chapters=len(container.chapters()),
        metadata=kept_metadata(container.metadata),
        container=container.format.name,
        stream=chosen,
        **summaries(container),
    )


def _without_leading(index: Index, first_pts: int | None) -> tuple[Index, int]:
    """Drop frames before the first that decodes: an open GOP cut out of a longer file starts with some."""
    if index.counted or first_pts is None:
        return index, 0
    kept = tuple(pts for pts in index.timestamps if pts >= first_pts)
    return replace(index, timestamps=kept), len(index.timestamps) - len(kept)


def _refuse_truncated(path: Path, index: Index, allow_truncated: bool) -> None:
    if index.missing and not allow_truncated:
        raise TruncatedError(
            f"{path} is truncated: {index.decodable} of {index.decodable + index.missing} frames decode. "
            "Re-export it, or pass --allow-truncated to render what there is."
        )


def _picture_notices(info: ClipInfo, picture: VideoFrame, choices: int) -> tuple[str, ...]:
    several = f"{choices} video streams; using {info.stream} (choose with --stream)"
    turned = f"turned by {info.rotation} degrees, as players show it; the output needs no rotation flag"
    first = "" if info.field_order == "unknown" else f", {info.field_order} field first"
    fields = f"interlaced{first}: deinterlaced (bwdif), a frame for every two fields"
    dynamic = f"{dynamic_hdr(picture)} describes every frame of the source anew: left out"
    said = [
        (bool(info.field_order), fields),
        (bool(dynamic_hdr(picture)), dynamic),
        (choices > 1, several),
        (info.rotation != 0, turned),
    ]
    return tuple(text for applies, text in said if applies)


def _holes(timestamps: tuple[int, ...]) -> tuple[int, int]:
    """How often an otherwise even timing skips, and over how many frames; nothing of a variable rate."""
    steps = [later - pts for pts, later in pairwise(timestamps)]
    if len(steps) < 4:
        return 0, 0
    usual = max(1, sorted(steps)[len(steps) // 2])
    skipped = [step for step in steps if step > 1.9 * usual]
    even = sum(abs(step - usual) <= 1 for step in steps) + len(skipped)
    rare = len(skipped) <= len(steps) / 8
    return (
        (len(skipped), sum(round(s / usual) - 1 for s in skipped)) if even == len(steps) and rare else (0, 0)
    )


def _index_notices(index: Index, skipped: int) -> Iterator[str]:
    if index.missing:
        lost = f"{index.missing} frames are" if index.missing > 1 else "1 frame is"
        yield f"truncated: {lost} missing, {index.decodable} decode"
    holes, frames = _holes(index.timestamps)
    if holes:
        yield f"{holes} gap{'s' * (holes > 1)} in even timing: about {frames} frames seem to be missing there"
    if index.counted:
        yield "some timestamps are missing or doubled; they were made from the frame rate or moved apart"
    if skipped:
        yield f"the first {skipped} frames refer to pictures before the file's start and are skipped"

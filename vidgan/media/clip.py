"""What a clip is, whatever it is stored in: facts, timestamps, and any range of frames exactly."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from vidgan.media.colour import Colour
from vidgan.media.frame import Frame
from vidgan.media.hdr import Hdr10


@dataclass(frozen=True)
class StreamSummary:
    """One stream of a file, for people and for reports."""

    index: int
    kind: str
    codec: str
    language: str | None = None
    description: str = ""
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class ClipInfo:
    """Everything known about a clip's pictures.

    width, height, sample_aspect_ratio: of the pixels handed out, which are turned upright; rotation is the
    clockwise turn in degrees that was needed. alpha: whether frames say how opaque they are.
    field_order: "top", "bottom" or "unknown" first where the source is interlaced, which frames handed out
    are not.
    timecode: of the first frame. first_number: of numbered pictures.
    missing_frames: how many frames the file promises and does not hold. notices: what the user should be
    told, a sentence each.
    """

    path: Path
    kind: str  # "file" | "pictures"
    width: int
    height: int
    pix_fmt: str
    bit_depth: int
    codec: str
    time_base: Fraction
    average_rate: Fraction
    frame_count: int = 0
    duration_seconds: Fraction = Fraction(0)
    sample_aspect_ratio: Fraction = Fraction(1)
    rotation: int = 0
    colour: Colour = field(default_factory=Colour)
    container: str = ""
    stream: int = 0
    video_streams: tuple[StreamSummary, ...] = ()
    audio_streams: tuple[StreamSummary, ...] = ()
    subtitle_streams: tuple[StreamSummary, ...] = ()
    other_streams: tuple[StreamSummary, ...] = ()
    alpha: bool = False
    field_order: str = ""
    hdr10: Hdr10 = field(default_factory=Hdr10)
    timecode: str = ""
    chapters: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    first_number: int = 0
    missing_frames: int = 0
    notices: tuple[str, ...] = ()

    @property
    def deep(self) -> bool:
        """Deeper than 8 bits a sample."""
        return self.bit_depth > 8


class Clip(ABC):
    """A sequence of frames with exact times. Holds nothing open: every reader opens its own.

    timestamps: pts of every frame in presentation order, in units of info.time_base.
    end_pts: where the last frame ends, in the same units.
    """

    def __init__(self, info: ClipInfo, timestamps: tuple[int, ...], end_pts: int) -> None:
        self.info = info
        self.timestamps = timestamps
        self.end_pts = end_pts

    def __len__(self) -> int:
        return len(self.timestamps)

    @property
    def path(self) -> Path:
        return self.info.path

    def duration(self, index: int) -> int:
        """How long frame `index` stays, in units of info.time_base."""
        later = self.timestamps[index + 1] if index + 1 < len(self) else self.end_pts
        return later - self.timestamps[index]

    def frames(self, start: int = 0, stop: int | None = None) -> Generator[Frame, None, None]:
        """Frames [start, stop), bit for bit what a decode of the whole clip gives there.

        A generator: closing it closes the file. Several can run at once. Raises MediaError when the file
        does not hold a frame that its index promised. ValueError for a range outside the clip.
        """
        stop = len(self) if stop is None else stop
        if not 0 <= start <= stop <= len(self):
            raise ValueError(f"frames [{start}, {stop}) are outside a clip of {len(self)} frames")
        return self._read(start, stop)

    def frame(self, index: int) -> Frame:
        """Frame `index`, counted from 0. Raises ValueError outside the clip."""
        if not 0 <= index < len(self):
            raise ValueError(f"frame {index} is outside a clip of {len(self)} frames")
        with closing(self._read(index, index + 1)) as reader:
            return next(reader)

    @property
    def files(self) -> list[Path]:
        """All that is read of it, in order."""
        return [self.path]

    @property
    def lenient(self) -> bool:
        """Whether damage is carried on with and told, and no reason to stop."""
        return False

    def losses(self) -> list[str]:
        """What was damaged of the frames that were read so far, a sentence each."""
        return []

    @abstractmethod
    def _read(self, start: int, stop: int) -> Generator[Frame, None, None]: ...

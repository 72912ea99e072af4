"""Parts joined: one stream of packets out of several files, retimed from the clip's own index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet

from vidgan.errors import MediaError
from vidgan.media.clip import Clip
from vidgan.media.container import open_input

_MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class _Part:
    """A part's pts in decoding order, in seconds (rounded: to milliseconds), and the decoder's set-up."""

    path: Path
    seconds: tuple[Fraction, ...]
    setup: bytes
    rounded: bool

    @property
    def ranks(self) -> list[int]:
        """Position in presentation order of each packet, in decoding order."""
        order = {second: rank for rank, second in enumerate(sorted(self.seconds))}
        return [order[second] for second in self.seconds]


class JoinedParts:
    """Frames [start, stop) of a clip, spread in order over part files.

    The clip's index is what times the packets, so nothing that a part's container rounds or shifts can
    reach the result. Raises MediaError if the parts do not hold exactly these frames.
    """

    def __init__(self, parts: Sequence[Path], clip: Clip, start: int, stop: int) -> None:
        if not parts or not 0 <= start < stop <= len(clip):
            raise ValueError(f"cannot join {len(parts)} parts into frames [{start}, {stop}) of {len(clip)}")
        self._parts = [_survey(path) for path in parts]
        self._check(clip, start, stop)
        self._ranks = self._global_ranks()

    @property
    def first(self) -> Path:
        return self._parts[0].path

    def packets(self, times: Sequence[int], time_base: Fraction) -> Iterator[Packet]:
        """All packets in decoding order. times: the pts of every frame, and the end of the last."""
        dts = self._decoding_times(times)
        position = 0
        for part in self._parts:
            with open_input(part.path) as container:
                for packet in _packets(container):
                    rank = self._ranks[position]
                    packet.pts, packet.dts = times[rank], dts[position]
                    packet.duration = times[rank + 1] - times[rank]
                    packet.time_base = time_base
                    yield packet
                    position += 1

    def _global_ranks(self) -> list[int]:
        ranks: list[int] = []
        for part in self._parts:
            offset = len(ranks)
            ranks.extend(offset + rank for rank in part.ranks)
        return ranks

    def _decoding_times(self, times: Sequence[int]) -> list[int]:
        """dts that rise, also over the joints, and never pass their pts: each is the pts of the frame
        `delay` places earlier, as x264 makes them; the first few are extrapolated back."""
        delay = max(position - rank for position, rank in enumerate(self._ranks))
        lead = times[delay] - times[0]
        return [pts - lead for pts in times[:delay]] + list(times[: len(self._ranks) - delay])

    def _check(self, clip: Clip, start: int, stop: int) -> None:
        found = sum(len(part.seconds) for part in self._parts)
        if found != stop - start:
            raise MediaError(
                f"{self.first}: the parts hold {found} of {stop - start} frames: render them again."
            )
        position = start
        for part in self._parts:
            if part.setup != self._parts[0].setup:
                raise MediaError(
                    f"{part.path} was encoded with other settings than {self.first}: render it again."
                )
            _check_spacing(part, clip, position)
            position += len(part.seconds)


def _check_spacing(part: _Part, clip: Clip, first: int) -> None:
    """A part's container may have moved all of its times, but not one against another."""
    times = sorted(part.seconds)
    rounding = _MILLISECOND if part.rounded else 0
    for offset, second in enumerate(times):
        expected = (clip.timestamps[first + offset] - clip.timestamps[first]) * clip.info.time_base
        if abs(second - times[0] - expected) > rounding:
            raise MediaError(
                f"{part.path}: frame {offset} is not timed like the clip's frame {first + offset}: "
                "render it again."
            )


def _survey(path: Path) -> _Part:
    with open_input(path) as container:
        setup = container.streams.video[0].codec_context.extradata or b""
        seconds = tuple(_seconds(packet, path) for packet in _packets(container))
        return _Part(path, seconds, setup, rounded="matroska" in container.format.name)


def _packets(container: InputContainer) -> Iterator[Packet]:
    return (packet for packet in container.demux(container.streams.video[0]) if packet.size)


def _seconds(packet: Packet, path: Path) -> Fraction:
    if packet.pts is None or packet.is_corrupt:
        raise MediaError(f"{path} is damaged: render it again.")
    return packet.pts * packet.time_base

"""A render in pieces that depend on the clip and the recipe alone: any can be made anywhere, anew."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Segment:
    """Frames [start, stop) of the clip."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __str__(self) -> str:
        return f"{self.start:08}-{self.stop:08}"


def segments(span: range, cuts: Collection[int], length: int) -> list[Segment]:
    """The frames of a span: at every cut a segment begins, and within a shot at every `length` frames."""
    borders = [span.start, *sorted(cut for cut in cuts if span.start < cut < span.stop), span.stop]
    shots = pairwise(borders)
    return [
        Segment(start, min(start + length, end))
        for begin, end in shots
        for start in range(begin, end, length)
    ]


def runs(pending: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Those that follow on each other together: they are rendered in one go, without a margin in between."""
    run: list[Segment] = []
    for segment in pending:
        if run and run[-1].stop != segment.start:
            yield run
            run = []
        run.append(segment)
    if run:
        yield run

"""Encoding a render segment by segment, each entered in the journal once it is safe on the disk."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from itertools import islice
from pathlib import Path

from vidgan.jobs.interrupt import stop_when_interrupted
from vidgan.jobs.journal import Entry, content_of
from vidgan.jobs.options import Progress, Watch
from vidgan.jobs.rendering import Rendered
from vidgan.jobs.report import FlickerReport
from vidgan.jobs.segments import Segment, runs
from vidgan.jobs.sheet import ContactSheet
from vidgan.jobs.work import Work
from vidgan.media import Clip, Codec, Writer, picture_writer
from vidgan.meter import working

Draw = Callable[[int, int], Generator[Rendered]]
"""Frames [start, stop) of the clip, rendered: any range gives the frames of the whole."""

GOING_ON = "going on where it stopped"
"""How a notice begins that tells of frames which were there before."""


class SegmentEncoder:
    """Takes rendered frames, leaves parts and journal entries in the work folder.

    sheet, report: are shown every frame on its way. names: of a segment's pictures, where they may have got
    them already.
    """

    def __init__(
        self,
        clip: Clip,
        codec: Codec,
        sheet: ContactSheet,
        report: FlickerReport | None,
        work: Work,
        watch: Watch,
        names: Callable[[Segment], Sequence[Path]] = lambda segment: (),
    ) -> None:
        self._names = names
        self._clip, self._codec, self._sheet, self._report = clip, codec, sheet, report
        self._work, self._watch = work, watch
        self._done, self._total = 0, 0
        self._damaged: list[Segment] = []

    def encode(self, plan: Sequence[Segment], draw: Draw) -> tuple[list[Entry], int]:
        """Make what is missing of the plan. One entry a segment, in order; how many frames were there before.

        At a first signal of the user's the segment in hand is finished, at a second it is given up; either
        raises KeyboardInterrupt. What is done stays, whatever is raised.
        """
        found = {segment: self._proven(segment) for segment in plan}
        self._tell_of_damage()
        pending = [segment for segment, entry in found.items() if entry is None]
        self._total = sum(map(len, plan))
        self._done = reused = self._total - sum(map(len, pending))
        if reused:
            there = f"{reused} of {self._total} frames are in {self._work.size()}"
            self._watch.notice(f"{GOING_ON}: {there}")
        with stop_when_interrupted() as should_stop, _Finisher(self._enter) as finisher:
            for run in runs(pending):
                self._encode_run(run, draw, finisher, should_stop)
            made = finisher.entries()
            if pending and should_stop():
                raise KeyboardInterrupt
        return [found[segment] or made[segment] for segment in plan], reused

    def _proven(self, segment: Segment) -> Entry | None:
        """What is safely there of a segment; a report needs its flicker, too."""
        journal = self._work.journal
        entry = journal.proven(segment, self._names(segment))
        if entry is None and journal.entry(segment) is not None:
            self._damaged.append(segment)
        if entry is not None and self._report is not None and entry.flicker is None:
            entry = None
        if entry is None:
            journal.strike(segment)
        return entry

    def _tell_of_damage(self) -> None:
        if self._damaged:
            first = f"frames {self._damaged[0].start} to {self._damaged[0].stop - 1}"
            more = len(self._damaged) - 1
            others = f" and of {more} more segments" if more else ""
            self._watch.notice(f"what was made of {first}{others} is missing or damaged: made again")

    def _encode_run(
        self, run: Sequence[Segment], draw: Draw, finisher: "_Finisher", should_stop: Callable[[], bool]
    ) -> None:
        with closing(self._watched(draw, run[0].start, run[-1].stop)) as frames:
            for segment in run:
                if should_stop():
                    raise KeyboardInterrupt
                finisher.finish(segment, self._encoded(segment, frames, should_stop))

    def _watched(self, draw: Draw, start: int, stop: int) -> Generator[Rendered]:
        """The frames of a run; a report is shown the one before it, too, to compare the first with."""
        if self._report is None:
            return draw(start, stop)
        before = self._report.frames_before(start)
        return _without(self._report.watched(draw(start - before, stop)), before)

    def _encoded(
        self, segment: Segment, frames: Iterable[Rendered], should_stop: Callable[[], bool]
    ) -> Writer:
        """A writer that was given the segment's frames, to be closed."""
        writer = picture_writer(self._part(segment), self._clip.info, self._codec)
        told = False
        try:
            for rendered in islice(frames, len(segment)):
                with working("encode"):
                    writer.write(rendered.frame)
                self._sheet.add(rendered.frame.index, rendered.source, rendered.frame.pixels)
                self._count()
                if should_stop() and not told and rendered.frame.index + 1 < segment.stop:
                    told = True
                    self._watch.notice(f"stopping behind frame {segment.stop - 1}; once more stops at once")
            if writer.frame_count != len(segment):
                raise AssertionError(f"{writer.frame_count} frames were rendered of {segment}")
        except BaseException:
            writer.abort()
            raise
        return writer

    def _part(self, segment: Segment) -> Path:
        return self._work.journal.part(segment, self._work.attempt)

    def _count(self) -> None:
        self._done += 1
        detail = f"frame {self._done}/{self._total}"
        self._watch.progress(Progress("render", self._done / self._total, detail))

    def _enter(self, segment: Segment, writer: Writer) -> Entry:
        """Beside the next segment: an encoder that was given its last frame has much in hand still."""
        writer.close()
        part = self._part(segment)
        sha256, size = content_of(part)
        entry = Entry(
            segment.start,
            segment.stop,
            writer.digest.hexdigest(),
            sha256,
            size,
            self._work.attempt,
            tuple(self._clip.losses()),
            None if self._report is None else self._report.of(segment.start, segment.stop),
            self._sheet.cells(segment.start, segment.stop),
        )
        self._work.journal.add(entry)
        return entry


class _Finisher:
    """Closes writers and enters segments, one at a time, beside the encoding of the next one."""

    def __init__(self, enter: Callable[[Segment, Writer], Entry]) -> None:
        self._enter = enter
        self._pool = ThreadPoolExecutor(1, "finish")
        self._made: dict[Segment, Entry] = {}
        self._last: tuple[Segment, Future[Entry]] | None = None

    def finish(self, segment: Segment, writer: Writer) -> None:
        """Raises what went wrong with the segment before."""
        try:
            self._wait()
        except BaseException:
            writer.abort()
            raise
        self._last = segment, self._pool.submit(copy_context().run, self._timed, segment, writer)

    def _timed(self, segment: Segment, writer: Writer) -> Entry:
        with working("finish"):
            return self._enter(segment, writer)

    def entries(self) -> dict[Segment, Entry]:
        self._wait()
        return self._made

    def _wait(self) -> None:
        if self._last is not None:
            (segment, future), self._last = self._last, None
            self._made[segment] = future.result()

    def __enter__(self) -> "_Finisher":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()  # what is safe by then stays


def _without(frames: Generator[Rendered], first: int) -> Generator[Rendered]:
    """All but the first so many."""
    with closing(frames):
        yield from islice(frames, first, None)

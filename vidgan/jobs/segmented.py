"""A render made segment by segment, by as many processes as are at hand: listed, rendered, joined.

Any render farm, or a loop in a shell, can call these on a disk that all its machines share. The journal in
the work folder is all they know of each other.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidgan.errors import UsageError
from vidgan.jobs.delivery import was_put_in_place
from vidgan.jobs.facts import Contents
from vidgan.jobs.options import Result, Watch
from vidgan.jobs.ownership import helping
from vidgan.jobs.prepared import Prepared
from vidgan.jobs.render import carry_out
from vidgan.jobs.request import Request
from vidgan.jobs.segments import Segment
from vidgan.jobs.work import Work, share_work, work_folder_of

_CONTENTS = "contents.json"
_NAMED = 5


@dataclass(frozen=True)
class Listed:
    """A segment: frames [start, stop) of the clip. done: it is entered in the journal."""

    number: int
    start: int
    stop: int
    done: bool

    def as_json(self) -> dict[str, Any]:
        return {"number": self.number, "start": self.start, "stop": self.stop, "done": self.done}


@dataclass(frozen=True)
class Rendered:
    """What one call made. before: the segment was there already."""

    segment: Listed
    of: int
    work: Path
    before: bool = False

    def as_json(self) -> dict[str, Any]:
        return {**self.segment.as_json(), "of": self.of, "work": str(self.work), "before": self.before}


def list_segments(request: Request, watch: Watch | None = None) -> list[Listed]:
    """What a render consists of, and what of it is done. Begins the job: its work folder is there then.

    Raises VidganError, as vidgan.render does before its first frame.
    """
    with _shared(request, watch or Watch()) as shared:
        return _listed(shared.plan, shared.work)


def render_segment(request: Request, number: int, watch: Watch | None = None) -> Rendered:
    """Render one segment of those that are listed, wherever and whenever, also beside others.

    Raises UsageError where there is none of that number, OutputError where somebody renders the whole.
    """
    watch = watch or Watch()
    with ExitStack() as until_done:
        with _shared(request, watch) as shared:
            segment = _numbered(shared.plan, number)
            work = shared.work
            until_done.enter_context(helping(work.folder, work.attempt))
        before = work.journal.proven(segment) is not None
        if not before:
            with work.kept_whatever_happens(len(shared.prepared.span), watch):
                draw = shared.prepared.draw(shared.cuts)
                shared.prepared.encode(segment, work, shared.cuts, draw)
        listed = Listed(number, segment.start, segment.stop, True)
        return Rendered(listed, len(shared.plan), work.folder, before)


def join_segments(request: Request, watch: Watch | None = None) -> Result:
    """Join all segments, put the result in its place and verify it. UsageError where some are missing."""
    watch = watch or Watch()
    request.check_outputs()
    if not work_folder_of(request.out).exists():
        raise UsageError(f"nothing of {request.out} is rendered yet: begin with --segments.")
    with _shared(request, watch) as shared:
        missing = [str(listed.number) for listed in _listed(shared.plan, shared.work) if not listed.done]
        if missing and not shared.is_in_place:
            named = ", ".join(missing[:_NAMED]) + (
                f" and {len(missing) - _NAMED} more" * (len(missing) > _NAMED)
            )
            raise UsageError(
                f"{len(missing)} of {len(shared.plan)} segments of {request.out} are not rendered yet: "
                f"render them with --segment {named}, then join."
            )
    return carry_out(request, watch)


@dataclass(frozen=True)
class _Shared:
    prepared: Prepared
    work: Work
    cuts: Sequence[int]

    @property
    def plan(self) -> list[Segment]:
        return self.prepared.plan(self.work, self.cuts)

    @property
    def is_in_place(self) -> bool:
        """Whether a join was broken off behind its end, when nobody needs the parts any more."""
        return not self.work.journal.has_parts and was_put_in_place(self.work.out)


@contextmanager
def _shared(request: Request, watch: Watch) -> Iterator[_Shared]:
    """Open the clip and the job's folder for a moment. The clip's bytes are hashed by the first who asks."""
    prepared = request.prepare(watch)
    folder = work_folder_of(request.out)
    contents = Contents(Work(folder, request.out, "").recall(_CONTENTS))
    facts = request.facts(prepared, contents)
    with share_work(request.out, facts, len(prepared.span), request.options) as work:
        work.remember(_CONTENTS, contents.known)
        yield _Shared(prepared, work, prepared.cuts(work))


def _listed(plan: Sequence[Segment], work: Work) -> list[Listed]:
    return [
        Listed(number, one.start, one.stop, work.journal.entry(one) is not None)
        for number, one in enumerate(plan)
    ]


def _numbered(plan: Sequence[Segment], number: int) -> Segment:
    if not 0 <= number < len(plan):
        raise UsageError(f"there is no segment {number}: they are numbered 0 to {len(plan) - 1}.")
    return plan[number]

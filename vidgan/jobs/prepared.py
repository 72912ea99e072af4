"""A render with everything opened and chosen that comes before its first frame, and what follows from it."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

import numpy as np

from vidgan.config import Recipe, SmoothSettings
from vidgan.gan.device import choose_device
from vidgan.gan.look import Look
from vidgan.jobs.delivery import Delivery, deliver
from vidgan.jobs.encoding import Draw, SegmentEncoder
from vidgan.jobs.matte import Matte
from vidgan.jobs.options import Options, Result, Watch
from vidgan.jobs.profile import profile_of
from vidgan.jobs.rendering import AsItIs, Rendered, Translate, estimator_for, rendered_frames
from vidgan.jobs.report import FlickerReport, report_beside
from vidgan.jobs.segments import Segment
from vidgan.jobs.sheet import ContactSheet
from vidgan.jobs.source import chosen_span, cuts_within, survey_clip
from vidgan.jobs.verification import require_verified
from vidgan.jobs.work import CUTS, SURVEY, Work
from vidgan.keyframes import Survey
from vidgan.media import Clip, codec_for
from vidgan.meter import metered


@dataclass(frozen=True)
class Prepared:
    """look: None where frames stay as they are. target: shown on the contact sheet, (H, W, 3) uint8."""

    clip: Clip
    recipe: Recipe
    options: Options
    watch: Watch
    look: Look | None = None
    matte: Matte | None = None
    target: np.ndarray | None = None

    @property
    def span(self) -> range:
        return chosen_span(self.clip, self.options)

    def cuts(self, work: Work) -> Sequence[int]:
        """Where shots begin; kept in the work folder. As they are, frames know nothing of shots."""
        if not self.has_shots:
            return ()
        kept = kept_cuts(work)
        return surveyed(self.clip, self.recipe, self.watch, self.span, work).cuts if kept is None else kept

    @property
    def has_shots(self) -> bool:
        """Whether it matters where they begin."""
        return self.look is not None

    def cuts_within(self, part: range) -> tuple[int, ...]:
        """Where shots begin in a part of the span; those of all parts together are all."""
        return cuts_within(self.clip, self.recipe, self.span, part)

    def result(self, work: Work, cuts: Sequence[int]) -> Result:
        """From the first frame on: what is missing is rendered, all is joined, in its place, verified."""
        delivery = self.delivery(work, cuts)
        with metered() as meter:
            delivered = deliver(self.clip, self.draw(cuts), delivery, work, self.watch)
        profile = profile_of(meter) if self.options.profile else None
        seconds = meter.wall_seconds()
        verify = self.options.verify
        verified = require_verified(self.clip, work.out, self.span, self.watch) if verify else None
        result = Result(
            out=work.out,
            device=str(choose_device(self.options.device)),
            frames=len(self.span),
            frames_sha256=delivered.frames_sha256,
            reused=delivered.reused,
            recipe=delivered.recipe,
            sheet=self.options.sheet,
            steps=() if self.look is None else self.look.steps,
            render_seconds=seconds,
            verified=verified,
            profile=profile,
        )
        if delivery.report is None:
            return result
        worst = tuple(map(str, delivery.report.worst()))
        return replace(result, report=report_beside(work.out), worst=worst)

    def encode(self, segment: Segment, work: Work, cuts: Sequence[int], draw: Draw) -> None:
        """Render one segment alone, and enter it in the journal, unless it is there. draw: self.draw(cuts).

        At a signal of the user's it is finished first; then, as at a second one at once, KeyboardInterrupt.
        """
        wanted = self.delivery(work, cuts)
        encoder = SegmentEncoder(self.clip, wanted.codec, wanted.sheet, wanted.report, work, self.watch)
        encoder.encode([segment], draw)

    def plan(self, work: Work, cuts: Sequence[int]) -> list[Segment]:
        return self.delivery(work, cuts).plan

    def delivery(self, work: Work, cuts: Sequence[int]) -> Delivery:
        """Fresh: its contact sheet and its report have seen no frame."""
        codec = codec_for(self.recipe.encode.codec, work.out, self.clip.info, self.recipe.encode)
        report = None
        if self.options.report and self.look is not None:
            report = FlickerReport(cuts, self.clip.timestamps[0], self.span.start)
        sheet = ContactSheet(self.span, self.target)
        return Delivery(
            work.out, codec, self.recipe, sheet, self.options.sheet, self.span, tuple(cuts), report
        )

    def draw(self, cuts: Sequence[int]) -> Draw:
        """What gives any range of the clip's frames, finished; the look is made ready for its device here."""
        device, weights = choose_device(self.options.device), self.options.raft_weights
        estimator = estimator_for(self.recipe, device, weights)
        translate: Translate = AsItIs()
        smoothing = SmoothSettings(window=0)
        if self.look is not None:
            motion = estimator_for(self.recipe, device, weights)
            translate = self.look.translation(device, self.recipe.translate, motion, self.options.engine)
            smoothing = self.recipe.smooth

        def frames(start: int, stop: int) -> Generator[Rendered]:
            return rendered_frames(
                self.clip,
                translate,
                smoothing,
                cuts,
                estimator,
                start,
                stop,
                self.matte,
                self.watch.notice,
            )

        return frames


def keep_cuts(cuts: Iterable[int], work: Work) -> None:
    """For whoever goes on with the render. Raises OutputError."""
    work.remember(CUTS, {"cuts": list(cuts)})


def kept_cuts(work: Work) -> tuple[int, ...] | None:
    """What keep_cuts kept; None where it was not, or is damaged."""
    with suppress(KeyError, TypeError, ValueError):
        return tuple(int(cut) for cut in work.recall(CUTS)["cuts"])
    return None


def surveyed(clip: Clip, recipe: Recipe, watch: Watch, span: range | None, work: Work) -> Survey:
    """survey_clip, or what it had found for an earlier attempt."""
    before = work.recall(SURVEY)
    with suppress(KeyError, TypeError):  # damaged: looked for again
        return Survey(**{**before, "cuts": tuple(before["cuts"]), "varied": tuple(before["varied"])})
    found = survey_clip(clip, recipe, watch, span)
    work.remember(SURVEY, asdict(found))
    return found

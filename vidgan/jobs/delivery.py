"""From frames to files: segments encoded and entered one by one, then joined and put in place."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from vidgan.config import Recipe, dump_recipe
from vidgan.errors import UsageError
from vidgan.jobs.encoding import Draw, SegmentEncoder
from vidgan.jobs.journal import Entry
from vidgan.jobs.options import Options, Progress, Watch
from vidgan.jobs.report import FlickerReport, report_beside
from vidgan.jobs.segments import Segment, segments
from vidgan.jobs.sheet import ContactSheet
from vidgan.jobs.work import JOINED, PUBLISHING, WRITTEN, Work, recalled, sweep, work_folder_of
from vidgan.media import Clip, Codec, check_output, mux
from vidgan.media.digest import file_sha256
from vidgan.media.numbering import is_pattern, numbered
from vidgan.media.output import PICTURES, beside, disk_errors, rename, replacing, work_place
from vidgan.media.picture import save_picture
from vidgan.media.sequence import lost_in_pictures, publish_pictures


@dataclass(frozen=True)
class Delivery:
    """Where a result goes, and as what. cuts: where shots begin. report: what measures flicker, if asked."""

    out: Path
    codec: Codec
    recipe: Recipe
    sheet: ContactSheet
    sheet_path: Path | None
    span: range
    cuts: Sequence[int] = ()
    report: FlickerReport | None = None

    @property
    def plan(self) -> list[Segment]:
        return segments(self.span, self.cuts, self.recipe.encode.segment)


@dataclass(frozen=True)
class Delivered:
    """recipe: its file. frames_sha256, reused: as in Result."""

    recipe: Path
    frames_sha256: str
    reused: int


def check_outputs(out: Path, inputs: Sequence[str | Path], options: Options) -> None:
    """Find out before any work whether everything that a render writes can be written."""
    sweep(out)
    going_on = not options.fresh
    check_output(out, inputs, overwrite=options.overwrite or (going_on and was_put_in_place(out)))
    others: dict[Path, Sequence[str]] = {}
    if work_place(out) == out:  # a folder still to be made holds nothing
        others[recipe_beside(out)] = (".toml",)
        if options.report:
            others[report_beside(out)] = (".json",)
    if options.sheet is not None:
        others[options.sheet] = PICTURES
    for other, endings in others.items():
        ours = going_on and was_written(work_folder_of(out), other)
        check_output(other, inputs, overwrite=options.overwrite or ours, endings=endings)
    if options.sheet is not None and options.sheet.resolve() == out.resolve():
        raise UsageError(f"{out} cannot be both the output and the contact sheet: name another --sheet.")


def was_put_in_place(out: Path) -> bool:
    """Whether an output is that of the very job whose work folder is still there: broken off at its end."""
    folder = work_folder_of(out)
    if is_pattern(out):
        return recalled(folder, PUBLISHING) is not None
    joined = recalled(folder, JOINED)
    return joined is not None and _is(out, joined)


def deliver(clip: Clip, draw: Draw, delivery: Delivery, work: Work, watch: Watch) -> Delivered:
    """Render and encode what of the clip is not done yet, join all with its sound, and put the result in
    place.

    Beside it goes the resolved recipe. Nothing appears under a final name before it is complete. Broken off
    at any moment, the same call goes on there. Raises Interrupted where the user stopped it.
    """
    for notice in delivery.codec.notices:
        watch.notice(notice)
    entries, reused = _all_entries(clip, draw, delivery, work, watch)
    watch.progress(Progress("join", 0.0, "sound and tags"))
    for notice in (*_losses(entries, clip, work), *_put_in_place(entries, clip, delivery, work)):
        watch.notice(notice)
    watch.progress(Progress("join", 1.0, "sound and tags"))
    recipe = _write_beside(delivery, entries, work)
    frames = sha256("".join(entry.frames_sha256 for entry in entries).encode()).hexdigest()
    return Delivered(recipe, frames, reused)


def recipe_beside(out: Path) -> Path:
    """Where the resolved recipe of an output goes."""
    return beside(out, "recipe.toml")


def _all_entries(
    clip: Clip, draw: Draw, delivery: Delivery, work: Work, watch: Watch
) -> tuple[list[Entry], int]:
    """One for every segment, in order; and how many frames of them were there before."""
    known = [work.journal.entry(segment) for segment in delivery.plan]
    whole = not work.journal.has_parts and not delivery.codec.pictures and was_put_in_place(delivery.out)
    if whole and all(known):  # the parts have gone, and nobody needs them
        return [entry for entry in known if entry], len(delivery.span)

    def names(segment: Segment) -> Sequence[Path]:
        if not (delivery.codec.pictures and work.recall(PUBLISHING)):
            return ()
        first = clip.info.first_number
        return [numbered(delivery.out, first + index) for index in range(segment.start, segment.stop)]

    encoder = SegmentEncoder(clip, delivery.codec, delivery.sheet, delivery.report, work, watch, names)
    return encoder.encode(delivery.plan, draw)


def _put_in_place(entries: Sequence[Entry], clip: Clip, delivery: Delivery, work: Work) -> Iterable[str]:
    """Give the result its name; what of the clip it cannot hold."""
    span, parts = delivery.span, [work.journal.part(entry.segment, entry.attempt) for entry in entries]
    if delivery.codec.pictures:
        work.remember(PUBLISHING, True)
        counted = [(part, len(entry.segment)) for part, entry in zip(parts, entries, strict=True)]
        whole = len(span) == len(clip)
        publish_pictures(counted, delivery.out, clip.info.first_number + span.start, alone=whole)
        return lost_in_pictures(clip)
    joined = work.recall(JOINED)
    if joined is None or not (_is(work.joined, joined) or _is(delivery.out, joined)):
        notices = mux(parts, clip, work.joined, start=span.start, stop=span.stop)
        found = {"sha256": file_sha256(work.joined), "bytes": work.joined.stat().st_size}
        joined = {**found, "notices": notices}
        work.remember(JOINED, joined)
    if work.joined.exists():
        with disk_errors(delivery.out):
            rename(work.joined, delivery.out)
    return joined.get("notices", [])


def _is(file: Path, joined: dict) -> bool:
    """Whether a file is what was joined."""
    with suppress(OSError):
        return file.stat().st_size == joined.get("bytes") and file_sha256(file) == joined.get("sha256")
    return False


def was_written(folder: Path, path: Path) -> bool:
    """Whether a file is what the job of that work folder wrote beside its output."""
    written = recalled(folder, WRITTEN) or {}
    with suppress(OSError):
        return path.is_file() and written.get(str(path.resolve())) == file_sha256(path)
    return False


def _write_beside(delivery: Delivery, entries: Sequence[Entry], work: Work) -> Path:
    """The contact sheet, the report, of all segments whoever made them, and the resolved recipe: its path."""
    if delivery.sheet_path is not None:
        for entry in entries:
            delivery.sheet.restore(entry.cells)
        with _beside(delivery.sheet_path, work) as temporary:
            save_picture(temporary, delivery.sheet.picture())
    if delivery.report is not None:
        delivery.report.restore([entry.flicker or () for entry in entries])
        with _beside(report_beside(delivery.out), work) as temporary:
            temporary.write_text(delivery.report.as_text(), encoding="utf-8")
    recipe = recipe_beside(delivery.out)
    with _beside(recipe, work) as temporary:
        temporary.write_text(dump_recipe(delivery.recipe), encoding="utf-8")
    return recipe


@contextmanager
def _beside(path: Path, work: Work) -> Iterator[Path]:
    """replacing, and what is written is known as this job's own before it gets its name."""
    same_disk = path.absolute().parent.stat().st_dev == work.folder.stat().st_dev
    with replacing(path, work=work.folder if same_disk else None) as temporary:
        yield temporary
        written = work.recall(WRITTEN) or {}
        work.remember(WRITTEN, {**written, str(path.resolve()): file_sha256(temporary)})


def _losses(entries: Sequence[Entry], clip: Clip, work: Work) -> Iterator[str]:
    """What was damaged of the clip, as each attempt found it at its end."""
    found = {entry.attempt: entry.losses for entry in entries}
    found[work.attempt] = tuple(clip.losses())
    yield from dict.fromkeys(loss for losses in found.values() for loss in losses)

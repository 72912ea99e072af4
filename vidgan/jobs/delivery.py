"""From frames to files: segments encoded and entered one by one, then joined and put in place."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
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
from vidgan.jobs.work import JOINED, PUBLISHING, Work, recalled, sweep, work_folder_of
from vidgan.media import Clip, Codec, check_output, mux, write_picture
from vidgan.media.digest import file_sha256
from vidgan.media.numbering import is_pattern
from vidgan.media.output import PICTURES, beside, disk_errors, rename, replacing, work_place
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
    overwrite = options.overwrite or (not options.fresh and was_put_in_place(out))
    check_output(out, inputs, overwrite=overwrite)
    others = {recipe_beside(out): ".toml"} | ({report_beside(out): ".json"} if options.report else {})
    if work_place(out) == out:  # a folder still to be made holds nothing
        for other, ending in others.items():
            check_output(other, inputs, overwrite=overwrite, endings=(ending,))
    if options.sheet is not None:
        check_output(options.sheet, inputs, overwrite=overwrite, endings=PICTURES)
        if options.sheet.resolve() == out.resolve():
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
    with work.kept_whatever_happens(len(delivery.span), watch):
        entries, reused = _all_entries(clip, draw, delivery, work, watch)
        watch.progress(Progress("join", 0.0, "sound and tags"))
        for notice in (*_losses(entries, clip, work), *_put_in_place(entries, clip, delivery, work)):
            watch.notice(notice)
        watch.progress(Progress("join", 1.0, "sound and tags"))
        _write_beside(delivery, entries, work)  # by now the output is known to be ours, and with it these
        recipe = _write_recipe(delivery, work)
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
    published = work.recall(PUBLISHING) or (not work.journal.has_parts and was_put_in_place(delivery.out))
    if published and all(known):  # the parts are on their way out
        return [entry for entry in known if entry], len(delivery.span)
    encoder = SegmentEncoder(clip, delivery.codec, delivery.sheet, delivery.report, work, watch)
    return encoder.encode(delivery.plan, draw)


def _put_in_place(entries: Sequence[Entry], clip: Clip, delivery: Delivery, work: Work) -> Iterable[str]:
    """Give the result its name; what of the clip it cannot hold."""
    span, parts = delivery.span, [work.journal.part(entry.segment) for entry in entries]
    if delivery.codec.pictures:
        work.remember(PUBLISHING, True)
        counted = [(part, len(entry.segment)) for part, entry in zip(parts, entries, strict=True)]
        publish_pictures(counted, delivery.out, clip.info.first_number + span.start)
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
    return joined["notices"]


def _is(file: Path, joined: dict) -> bool:
    """Whether a file is what was joined."""
    with suppress(OSError):
        return file.stat().st_size == joined["bytes"] and file_sha256(file) == joined["sha256"]
    return False


def _write_beside(delivery: Delivery, entries: Sequence[Entry], work: Work) -> None:
    """The contact sheet and the report, of all segments whoever made them."""
    if delivery.sheet_path is not None:
        for entry in entries:
            delivery.sheet.restore(entry.cells)
        same_disk = delivery.sheet_path.absolute().parent.stat().st_dev == work.folder.stat().st_dev
        write_picture(delivery.sheet_path, delivery.sheet.picture(), work=work.folder if same_disk else None)
    if delivery.report is not None:
        delivery.report.restore([entry.flicker or () for entry in entries])
        delivery.report.write(report_beside(delivery.out), work.folder)


def _losses(entries: Sequence[Entry], clip: Clip, work: Work) -> Iterator[str]:
    """What was damaged of the clip, as each attempt found it at its end."""
    found = {entry.attempt: entry.losses for entry in entries}
    found[work.attempt] = tuple(clip.losses())
    yield from dict.fromkeys(loss for losses in found.values() for loss in losses)


def _write_recipe(delivery: Delivery, work: Work) -> Path:
    """Put the resolved recipe beside an output, as OUT.recipe.toml."""
    path = recipe_beside(delivery.out)
    with replacing(path, work=work.folder) as temporary:
        temporary.write_text(dump_recipe(delivery.recipe), encoding="utf-8")
    return path

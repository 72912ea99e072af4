"""From frames to files: the encoded pictures, the source's sound, the recipe and the contact sheet."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vidgan.config import Recipe, dump_recipe
from vidgan.errors import UsageError
from vidgan.jobs.options import Options, Progress, Watch
from vidgan.jobs.rendering import Rendered
from vidgan.jobs.report import report_beside
from vidgan.jobs.sheet import ContactSheet
from vidgan.media import Clip, Codec, check_output, mux, picture_writer, write_picture
from vidgan.media.output import PICTURES, beside, disk_errors, replacing, work_place
from vidgan.media.sequence import lost_in_pictures, publish_pictures


@dataclass(frozen=True)
class Delivery:
    """Where a result goes, and as what."""

    out: Path
    codec: Codec
    recipe: Recipe
    sheet: ContactSheet
    sheet_path: Path | None
    span: range


def check_outputs(out: Path, inputs: Sequence[str | Path], options: Options) -> None:
    """Find out before any work whether everything that a render writes can be written."""
    check_output(out, inputs, overwrite=options.overwrite)
    others = {recipe_beside(out): ".toml"} | ({report_beside(out): ".json"} if options.report else {})
    if work_place(out) == out:  # a folder still to be made holds nothing
        for other, ending in others.items():
            check_output(other, inputs, overwrite=options.overwrite, endings=(ending,))
    if options.sheet is not None:
        check_output(options.sheet, inputs, overwrite=options.overwrite, endings=PICTURES)
        if options.sheet.resolve() == out.resolve():
            raise UsageError(f"{out} cannot be both the output and the contact sheet: name another --sheet.")


def deliver(clip: Clip, frames: Iterator[Rendered], delivery: Delivery, watch: Watch) -> Path:
    """Encode every frame of the clip, join them with its sound, and put the result in place.

    Beside it goes the resolved recipe, whose path is returned. Nothing appears under a final name
    before it is complete; the work folder lies beside the output and goes in every case.
    """
    for notice in delivery.codec.notices:
        watch.notice(notice)
    with _work_folder(delivery.out) as work:
        part = work / "pictures"
        encode_pictures(part, clip, frames, delivery, watch)
        if delivery.sheet_path is not None:
            write_picture(delivery.sheet_path, delivery.sheet.picture())
        watch.progress(Progress("join", 0.0, "sound and tags"))
        for notice in (*clip.losses(), *_put_in_place(part, clip, delivery)):
            watch.notice(notice)
        watch.progress(Progress("join", 1.0, "sound and tags"))
    return write_recipe(delivery.out, delivery.recipe)


def _put_in_place(part: Path, clip: Clip, delivery: Delivery) -> Iterable[str]:
    """Give the result its name; what of the clip it cannot hold."""
    span = delivery.span
    if not delivery.codec.pictures:
        return mux([part], clip, delivery.out, start=span.start, stop=span.stop)
    publish_pictures(part, delivery.out, clip.info.first_number + span.start)
    return lost_in_pictures(clip)


def encode_pictures(
    part: Path, clip: Clip, frames: Iterator[Rendered], delivery: Delivery, watch: Watch
) -> None:
    """Write the frames into one part, pictures alone."""
    total = len(delivery.span)
    with ExitStack() as stack:
        stack.enter_context(closing(frames))  # type: ignore[type-var]
        writer = stack.enter_context(picture_writer(part, clip.info, delivery.codec))
        for done, rendered in enumerate(frames, 1):
            writer.write(rendered.frame)
            delivery.sheet.add(rendered.frame.index, rendered.source, rendered.frame.pixels)
            watch.progress(Progress("render", done / total, f"frame {done}/{total}"))


def recipe_beside(out: Path) -> Path:
    """Where the resolved recipe of an output goes."""
    return beside(out, "recipe.toml")


def write_recipe(out: Path, recipe: Recipe) -> Path:
    """Put the resolved recipe beside an output, as OUT.recipe.toml."""
    path = recipe_beside(out)
    with replacing(path) as temporary:
        temporary.write_text(dump_recipe(recipe), encoding="utf-8")
    return path


@contextmanager
def _work_folder(out: Path) -> Iterator[Path]:
    with disk_errors(out):
        folder = tempfile.TemporaryDirectory(
            prefix=f".{out.stem[:48]}.", suffix=".work", dir=work_place(out).parent
        )
    with folder as path:
        yield Path(path)

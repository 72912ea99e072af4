"""The morning's report: what a batch has done and what has failed, as one page and as JSON."""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vidgan.jobs.batch.outcome import STATUSES, BatchResult, Outcome
from vidgan.jobs.batch.page_style import (
    PAGE,
    SHEET_PX,
    TARGET_PX,
    Thumbnail,
    counted,
    duration,
    inlined,
    moment,
    rounded,
)
from vidgan.media.numbering import is_pattern
from vidgan.media.output import replacing

FIGURES = {
    "appearance": "How far the patches of the result, all together, are from the target's. "
    "Lower is nearer to the target.",
    "coherence": "How far each patch of the result is from the nearest one in the target. "
    "Lower is nearer to the target.",
    "completeness": "How far each patch of the target is from the nearest one in the result. "
    "Lower is nearer to the target.",
    "structure": "How far the result keeps the layout of its source. 1 keeps it.",
    "detail": "How crisp the result is beside the target. 1 is as crisp as the target.",
}


def write_report(result: BatchResult) -> tuple[Path, Path]:
    """Write report.json and report.html into the batch's folder; each appears whole or not at all.

    The page needs no other file and no network; a picture that cannot be read is left out of it. Returns
    their paths. Raises OutputError where they cannot be written.
    """
    machine, page = result.folder / "report.json", result.folder / "report.html"
    # Names of files may hold what is no Unicode; both formats have a way to write it.
    _write(machine, _as_json(result).encode("utf-8", "backslashreplace"))
    _write(page, _as_html(result).encode("utf-8", "xmlcharrefreplace"))
    return machine, page


def _write(place: Path, content: bytes) -> None:
    with replacing(place) as temporary:
        temporary.write_bytes(content)


def _as_json(result: BatchResult) -> str:
    return json.dumps(_finite(result.as_json()), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """The same with None for what JSON has no number for: the detail of a flat target is infinite."""
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_html(result: BatchResult) -> str:
    verdict = _verdict(result)
    return PAGE.substitute(
        title=escape(f"{result.name}: {verdict}"),
        header=_header(result, verdict),
        main=f"{_failures(result)}\n{_jobs(result)}",
        footer=_legend(result.outcomes),
    )


def _verdict(result: BatchResult) -> str:
    jobs = len(result.outcomes)
    if result.count("done") == jobs:
        return f"All {jobs} jobs are done." if jobs > 1 else "The job is done." if jobs else "No jobs."
    others = [(result.count(status), status) for status in STATUSES[1:] if result.count(status)]
    (most, worst), *rest = others
    return (
        ", ".join([f"{most} of {counted(jobs, 'job')} {worst}", *(f"{n} {what}" for n, what in rest)]) + "."
    )


def _header(result: BatchResult, verdict: str) -> str:
    broken_off = "<p>The batch was interrupted before its end.</p>\n" if result.interrupted else ""
    bad = " bad" if result.count("failed") else ""
    took = duration(result.seconds)
    facts = [("Began", moment(result.began)), ("Took", took), ("On", escape(result.engine))]
    return f"""<header>
<h1>{escape(result.name)}</h1>
<p class="verdict{bad}">{escape(verdict)}</p>
{broken_off}<dl class="counts">{"".join(_count(result, status) for status in STATUSES)}</dl>
{_described(facts)}
</header>"""


def _count(result: BatchResult, status: str) -> str:
    number = result.count(status)
    before = sum(one.before for one in result.outcomes) if status == "done" else 0
    note = f" <small>{before} by an earlier run</small>" if before else ""
    nought = "" if number else " nought"
    return f'<div><dt>{status.capitalize()}</dt><dd class="{status}{nought}">{number}{note}</dd></div>'


def _failures(result: BatchResult) -> str:
    failed = [(n, one) for n, one in enumerate(result.outcomes, 1) if one.status == "failed"]
    if not failed:
        return ""
    rows = "\n".join(
        f'<li class="failed"><h3><a href="#job-{n}">{_title(one)}</a></h3>{_trouble(one)}</li>'
        for n, one in failed
    )
    return f"""<section aria-labelledby="failed">
<h2 id="failed">What failed</h2>
<ul class="failures">
{rows}
</ul>
</section>"""


def _jobs(result: BatchResult) -> str:
    targets = {one.target: inlined(one.target, TARGET_PX) for one in result.outcomes}
    cards = (_card(n, one, targets[one.target], result.folder) for n, one in enumerate(result.outcomes, 1))
    return f"""<section aria-labelledby="jobs">
<h2 id="jobs">Jobs</h2>
<p class="quiet">In the pictures: frames of the clip above, the same frames in its look below.</p>
{_filter(result)}
<ol>
{"".join(cards)}</ol>
</section>"""


def _filter(result: BatchResult) -> str:
    """Works without a script: the style hides the others."""
    there = [status for status in STATUSES if result.count(status)]
    if len(there) < 2:
        return ""
    choices = "".join(
        f'<label><input type="radio" name="show" id="show-{name}"{" checked" if name == "all" else ""}>'
        f"{name.capitalize()} {number}</label>"
        for name, number in [("all", len(result.outcomes)), *((one, result.count(one)) for one in there)]
    )
    return f'<fieldset class="filter"><legend>Show</legend>{choices}</fieldset>'


def _card(number: int, outcome: Outcome, target: Thumbnail | None, folder: Path) -> str:
    status = escape(outcome.status)
    label = "done before" if outcome.before and outcome.status == "done" else status
    return f"""<li class="job {status}" id="job-{number}">
<div class="heading"><span class="badge {status}">{label}</span><h3>{number}. {_title(outcome)}</h3></div>
{_trouble(outcome)}{_pictures(outcome, target, folder)}{_described(_facts(outcome, folder))}
{_notices(outcome.notices)}</li>
"""


def _title(outcome: Outcome) -> str:
    return f"{_path(outcome.clip)} <small>in</small> {escape(outcome.look)}"


def _trouble(outcome: Outcome) -> str:
    error = outcome.error or ("No reason was recorded." if outcome.status == "failed" else "")
    parts = [("error", error), ("remedy", outcome.remedy)]
    return "".join(f'<p class="{name}">{escape(text)}</p>' for name, text in parts if text)


def _facts(outcome: Outcome, folder: Path) -> Iterator[tuple[str, str]]:
    """What there is to say of a job, in HTML: what all have first, so that it stands below each other."""
    yield "Output", _output(outcome, folder)
    if outcome.seconds:
        yield "Took", duration(outcome.seconds)
    if outcome.frames:
        yield "Frames", f"{outcome.frames:,}"
    if outcome.frames_per_second:
        yield "Frames/s", rounded(outcome.frames_per_second)
    for name, value in outcome.figures.items():
        yield _figure_name(name), rounded(value)
    if outcome.train_seconds:
        yield "Its look's training", duration(outcome.train_seconds)


def _figure_name(name: str) -> str:
    means = FIGURES.get(name)
    return f'<abbr title="{escape(means)}">{escape(name)}</abbr>' if means else escape(name)


def _described(facts: Iterable[tuple[str, str]]) -> str:
    rows = (f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f"<dl>{''.join(rows)}</dl>"


def _notices(notices: tuple[str, ...]) -> str:
    if not notices:
        return ""
    items = "".join(f"<li>{escape(notice)}</li>" for notice in notices)
    summary = counted(len(notices), "notice")
    return f'<details class="notices"><summary>{summary}</summary><ul>{items}</ul></details>\n'


def _legend(outcomes: Iterable[Outcome]) -> str:
    """For paper and fingers, which have no tooltips."""
    there = {name for one in outcomes for name in one.figures}
    known = [(name, escape(means)) for name, means in FIGURES.items() if name in there]
    if not known:
        return ""
    return f"<footer>\n<h2>What the figures mean</h2>\n{_described(known)}\n</footer>"


def _output(outcome: Outcome, folder: Path) -> str:
    href = _href(Path(outcome.out), folder) if outcome.status == "done" else None
    return _link(href, _path(outcome.out))


def _link(href: str | None, shown: str) -> str:
    return f'<a href="{href}">{shown}</a>' if href else shown


def _href(place: Path, folder: Path) -> str | None:
    """From the page to a file, or to the folder of numbered pictures; None on another drive."""
    file = place.parent if is_pattern(place) else place
    try:
        # Not resolved: a browser knows the page by the name that it was opened under.
        way = os.path.relpath(file, folder)
    except ValueError:
        return None
    return quote(os.fsencode(Path(way).as_posix()))


def _path(text: str) -> str:
    """The name, and its folder less loud; a narrow page breaks it there."""
    name = os.path.basename(text)
    before = text[: len(text) - len(name)]
    breakable = escape(before).replace("/", "/<wbr>")
    return f'<span class="folder">{breakable}</span>{escape(name)}' if before else escape(name)


def _pictures(outcome: Outcome, target: Thumbnail | None, folder: Path) -> str:
    sheet = inlined(outcome.sheet, SHEET_PX)
    parts = []
    if target is not None:
        shown = target.img(f"Target of {outcome.look}")
        parts.append(f'<figure class="target">{shown}<figcaption>Target</figcaption></figure>')
    if sheet is not None and outcome.sheet is not None:
        shown = sheet.img(f"Frames of {outcome.clip} above, the same in {outcome.look} below")
        href = _href(outcome.sheet, folder)
        parts.append(f'<figure class="sheet">{_link(href, shown)}</figure>')
    return f'<div class="pictures">{"".join(parts)}</div>\n' if parts else ""

"""How the morning's report shows things: skeleton and style, pictures, times and numbers."""

import base64
import io
import math
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from PIL import Image

from vidgan.media.picture import read_picture

# Width and height at most. Forty jobs' pictures in base64 stay below 8 MB.
SHEET_PX, TARGET_PX = (960, 600), (240, 240)
_MOST_BYTES = 128 * 1024
_QUALITIES = (85, 70, 55, 40)

# Nothing is fetched and nothing runs, whatever a file's name or an error's text may hold.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f4f4f1; --card: #fff; --text: #1d1d1b; --quiet: #5c5d5a; --line: #d9d9d4; --link: #0b57a4;
  --done: #17653c; --failed: #b3261e; --interrupted: #805100; --waiting: #5c5d5a; --alarm: #fdecea;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #151618; --card: #1f2124; --text: #e8e8e5; --quiet: #a3a5a8; --line: #3a3d41; --link: #8ab8f5;
    --done: #7fd3a1; --failed: #ff938a; --interrupted: #f0c063; --waiting: #a3a5a8; --alarm: #3a1f1e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem; max-width: 80rem; background: var(--page); color: var(--text);
  font: 1rem/1.45 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
}
a { color: var(--link); }
h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
h1, h3, dd, .error, .remedy, .notices li { overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.2; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1.05rem; }
h3 small { font-size: inherit; font-weight: 400; }
ul, ol { list-style: none; }
.quiet, .folder, dt { color: var(--quiet); font-weight: 400; }
.verdict { font-size: 1.25rem; margin: .25rem 0 .5rem; font-weight: 600; }
.verdict.bad { color: var(--failed); }

dl { display: flex; flex-wrap: wrap; gap: .4rem 1.5rem; }
dl > div { min-width: 0; }
dt { font-size: .8rem; }
dd { font-variant-numeric: tabular-nums; }
dd.done, dd.failed, dd.interrupted, dd.waiting { font-size: 1.5rem; line-height: 1.2; font-weight: 600; }
dd.nought { color: var(--quiet); font-weight: 400; }
dd small { font-size: .85rem; font-weight: 400; }
abbr[title] { text-decoration: underline dotted; text-underline-offset: .2em; cursor: help; }
.counts { margin: .75rem 0; }
.done { color: var(--done); }
.failed { color: var(--failed); }
.interrupted { color: var(--interrupted); }
.waiting { color: var(--waiting); }

.failures > li, .job {
  background: var(--card); border: 1px solid var(--line); border-left: .3rem solid currentcolor;
  border-radius: .4rem; padding: .75rem 1rem; margin-bottom: .75rem; break-inside: avoid;
}
.failures > li { background: var(--alarm); }
.failures h3, .failures .remedy, .job > * { color: var(--text); }
.job > .heading { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
.badge {
  font-size: .8rem; font-weight: 600; border: 1px solid currentcolor; border-radius: 1rem;
  padding: .05rem .6rem; white-space: nowrap;
}
.error, .remedy { white-space: pre-line; }
.job > .error, .failures .error { color: var(--failed); font-weight: 600; margin-top: .25rem; }
.job > dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); margin-top: .5rem; }
.job > dl > :first-child { grid-column: 1 / -1; display: flex; gap: .6rem; align-items: baseline; }
footer dl { display: block; }
footer dl > div { margin-bottom: .4rem; }

.pictures { display: flex; gap: .75rem; align-items: flex-start; margin-top: .6rem; }
.pictures img { display: block; height: auto; border-radius: .2rem; }
.target { flex: 0 0 9rem; }
.target img { width: auto; max-width: 9rem; max-height: 12rem; }
.target:only-child img { max-height: 5rem; }
.sheet { flex: 0 1 auto; min-width: 0; overflow-x: auto; }
.sheet img { max-width: 100%; }
figcaption { font-size: .8rem; color: var(--quiet); }
.notices { margin-top: .5rem; }
.notices summary { cursor: pointer; color: var(--interrupted); width: fit-content; }
.notices ul { list-style: disc; padding-left: 1.25rem; }

ol { margin-top: .75rem; }
.filter { display: none; border: 0; padding: 0; margin: .75rem 0; flex-wrap: wrap; gap: .4rem; }
.filter legend { padding: .15rem 0; float: left; margin-right: .6rem; color: var(--quiet); }
.filter label {
  border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .8rem; background: var(--card);
  cursor: pointer; position: relative;
}
.filter input { position: absolute; opacity: 0; }
.filter label:has(:checked) { background: var(--text); color: var(--page); border-color: var(--text); }
.filter label:has(:focus-visible) { outline: 2px solid var(--link); outline-offset: 2px; }
@supports selector(:has(*)) {
  .filter { display: flex; }
  main:has(#show-done:checked) .job:not(.done),
  main:has(#show-failed:checked) .job:not(.failed),
  main:has(#show-interrupted:checked) .job:not(.interrupted),
  main:has(#show-waiting:checked) .job:not(.waiting) { display: none; }
}

@media (max-width: 40rem) {
  body { padding: .75rem; }
  .pictures { flex-direction: column; }
  .target { flex-basis: auto; }
  .target img { max-width: 6rem; }
  .sheet { max-width: 100%; }
  .sheet img { max-width: none; max-height: 14rem; width: auto; }
}
@media print {
  html { font-size: 9pt; }
  body { padding: 0; max-width: none; --page: #fff; }
  .filter { display: none; }
  .job > dl { grid-template-columns: repeat(auto-fill, minmax(5.9rem, 1fr)); gap: .4rem .5rem; }
  .target { flex-basis: 6rem; }
  .target img { max-width: 6rem; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""

# What is said to the browser alone stands above the style, what is read below it.
PAGE = Template(f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="vidgan">
<title>$title</title>
<style>{STYLE}</style>
</head>
<body>
$header
<main>
$main
</main>
$footer
</body>
</html>
""")


@dataclass(frozen=True)
class Thumbnail:
    """A small JPEG, in base64."""

    jpeg: str
    width: int
    height: int

    def img(self, alt: str) -> str:
        size = f'width="{self.width}" height="{self.height}"'
        return f'<img src="data:image/jpeg;base64,{self.jpeg}" {size} alt="{escape(alt)}">'


def inlined(place: Path | None, most_px: tuple[int, int]) -> Thumbnail | None:
    """A picture at most (width, height) large; None where there is none that can be read."""
    if place is None:
        return None
    try:
        image = Image.fromarray(read_picture(place))
    except Exception:  # decoders raise anything over a damaged file, and a night's report is worth more
        return None
    image.thumbnail(most_px, Image.Resampling.LANCZOS)
    return Thumbnail(base64.b64encode(_jpeg(image)).decode(), image.width, image.height)


def _jpeg(image: Image.Image) -> bytes:
    """As good as _MOST_BYTES allow."""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=quality, optimize=True)
        if buffer.tell() <= _MOST_BYTES:
            break
    return buffer.getvalue()


def moment(began: str) -> str:
    """ISO 8601 as one reads it, in this machine's time; anything else as it is."""
    try:
        when = datetime.fromisoformat(began)
    except ValueError:
        return escape(began)
    local = when.astimezone() if when.tzinfo else when
    return f'<time datetime="{escape(began)}">{local:%A} {local.day} {local:%B %Y, %H:%M}</time>'


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def rounded(value: float) -> str:
    """To three digits."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞"
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

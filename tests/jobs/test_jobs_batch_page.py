"""The morning's report: every job is on the page, what failed comes first, and nothing else is needed."""

import base64
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest
from PIL import Image

from vidgan.errors import OutputError
from vidgan.jobs.batch.outcome import BatchResult, Outcome
from vidgan.jobs.batch.page import write_report
from vidgan.media.picture import write_picture

AWKWARD = '<b>&"ü #%.mp4'
VOID = {"meta", "img", "input", "wbr", "br", "link", "hr"}
CHROMIUM = shutil.which("chromium")


class Page(HTMLParser):
    """A page as a browser takes it apart; fails where tags do not pair."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.place, self.source = place, place.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.pieces: list[str] = []
        self.texts: dict[str, str] = {}
        self.card: str | None = None
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.elements.append((tag, found))
        if found.get("id", "").startswith("job-"):
            self.card = found["id"]
            assert self.card not in self.texts
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "section":
            self.card = None

    def handle_data(self, data: str) -> None:
        if "style" in self.open or "title" in self.open:
            return
        self.pieces.append(data)
        if self.card:
            self.texts[self.card] = self.texts.get(self.card, "") + data

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]

    def pictures(self) -> list[Image.Image]:
        found = []
        for image in self.all("img"):
            kind, _, data = image["src"].partition(",")
            assert kind == "data:image/jpeg;base64"
            jpeg = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
            jpeg.load()
            assert jpeg.format == "JPEG"
            assert (str(jpeg.width), str(jpeg.height)) == (image["width"], image["height"])
            assert image["alt"]
            found.append(jpeg)
        return found

    def files(self) -> set[Path]:
        """What its links lead to, as a browser resolves them when it is opened from disk."""
        hrefs = [link["href"] for link in self.all("a") if not link["href"].startswith("#")]
        whole = [urlsplit(urljoin(self.place.as_uri(), href)) for href in hrefs]
        assert all(url.scheme == "file" and not url.query and not url.fragment for url in whole)
        return {Path(url2pathname(url.path)) for url in whole}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "night 3"
    place.mkdir()
    return place


@pytest.fixture
def result(tmp_path: Path, folder: Path) -> BatchResult:
    """Of every kind one job, and a second that failed."""
    sheet, target = folder / "sheet.png", tmp_path / "target.png"
    write_picture(sheet, painting(1956, 372))
    write_picture(target, painting(500, 300))
    common = {"look": "goose", "target": target}
    figures = {"appearance": 0.0137, "coherence": 14.25, "structure": 0.8, "novelty": 3.0}
    outcomes = (
        Outcome(
            "shots/a.mov",
            out=str(tmp_path / "out" / AWKWARD),
            status="done",
            seconds=754.0,
            train_seconds=92.0,
            frames=1344,
            frames_per_second=2.134,
            figures=figures,
            notices=("the clip's rate varies: kept",),
            sheet=sheet,
            **common,
        ),
        Outcome("b.mov", out="b.mp4", status="done", before=True, sheet=sheet, **common),
        Outcome("c.mov", out="c.mp4", status="failed", error="<c> is & broken", remedy="Mend 'c'.", **common),
        Outcome("d.mov", out="d.mp4", status="interrupted", frames=12, **common),
        Outcome("e.mov", out="e.mp4", status="waiting", **common),
        Outcome(
            "f.mov", out="f.mp4", status="failed", error="the disk is full", remedy="Free some.", **common
        ),
    )
    return BatchResult(
        "night <3>", folder, outcomes, "2026-11-21T22:03:11", 27480.0, "this machine & 2", interrupted=True
    )


def painting(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def page_of(result: BatchResult) -> Page:
    return Page(write_report(result)[1])


def only(result: BatchResult, *outcomes: Outcome) -> BatchResult:
    return BatchResult(result.name, result.folder, outcomes, result.began, result.seconds, result.engine)


def test_every_job_is_on_the_page_in_order(result: BatchResult) -> None:
    page = page_of(result)
    assert list(page.texts) == [f"job-{number}" for number in range(1, 7)]
    for outcome, text in zip(result.outcomes, page.texts.values(), strict=True):
        assert outcome.clip in text
        assert outcome.look in text
        assert outcome.out in text
        assert outcome.status in text
    assert "done before" in page.texts["job-2"]
    assert "done before" not in page.texts["job-1"]


def test_the_page_says_first_what_batch_it_is(result: BatchResult) -> None:
    top = page_of(result).text.partition("What failed")[0]
    said = ("night <3>", "2 of 6 jobs failed", "21 November 2026, 22:03", "7 h 38 min", "this machine & 2")
    assert all(one in top for one in said)
    assert "1 by an earlier run" in top
    assert "interrupted before its end" in top


def test_failures_come_first_with_error_and_remedy(result: BatchResult) -> None:
    text = page_of(result).text
    first = text.partition("What failed")[2].partition("1. shots/a.mov")[0]
    for outcome in (result.outcomes[2], result.outcomes[5]):
        assert f"{outcome.clip} in {outcome.look}" in first
        assert outcome.error is not None
        assert outcome.error in first
        assert outcome.remedy is not None
        assert outcome.remedy in first
    assert "b.mov" not in first


def test_a_failure_leads_to_its_card(result: BatchResult) -> None:
    page = page_of(result)
    leads = [link["href"] for link in page.all("a") if link["href"].startswith("#")]
    assert leads == ["#job-3", "#job-6"]
    assert {"job-3", "job-6"} <= {attrs.get("id") for _, attrs in page.elements}


def test_a_failure_without_a_reason_says_so(result: BatchResult) -> None:
    assert "No reason was recorded" in page_of(only(result, Outcome("a", "b", "c", "failed"))).text


def test_what_a_job_took_and_how_good_it_is(result: BatchResult) -> None:
    page = page_of(result)
    text = page.texts["job-1"]
    for said in ("12 min 34 s", "1 min 32 s", "1,344", "2.13", "0.0137", "14.2", "0.800", "3.00", "1 notice"):
        assert said in text, said
    assert "the clip's rate varies: kept" in text
    assert "Took" not in page.texts["job-5"]


def test_known_figures_tell_what_they_mean(result: BatchResult) -> None:
    page = page_of(result)
    titles = [attrs["title"] for attrs in page.all("abbr")]
    assert len(titles) == 3  # not novelty, which nobody knows
    assert "Lower is nearer to the target" in titles[0]
    assert "layout" in titles[2]
    assert titles[2] in page.text.partition("What the figures mean")[2]


def test_a_figure_without_a_number(result: BatchResult) -> None:
    """A flat target has no detail to be measured by, and JSON has no word for infinity."""
    figures = {"detail": float("inf"), "structure": float("nan")}
    report, page = write_report(only(result, Outcome("a", "b", "c", "done", figures=figures)))
    assert "∞" in Page(page).text
    assert json.loads(report.read_text())["jobs"][0]["figures"] == {"detail": None, "structure": None}
    assert "Infinity" not in report.read_text()


def test_names_are_names_and_not_markup(result: BatchResult) -> None:
    page = page_of(result)
    assert page.all("b") == []
    assert AWKWARD in page.text
    assert "<title>night &lt;3&gt;: 2 of 6 jobs failed" in page.source


def test_the_page_needs_nothing_from_elsewhere(result: BatchResult) -> None:
    page = page_of(result)
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    held = {"src", "srcset", "poster", "data", "action"}
    assert all(
        value.startswith("data:") for _, attrs in page.elements for key, value in attrs.items() if key in held
    )
    assert all(not re.match(r"\w+:|//", link["href"]) for link in page.all("a"))
    style = page.source.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert not any("style" in attrs for _, attrs in page.elements)


def test_the_page_is_a_document_of_its_own(result: BatchResult) -> None:
    page = page_of(result)
    assert page.source.startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in page.all("meta")
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_pictures_are_small_jpegs(result: BatchResult) -> None:
    pictures = page_of(result).pictures()
    assert len(pictures) == 6 + 2  # six targets, two sheets
    assert {picture.size for picture in pictures} == {(240, 144), (960, 183)}


def test_forty_jobs_are_less_than_eight_megabytes(result: BatchResult, tmp_path: Path) -> None:
    sheet = tmp_path / "square.png"
    write_picture(sheet, painting(1956, 652))  # noise: nothing is larger in JPEG
    outcome = Outcome("a", "b", "c", "done", sheet=sheet, target=result.outcomes[0].target)
    _, page = write_report(only(result, *[outcome] * 4))
    assert page.stat().st_size < 0.8e6


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_a_picture_that_cannot_be_read_is_left_out(result: BatchResult, content: bytes | None) -> None:
    sheet = result.folder / "gone.png"
    if content is not None:
        sheet.write_bytes(content)
    outcome = Outcome("a.mov", "b", "c.mp4", "done", sheet=sheet, target=sheet)
    page = page_of(only(result, outcome))
    assert page.all("img") == []
    assert "c.mp4" in page.texts["job-1"]


def test_a_broken_off_picture_is_left_out(result: BatchResult) -> None:
    sheet = result.outcomes[0].sheet
    assert sheet is not None
    sheet.write_bytes(sheet.read_bytes()[:10_000])
    assert len(page_of(result).pictures()) == 6


def test_links_lead_to_the_outputs_that_are_there(
    result: BatchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of jobs that are done, one of them relative to the folder that the batch was started in."""
    monkeypatch.chdir(tmp_path)
    page = page_of(result)
    assert page.files() == {tmp_path / "out" / AWKWARD, tmp_path / "b.mp4", result.folder / "sheet.png"}


@pytest.mark.parametrize("name", ["a:b.mp4", "a?b=c.mp4", "50%25.mp4", "日本.mov", "~x.mp4", "a;b,c'.mp4"])
def test_links_to_files_of_any_name(result: BatchResult, name: str) -> None:
    place = result.folder / name
    assert page_of(only(result, Outcome("a", "b", str(place), "done"))).files() == {place}


def test_numbered_pictures_are_linked_by_their_folder(result: BatchResult, tmp_path: Path) -> None:
    outcome = Outcome("a", "b", str(tmp_path / "frames" / "%05d.png"), "done")
    page = page_of(only(result, outcome))
    assert page.files() == {tmp_path / "frames"}
    assert "%05d.png" in page.text


def test_a_name_that_is_no_unicode(result: BatchResult) -> None:
    """POSIX names are bytes; Python keeps those that are not UTF-8 as lone surrogates."""
    place = f"{result.folder}/caf\udce9.mp4"
    report, page = write_report(only(result, Outcome("a", "b", place, "done")))
    assert json.loads(report.read_text(encoding="utf-8"))["jobs"][0]["out"] == place
    assert [unquote(link["href"], errors="surrogateescape") for link in Page(page).all("a")] == [
        "caf\udce9.mp4"
    ]


def test_the_filter_offers_what_there_is(result: BatchResult) -> None:
    shown = [choice["id"] for choice in page_of(result).all("input")]
    assert shown == ["show-all", "show-done", "show-failed", "show-interrupted", "show-waiting"]
    page = page_of(only(result, *result.outcomes[:2]))
    assert page.all("input") == []
    assert "All 2 jobs are done." in page.text
    assert "What failed" not in page.text


def test_a_batch_without_jobs(result: BatchResult) -> None:
    assert "No jobs" in page_of(only(result)).text


def test_json_holds_it_all(result: BatchResult) -> None:
    report, _ = write_report(result)
    assert report == result.folder / "report.json"
    found = json.loads(report.read_text(encoding="utf-8"))
    jobs = found.pop("jobs")
    assert found == {
        "name": "night <3>",
        "began": "2026-11-21T22:03:11",
        "seconds": 27480.0,
        "engine": "this machine & 2",
        "interrupted": True,
        "counts": {"done": 2, "failed": 2, "interrupted": 1, "waiting": 1},
    }
    kept = [dict(outcome.as_json(), notices=list(outcome.notices)) for outcome in result.outcomes]
    assert jobs == kept
    assert "ü" in report.read_text(encoding="utf-8")


def test_reports_are_written_whole_and_again(result: BatchResult, names: Callable[[Path], list[str]]) -> None:
    write_report(result)
    write_report(only(result))
    assert names(result.folder) == ["report.html", "report.json", "sheet.png"]
    assert json.loads((result.folder / "report.json").read_text())["jobs"] == []


def test_a_folder_that_is_not_there(result: BatchResult) -> None:
    gone = BatchResult("n", result.folder / "gone", (), "", 0.0, "")
    with pytest.raises(OutputError, match="does not exist"):
        write_report(gone)


def dumped(page: Path, profile: Path) -> str:
    """The page as Chromium has understood it."""
    quiet = ["gpu", "quic", "background-networking", "component-update", "sync"]
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--no-first-run",
        *(f"--disable-{one}" for one in quiet),
    ]
    done = subprocess.run(
        [*command, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        timeout=200,
        check=True,
    )
    return done.stdout.decode("utf-8")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_every_job_and_picture(result: BatchResult, tmp_path: Path) -> None:
    page = page_of(result)
    # The page itself lets no script run; its copy reports what was drawn.
    count = "[...document.images].filter(image => image.naturalWidth > 0).length"
    script = f"<script>onload = () => document.body.dataset.drawn = {count}</script>"
    probe = tmp_path / "probe.html"
    source = re.sub('<meta http-equiv="Content-Security-Policy".*', "", page.source)
    probe.write_text(source.replace("</body>", f"{script}</body>"), encoding="utf-8")
    probe.write_text(dumped(probe, tmp_path / "profile").replace(script, ""), encoding="utf-8")
    seen = Page(probe)
    assert seen.all("body")[0]["data-drawn"] == "8"
    for outcome in result.outcomes:
        assert outcome.out in seen.text
        assert (outcome.error or "") in seen.text

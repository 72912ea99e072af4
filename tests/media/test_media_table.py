"""docs/media.md says what each container keeps; here it is held to it, cell by cell.

A cell is `kept` where `vidgan verify` finds every property of the row kept, `noticed` where the render said
what becomes of it. Nothing is ever lost in silence.
"""

from pathlib import Path

import pytest
from features import CONTAINERS, FEATURES

import vidgan
from vidgan import Options
from vidgan.errors import OutputError
from vidgan.jobs.options import Watch
from vidgan.media import lost

# Pictures are changed, or left out; and ProRes 4444 reads as 12 bits whatever was written.
ALWAYS_TOLD = ("interlaced", "other video streams", "12-bit")
PAGE = Path(__file__).parents[2] / "docs" / "media.md"


def promised() -> dict[str, dict[str, str]]:
    """The table of docs/media.md: cells by row and column."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    header = next(row for row in cells if "webm" in row)
    return {
        row[0]: dict(zip(header[1:], row[1:], strict=True))
        for row in cells
        if row[0] in FEATURES and len(row) == len(header)
    }


def found(source: Path, out: Path, checks: tuple[str, ...], told: str) -> str:
    notices: list[str] = []
    watch = Watch(notice=notices.append)
    options = Options(verify=False)
    try:
        vidgan.translate(source, None, out, pipeline="passthrough", options=options, watch=watch)
    except OutputError:
        return "refused"
    verified = vidgan.verify(source, out)
    assert lost(verified) == []
    verdicts = {check.verdict for check in verified if check.name in checks}
    if told and any(told in notice for notice in notices):
        assert verdicts != {"kept"} or told in ALWAYS_TOLD
        return "noticed"
    assert verdicts == {"kept"}
    return "kept"


def test_the_page_has_a_row_for_every_feature_and_a_column_for_every_container() -> None:
    table = promised()
    assert list(table) == list(FEATURES)
    assert all(list(row) == list(CONTAINERS) for row in table.values())


@pytest.mark.parametrize("feature", FEATURES)
def test_every_cell_is_as_the_page_says(tmp_path: Path, feature: str) -> None:
    row = FEATURES[feature]
    source = row.make(tmp_path)
    cells = {}
    for container, name in CONTAINERS.items():
        out = tmp_path / f"in_{container}" / Path(name).name
        out.parent.mkdir()
        cells[container] = found(source, out, row.checks, row.told)
    assert cells == promised()[feature]

"""The contact sheet: some source frames, and the same frames in the look, at a glance."""

import base64
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from vidgan.resample import eight_bit

COLUMNS = 5
_CELL_PX = 320
_GAP_PX = 6

Cells = dict[str, tuple[str, str]]
"""Source and result by frame number, as PNG in base64: what a journal can keep."""


class ContactSheet:
    """Collects a few evenly spaced frames while a clip is rendered; memory stays that of the sheet."""

    def __init__(self, span: range, target: np.ndarray | None = None, columns: int = COLUMNS) -> None:
        picks = np.linspace(span.start, span.stop, min(columns, len(span)) * 2 + 1)[1::2]
        self.wanted = [int(pick) for pick in picks]  # the middles of equal shares: all different
        self.target = target
        self._sources: dict[int, np.ndarray] = {}
        self._results: dict[int, np.ndarray] = {}

    def add(self, index: int, source: np.ndarray, result: np.ndarray) -> None:
        """Keep small copies of frame `index` if it is wanted. Pixels (H, W, 3)."""
        if index in self.wanted:
            self._sources[index], self._results[index] = _cell(source), _cell(result)

    def cells(self, start: int, stop: int) -> Cells:
        """The small copies of frames [start, stop), for restore."""
        return {
            str(index): (_as_text(self._sources[index]), _as_text(self._results[index]))
            for index in self.wanted
            if start <= index < stop
        }

    def restore(self, cells: Mapping[str, Sequence[str]]) -> None:
        """Take over what another sheet of the same span kept."""
        for index, (source, result) in cells.items():
            self._sources[int(index)], self._results[int(index)] = _from_text(source), _from_text(result)

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8: the sources above, the results below, the target at their left."""
        grid = np.vstack([_row(self._sources), _row(self._results)])
        if self.target is None:
            return grid
        return np.hstack([_beside(self.target, grid.shape[0]), grid])


def _as_text(cell: np.ndarray) -> str:
    _, png = cv2.imencode(".png", np.ascontiguousarray(cell[..., ::-1]))
    return base64.b64encode(png.tobytes()).decode()


def _from_text(text: str) -> np.ndarray:
    png = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR))[..., ::-1]


def _row(cells: dict[int, np.ndarray]) -> np.ndarray:
    return np.hstack([_padded(cells[index]) for index in sorted(cells)])


def _cell(pixels: np.ndarray) -> np.ndarray:
    eight = eight_bit(pixels)
    height = max(1, round(eight.shape[0] * _CELL_PX / eight.shape[1]))
    shrinks = eight.shape[1] > _CELL_PX
    return cv2.resize(eight, (_CELL_PX, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _padded(cell: np.ndarray) -> np.ndarray:
    return np.pad(cell, ((_GAP_PX, 0), (0, _GAP_PX), (0, 0)))


def _beside(target: np.ndarray, height: int) -> np.ndarray:
    """The target as large as a cell is wide, centred on a column as high as the grid."""
    scale = min(_CELL_PX / target.shape[1], (height - 2 * _GAP_PX) / target.shape[0])
    size = (round(target.shape[1] * scale), round(target.shape[0] * scale))
    fitted = cv2.resize(target, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    column = np.zeros((height, fitted.shape[1] + 2 * _GAP_PX, 3), np.uint8)
    top = (height - fitted.shape[0]) // 2
    column[top : top + fitted.shape[0], _GAP_PX : _GAP_PX + fitted.shape[1]] = fitted
    return column

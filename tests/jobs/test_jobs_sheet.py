"""Contact sheets: the whole clip at a glance."""

import numpy as np
import pytest

from vidgan.jobs.sheet import COLUMNS, ContactSheet


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 6, 7, 9, 10, 250])
def test_as_many_different_frames_as_fit_evenly_over_the_clip(frames: int) -> None:
    wanted = ContactSheet(range(frames)).wanted
    assert len(set(wanted)) == min(COLUMNS, frames)
    assert wanted == sorted(wanted)
    assert all(0 <= index < frames for index in wanted)
    assert wanted[0] <= frames / 2 / len(wanted)
    assert frames - 1 - wanted[-1] <= frames / 2 / len(wanted)


def test_deep_pictures_are_shown_in_eight_bits() -> None:
    sheet = ContactSheet(range(1))
    sheet.add(0, np.full((9, 16, 3), 65535, np.uint16), np.full((9, 16, 3), 128 * 257, np.uint16))
    picture = sheet.picture()
    assert picture.dtype == np.uint8
    assert (picture[10, 10] == 255).all()
    assert (picture[-10, 10] == 128).all()


@pytest.mark.parametrize("shape", [(400, 20), (20, 400), (720, 1280), (1, 1)])
def test_a_target_of_any_shape_fits(shape: tuple[int, int]) -> None:
    sheet = ContactSheet(range(1), np.full((*shape, 3), 200, np.uint8))
    frame = np.full((180, 320, 3), 90, np.uint8)
    sheet.add(0, frame, frame)
    picture = sheet.picture()
    assert picture.shape[0] == 2 * 186
    assert (picture == 200).any()

"""The expected values were made once by the definitions that the figures of this project follow."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidgan import metrics


def waves(height: int, width: int, phase: float = 0.0) -> NDArray[np.uint8]:
    """A picture of sines, rounded to levels: the same on every machine."""
    y, x = np.mgrid[:height, :width]
    planes = [
        np.sin(x / 3 + phase) + np.cos(y / 5),
        np.sin((x + y) / 4) * np.cos(x / 7 + phase),
        np.sin(y / 2.5) + np.sin(x * y / 90 + phase),
    ]
    return np.stack([np.rint(127.5 + 60 * plane) for plane in planes], -1).astype(np.uint8)


def checks(height: int, width: int, side: int = 6) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    on = ((x // side + y // side) % 2).astype(np.uint8)
    return np.stack([40 + 180 * on, 200 - 90 * on, 90 + 60 * on], -1).astype(np.uint8)


OUT, TARGET = waves(60, 72), checks(64, 80)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("appearance", 0.0927926),
        ("coherence", 71.617),
        ("completeness", 64.56903),
        ("shape", 79.6069),
        ("structure", 0.0295211),
        ("detail", 0.851852),
    ],
)
def test_values_agree_with_the_definitions(name: str, expected: float) -> None:
    assert getattr(metrics, name)(OUT, TARGET) == pytest.approx(expected, rel=1e-4)


def test_e_warp_agrees_with_the_definition() -> None:
    source = [waves(60, 72, phase=0.2 * t) for t in range(4)]
    frames = [np.roll(checks(60, 72), t, axis=1) for t in range(4)]
    assert metrics.e_warp(frames, source) == pytest.approx(0.0520978, rel=1e-3)


def test_e_warp_agrees_where_things_come_into_sight() -> None:
    """A block passes over a still scene, and the output flashes where it just was."""
    source, frames = [], []
    for t in range(3):
        picture = np.kron(waves(60, 72)[::2, ::2], np.ones((2, 2, 1), np.uint8))
        left = 16 + 10 * t
        picture[15:45, left : left + 24] = 255 - waves(30, 24)
        frame = picture // 2
        frame[15:45, left - 10 : left] = 255
        source.append(picture)
        frames.append(frame)
    assert metrics.e_warp(frames, source) == pytest.approx(0.0803906, rel=1e-3)


def test_psnr_of_a_known_error() -> None:
    assert metrics.psnr(OUT, OUT) == pytest.approx(148.13, abs=0.01)
    assert metrics.psnr(np.full((4, 4, 3), 10), np.full((4, 4, 3), 15)) == pytest.approx(
        10 * np.log10(255**2 / 25)
    )


def test_a_picture_compared_with_itself() -> None:
    assert metrics.appearance(OUT, OUT) == 0
    # Distances come from a difference of large squares in single precision.
    assert metrics.coherence(OUT, OUT) < 0.1
    assert metrics.completeness(OUT, OUT) < 0.1
    assert metrics.structure(OUT, OUT) == pytest.approx(1)
    assert metrics.detail(OUT, OUT) == 1


def test_structure_survives_inversion_and_another_size() -> None:
    assert metrics.structure(255 - OUT, OUT) == pytest.approx(1, abs=0.01)
    assert metrics.structure(cv2.resize(OUT, (144, 120)), OUT) > 0.95


def test_completeness_misses_what_the_output_lacks_and_coherence_does_not() -> None:
    both = np.hstack([waves(40, 40), checks(40, 40)])
    half = waves(40, 40)
    assert metrics.coherence(half, both) < 1
    assert metrics.completeness(half, both) > 10


def test_blur_lowers_detail() -> None:
    assert metrics.detail(cv2.GaussianBlur(TARGET, (0, 0), 2), TARGET) < 0.5
    assert metrics.detail(TARGET, np.zeros_like(TARGET)) == float("inf")


def test_flicker_raises_e_warp_and_names_its_frame() -> None:
    source = [waves(60, 72)] * 4
    steady = [TARGET[:60, :72]] * 4
    flash = [*steady[:2], steady[2] // 2, steady[3]]
    assert metrics.e_warp(steady, source) == 0
    first, second, third = metrics.frame_e_warps(flash, source)
    assert first == 0
    assert second == pytest.approx(third)
    assert metrics.e_warp(flash, source) == pytest.approx((second + third) / 3)


def test_e_warp_of_one_frame_is_unknown() -> None:
    assert np.isnan(metrics.e_warp([OUT], [OUT]))


def test_a_picture_without_a_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="10x10"):
        metrics.shape(waves(10, 10), TARGET)

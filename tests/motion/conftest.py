from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def texture() -> Callable[..., NDArray[np.uint8]]:
    """Smooth noise of a given size, RGB: enough structure everywhere for flow to hold on to."""

    def make(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
        noise = np.random.default_rng(seed).standard_normal((height, width, 3)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
        return np.clip(128 + 50 * smooth / (smooth.std() + 1e-6), 0, 255).astype(np.uint8)

    return make

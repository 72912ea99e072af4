from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vidgan.errors import MediaError
from vidgan.motion import DisFlow, RaftFlow, compose, flow_estimator, visible
from vidgan.resample import warp_array

Texture = Callable[..., NDArray[np.uint8]]
SIZE = (90, 120)


def constant(x: float, y: float, size: tuple[int, int] = SIZE) -> NDArray[np.float32]:
    return np.broadcast_to(np.array([x, y], np.float32), (*size, 2)).copy()


def zoom(factor: float, size: tuple[int, int] = SIZE) -> NDArray[np.float32]:
    """The flow of a scene that grows by factor around the middle."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return (factor - 1) * np.stack([x - (size[1] - 1) / 2, y - (size[0] - 1) / 2], -1)


def end_point_error(flow: NDArray, expected: NDArray, margin: int = 12) -> float:
    inner = (slice(margin, -margin), slice(margin, -margin))
    return float(np.linalg.norm(flow[inner] - expected[inner], axis=-1).mean())


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "brisk", "medium"])
def test_convention_flow_direction(preset: str, texture: Texture) -> None:
    """a(p) shows what b(p + flow(p)) shows: where things move right by 4, flow is +4 along x."""
    scene = texture(SIZE[0] + 10, SIZE[1] + 10)
    a = scene[4 : 4 + SIZE[0], 6 : 6 + SIZE[1]]
    b = scene[1 : 1 + SIZE[0], 2 : 2 + SIZE[1]]
    flow = DisFlow(preset)(a, b)
    assert flow.shape == (*SIZE, 2)
    assert flow.dtype == np.float32
    assert end_point_error(flow, constant(4, 3)) < 0.3
    brought_back = warp_array(b, flow).astype(int)
    assert np.abs(brought_back - a)[12:-12, 12:-12].mean() < 3


def test_a_still_scene_has_no_flow(texture: Texture) -> None:
    picture = texture(*SIZE)
    assert np.abs(DisFlow("fast")(picture, picture)).max() < 0.02


def test_a_zoom_is_measured(texture: Texture) -> None:
    a = texture(*SIZE)
    b = warp_array(a, zoom(1 / 1.06))  # b shows at p what a shows nearer the middle
    assert end_point_error(DisFlow("medium")(a, b), zoom(1.06)) < 0.3


def test_flow_of_deep_pixels_is_that_of_their_eight_bits(texture: Texture) -> None:
    a, b = texture(*SIZE), np.roll(texture(*SIZE), 3, axis=1)
    deep = [x.astype(np.uint16) * 257 for x in (a, b)]
    np.testing.assert_allclose(DisFlow("fast")(*deep), DisFlow("fast")(a, b), atol=0.1)


def test_large_frames_are_measured_small_and_the_flow_enlarged(texture: Texture) -> None:
    scene = texture(200, 312)
    a, b = scene[:, 8:308], scene[:, :300]
    flow = DisFlow("fast", max_side=150)(a, b)
    assert flow.shape == (200, 300, 2)
    assert end_point_error(flow, constant(8, 0, (200, 300)), margin=24) < 0.6


def test_a_flow_that_was_measured_small_is_refined_at_full_size(texture: Texture) -> None:
    """Two halves that part: the seam is found at full size, not a quarter of it."""
    scene = texture(160, 312)
    a, b = scene[:, 8:308].copy(), scene[:, :300].copy()
    a[:80], b[:80] = scene[:80, 6:306], scene[:80, 6:306]
    exact = constant(8, 0, (160, 300))
    exact[:80] = 0
    rough, fine = (
        end_point_error(DisFlow("fast", max_side=100, refinements=n)(a, b), exact, margin=24) for n in (0, 10)
    )
    assert fine < 0.9 * rough


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 40), (16, 16)])
def test_tiny_frames_have_a_flow(size: tuple[int, int], texture: Texture) -> None:
    picture = texture(*size)
    flow = DisFlow("medium")(picture, picture)
    assert flow.shape == (*size, 2)
    assert np.isfinite(flow).all()


def test_composing_translations_adds_them() -> None:
    np.testing.assert_allclose(compose(constant(3, -2), constant(1.5, 4)), constant(4.5, 2), atol=1e-5)


def test_convention_composing_reads_the_second_step_where_the_first_arrives() -> None:
    second = constant(0, 0)
    second[:, 60:, 0] = 5  # only the right half moves on
    composed = compose(constant(10, 0), second)
    np.testing.assert_allclose(composed[:, 50:, 0], 15, atol=1e-5)
    np.testing.assert_allclose(composed[:, :49, 0], 10, atol=1e-5)


def test_composing_two_zooms_is_one_larger_zoom() -> None:
    composed = compose(zoom(1.05), zoom(1.1))
    assert end_point_error(composed, zoom(1.05 * 1.1)) < 1e-3


def test_there_and_back_is_visible_and_leaving_the_frame_is_not() -> None:
    seen = visible(constant(5, 0), constant(-5, 0))
    assert seen.shape == SIZE
    assert seen.dtype == bool
    assert seen[:, : SIZE[1] - 5].all()
    assert not seen[:, SIZE[1] - 5 :].any()


def test_what_an_edge_covers_is_not_visible() -> None:
    """A wall stands from column 60 in a; it has moved 8 px to the left in b, over what stood still."""
    forward, backward = constant(0, 0), constant(0, 0)
    forward[:, 60:, 0] = -8
    backward[:, 52:, 0] = 8
    seen = visible(forward, backward)
    assert not seen[:, 52:60].any()
    assert seen[:, :51].all()
    assert seen[:, 60:].all()


@pytest.mark.parametrize(
    "size", [(16, 400), (17, 400), (24, 400), (20, 320), (24, 640), (9, 1280), (400, 16), (4, 4)]
)
@pytest.mark.parametrize("preset", ["ultrafast", "fast", "brisk", "medium"])
def test_frames_of_any_shape_have_a_flow(size: tuple[int, int], preset: str) -> None:
    a = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    flow = DisFlow(preset)(a, np.roll(a, 1, axis=1))
    assert flow.shape == (*size, 2)
    assert np.isfinite(flow).all()


def test_the_estimator_is_chosen_by_name(tmp_path: Path) -> None:
    assert isinstance(flow_estimator("dis", "medium"), DisFlow)
    weights = raft_weights(tmp_path)
    assert isinstance(flow_estimator("raft-small", weights=weights), RaftFlow)
    with pytest.raises(ValueError, match="raft-small"):
        flow_estimator("farneback")
    with pytest.raises(ValueError, match="ultrafast"):
        flow_estimator("dis", "slow")


def raft_weights(folder: Path) -> Path:
    from torchvision.models.optical_flow import raft_small

    torch.manual_seed(0)
    path = folder / "raft_small.pth"
    torch.save(raft_small(weights=None).state_dict(), path)
    return path


def test_raft_gives_a_flow_of_the_frame_s_size(tmp_path: Path, texture: Texture) -> None:
    estimator = RaftFlow(raft_weights(tmp_path), size="small")
    flow = estimator(texture(45, 131), texture(45, 131, seed=1))
    assert flow.shape == (45, 131, 2)
    assert flow.dtype == np.float32
    assert np.isfinite(flow).all()


def test_absent_raft_weights_are_named_and_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MediaError, match=r"nowhere\.pth.*none are ever fetched.*flow\.backend dis"):
        RaftFlow(tmp_path / "nowhere.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(MediaError, match=r"raft_large.*\.pth"):
        RaftFlow(size="large")


def test_raft_weights_in_torch_s_cache_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models.optical_flow import Raft_Small_Weights

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    raft_weights(tmp_path).rename(tmp_path / "checkpoints" / Path(Raft_Small_Weights.DEFAULT.url).name)
    assert isinstance(flow_estimator("raft-small"), RaftFlow)


class Program:
    """What a pickle can do that plain weights cannot."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.touched,))


@pytest.mark.parametrize("content", ["text", "another network", "a program"])
def test_a_file_that_holds_no_raft_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "weights.pth"
    if content == "text":
        path.write_text("not weights")
    elif content == "another network":
        torch.save({"weight": torch.zeros(3)}, path)
    else:
        torch.save({"weight": Program(tmp_path / "touched")}, path)
    with pytest.raises(MediaError, match=r"weights\.pth does not hold the weights of raft_small") as caught:
        RaftFlow(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "touched").exists()

"""Frames in the look of painted keyframes: what is carried, what counts, tiles."""

import itertools

import numpy as np
import pytest
import torch
from painted_cases import anchor, key, recipe, scene, striped, warmer

from vidgan.config import TranslateSettings
from vidgan.errors import UsageError
from vidgan.gan.look import Look, load_look, save_look
from vidgan.gan.model import at_rest
from vidgan.gan.painted.anchor import likeness, shares
from vidgan.gan.painted.guess import TRUST, Guesser, inputs_for
from vidgan.gan.painted.guide import agreement, comes_home, guidance
from vidgan.gan.painted.model import Painted, added_by
from vidgan.gan.painted.network import REACH, Refiner
from vidgan.gan.painted.training import PaintedTrainer

CPU = torch.device("cpu")
NOWHERE = torch.zeros(1, 2, 64, 96)


def shown(model: Painted, frame: torch.Tensor, number: int | None = None, motion=at_rest) -> torch.Tensor:
    return model.translation(recipe(), TranslateSettings(), CPU, motion)(frame, number)


def moved_by(dx: int):
    """Everything moves to the right by so many pixels from the frame to the keyframe."""

    def motion(a, b):
        flow = np.zeros((*a.shape[:2], 2), np.float32)
        flow[..., 0] = dx if a[0, 0, 0] == motion.first else -dx
        return flow

    return motion


def test_a_still_frame_shows_its_painting():
    frame = scene()
    model = Painted([anchor(frame, striped(frame))], None)
    torch.testing.assert_close(shown(model, frame), striped(frame), atol=1e-4, rtol=0)


def test_a_painting_that_is_its_frame_gives_the_source_back():
    frame, other = scene(), scene(seed=3)
    trained = PaintedTrainer([key(frame, frame)], recipe()).run()
    assert trained.model.refiner is None  # whatever was learnt adds nothing
    result = shown(trained.model, other)
    assert ((result - other).abs() * 127.5).round().max() == 0


def test_what_is_painted_moves_with_the_picture():
    frame = scene()
    later = frame.roll(4, -1)
    there = torch.zeros(1, 2, 64, 96)
    there[:, 0] = -4
    key = anchor(frame, striped(frame))
    guide = guidance(later, frame, key.painting, key.mask, there, -there)
    inner = (..., slice(8, -8), slice(12, -8))
    torch.testing.assert_close(guide.carried[inner], key.painting.roll(4, -1)[inner])
    assert guide.trust[inner].min() > 0.99
    assert guide.trust[..., :3].max() == 0  # beyond the keyframe's edge


def test_nothing_is_carried_to_what_looks_otherwise_or_does_not_come_home():
    frame = scene()
    assert agreement(frame, frame).min() == 1
    assert agreement(frame, -frame).mean() < 0.2
    lost = NOWHERE.clone()
    lost[:, 0] = 5
    assert comes_home(NOWHERE, NOWHERE).min() == 1
    assert comes_home(lost, NOWHERE).max() < 1e-4


def test_masked_out_parts_are_not_carried():
    frame, mask = scene(), torch.ones(1, 1, 64, 96)
    mask[..., 48:] = 0
    painting = striped(frame)
    painting[..., 48:] = -1  # scribbles that do not count
    model = Painted([anchor(frame, painting, mask=mask)], None)
    result = shown(model, frame)
    torch.testing.assert_close(result[..., :47], striped(frame)[..., :47], atol=1e-4, rtol=0)
    assert (result - painting)[..., 49:].abs().mean() > 0.5
    assert (result - frame)[..., 49:].abs().mean() < 0.5


@pytest.mark.parametrize(
    ("numbers", "number", "expected"),
    [
        ([5], 90, [1.0]),
        ([5, 15], 0, [1.0, 0.0]),
        ([5, 15], 5, [1.0, 0.0]),
        ([5, 15], 10, [0.5, 0.5]),
        ([5, 15], 15, [0.0, 1.0]),
        ([5, 15], 99, [0.0, 1.0]),
        ([0, 4, 8], 5, [0.0, 0.84375, 0.15625]),
        ([0, 4], None, [0.5, 0.5]),
    ],
)
def test_the_nearer_in_time_counts_more(numbers, number, expected):
    assert shares(numbers, number) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("number", "expected"), [(9, [1, 0, 0]), (10, [0, 1, 0]), (16, [0, 0.5, 0.5]), (25, [0, 0, 1])]
)
def test_a_shot_follows_its_own_keyframes(number, expected):
    """Cuts at 10 and 25: one, two and no keyframes; the last shot follows the nearest."""
    assert shares([4, 12, 20], number, [10, 25]) == expected


def test_two_looks_pass_into_each_other_without_a_jump():
    frame = scene()
    model = Painted([anchor(frame, warmer(frame), 0), anchor(frame, -frame, 20)], None)
    assert likeness(model.anchors) < 0.05
    translate = model.translation(recipe(), TranslateSettings(), CPU, at_rest)
    results = [translate(frame, number) for number in range(21)]
    torch.testing.assert_close(results[0], warmer(frame), atol=0.01, rtol=0)
    torch.testing.assert_close(results[-1], -frame, atol=0.01, rtol=0)
    steps = [float((b - a).abs().mean()) for a, b in itertools.pairwise(results)]
    assert max(steps) < 0.1 * sum(steps)


def test_keyframes_of_one_look_complete_each_other():
    """Where one knows nothing of a place, and the other does, the other counts wholly."""
    first = scene()
    second = first.flip(-2)  # the same colours, elsewhere
    frame = torch.cat([first[..., :48], second[..., 48:]], -1)
    anchors = [anchor(first, striped(first), 0), anchor(second, striped(second), 20)]
    assert likeness(anchors) > 0.5
    guess = Guesser(anchors, likeness(anchors), at_rest)(frame, 5)
    assert guess.told[0, TRUST, 8:-8, 8:40].mean() > 0.9
    assert guess.told[0, TRUST, 8:-8, 56:-8].mean() > 0.5


def test_a_place_in_the_clip_is_told_only_where_there_are_several():
    assert (inputs_for(1), inputs_for(3)) == (22, 25)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_tiles_have_no_seam(precision):
    """Bit for bit: whatever fits into memory decides nothing about a picture."""
    torch.manual_seed(0)
    refiner = Refiner(16, 24).to(memory_format=torch.channels_last).eval()
    for parameter in refiner.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    told = torch.randn(1, 16, 283, 420)
    with torch.inference_mode():
        whole = added_by(refiner, told, CPU, precision)
        tiled = added_by(refiner, told, CPU, precision, most_pixels=1000, tile_px=128)
    assert whole.shape == tiled.shape == (1, 4, 283, 420)
    assert torch.equal(whole, tiled)
    assert whole.abs().max() > 0


def test_a_pixel_depends_on_nothing_beyond_its_reach():
    torch.manual_seed(0)
    refiner = Refiner(16, 8)
    for parameter in refiner.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    told = torch.randn(1, 16, 8, 8 * 40, requires_grad=True)
    refiner(told)[..., 160:168].sum().backward()
    touched = told.grad[0].abs().sum((0, 1)).nonzero().flatten()
    assert int(touched.min()) >= 160 - REACH
    assert int(touched.max()) < 168 + REACH


def test_a_look_survives_its_file(tmp_path):
    frame = scene()
    trained = PaintedTrainer([key(frame, striped(frame), 3), key(-frame, striped(-frame), 9)], recipe()).run()
    look = Look.of(trained, recipe())
    save_look(look, tmp_path / "a.safetensors")
    again = load_look(tmp_path / "a.safetensors")
    assert again.steps == look.steps
    other = scene(seed=2)
    a, b = (x.translation(CPU)(other, 5) for x in (look, again))
    torch.testing.assert_close(a, b, atol=1e-2, rtol=0)
    with pytest.raises(UsageError, match="rendered"):
        again.model.sampler(CPU)


def test_frames_of_another_size_than_the_keyframe():
    frame = scene()
    model = Painted([anchor(frame, warmer(frame))], None)
    large = torch.nn.functional.interpolate(frame, (96, 144), mode="bicubic").clamp(-1, 1)
    assert (shown(model, large) - warmer(large)).abs().mean() < 0.05

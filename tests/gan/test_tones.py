"""A frame's tones brought to those of the pair's frame."""

import pytest
import torch
from tiny_pairs import CPU, TINY, pair, picture

from vidgan.config import Recipe, TranslateSettings
from vidgan.gan.look import Look
from vidgan.gan.palette import luminance
from vidgan.gan.tones import _evenly, match_tones, tone_quantiles
from vidgan.gan.training import train_pair


def slope(dark: float, light: float) -> torch.Tensor:
    """Grey tones from dark to light, (1, 3, 40, 50)."""
    return torch.linspace(dark, light, 50).expand(1, 3, 40, 50).clone()


def test_quantiles_are_in_order_and_within_range():
    quantiles = tone_quantiles(picture(40, 52, 0))
    assert torch.equal(quantiles, quantiles.sort().values)
    assert quantiles.abs().max() <= 1


def test_quantiles_of_very_large_pictures_stay_within_them():
    """8K has 33 million pixels, more than float32 can count."""
    numbers = _evenly(7680 * 4320)
    assert (numbers[0], numbers[-1]) == (0, 7680 * 4320 - 1)


def test_a_frame_takes_the_tones_of_the_pairs():
    matched = match_tones(slope(-0.8, 0.1), tone_quantiles(slope(-0.6, 0.3)), 1.0)
    assert matched[0, 0, 0, 0] == pytest.approx(-0.6, abs=0.1)
    assert matched[0, 0, 0, -1] == pytest.approx(0.3, abs=0.08)


def test_a_frame_with_the_same_tones_stays_as_it_is():
    frame = slope(-0.8, 0.7)
    assert (match_tones(frame, tone_quantiles(frame), 1.0) - frame).abs().max() < 0.05


def test_half_the_amount_goes_half_the_way():
    frame, quantiles = slope(-0.9, -0.1), tone_quantiles(slope(-0.6, 0.3))
    none, half, whole = (luminance(match_tones(frame, quantiles, a)).mean() for a in (0.0, 0.5, 1.0))
    assert half == pytest.approx(float(none + whole) / 2, abs=0.03)


def test_none_is_the_frame_itself():
    frame = picture(20, 20, 0)
    assert match_tones(frame, tone_quantiles(slope(-1, 1)), 0.0) is frame


@pytest.mark.parametrize("tone", [-1.0, 0.0, 1.0])
def test_an_even_frame_is_left_alone(tone):
    """A fade to black is not to be lit up until its noise shows."""
    frame = torch.full((1, 3, 20, 30), tone) + picture(20, 30, 0) * 0.01
    matched = match_tones(frame.clamp(-1, 1), tone_quantiles(slope(-1, 1)), 1.0)
    assert torch.allclose(matched, frame.clamp(-1, 1), atol=0.01)


def test_an_even_pairs_frame_has_no_tones_to_bring_others_to():
    """One out of a fade, or of fog: the clip's other frames are not to become as even."""
    frame, even = slope(-0.8, 0.6), picture(20, 30, 0) * 0.005 - 0.9
    assert torch.allclose(match_tones(frame, tone_quantiles(even), 1.0), frame, atol=1e-5)


def test_hues_stay():
    colour = torch.tensor([0.8, 0.2, -0.4]).view(1, 3, 1, 1)
    frame = (slope(0.2, 1.0) + 1) / 2 * (colour + 1) - 1
    matched = match_tones(frame, tone_quantiles(slope(-0.6, 0.2)), 1.0)
    shares = [(x + 1)[0, :, 20, 25] / (x + 1)[0, :, 20, 25].sum() for x in (frame, matched)]
    assert torch.allclose(*shares, atol=0.02)
    assert matched.mean() < frame.mean()


def test_lighter_stays_lighter():
    frame = picture(40, 50, 3)
    before = luminance(frame).flatten()
    after = luminance(match_tones(frame, tone_quantiles(slope(-1, 0.5)), 1.0)).flatten()
    far = (before[:, None] - before[None]) > 0.1
    assert ((after[:, None] - after[None])[far] > 0).float().mean() > 0.97


def test_a_look_matches_frames_to_its_pair_as_its_settings_say():
    look = Look.of(train_pair(pair(), TINY), Recipe(train=TINY))
    frame = pair().a * 0.7 - 0.25
    plain, matched = (look.translation(CPU, TranslateSettings(match_tones=m))(frame) for m in (0.0, 1.0))
    assert not torch.equal(plain, matched)
    by_hand = match_tones(frame, look.model.to_b.tones, 1.0)
    assert torch.equal(look.translation(CPU, TranslateSettings(match_tones=0.0))(by_hand), matched)


def two_tones(share: float) -> torch.Tensor:
    """Dark, with so much of the width light."""
    frame = torch.full((1, 3, 40, 100), -0.9)
    frame[..., : round(100 * share)] = 0.8
    return frame


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_flat_tones_keep_their_contrast(share):
    """Of letters and cartoons: between their tones there is nothing that a curve could learn from."""
    frame = two_tones(share) + picture(40, 100, 0) * 0.01
    assert (match_tones(frame, tone_quantiles(frame), 1.0) - frame).abs().max() < 0.06


def test_small_lights_count_for_no_more_than_they_are():
    """The pair's own frame is matched all the way, however little of it is light."""
    frame = two_tones(0.02)
    darker = ((frame + 1) * 0.8 - 1).clamp(-1, 1)
    matched = match_tones(darker, tone_quantiles(frame), 1.0)
    assert (matched - frame).abs().mean() < 0.5 * (darker - frame).abs().mean()

"""What is lent where nothing is carried."""

import torch
from painted_cases import anchor, scene, striped, warmer

from vidgan.gan.painted.borrowed import borrowed, texture
from vidgan.gan.painted.guess import STROKES, TRUST, Guess, inputs_for

STILL = torch.zeros(1, 2, 64, 96)


def test_strokes_are_borrowed_from_the_place_itself_where_it_is_as_it_was():
    frame = scene()
    key = anchor(frame, striped(frame))
    torch.testing.assert_close(borrowed(frame, key, key.strokes, STILL), key.strokes)


def test_training_sees_strokes_of_other_places_alone():
    frame = scene()
    key = anchor(frame, striped(frame))
    marked = torch.arange(64.0 * 96).reshape(1, 1, 64, 96).expand(-1, 3, -1, -1)
    taken = borrowed(frame, key, marked, STILL, elsewhere=True)
    assert (taken != marked).any(1).float().mean() > 0.9


def test_strokes_move_with_the_picture():
    frame = scene()
    key = anchor(frame, striped(frame))
    moved = STILL.clone()
    moved[:, 0] = 8.0
    taken = borrowed(frame.roll(-8, -1), key, key.strokes, moved)
    torch.testing.assert_close(taken[..., :56], key.strokes.roll(-8, -1)[..., :56])


def test_nothing_is_borrowed_from_what_is_masked_out():
    """Of an even picture all places are alike, but only one half has strokes to lend."""
    frame = torch.zeros(1, 3, 128, 256)
    mask = torch.ones(1, 1, 128, 256)
    mask[..., 160:] = 0
    key = anchor(frame, striped(frame), mask=mask)
    taken = borrowed(frame, key, mask.expand(-1, 3, -1, -1), torch.zeros(1, 2, 128, 256))
    assert taken[..., 192:].mean() > 0.9


def test_what_has_detail_of_its_own_keeps_to_it():
    """Strokes are for what is even: over other things they might not move as those do."""
    frame = scene()
    frame[..., 48:] = 0.2
    strokes = torch.ones_like(frame)
    lent = texture(frame, warmer(frame), strokes)
    assert lent[..., 56:].mean() > 0.95
    assert lent[..., :40].abs().mean() < 0.4


def test_nothing_is_lent_where_all_is_carried():
    told = torch.zeros(1, inputs_for(1), 8, 8)
    told[:, STROKES : STROKES + 3] = 0.5
    told[:, TRUST, :, :4] = 1
    lent = Guess(told[:, :3], told).lent(torch.ones(1, 4, 8, 8))
    assert lent[..., :4].abs().max() == 0
    assert lent[..., 4:].min() > 0.1

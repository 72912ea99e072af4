"""Training on keyframes: what is learnt, what is kept, and that it repeats."""

import pytest
import torch
from painted_cases import anchor, key, recipe, scene, striped, warmer
from tiny_pairs import after

from vidgan.errors import LookError
from vidgan.gan.checkpoint import load_checkpoint, save_checkpoint
from vidgan.gan.painted.training import PaintedTrainer
from vidgan.gan.painted.windows import HeldOut, Windows
from vidgan.gan.schedule import Record


def trainer(steps: int = 12, record: Record | None = None, **train: object) -> PaintedTrainer:
    frame = scene()
    others = [(4, scene(seed=4)), (8, scene(seed=8))]
    return PaintedTrainer([key(frame, striped(frame))], recipe(steps, **train), record, others)


TERMS = {"the difference": {}, "a critic": {"lambda_adv": 0.1}, "patches": {"lambda_patch": 0.5}}


def test_the_rest_is_learnt():
    """Outlines are no matter of colours, and lie elsewhere in other frames."""
    frame, other = scene(96, 128), scene(96, 128, seed=9)
    lesson = PaintedTrainer([key(frame, outlined(frame))], recipe(200, channels=16))
    bare = lesson.trained().model
    learnt = lesson.run().model
    assert learnt.refiner is not None
    before, now = (
        (model.translation(recipe(), None, torch.device("cpu"), nothing_known)(other) - outlined(other))
        .abs()
        .mean()
        for model in (bare, learnt)
    )
    assert now < 0.8 * before


def outlined(frame: torch.Tensor) -> torch.Tensor:
    around = torch.nn.functional.avg_pool2d(frame, 3, 1, 1)
    return (warmer(frame) - 2 * (frame - around)).clamp(-1, 1)


def nothing_known(a, b):
    """A motion that leads out of the picture: nothing is carried."""
    import numpy as np

    return np.full((*a.shape[:2], 2), 1e4, np.float32)


def test_texture_is_asked_for_by_its_term_alone():
    """The last of the four planes that the network draws is how much of it is lent."""
    drawn = {}
    for weight in (0.0, 5.0):
        lesson = trainer(20, lambda_detail=weight)
        lesson.run()
        drawn[weight] = lesson.refiner.finish[-1].bias[3].item()
    assert drawn[0.0] == 0
    assert drawn[5.0] != 0


def test_a_grade_is_left_to_the_table():
    frame = scene()
    lesson = PaintedTrainer([key(frame, warmer(frame))], recipe(40))
    assert lesson.run().model.refiner is None


def test_the_same_seed_gives_the_same_weights_and_so_does_the_record():
    first = trainer().run()
    again = trainer().run()
    repeated = trainer(record=Record(first.rates, first.threads)).run()
    for other in (again, repeated):
        for name, value in first.model.tensors().items():
            assert torch.equal(value, other.model.tensors()[name]), name


@pytest.mark.parametrize("terms", TERMS.values(), ids=list(TERMS))
def test_a_stopped_training_gives_the_weights_of_one_that_was_not(terms, tmp_path):
    whole = trainer(60, **terms)
    whole.run()
    stopped = trainer(60, **terms)
    stopped.run(should_stop=after(stopped, 45))
    save_checkpoint(stopped, "key", tmp_path / "state")
    resumed = trainer(60, **terms)
    load_checkpoint(resumed, "key", tmp_path / "state")
    resumed.run()
    for name, value in whole.refiner.state_dict().items():
        assert torch.equal(value, resumed.refiner.state_dict()[name]), name
    assert whole.least == resumed.least


def test_every_term_counts():
    plain, *others = (trainer(6, **terms) for terms in TERMS.values())
    plain.run()
    for other in others:
        other.run()
        pairs = zip(plain.refiner.parameters(), other.refiner.parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs)


def test_the_critic_learns_to_tell_results_from_paintings():
    rivalry = trainer(1, lambda_adv=0.1).rivalry
    assert rivalry is not None
    rng = torch.Generator().manual_seed(0)
    guess = rivalry.draw(rng)
    assert guess.told.shape[-2:] == (32, 32)
    frame, painting = scene(32, 32).expand(2, -1, -1, -1), striped(scene(32, 32)).expand(2, -1, -1, -1)
    told = [float(rivalry.teach(frame, painting, frame, frame, 2e-3)) for _ in range(40)]
    assert told[-1] < 0.7 * told[0]
    assert rivalry.word(frame, painting) < rivalry.word(frame, frame)


def test_a_record_of_another_kind_is_refused():
    with pytest.raises(LookError, match="was not painted"):
        trainer(record=Record([[0.1], [0.1]], 1))


def test_what_is_held_out_teaches_nothing():
    frame = scene(128, 160)
    anchors = [anchor(frame, striped(frame))]
    held = HeldOut(anchors, recipe().train, torch.Generator().manual_seed(0))
    assert held.places
    share = 1 - held.learnt[0].mean()
    assert 0 < share < 0.11
    for _, top, left in held.places:
        assert held.learnt[0][..., top : top + held.side, left : left + held.side].sum() == 0


def test_nothing_is_held_out_of_what_is_masked():
    frame, mask = scene(128, 160), torch.zeros(1, 1, 128, 160)
    mask[..., 20:40] = 1
    anchors = [anchor(frame, striped(frame), mask=mask)]
    held = HeldOut(anchors, recipe().train, torch.Generator().manual_seed(0))
    assert held.places
    for _, _, left in held.places:
        assert left >= 18
        assert left + held.side <= 42
    assert held.learnt[0][..., 40:].sum() == 0


def test_windows_lie_where_something_teaches():
    frame, learnt = scene(128, 160), torch.zeros(1, 1, 128, 160)
    learnt[..., 60:66, 80:86] = 1
    windows = Windows([anchor(frame, striped(frame))], [learnt], recipe().train)
    rng = torch.Generator().manual_seed(0)
    taught = [windows.draw(rng).counts.sum() > 0 for _ in range(10)]
    assert sum(taught) >= 9


@pytest.mark.parametrize("size", [(100, 100), (135, 101), (63, 250)])
def test_pictures_of_any_size_are_trained_on(size):
    frame = scene(*size)
    for seed in range(6):
        lesson = PaintedTrainer([key(frame, striped(frame))], recipe(1, seed=seed))
        assert lesson.held_out.places
        assert lesson.run().steps == (1,)


@pytest.mark.parametrize("size", [(24, 200), (64, 96), (300, 20)])
def test_windows_fit_any_picture(size):
    frame = scene(*size)
    anchors = [anchor(frame, striped(frame))]
    learnt = HeldOut(anchors, recipe().train, torch.Generator().manual_seed(0)).learnt
    window = Windows(anchors, learnt, recipe().train).draw(torch.Generator().manual_seed(0))
    assert window.painting.shape == (2, 3, 32, 32)
    assert window.guess.told.shape == (2, 22, 32, 32)


def test_windows_line_up_with_their_painting():
    """Where nothing is misplaced, the guess is the painting."""
    frame = scene()
    anchors = [anchor(frame, striped(frame))]
    windows = Windows(anchors, [torch.ones(1, 1, 64, 96)], recipe().train)
    windows.misplaced = 0.0
    rng = torch.Generator().manual_seed(0)
    for _ in range(5):
        window = windows.draw(rng)
        sure = window.guess.told[:, 9:10] > 0.999
        error = (window.guess.picture - window.painting).abs() * sure
        assert error.max() < 0.01


def test_steps_can_be_watched():
    told, stages = [], []
    trainer(8).run(told.append, stages.append)
    assert told[0].stages == 2
    assert set(told[0].losses) == {"difference"}
    assert next(stage.model.grown for stage in stages) == 1
    assert len(stages) == 2

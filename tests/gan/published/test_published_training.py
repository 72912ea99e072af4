"""Training by published parts: one picture to be sampled, or two that tell each other's frames."""

from dataclasses import replace

import pytest
import torch
from published_recipes import recipe, side
from tiny_pairs import CPU, after, picture

from vidgan.config import Recipe, TranslateSettings
from vidgan.errors import LookError, UsageError
from vidgan.gan.checkpoint import load_checkpoint, save_checkpoint
from vidgan.gan.look import Look, load_look, save_look
from vidgan.gan.published.fakes import critic_loss, cyclic, generator_terms
from vidgan.gan.published.training import PublishedTrainer
from vidgan.gan.schedule import Record, Tick
from vidgan.gan.training import Trained

HAND_ON = pytest.mark.parametrize("hand_on", ["features", "pictures"])


def alone(hand_on: str, record: Record | None = None) -> PublishedTrainer:
    return PublishedTrainer([side()], recipe("none", hand_on, batch_norm=hand_on == "pictures"), record)


def two(hand_on: str) -> PublishedTrainer:
    return PublishedTrainer([side(), side(26, 24, 1)], recipe("start", hand_on))


def weights(trained: Trained) -> torch.Tensor:
    sides = trained.model.sides
    return torch.cat([p.detach().flatten() for side in sides for p in side.generator.parameters()])


@HAND_ON
def test_the_same_seed_gives_the_same_weights_and_so_does_the_record(hand_on):
    first = alone(hand_on).run()
    again, repeated = alone(hand_on).run(), alone(hand_on, Record(first.rates, 1)).run()
    assert torch.equal(weights(first), weights(again))
    assert torch.equal(weights(first), weights(repeated))
    assert weights(first).isfinite().all()


@HAND_ON
@pytest.mark.parametrize("new", [alone, two])
def test_a_stopped_training_gives_the_weights_of_one_that_was_not(hand_on, new, tmp_path):
    trainer = new(hand_on)
    assert trainer.run(should_stop=after(trainer, 3)).interrupted
    save_checkpoint(trainer, "key", tmp_path / "resume")
    went_on = new(hand_on)
    load_checkpoint(went_on, "key", tmp_path / "resume")
    assert torch.equal(weights(went_on.run()), weights(new(hand_on).run()))


@HAND_ON
def test_samples_differ_by_seed_and_have_any_size(hand_on):
    draw = alone(hand_on).run().model.sampler(CPU)
    one, again, other = (draw((40, 31), 0, seed) for seed in (1, 1, 2))
    assert one.shape == (1, 3, 40, 31)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.abs().max() <= 1
    assert draw(None, 0, 0).shape == (1, 3, 30, 36)


@HAND_ON
def test_the_later_it_starts_the_nearer_are_samples_to_each_other(hand_on):
    model = alone(hand_on).run().model
    draw = model.sampler(CPU)
    apart = [
        float((draw(None, start, 1) - draw(None, start, 2)).abs().mean()) for start in range(model.stages)
    ]
    assert apart[-1] < 0.5 * apart[0]


@HAND_ON
def test_a_look_of_one_picture_survives_its_file_and_renders_nothing(hand_on, tmp_path):
    chosen = recipe("none", hand_on, batch_norm=hand_on == "pictures")
    look = Look.of(alone(hand_on).run(), chosen)
    save_look(look, tmp_path / "look.safetensors")
    loaded = load_look(tmp_path / "look.safetensors")
    for start in (0, 1):
        one, other = (x.model.sampler(CPU)((25, 40), start, 3) for x in (loaded, look))
        assert torch.equal(one, other)
    with pytest.raises(UsageError, match="vidgan sample"):
        loaded.translation(CPU)


@HAND_ON
def test_a_look_of_two_survives_its_file_and_is_not_sampled(hand_on, tmp_path):
    chosen = recipe("start", hand_on)
    look = Look.of(two(hand_on).run(), chosen)
    save_look(look, tmp_path / "look.safetensors")
    loaded, frame = load_look(tmp_path / "look.safetensors"), picture(61, 50, 5)
    for reverse in (False, True):
        settings = TranslateSettings(strength=1.0, reverse=reverse, match_tones=0.0)
        shown, again = (x.translation(CPU, settings) for x in (look, loaded))
        assert shown(frame).shape == frame.shape
        assert torch.equal(shown(frame), again(frame))
        assert torch.equal(shown(frame), shown(frame))  # the same noise at every frame
    with pytest.raises(UsageError, match="vidgan render"):
        loaded.model.sampler(CPU)


def test_strength_says_where_a_frame_is_injected():
    look = Look.of(two("pictures").run(), recipe("start", "pictures"))
    frame = picture(30, 36, 5)
    fine, coarse = (look.translation(CPU, TranslateSettings(strength=s))(frame) for s in (0.0, 1.0))
    assert not torch.equal(fine, coarse)


@HAND_ON
def test_frames_that_differ_are_told_differently(hand_on):
    tell = Look.of(two(hand_on).run(), recipe("start", hand_on)).translation(CPU)
    assert not torch.equal(tell(picture(30, 36, 5)), tell(picture(30, 36, 6)))


class Adds(torch.nn.Module):
    """A generator whose pictures are those it is given, that much lighter."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value
        self.scales = [self]

    def draw(self, index: int, below: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        return below + self.value


@torch.no_grad()
def test_four_fakes_and_two_cycles_each_by_the_right_generator_and_critic():
    """G_A adds 1, G_B adds 10, to a picture of zeros, so that every picture tells who made it."""
    trainer = two("pictures")
    trainer.enter(0)
    a, b = trainer.sides
    a.generator, b.generator = Adds(1), Adds(10)
    fakes = cyclic(trainer.sides, trainer.rng)
    assert [(judge, float(fake.mean())) for judge, fake in fakes.judged] == [
        (a, 1),
        (b, 11),
        (b, 10),
        (a, 11),
    ]
    assert [(float(x.mean()), float(back.mean())) for x, back in fakes.cycles] == [(1, 12), (10, 21)]


@torch.no_grad()
def test_each_generators_term_by_hand():
    """Cycle (1 - 12)^2 + (10 - 21)^2 = 242, reconstruction (1 - r)^2 + (10 - r)^2, scores by Mean."""
    trainer = two("pictures")
    trainer.enter(0)
    for side_, adds in zip(trainer.sides, (1, 10), strict=True):
        side_.generator, side_.critic = Adds(adds), Mean()
        side_.levels = [torch.zeros_like(level) for level in side_.levels]
    terms = generator_terms(cyclic(trainer.sides, trainer.rng), trainer.sides)
    assert float(terms["cycle"]) == pytest.approx(242)
    assert float(terms["reconstruction"]) == pytest.approx(1 + 100)
    assert float(terms["adversarial"]) == pytest.approx(-3 * (1 + 11 + 10 + 11))


@pytest.mark.parametrize(("critic_rate", "steps"), [(1.0, (1, 1)), (0.2, (3, 2))])
def test_rates_and_steps_of_an_iteration(critic_rate, steps):
    """Adam's own count says how often each moved."""
    chosen = recipe(critic_rate=critic_rate, critic_steps=steps[0], generator_steps=steps[1])
    trainer = PublishedTrainer([side()], chosen)
    trainer.enter(0)
    trainer._iterate(Tick(0, 1e-3, 0.0))
    assert (trainer.optimise_critics.steps, trainer.optimise[0].steps) == steps
    assert trainer.optimise_critics.rate == pytest.approx(critic_rate * 1e-3)
    assert trainer.optimise[0].rate == pytest.approx(1e-3)


class Mean(torch.nn.Module):
    """A critic whose score is a pixel's value, three channels added up."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return picture.sum(1, keepdim=True)


def test_losses_by_hand():
    """Real 0.5, fake -0.25 everywhere: scores 1.5 and -0.75, slope 1 in each channel, so of length sqrt 3."""
    trainer = PublishedTrainer([torch.full((1, 3, 16, 16), 0.5)], recipe(stages=2))
    trainer.enter(0)
    (only,) = trainer.sides
    only.critic = Mean()
    fake = torch.full_like(only.real, -0.25)
    real = float(only.real.mean())
    loss = critic_loss([(only, fake)], 0.1, trainer.rng)
    assert float(loss) == pytest.approx(-0.75 - 3 * real + 0.1 * (3**0.5 - 1) ** 2, abs=1e-5)


def test_noise_is_as_strong_as_the_error_that_is_left_without_it():
    trainer = alone("features")
    trainer.enter(0)
    trainer.enter(1)
    (only,) = trainer.sides
    measured = only.noise_amps[1]
    only.noise_amps[1] = 0.0
    with torch.no_grad():
        error = float((only.reconstruct() - only.real).square().mean().sqrt())
    assert measured == pytest.approx(0.1 * error)


def test_translations_by_pictures_have_no_noise():
    trainer = two("pictures")
    trainer.enter(0)
    trainer.enter(1)
    a, _ = trainer.sides
    told = [a.translate(a.real, torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    assert torch.equal(*told)


def test_a_record_of_another_picture_is_refused():
    with pytest.raises(LookError, match="has 2 stages, this one 3"):
        alone("features", Record(((1e-3,), (1e-3,)), 1))


def test_training_brings_samples_nearer_to_the_picture():
    """A picture of one colour: what is drawn of it is that colour."""
    chosen = recipe("none", "features", stages=2)
    chosen = replace(chosen, train=replace(chosen.train, steps=120, learning_rate=2e-3))
    orange = torch.tensor([0.8, 0.1, -0.6]).view(1, 3, 1, 1).expand(1, 3, 20, 20).clone()

    def error(chosen: Recipe) -> float:
        draw = PublishedTrainer([orange], chosen).run().model.sampler(CPU)
        return float((draw(None, 0, 0) - orange).abs().mean())

    assert error(chosen) < 0.4 * error(replace(chosen, train=replace(chosen.train, steps=2)))

"""What is known of the published methods: sizes, parameters, which stages train and how fast."""

import pytest
import torch
from published_recipes import recipe, side

from vidgan.config import Recipe, load_recipe
from vidgan.errors import MediaError, RecipeError
from vidgan.gan.published.model import new_sides
from vidgan.gan.published.networks import (
    GrownGenerator,
    Layers,
    PlainCritic,
    ScaleGenerator,
    StackedGenerator,
    widened,
)
from vidgan.gan.published.side import Side
from vidgan.gan.published.sizes import stage_sizes
from vidgan.gan.published.training import PublishedTrainer


def side_of(known: Recipe) -> Side:
    return new_sides([torch.zeros(1, 3, 40, 40)], known)[0]


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_thesis_generator_has_as_many_parameters_as_the_work_says():
    generator = GrownGenerator(Layers(64, 3))
    for _ in range(5):
        generator.grow()
    assert parameters(generator) == 668_227


def test_the_thesis_sizes():
    sizes = [(25, 34), (32, 42), (42, 56), (63, 84), (126, 167), (188, 250)]
    assert stage_sizes([(188, 250)], load_recipe("thesis")) == [sizes]


def test_structural_analogys_sizes_and_channels():
    known = load_recipe("structural-analogy")
    (sizes,) = stage_sizes([(220, 220)], known)
    assert [height for height, _ in sizes] == [19, 24, 30, 39, 49, 63, 81, 104, 134, 172, 220]
    widths = [widened(known.train.channels, scale, known.parts.widen_every) for scale in range(11)]
    assert widths == [32] * 4 + [64] * 4 + [128] * 3


def test_structural_analogys_parameters():
    generator = StackedGenerator(Layers(32, 3, True), 4, 9)
    for _ in range(10):
        generator.grow()
    assert parameters(generator) == 1_930_785
    assert [parameters(PlainCritic(Layers(width, 3, True))) for width in (32, 64, 128)] == [
        29_185,
        113_665,
        448_513,
    ]


@pytest.mark.parametrize("size", [(25, 34), (30, 30)])
def test_critics_judge_what_is_picture_to_the_edge(size):
    critic = PlainCritic(side_of(load_recipe("consingan"))._critic_layers(8))
    assert critic(torch.zeros(1, 3, *size)).shape == (1, 1, size[0] - 10, size[1] - 10)


def test_padding_once_or_layer_by_layer_differs_at_the_edge_alone():
    once, each = (ScaleGenerator(Layers(4, 1, padding=padding)) for padding in (0, 1))
    each.load_state_dict(once.state_dict())
    torch.nn.init.constant_(once.body[0][0].bias, 0.5)
    torch.nn.init.constant_(each.body[0][0].bias, 0.5)
    picture = torch.rand(1, 3, 16, 20)
    a, b = once(picture), each(picture)
    assert a.shape == b.shape == picture.shape
    torch.testing.assert_close(a[..., 3:-3, 3:-3], b[..., 3:-3, 3:-3])
    assert (a - b).abs().amax() > 1e-4


def test_edges_are_upsampled_beyond_the_picture_not_padded_with_zeros():
    """ConSinGAN's: a stage takes in what is larger by its convolutions, the noise too."""
    generator = GrownGenerator(Layers(4, 2, padding=0))
    generator.grow()
    assert generator.margin == 2
    out = generator(torch.rand(1, 3, 10, 12), [torch.zeros(1, 4, 20 + 4, 24 + 4)])
    assert out.shape == (1, 3, 20, 24)
    even = [p for stage in generator.stages for p in stage.parameters()]
    for p in even:
        torch.nn.init.constant_(p, 0.1)
    features = torch.ones(1, 4, 20, 24)
    stage = generator.stages[1](torch.ones(1, 4, 24, 28))
    assert stage.shape == features.shape
    assert stage.amax() == stage.amin()  # as much at the edge as in the middle


def test_pictures_too_small_for_critics_are_refused():
    chosen = recipe("none", "features")
    with pytest.raises(MediaError, match="side of 6 pixels is too small for critics of 3"):
        stage_sizes([(6, 40)], chosen)
    with pytest.raises(RecipeError, match="coarsest_px: blocks = 9"):
        load_recipe("singan", ["train.blocks=9", "train.coarsest_px=20"])


def test_two_pictures_of_two_sizes_have_as_many_stages():
    for name in ("thesis", "structural-analogy"):
        a, b = stage_sizes([(188, 250), (120, 90)], load_recipe(name))
        assert len(a) == len(b)
        assert (a[-1], b[-1]) == ((188, 250), (120, 90))


@pytest.mark.parametrize(
    ("hand_on", "parts", "told"),
    [
        ("features", {"trained_stages": 2, "lower_rate": 0.1}, 2),
        ("features", {"trained_stages": 0, "lower_rate": 0.1}, 3),
        ("pictures", {"trained_stages": 1}, 1),
    ],
)
def test_which_stages_train_and_how_fast(hand_on, parts, told):
    """The newest learn, each one below more slowly by the same factor; what does not train stands still."""
    trainer = PublishedTrainer([side()], recipe(hand_on=hand_on, **parts))
    for stage in range(3):
        trainer.enter(stage)
    generator = trainer.sides[0].generator
    stages = generator.stages if hand_on == "features" else generator.scales
    before = [[p.detach().clone() for p in stage.parameters()] for stage in stages]
    trainer._update_generators(trainer.draw_fakes(trainer.sides, trainer.rng), 1e-3)
    moved = [
        any(not torch.equal(p, q) for p, q in zip(stage.parameters(), old, strict=True))
        for stage, old in zip(stages, before, strict=True)
    ]
    assert moved == [False] * (3 - told) + [True] * told
    assert [optimise.rate for optimise in trainer.optimise] == pytest.approx([1e-3, 1e-4, 1e-5][:told])


def test_a_new_stage_starts_as_a_copy_of_the_last():
    generator = GrownGenerator(Layers(8, 2))
    generator.grow()
    pairs = zip(generator.stages[0].parameters(), generator.stages[1].parameters(), strict=True)
    assert all(torch.equal(a, b) and a is not b for a, b in pairs)


def test_a_scale_as_wide_as_the_last_starts_with_its_weights():
    generator = StackedGenerator(Layers(8, 1, True), 2, 9)
    generator.grow()
    generator.grow()
    first, second, wider = generator.scales
    assert torch.equal(first.tail.weight, second.tail.weight)
    assert wider.tail.in_channels == 16


@torch.no_grad()
def test_scales_below_the_top_two_add_to_what_they_are_handed():
    generator = StackedGenerator(Layers(8, 1), 0, plain=1)
    generator.grow()
    below = torch.full((1, 3, 12, 12), 0.3)
    silence = torch.zeros_like(below)
    added, plain = (generator.draw(scale, below, silence) for scale in (0, 1))
    assert torch.allclose(added, below + plain, atol=1e-6)  # both have the same weights


@torch.no_grad()
def test_weights_are_drawn_as_in_the_published_codes():
    torch.manual_seed(0)
    generator = ScaleGenerator(Layers(64, 3, batch_norm=True))
    convolutions = [m.weight for m in generator.modules() if isinstance(m, torch.nn.Conv2d)]
    norms = [m.weight for m in generator.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert float(torch.cat([w.flatten() for w in convolutions]).std()) == pytest.approx(0.02, rel=0.03)
    assert float(torch.cat(norms).mean()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("name", "leak", "normalised"),
    [
        ("thesis", 0.05, False),
        ("consingan", 0.05, False),
        ("singan", 0.2, True),
        ("structural-analogy", 0.2, True),
    ],
)
def test_activations_and_normalisation(name, leak, normalised):
    pictures = [side(), side(seed=1)] if name in ("thesis", "structural-analogy") else [side()]
    (only, *_) = new_sides(pictures, load_recipe(name))
    only.enter(0, torch.Generator())
    for network in (only.generator, only.critic):
        modules = list(network.modules())
        assert {m.negative_slope for m in modules if isinstance(m, torch.nn.LeakyReLU)} == {leak}
        assert any(isinstance(m, torch.nn.BatchNorm2d) for m in modules) == normalised

"""The games by name: each pair of losses pulls critic and generator opposite ways."""

import pytest
import torch
from torch import nn

from vidgan.config import TrainSettings
from vidgan.errors import RecipeError
from vidgan.gan.adversarial import GAMES, slopes_between
from vidgan.gan.critic import Critic


def test_every_game_can_be_named_in_a_recipe_and_no_other():
    for name in GAMES:
        assert TrainSettings(objective=name).objective == name
    with pytest.raises(RecipeError, match=f"known: {', '.join(GAMES)}"):
        TrainSettings(objective="lsgan")


@pytest.mark.parametrize("name", GAMES)
def test_a_critic_wants_the_real_high_and_the_fake_low_and_a_generator_the_reverse(name):
    game = GAMES[name]
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    up, down = torch.autograd.grad(game.critic_loss(real, fake), [real, fake])
    assert (up < 0).all()
    assert (down > 0).all()
    (raised,) = torch.autograd.grad(game.generator_loss(fake), [fake])
    assert (raised < 0).all()


class Straight(nn.Module):
    """A critic whose score is twice the red."""

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        return [2 * picture[:, :1], picture[:, 1:2]]


def test_slopes_are_the_critics_gradients_one_for_each_of_its_sizes():
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    red, green = slopes_between(Straight(), real, fake, rng)
    assert red[:, 0].unique().tolist() == [2]
    assert green[:, 1].unique().tolist() == [1]
    assert red[:, 1:].abs().max() == 0


def test_a_penalty_on_slopes_reaches_the_critics_weights():
    critic, rng = Critic(4, spectral=False), torch.Generator().manual_seed(0)
    real, fake = torch.rand(1, 3, 12, 12, generator=rng), torch.rand(1, 3, 12, 12, generator=rng)
    penalty = sum(slope.square().mean() for slope in slopes_between(critic, real, fake, rng))
    gradients = torch.autograd.grad(penalty, [conv.weight for conv in critic.at_size[0].convs])
    assert all(gradient.abs().max() > 0 for gradient in gradients)

"""Small recipes of published parts, and a picture to learn."""

from dataclasses import replace

import torch
from tiny_pairs import picture

from vidgan.config import PartsSettings, Recipe, TrainSettings, TranslateSettings

TRAIN = TrainSettings(
    seconds=0,
    steps=6,
    channels=8,
    blocks=1,
    critic_channels=8,
    coarsest_px=14,
    stage_growth=1.0,
    objective="wgan-gp",
    lambda_rec=10.0,
    precision="fp32",
)


def recipe(conditioning: str = "none", hand_on: str = "features", **parts: object) -> Recipe:
    """Three stages or so; features on a logarithmic ladder, pictures on one of a constant factor."""
    ladder = {"features": {"ladder": "logarithmic", "stages": 3}, "pictures": {"ladder": "constant"}}
    chosen = {**ladder[hand_on], "trained_stages": 1 if hand_on == "pictures" else 0}
    chosen = {**chosen, "padding": "stages", **parts}
    settings = PartsSettings(conditioning=conditioning, hand_on=hand_on, **chosen)
    train = TRAIN if conditioning == "none" else replace(TRAIN, lambda_cyc=1.0)
    if hand_on == "pictures":
        train = replace(train, scale_factor=1.6)
    return Recipe("small", parts=settings, train=train, translate=TranslateSettings(strength=1.0))


def side(height: int = 30, width: int = 36, seed: int = 0) -> torch.Tensor:
    return picture(height, width, seed)

"""Wind, sweeps and washes: noise whose band and level wander."""

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.material import COMPUTED, Material
from training.synthetic.song import Song
from training.synthetic.sources import shape, white_noise

SILENT_SHARE = 0.8


def noise_effects(
    dice: Dice, song: Song, clock: Clock, material: Material = COMPUTED
) -> np.ndarray:
    """Returns noise effects, float32 `(channels, samples)`; silence in four songs of five."""
    if dice.chance(SILENT_SHARE):
        return np.zeros((clock.channels, clock.samples), np.float32)
    center = dice.wander(clock.points, dice.uniform(40, 400))
    # In short songs the curve hardly moves, and its mean is many times its deviation.
    wandered = np.clip(center / (center.std() + 1e-9), -6, 6)
    center = dice.log_uniform(300, 3000) * 2**wandered
    octaves = np.log2(np.maximum(clock.frequencies, 20) / center[:, None])
    band = np.exp(-0.5 * (octaves / dice.uniform(0.3, 2)) ** 2)
    level = dice.wander(clock.points, dice.uniform(20, 300))
    level = np.clip(1 + level / (level.std() + 1e-9), 0, 3)
    envelope = (band * level[:, None]).astype(np.float32)
    channels = [shape(clock, (white_noise(dice, clock), envelope)) for _ in range(clock.channels)]
    return np.stack(channels)

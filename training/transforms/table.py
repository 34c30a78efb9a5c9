"""The `[[augment]]` tables of a recipe: transforms by name."""

from training.transforms.levels import Gain, Polarity, SilentStem
from training.transforms.low_pass import LowPass
from training.transforms.noise import Noise
from training.transforms.stereo import ChannelSwap, RandomMono
from training.transforms.transform import Transform

TRANSFORMS: dict[str, type[Transform]] = {
    transform.name: transform
    for transform in (Gain, Polarity, SilentStem, ChannelSwap, RandomMono, LowPass, Noise)
}

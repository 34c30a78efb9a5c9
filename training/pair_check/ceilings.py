"""What ideal masks make of a pair: the ceilings of every mask at this front end."""

from typing import NamedTuple

import numpy as np

from training.evaluation.ceilings import CEILINGS, ideal_estimates
from training.pair_check.preparation import FRONT_END, SAMPLE_RATE, WINDOW
from zoo.front_end import FrontEnd

# Samples in memory at a time; what reaches over a block's ends is transformed with it.
_BLOCK = 512 * WINDOW


class _Masks(NamedTuple):
    """As much of a separator as its ceilings need."""

    front_end: FrontEnd = FRONT_END
    stems: tuple[str, ...] = ("stem", "rest")
    residual: str | None = None


def ideal_stems(mixture: np.ndarray, stem: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the stem by each of the masks of `training.evaluation.ceilings.CEILINGS`.

    The other source is what the mixture holds besides the stem.

    Args:
        mixture: float32 `(samples,)` at 22,050 Hz.
        stem: of the same length, at its level in the mixture.

    Returns:
        A dict ceiling -> `(samples,)`.

    Example:
        >>> stem = np.sin(np.arange(8192) * 0.1).astype("float32")
        >>> sorted(ideal_stems(stem * 2, stem))
        ['IBM', 'IRM1', 'IRM2']
    """
    estimates = {name: np.zeros_like(mixture) for name in CEILINGS}
    for start in range(0, len(mixture), _BLOCK):
        end = min(start + _BLOCK, len(mixture))
        first = max(0, start - FRONT_END.frame_length)
        heard, part = (x[first : end + FRONT_END.frame_length] for x in (mixture, stem))
        references = np.stack((part, heard - part))[..., None]
        masked = ideal_estimates(_Masks(), heard[:, None], references, SAMPLE_RATE)
        for name, stems in masked.items():
            estimates[name][start:end] = stems[0, start - first : end - first, 0]
    return estimates

"""Eighteen views of a magnitude spectrogram: what is where in time and frequency."""

import math

from keras import ops

_DEGREES = tuple(22.5 * step for step in range(1, 8))
LINES = ("horizontal_line", "vertical_line", "rising_line", "falling_line")
STEPS = ("onset", "offset", "lower_edge", "upper_edge")
ORIENTED = tuple(f"edge_{degrees:g}" for degrees in _DEGREES)
VIEWS = ("magnitude", *LINES, *STEPS, *ORIENTED, "laplacian", "pooled")
_POOL = 5


def _shifted(padded, frame: int, bin: int, frames: int, bins: int):
    return padded[frame : frame + frames, bin : bin + bins]


def views(magnitude):
    """Returns a magnitude spectrogram as 18 non-negative pictures of the same size.

    They are, in the order of `VIEWS`:

    - `magnitude`: itself;
    - four lines, by the masks of Gonzalez and Woods, "Digital Image Processing", 4th edition,
      section 10.2, divided by 6, of which the positive part is kept: a steady tone is a horizontal
      line, a click a vertical one, a glide a rising or falling one;
    - four steps: the positive and the negative part of the Sobel gradients, divided by 8, along
      time (onset, offset) and along frequency (lower and upper edge of what is loud);
    - edges at 22.5, 45, ... 157.5 degrees: the absolute gradient in a direction, `|cos(a) x +
      sin(a) y|` (Freeman and Adelson, "The Design and Use of Steerable Filters", IEEE Transactions
      on Pattern Analysis and Machine Intelligence 13(9), 1991, section II); 0 degrees would be
      onset and offset together;
    - `laplacian`: the absolute difference from the mean of the four neighbours;
    - `pooled`: the mean of 5 frames by 5 bins.

    Outside the picture there is silence.

    Args:
        magnitude: `(frames, bins)`.

    Returns:
        `(18, frames, bins)`.

    Example:
        >>> tone = np.zeros((5, 9), "float32")
        >>> tone[:, 4] = 1
        >>> pictures = np.asarray(views(tone))
        >>> {name: float(picture[2, 4]) for name, picture in zip(VIEWS, pictures) if
        ...     picture[2, 4] > 0.25}
        {'magnitude': 1.0, 'horizontal_line': 1.0, 'laplacian': 0.5}
    """
    frames, bins = magnitude.shape
    padded = ops.pad(magnitude, ((1, 1), (1, 1)))
    # Names of neighbours: before or after in time, below or above in frequency.
    before_below, before, before_above = (_shifted(padded, 0, b, frames, bins) for b in range(3))
    below, centre, above = (_shifted(padded, 1, b, frames, bins) for b in range(3))
    after_below, after, after_above = (_shifted(padded, 2, b, frames, bins) for b in range(3))
    earlier = before_below + before + before_above
    later = after_below + after + after_above
    lower = before_below + below + after_below
    higher = before_above + above + after_above
    around = earlier + later + below + above
    # A mask has 2 on its line and -1 elsewhere: three times the line less the whole.
    whole = around + centre
    lines = [
        before + centre + after,
        below + centre + above,
        before_below + centre + after_above,
        before_above + centre + after_below,
    ]
    along_time = (later + after - earlier - before) / 8
    along_frequency = (higher + above - lower - below) / 8
    angles = [math.radians(degrees) for degrees in _DEGREES]
    pictures = [
        magnitude,
        *(ops.relu((3 * line - whole) / 6) for line in lines),
        ops.relu(along_time),
        ops.relu(-along_time),
        ops.relu(along_frequency),
        ops.relu(-along_frequency),
        *(
            ops.abs(math.cos(angle) * along_time + math.sin(angle) * along_frequency)
            for angle in angles
        ),
        ops.abs(centre - (before + after + below + above) / 4),
        _pooled(magnitude),
    ]
    return ops.stack(pictures)


def _pooled(magnitude):
    frames, bins = magnitude.shape
    half = _POOL // 2
    padded = ops.pad(magnitude, ((half, half), (half, half)))
    rows = sum(padded[start : start + frames] for start in range(_POOL))
    return sum(rows[:, start : start + bins] for start in range(_POOL)) / _POOL**2

"""The local Gaussian model of stems in the spectra of a mixture of any number of channels.

A complex array is a pair (real, imaginary), as `zoo.STFT` gives it.
"""

from keras import ops

# Part of a stem that is taken to come from everywhere: what single precision can tell from none.
DIFFUSE = 1e-6
# The share of a bin's power below which stems leave the bin out.
LEFT_OUT = 1e-4
# Where there is no sound at all, nothing is divided by nothing.
_SILENCE = 1e-30


def _product(a, b):
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _conjugate(a):
    return a[0], -a[1]


def _difference(a, b):
    return a[0] - b[0], a[1] - b[1]


def _power(a):
    return ops.square(a[0]) + ops.square(a[1])


def claimed(mixture, stems):
    """Returns what of a mixture is the stems' to share: all but bins that they leave out.

    Networks leave out what lies above their band. What little of the stems is there is leakage and
    rounding, which tells nothing of how to share the mixture out. A bin's gain is r^2 / (r^2 +
    `LEFT_OUT`^2), with r the stems' power in relation to the mixture's: as good as 1 for stems that
    add up to the mixture, whose r is 1 / stems at least.

    Args:
        mixture: spectra of each channel, a list of pairs `(batch, frames, bins)`.
        stems: spectra of each channel, a list of pairs `(batch, stems, frames, bins)`.

    Returns:
        The mixture's spectra times the gain.
    """
    power = sum(_power(channel) for channel in mixture)
    ratio = sum(ops.sum(_power(channel), axis=1) for channel in stems)
    ratio = ops.square(ops.minimum(ratio / ops.maximum(power, _SILENCE), 1.0))
    gain = ratio / (ratio + LEFT_OUT**2)
    return [(gain * real, gain * imaginary) for real, imaginary in mixture]


def model_of(stems):
    """Returns the model that stems follow: how loud each is in each bin, and where it comes from.

    The power spectral density is the mean of the channels' squared magnitudes, the spatial
    covariance the sum of y y^H over the frames in relation to that of the densities, plus `DIFFUSE`
    in its diagonal. A mixture whose channels are equal is then no special case, at any level, and
    what the posterior says of the stems adds up to the mixture.

    Args:
        stems: spectra of each channel, a list of pairs `(batch, stems, frames, bins)`.

    Returns:
        The densities `(batch, stems, frames, bins)`, and the lower triangle of the covariances:
        (row, column) -> pair `(batch, stems, 1, bins)`, whose diagonal has no imaginary part,
        `None`.
    """
    powers = [_power(channel) for channel in stems]
    density = sum(powers) / len(powers)
    total = ops.maximum(ops.sum(density, axis=2, keepdims=True), _SILENCE)

    def mean(x):
        return ops.sum(x, axis=2, keepdims=True) / total

    covariance = {(row, row): (mean(power) + DIFFUSE, None) for row, power in enumerate(powers)}
    for row in range(len(stems)):
        for column in range(row):
            real, imaginary = _product(stems[row], _conjugate(stems[column]))
            covariance[row, column] = mean(real), mean(imaginary)
    return density, covariance


def posterior(mixture, density, covariance):
    """Returns what the model expects of each stem, given the mixture: v R (sum v R)^-1 x.

    Args:
        mixture: spectra of each channel, a list of pairs `(batch, frames, bins)`.
        density: of `model_of`.
        covariance: of `model_of`.

    Returns:
        Spectra of each channel, a list of pairs `(batch, stems, frames, bins)`.
    """
    channels = range(len(mixture))
    total = {
        place: tuple(x if x is None else ops.sum(density * x, axis=1) for x in part)
        for place, part in covariance.items()
    }
    smallest = DIFFUSE * ops.sum(density, axis=1) + _SILENCE
    whitened = [
        tuple(ops.expand_dims(x, 1) for x in channel)
        for channel in _solved(total, smallest, mixture)
    ]

    def filtered(row):
        real, imaginary = (x * covariance[row, row][0] for x in whitened[row])
        for column in channels:
            if column != row:
                entry = covariance[max(row, column), min(row, column)]
                entry = entry if row > column else _conjugate(entry)
                more = _product(entry, whitened[column])
                real, imaginary = real + more[0], imaginary + more[1]
        return density * real, density * imaginary

    return [filtered(row) for row in channels]


def _solved(matrix, smallest, right):
    """Solves matrix z = right by L D L^H, exact enough in single precision.

    Of a mixture that is nearly mono an explicit inverse would not be: the elimination's rounding
    errors lie in directions from which no stem comes.

    Args:
        matrix: Hermitian, as the covariances of `model_of`.
        smallest: what its eigenvalues are at least, but for rounding.
        right: a pair a row.
    """
    size = len(right)
    lower, diagonal, solution = {}, [], []
    for column in range(size):
        pivot = matrix[column, column][0]
        for k in range(column):
            pivot = pivot - _power(lower[column, k]) * diagonal[k]
        diagonal.append(ops.maximum(pivot, smallest))
        for row in range(column + 1, size):
            entry = matrix[row, column]
            for k in range(column):
                more = _product(lower[row, k], _conjugate(lower[column, k]))
                entry = _difference(entry, tuple(x * diagonal[k] for x in more))
            lower[row, column] = tuple(x / diagonal[column] for x in entry)
    for row in range(size):
        known = right[row]
        for k in range(row):
            known = _difference(known, _product(lower[row, k], solution[k]))
        solution.append(known)
    solution = [tuple(x / d for x in z) for z, d in zip(solution, diagonal, strict=True)]
    for row in reversed(range(size)):
        for k in range(row + 1, size):
            more = _product(_conjugate(lower[k, row]), solution[k])
            solution[row] = _difference(solution[row], more)
    return solution

"""Distributions of latents, one a label, and paths among them."""

from collections.abc import Sequence

import numpy as np

# Of the latents' mean variance: what a covariance of few examples lacks to be a proper one.
_RIDGE = 1e-3


def label_statistics(
    latents: np.ndarray, labels: Sequence[str], wanted: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each label's mean and the lower Cholesky factor of its covariance.

    A thousandth of all latents' mean variance is added to the covariances' diagonals, so that few
    examples, even one, do.

    Args:
        latents: `(examples, latent)`.
        labels: of each example.
        wanted: labels in the order of the result.

    Returns:
        `(labels, latent)` and `(labels, latent, latent)`.

    Raises:
        ValueError: if a wanted label has no example, or an example another label.

    Example:
        >>> latents = np.random.default_rng(0).normal(2.0, 3.0, size=(5000, 1))
        >>> mean, factor = label_statistics(latents, ["a"] * 5000, ["a"])
        >>> mean.round().item(), factor.round().item()
        (2.0, 3.0)
    """
    if len(latents) != len(labels):
        raise ValueError(
            f"each latent needs a label. Received: {len(latents)} latents, {len(labels)} labels"
        )
    if set(labels) != set(wanted):
        raise ValueError(
            f"there must be latents of each of the labels {', '.join(wanted)}, and of no other. "
            f"Received: labels {', '.join(sorted(set(labels)))}"
        )
    ridge = _RIDGE * latents.var(axis=0).mean() + 1e-12
    places = np.array([list(wanted).index(label) for label in labels])
    means, factors = [], []
    for place in range(len(wanted)):
        own = latents[places == place].astype("float64")
        means.append(own.mean(axis=0))
        deviations = own - means[-1]
        covariance = deviations.T @ deviations / len(own)
        factors.append(np.linalg.cholesky(covariance + ridge * np.eye(latents.shape[1])))
    return np.array(means), np.array(factors)


def closed_walk(
    count: int, means: np.ndarray, factors: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Returns latents along a closed path, evenly spaced, of which each is a likely one.

    Normal noise goes once around the ellipse `cos(a) u + sin(a) v` of two draws u and v, each point
    of which is normally distributed as they are. Mean and factor, by which the noise becomes a
    latent, go in straight lines from each distribution to the next and back to the first.

    Args:
        count: of the latents; the path's end, which is its beginning, is left out.
        means: of the distributions, `(distributions, latent)`.
        factors: lower Cholesky factors of their covariances, `(distributions, latent, latent)`.
        random: what u and v are drawn with.

    Returns:
        `(count, latent)`.

    Example:
        >>> walk = closed_walk(8, np.zeros((1, 3)), np.eye(3)[None], np.random.default_rng(0))
        >>> bool(np.allclose(walk[0], -walk[4]))
        True
    """
    first, second = random.normal(size=(2, means.shape[1]))
    turn = np.arange(count) / count
    angle = 2 * np.pi * turn[:, None]
    noise = np.cos(angle) * first + np.sin(angle) * second
    along = turn * len(means)
    place = along.astype(int)
    after, share = (place + 1) % len(means), along - place

    def between(values, index):
        return values[place[index]] + share[index] * (values[after[index]] - values[place[index]])

    # One at a time: the factors of a long walk would be large.
    walk = [between(means, i) + between(factors, i) @ noise[i] for i in range(count)]
    return np.array(walk, "float32")

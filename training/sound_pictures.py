"""Pictures of what an autoencoder learned: reconstructions, and where sounds lie in its latents."""

import os
from collections.abc import Sequence

import numpy as np

from zoo.files import atomic_path
from zoo.front_end import FrontEnd


def reconstruction_picture(
    path: str | os.PathLike,
    originals: np.ndarray,
    reconstructions: np.ndarray,
    names: Sequence[str],
    front_end: FrontEnd,
    *,
    dots_per_inch: int = 90,
) -> None:
    """Draws spectrograms in one row, and below each what the network makes of it.

    Args:
        path: PNG file to write.
        originals: `(clips, bins, frames, 1)` in [0, 1], as networks take them.
        reconstructions: of the same shape.
        names: of the clips.
        front_end: whose bins and frames they are.
        dots_per_inch: resolution; each clip is 2.2 inches wide.

    Example:
        >>> front_end = FrontEnd(bins=8, frames=4, normalization="min_max")
        >>> clips = np.random.default_rng(0).uniform(size=(2, 8, 4, 1))
        >>> reconstruction_picture("clips.png", clips, clips / 2, ["yes", "no"], front_end)
    """
    from matplotlib.figure import Figure

    hertz = front_end.sample_rate / front_end.frame_length
    low, high = front_end.first_bin * hertz, (front_end.first_bin + front_end.bins) * hertz
    extent = (0, front_end.clip_samples / front_end.sample_rate, low / 1000, high / 1000)
    rows = (("original", originals), ("reconstruction", reconstructions))
    figure = Figure(figsize=(2.2 * len(names) + 1.3, 5), layout="constrained")
    axes = figure.subplots(2, len(names), sharex=True, sharey=True, squeeze=False)
    for line, (kind, clips) in zip(axes, rows, strict=True):
        for axis, clip in zip(line, clips, strict=True):
            image = axis.imshow(
                clip[..., 0],
                origin="lower",
                aspect="auto",
                extent=extent,
                cmap="magma",
                vmin=0,
                vmax=1,
                interpolation="nearest",
            )
        line[0].set_ylabel(f"{kind}\nkHz")
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(name, fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("seconds")
    label = "decibels, from each original's\nminimum to its maximum"
    figure.colorbar(image, ax=axes, label=label, pad=0.01)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch)


def principal_components(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns latents along their two directions of most variance, and its shares.

    Args:
        latents: `(clips, latent)`, of two values at least.

    Returns:
        `(clips, 2)`, and the share of the variance that each of the two explains.
    """
    centred = latents - latents.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(variances)[::-1][:2]
    total = max(variances.sum(), np.finfo("float64").tiny)
    return centred @ _signed(directions[:, order]), variances[order] / total


def linear_discriminants(
    latents: np.ndarray, labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns latents along the two directions in which labels lie furthest apart.

    Fisher's criterion: the variance between the labels' means is as great as can be beside the one
    within labels.

    Args:
        latents: `(clips, latent)`, of two values at least.
        labels: of the clips.

    Returns:
        `(clips, 2)`, and the share of the variance between labels, in units of that within, that
        each of the two explains.
    """
    from scipy.linalg import eigh

    centred = latents - latents.mean(axis=0)
    _, numbers = np.unique(labels, return_inverse=True)
    members = np.eye(numbers.max() + 1)[numbers]  # (clips, labels)
    means = (members.T @ centred) / members.sum(axis=0)[:, None]
    between = means[numbers].T @ means[numbers]
    rest = centred - means[numbers]
    within = rest.T @ rest
    # Latents that a VAE does not use have hardly any variance, which nothing may be divided by.
    within += np.eye(len(within)) * (1e-3 * np.trace(within) / len(within) + 1e-12)
    ratios, directions = eigh(between, within)
    order = np.argsort(ratios)[::-1][:2]
    chosen = directions[:, order] * np.sqrt(len(latents))
    total = max(ratios.clip(0).sum(), np.finfo("float64").tiny)
    return centred @ _signed(chosen), ratios[order].clip(0) / total


def _signed(directions: np.ndarray) -> np.ndarray:
    """Directions whose largest value is positive: solvers leave the sign open."""
    largest = np.abs(directions).argmax(axis=0)
    return directions * np.sign(directions[largest, np.arange(directions.shape[1])])


def latent_picture(
    path: str | os.PathLike,
    latents: np.ndarray,
    labels: Sequence[str | None],
    *,
    dots_per_inch: int = 90,
) -> None:
    """Draws where sounds lie in the latent space, projected on two directions.

    These are the principal components, which know of no label, and beside them the linear
    discriminants if there are three labels or more. Axes say how much each explains.

    Args:
        path: PNG file to write.
        latents: `(clips, latent)`.
        labels: of the clips; `None` for those without one, which the discriminants leave out.
        dots_per_inch: resolution; each panel is 5.5 inches wide.

    Example:
        >>> latents = np.random.default_rng(0).normal(size=(30, 4))
        >>> latent_picture("latents.png", latents, ["yes", "no", None] * 10)
    """
    from matplotlib.figure import Figure

    latents = np.asarray(latents, "float64")
    if latents.shape[1] == 1:
        latents = np.pad(latents, ((0, 0), (0, 1)))
    known = sorted({label for label in labels if label is not None})
    panels = [("principal components", *principal_components(latents), list(labels), "variance")]
    if len(known) > 2:
        labelled = [place for place, label in enumerate(labels) if label is not None]
        given = [labels[place] for place in labelled]
        projected, shares = linear_discriminants(latents[labelled], given)
        unit = "variance between labels"
        panels.append(("linear discriminants", projected, shares, given, unit))
    figure = Figure(figsize=(5.5 * len(panels) + 0.8, 5.2), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, projected, shares, names, unit) in zip(axes, panels, strict=True):
        _scatter(axis, projected, names, known)
        axis.set_title(f"{len(projected):,} latents of {latents.shape[1]} values: {title}")
        axis.set_xlabel(f"first: {shares[0]:.0%} of the {unit}")
        axis.set_ylabel(f"second: {shares[1]:.0%}")
        axis.grid(alpha=0.3)
    if known:
        handles, texts = axes[-1].get_legend_handles_labels()
        columns = -(-len(known) // 20)
        legend = figure.legend(
            handles, texts, loc="outside right upper", title="label", ncols=columns
        )
        for handle in legend.legend_handles:
            handle.set(sizes=[30], alpha=1)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch)


def _scatter(axis, points: np.ndarray, names: Sequence[str | None], known: Sequence[str]) -> None:
    from matplotlib import colormaps

    few = len(known) <= 10
    palette = colormaps["tab10" if few else "turbo"]
    colours = [palette(place if few else place / (len(known) - 1)) for place in range(len(known))]
    # Drawn in the clips' order, so that no label hides the others.
    table = dict(zip(known, colours, strict=True))
    every = [table.get(name, (0.6, 0.6, 0.6, 1)) for name in names]
    axis.scatter(*points.T, s=np.clip(20000 / len(points), 6, 30), c=every, alpha=0.6, linewidths=0)
    for name, colour in table.items():
        axis.scatter([], [], color=colour, label=name)

"""Pictures of losses, reconstructions and latents: what they show, and that they are drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from training.callbacks import read_history
from training.loss_curve import LossCurve, loss_picture, loss_terms
from training.sound_pictures import (
    latent_picture,
    linear_discriminants,
    principal_components,
    reconstruction_picture,
)

from .labelled_tones import FRONT_END

PNG = b"\x89PNG"


@pytest.fixture
def figures(monkeypatch):
    """The figures that are saved."""
    saved = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (saved.append(self), save(self, *a, **k))
    )
    return saved


def rows(*names, epochs=3, **constant):
    return [
        {"epoch": epoch, **constant, **dict.fromkeys(names, 10.0 - epoch)}
        for epoch in range(epochs)
    ]


def test_a_loss_without_terms_has_one_panel(tmp_path, figures):
    loss_picture(tmp_path / "loss.png", rows("loss", "val_loss"))
    (figure,) = figures
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["training", "validation"]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[1, 10], [2, 9], [3, 8]])
    assert (tmp_path / "loss.png").read_bytes().startswith(PNG)


def test_each_term_of_a_loss_has_a_panel(tmp_path, figures):
    names = ("loss", "reconstruction_loss", "kl_loss")
    history = rows(*names, *(f"val_{name}" for name in names))
    assert loss_terms(history) == list(names)
    loss_picture(tmp_path / "loss.png", history)
    loss_picture(tmp_path / "more.png", rows("loss", *(f"{stem}_loss" for stem in "abcd")))
    first, second = figures
    assert [axes.get_ylabel() for axes in first.axes] == ["loss", "reconstruction loss", "kl loss"]
    assert all(len(axes.lines) == 2 for axes in first.axes)
    # Of two rows with three columns, the sixth place stays empty.
    assert len(second.axes) == 5
    # A single term says nothing that the loss does not.
    assert loss_terms(rows("loss", "kl_loss")) == ["loss"]


def test_losses_of_many_sizes_have_a_logarithmic_axis(tmp_path, figures):
    for values in ((30.0, 2.0), (10.0, 2.0), (30.0, -1.0)):
        history = [{"epoch": epoch, "loss": value} for epoch, value in enumerate(values)]
        loss_picture(tmp_path / "loss.png", history)
    scales = [figure.axes[0].get_yscale() for figure in figures]
    assert scales == ["log", "linear", "linear"]


def test_the_callback_draws_what_the_history_holds(tmp_path, figures):
    history = tmp_path / "history.csv"
    history.write_text("epoch,loss,stage\n0,3.0,1\n1,2.0,1\n2,1.0,2\n")
    assert read_history(history)[2] == {"epoch": 2, "loss": 1, "stage": 2}
    LossCurve(history, tmp_path / "loss.png").on_epoch_end(2)
    (axes,) = figures[0].axes
    curve, border = axes.lines
    np.testing.assert_array_equal(curve.get_ydata(), [3, 2, 1])
    assert list(border.get_xdata()) == [2.5, 2.5]
    assert [path.name for path in tmp_path.glob("*.png")] == ["loss.png"]


def test_reconstructions_lie_below_their_originals(tmp_path, figures):
    originals = np.random.default_rng(0).uniform(size=(3, 32, 16, 1))
    names = ["one.wav", "two.wav", "three.wav"]
    reconstruction_picture(tmp_path / "a.png", originals, originals / 2, names, FRONT_END)
    *panels, bar = figures[0].axes
    assert [axes.get_title() for axes in panels] == [*names, "", "", ""]
    for panel, clip in zip(panels, [*originals, *originals / 2], strict=True):
        np.testing.assert_allclose(panel.images[0].get_array(), clip[..., 0])
    # Seconds of the clip and kHz of the band.
    assert panels[0].images[0].get_extent() == pytest.approx([0, 0.128, 0, 2.0])
    assert "minimum" in bar.get_ylabel()
    again = tmp_path / "b.png"
    reconstruction_picture(again, originals, originals / 2, names, FRONT_END)
    assert again.read_bytes() == (tmp_path / "a.png").read_bytes()


def test_principal_components_are_those_of_numpy():
    latents = np.random.default_rng(0).normal(size=(200, 4)) * [5, 1, 0.1, 2] + 3
    points, shares = principal_components(latents)
    variances = np.sort(np.linalg.eigvalsh(np.cov(latents.T)))[::-1]
    np.testing.assert_allclose(shares, variances[:2] / variances.sum())
    np.testing.assert_allclose(points.var(axis=0, ddof=1), variances[:2])


def test_discriminants_find_labels_that_the_variance_hides():
    random = np.random.default_rng(0)
    labels = ["abc"[place % 3] for place in range(300)]
    latents = random.normal(size=(300, 5)) * [10, 1, 1, 1, 0]
    latents[:, 2] += [{"a": 0, "b": 8, "c": 16}[label] for label in labels]
    points, shares = linear_discriminants(latents, labels)
    assert shares[0] > 0.99 and shares.sum() == pytest.approx(1)
    centres = [points[[name == label for name in labels], 0].mean() for label in "abc"]
    assert np.diff(sorted(centres)) == pytest.approx([8, 8], rel=0.15)
    correlation = np.corrcoef(points[:, 0], latents[:, 2])[0, 1]
    assert abs(correlation) > 0.99
    assert np.isfinite(linear_discriminants(np.zeros((6, 3)), list("abcabc"))[0]).all()


@pytest.mark.parametrize(
    ("labels", "titles"),
    [
        (list("abc") * 8, ["principal components", "linear discriminants"]),
        (["a", "b", None] * 8, ["principal components"]),
        ([None] * 24, ["principal components"]),
        ([f"{place % 12}" for place in range(24)], ["principal", "linear"]),
    ],
)
def test_latents_are_drawn_with_their_labels(tmp_path, figures, labels, titles):
    latents = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")
    latent_picture(tmp_path / "latents.png", latents, labels)
    (figure,) = figures
    assert len(figure.axes) == len(titles)
    for axes, title in zip(figure.axes, titles, strict=True):
        assert title in axes.get_title() and "24 latents of 6 values" in axes.get_title()
        assert "%" in axes.get_xlabel() and "%" in axes.get_ylabel()
        assert len(axes.collections[0].get_offsets()) == 24
    known = sorted({label for label in labels if label is not None})
    named = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert named == known
    assert (tmp_path / "latents.png").read_bytes().startswith(PNG)


def test_latents_of_one_value_can_be_drawn(tmp_path):
    latent_picture(tmp_path / "latents.png", np.arange(6.0)[:, None], list("abcabc"))
    assert (tmp_path / "latents.png").read_bytes().startswith(PNG)

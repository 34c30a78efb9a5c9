"""What the variational autoencoder adds: a distribution, its samples, and a loss of two terms."""

import keras
import numpy as np
import pytest
from scipy import integrate, stats

from zoo import ConvVAE
from zoo.autoencoder.sampling import kl_divergence

from .small_autoencoder import SMALL, images


def vae(**options):
    """A network whose posteriors differ from one input to the next, as fresh ones hardly do."""
    keras.utils.set_random_seed(0)
    network = ConvVAE(**{**SMALL, "seed": 5, **options})
    for name, spread in (("mu", 1.5), ("log_variance", 0.7)):
        layer = network.encoder.get_layer(name)
        noise = np.random.default_rng(len(name)).normal(0, spread, layer.kernel.shape)
        layer.kernel.assign(noise.astype("float32"))
        layer.bias.assign([-0.5, 0.25])
    return network


def closed_form(network, x):
    """The KL divergence of each input's posterior, in NumPy."""
    mu, log_variance = (
        np.asarray(network.posterior(x)[key], "float64") for key in ("mu", "log_variance")
    )
    return -0.5 * np.sum(1 + log_variance - mu**2 - np.exp(log_variance), axis=1)


def squared_errors(network, x):
    return np.mean((np.asarray(network(x), "float64") - x) ** 2, axis=(1, 2, 3))


def test_inference_takes_the_mean():
    network, x = vae(), images()
    mu = network.posterior(x)["mu"]
    assert np.array_equal(network.encoder(x), mu)
    assert np.array_equal(network.encoder(x, training=False), mu)
    assert np.array_equal(network(x), network.decoder(mu))
    assert set(network.posterior_model(x)) == {"mu", "log_variance"}


def test_training_draws_from_the_posterior():
    network = vae()
    # One input many times: batch statistics are the same for all, and so is the posterior.
    x = np.repeat(images(1), 4000, axis=0)
    posterior = network.posterior_model(x, training=True)
    mu, log_variance = (np.asarray(posterior[key][0]) for key in ("mu", "log_variance"))
    samples = np.asarray(network.encoder(x, training=True))
    normalised = (samples - mu) / np.exp(log_variance / 2)
    for latent in normalised.T:
        assert stats.kstest(latent, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(normalised.T)[0, 1]) < 0.06
    assert len(np.unique(samples[:, 0])) > 3900


def test_samples_are_new_each_time_and_the_same_for_a_seed():
    x = images()
    first, second = (
        [np.asarray(net.encoder(x, training=True)) for _ in range(2)] for net in (vae(), vae())
    )
    assert np.array_equal(first, second)
    assert np.abs(first[0] - first[1]).min() > 0
    other = np.asarray(vae(seed=6).encoder(x, training=True))
    assert np.abs(first[0] - other).min() > 0


@pytest.mark.parametrize(("mu", "deviation"), [(0.0, 1.0), (1.5, 1.0), (-0.3, 0.2), (2.0, 3.0)])
def test_kl_divergence_is_the_integral(mu, deviation):
    posterior, prior = stats.norm(mu, deviation), stats.norm()

    def integrand(x):
        return posterior.pdf(x) * (posterior.logpdf(x) - prior.logpdf(x))

    reach = 12 * deviation
    expected, _ = integrate.quad(integrand, mu - reach, mu + reach)
    values = np.float32([[mu, mu]]), np.float32([[2 * np.log(deviation)] * 2])
    assert float(kl_divergence(*values)[0]) == pytest.approx(2 * expected, abs=1e-5)


@pytest.mark.parametrize("alpha", [1.0, 250.0])
@pytest.mark.parametrize("kind", ["rmse", "mse"])
def test_both_terms_by_hand(kind, alpha):
    network, x = vae(reconstruction=kind, alpha=alpha), images(7)
    network.compile()
    scores = network.evaluate(x, batch_size=3, verbose=0, return_dict=True)
    errors = squared_errors(network, x)
    reconstruction = np.mean(np.sqrt(errors) if kind == "rmse" else errors)
    divergence = np.mean(closed_form(network, x))
    assert scores["reconstruction_loss"] == pytest.approx(reconstruction, rel=1e-4)
    assert scores["kl_loss"] == pytest.approx(divergence, rel=1e-4) and divergence > 0.05
    assert scores["loss"] == pytest.approx(alpha * reconstruction + divergence, rel=1e-4)


def test_the_default_weighs_a_root_mean_square_by_a_million():
    network = ConvVAE(**SMALL)
    assert (network.reconstruction, network.alpha, network.kl_annealing_steps) == ("rmse", 1e6, 0)
    network.compile()
    assert float(network.optimizer.learning_rate) == pytest.approx(5e-4)


def test_a_perfect_reconstruction_has_a_finite_gradient():
    # A black image of which the decoder's sigmoid, far in its negative branch, makes exactly 0.
    network, x = vae(alpha=10.0), np.zeros((2, *SMALL["input_shape"]), "float32")
    network.decoder.get_layer("decoder_1_conv").bias.assign([-200.0])
    assert np.array_equal(network(x), x)
    network.compile(keras.optimizers.SGD(0.01))
    before = [np.array(value) for value in network.get_weights()]
    network.train_on_batch(x)
    assert all(np.all(np.isfinite(value)) for value in network.get_weights())
    assert any(
        np.any(value != old) for value, old in zip(network.get_weights(), before, strict=True)
    )


def test_annealing_raises_the_weight_of_the_divergence_step_by_step(tmp_path):
    x = images(8)
    network = vae(alpha=20.0, kl_annealing_steps=4)
    network.compile(keras.optimizers.Adam(0.001))
    # One step an epoch: each epoch's logs are those of one weight.
    logs = network.fit(x, validation_data=(x, x), epochs=6, batch_size=8, verbose=0).history
    logs = {name: np.array(values) for name, values in logs.items()}
    weights = (logs["loss"] - 20 * logs["reconstruction_loss"]) / logs["kl_loss"]
    assert weights == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1], abs=1e-3)
    # Validation counts the divergence in full, so that its losses can be compared.
    total = 20 * logs["val_reconstruction_loss"] + logs["val_kl_loss"]
    assert logs["val_loss"] == pytest.approx(total, rel=1e-5)
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.kl_annealing_steps == 4
    assert float(loaded.encoder.get_layer("sampling").step) == 6


def test_sample_weights_count_the_reconstructions():
    network, x = vae(alpha=1.0, reconstruction="mse"), images(4)
    network.compile()
    weights = np.float32([1, 0, 2, 0])
    network.evaluate(x, x, sample_weight=weights, verbose=0)
    logs = {metric.name: float(metric.result()) for metric in network.metrics}
    expected = np.mean(squared_errors(network, x) * weights)
    assert logs["reconstruction_loss"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reconstruction": "mae"}, r"one of \('rmse', 'mse'\). Received: reconstruction='mae'"),
        ({"alpha": 0}, "alpha must be positive. Received: alpha=0"),
        ({"kl_annealing_steps": -1}, "not be negative. Received: kl_annealing_steps=-1"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ConvVAE(**SMALL, **options)


def test_a_loss_of_its_own_only():
    with pytest.raises(ValueError, match="reconstruction and alpha. Received: loss='mse'"):
        ConvVAE(**SMALL).compile(loss="mse")

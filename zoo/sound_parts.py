"""The parts of a sound model that leave the house, each a model with named inputs and outputs."""

import keras

from zoo.sound_generator import SoundGenerator


def sound_parts(model: keras.Model) -> dict[str, keras.Model]:
    """Returns encoder, decoder and, of a sound generator, the generator; of others nothing.

    Args:
        model: a `SoundGenerator`, `ConvAutoencoder` or `ConvVAE`.

    Returns:
        A dict of "encoder": `spectrogram` -> `latent`, of a VAE `mu` and `log_variance`; "decoder":
        `latent` -> `spectrogram`; "generator": `latent` -> `waveform`. Nothing in them is random.

    Example:
        >>> vae = ConvVAE((16, 8, 1), (4, 8), (3, 3), (2, 2), 3)
        >>> {name: sorted(part.output) for name, part in sound_parts(vae).items()}
        {'encoder': ['log_variance', 'mu'], 'decoder': ['spectrogram']}
    """
    network = model.network if isinstance(model, SoundGenerator) else model
    if not hasattr(network, "decoder"):
        return {}
    encoder, decoder = network.encoder, network.decoder
    parts = {
        "encoder": getattr(network, "posterior_model", None)
        or keras.Model(encoder.input, {"latent": encoder.output}, name="encoder"),
        "decoder": keras.Model(decoder.input, {"spectrogram": decoder.output}, name="decoder"),
    }
    if model is not network:
        latent = keras.Input((model.latent_size,), name="latent")
        parts["generator"] = keras.Model(latent, {"waveform": model(latent)}, name="generator")
    return parts

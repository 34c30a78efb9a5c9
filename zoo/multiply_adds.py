"""What a network costs, counted from the shapes of its layers."""

import keras
import numpy as np


def multiply_adds(network: keras.Model, shape: tuple[int, ...]) -> int:
    """Returns the multiply-adds of all convolutions and dense layers for an input.

    Each tap counts for one, also where an implementation gets by with fewer; what has no kernel,
    less than a hundredth as a rule, does not count.

    Args:
        network: a functional model of one input, or an autoencoder of the zoo, whose encoder and
            decoder both count.
        shape: of the input, with the batch.

    Example:
        >>> x = keras.Input((None, 3))
        >>> network = keras.Model(x, keras.layers.Conv1D(4, 5, padding="same")(x))
        >>> multiply_adds(network, (1, 10, 3)) == 10 * 5 * 3 * 4
        True
    """
    if hasattr(network, "encoder"):
        latent = (shape[0], network.latent_space_dim)
        return multiply_adds(network.encoder, shape) + multiply_adds(network.decoder, latent)
    layers = [layer for layer in network.layers if hasattr(layer, "kernel")]
    # Each input value of a transposed convolution meets the whole kernel.
    met = [
        layer.input if isinstance(layer, keras.layers.Conv2DTranspose) else layer.output
        for layer in layers
    ]
    tensors = keras.Function(network.input, met)(keras.KerasTensor(shape))
    sizes = (np.prod(tensor.shape[:-1]) for tensor in tensors)
    kernels = (np.prod(layer.kernel.shape) for layer in layers)
    return sum(int(size * kernel) for size, kernel in zip(sizes, kernels, strict=True))


def multiply_adds_per_second(model: keras.Model) -> int | None:
    """Returns the multiply-adds that a model's networks take for a second of audio.

    Short-time Fourier transforms and the overlap of patches or windows do not count, and of a
    waveform network with context only what a further second takes. A network of one channel is
    counted once, of two channels both together.

    Args:
        model: a network of the zoo, a `Separator`, or a `SoundGenerator`, of which the decoder
            counts.

    Returns:
        The number; `None` if the model knows no sample rate, or is none of those.
    """
    if hasattr(model, "networks"):
        networks = {id(network): network for network in model.networks.values()}
        costs = [multiply_adds_per_second(network) for network in networks.values()]
        return None if None in costs else sum(costs)
    if hasattr(model, "length_step"):
        samples = [model.input_samples(model.segment_samples)]
        samples.append(samples[0] + model.length_step)
        short, long = (multiply_adds(model, (1, n, model.channels)) for n in samples)
        return round((long - short) / model.length_step * model.sample_rate)
    front_end = getattr(model, "front_end", None)
    if hasattr(model, "latent_size"):
        cost = multiply_adds(model.network.decoder, (1, model.latent_size))
    elif front_end is not None and hasattr(model, "input_shape"):
        cost = multiply_adds(model, (1, *front_end.network_shape))
    else:
        return None
    return round(cost / front_end.clip_samples * front_end.sample_rate)


def multiply_adds_per_pixel(model: keras.Model) -> int | None:
    """Returns the multiply-adds that a network for images takes for each pixel of a large one.

    Args:
        model: of one input `(batch, height, width, channels)` and no front end.

    Returns:
        The number; `None` for other models.
    """
    shape = getattr(model, "input_shape", None)
    images = isinstance(shape, tuple) and len(shape) == 4
    if not images or getattr(model, "front_end", None) is not None:
        return None
    height, width, channels = (256 if size is None else size for size in shape[1:])
    return round(multiply_adds(model, (1, height, width, channels)) / (height * width))

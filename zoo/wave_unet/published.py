"""A whole track through a Wave-U-Net as its authors' program does it, for published figures."""

import numpy as np

from zoo.wave_unet import WaveUNet


def separate_as_published(network: WaveUNet, waveform: np.ndarray) -> dict[str, np.ndarray]:
    """Separates a track in the authors' windows, one after the other and without a cross-fade.

    Its only use is to reproduce their scores: networks without context leave clicks where windows
    meet, and small windows take longer than large ones. `Separator` is for everything else.

    Every window gives `network.output_samples` of what `segment_samples` needs; the last one is
    moved back to end where the track ends. Beyond the track there is silence.

    Args:
        network: with its own rate and channels.
        waveform: `(samples, channels)` at the network's rate, in [-1, 1]. A network for one channel
            gets the channels' mean, one for two gets a single channel twice.

    Returns:
        A dict source -> `(samples, network channels)`, float32.

    Raises:
        ValueError: if `waveform` is of another form, or its channels do not suit the network.

    Source: Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018, section 4, and their program.

    Example:
        >>> network = WaveUNet("M4", levels=3, initial_filters=2, segment_samples=500)
        >>> stems = separate_as_published(network, np.zeros((2000, 1), "float32"))
        >>> {source: stem.shape for source, stem in stems.items()}
        {'accompaniment': (2000, 2), 'vocals': (2000, 2)}
    """
    mixture = _with_channels(np.asarray(waveform, "float32"), network.channels)
    samples = len(mixture)
    given = network.input_samples(network.segment_samples)
    made = network.output_samples(given)
    # A track shorter than a window is continued by silence to fill one.
    before, missing = (given - made) // 2, max(made - samples, 0)
    padded = np.pad(mixture, ((before, given - made - before + missing), (0, 0)))
    stems = {source: np.empty_like(padded[: samples + missing]) for source in network.sources}
    for start in range(0, samples, made):
        start = min(start, samples + missing - made)
        outputs = network.predict_on_batch(padded[None, start : start + given])
        for source, stem in stems.items():
            stem[start : start + made] = outputs[source][0]
    return {source: stem[:samples] for source, stem in stems.items()}


def _with_channels(waveform: np.ndarray, channels: int) -> np.ndarray:
    if waveform.ndim != 2 or not len(waveform):
        raise ValueError(
            "waveform must be (samples, channels), one sample or more. "
            f"Received: waveform.shape={waveform.shape}"
        )
    if channels == 1:
        return waveform.mean(axis=1, keepdims=True)
    if waveform.shape[1] not in (1, channels):
        raise ValueError(
            f"the network takes {channels} channels, or one for all of them. "
            f"Received: waveform.shape={waveform.shape}"
        )
    return np.broadcast_to(waveform, (len(waveform), channels))

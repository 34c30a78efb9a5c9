"""The multichannel Wiener filter: stems refined by what a mixture's channels tell apart."""

from collections.abc import Mapping

import keras
from keras import ops

from zoo.local_gaussian import claimed, model_of, posterior
from zoo.spectral import STFT, InverseSTFT


@keras.saving.register_keras_serializable(package="stemzoo")
class WienerFilter(keras.layers.Layer):
    """Refines the stems of any separator by expectation-maximisation of the local Gaussian model.

    Each stem is taken for Gaussian noise whose power changes with time and frequency, and whose
    relation between the channels, its place, with frequency only. Both are measured in the
    estimates; given them, the mixture tells what to expect of every stem, which is the estimate of
    the next iteration. Masks of both channels alike thereby become filters across the channels.

    In a bin of a stem's estimate y_j, with v_j = |y_j|^2 / channels and R_j = sum_t y_j y_j^H /
    sum_t v_j, the refined one is v_j R_j (sum_k v_k R_k)^-1 x. That is an iteration of Uhlich et
    al., "Improving music source separation based on deep neural networks through data augmentation
    and network blending", ICASSP 2017, as SiSEC's systems use it: the algorithm of Nugraha,
    Liutkus, Vincent, "Multichannel audio source separation with deep neural networks", IEEE/ACM
    Transactions on Audio, Speech and Language Processing 24(9), 2016, without the posterior's
    covariance in the update, after Duong, Vincent, Gribonval, "Under-determined reverberant audio
    source separation using a full-rank spatial covariance model", IEEE Transactions on Audio,
    Speech and Language Processing 18(7), 2010. SiSEC's systems bring the mixture to a certain level
    and add a constant to the matrix that is inverted; here a millionth is added to the diagonal of
    each R_j. No level matters then, and the stems add up.

    A mono signal has no places: this is then the single-channel filter v_j / (sum_k v_k).

    Args:
        iterations: how often the model is measured and the filter applied, at least 1.
        frame_length: of the spectra, in samples.
        frame_step: of the spectra, in samples.
        window_frames: in whole songs (`zoo.inference`), over how many frames places are measured;
            300 are 7 seconds at 44.1 kHz. At least 8.
        overlap: frames that neighbouring windows share, over which they are cross-faded; at most
            half of them, and a quarter by default.

    Returns:
        Of a mixture `(batch, samples, channels)` and a dict stem -> waveform of the same shape, a
        dict like it. The stems add up to the mixture, whether they did before or not, but for bins
        that they leave out: where together they are 40 dB below the mixture or more, as those of
        networks are that have no mask above their band.

    Raises:
        ValueError: if an argument is none of the above.

    Example:
        >>> mixture = np.random.default_rng(0).normal(size=(1, 9000, 2)).astype("float32")
        >>> stems = {"vocals": 0.3 * mixture, "accompaniment": 0.6 * mixture}
        >>> refined = WienerFilter(frame_length=1024, frame_step=256)(mixture, stems)
        >>> bool(np.allclose(sum(refined.values()), mixture, atol=1e-4))
        True
    """

    def __init__(
        self,
        iterations=1,
        *,
        frame_length=4096,
        frame_step=1024,
        window_frames=300,
        overlap=None,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if iterations < 1:
            raise ValueError(f"iterations must be at least 1. Received: iterations={iterations}")
        if window_frames < 8:
            raise ValueError(
                f"window_frames must be at least 8. Received: window_frames={window_frames}"
            )
        self.iterations = iterations
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.window_frames = window_frames
        self.overlap = window_frames // 4 if overlap is None else overlap
        if not 1 <= self.overlap <= window_frames // 2:
            raise ValueError(
                "overlap must be between 1 and half a window. "
                f"Received: overlap={overlap}, window_frames={window_frames}"
            )
        self.stft = STFT(frame_length, frame_step, name="stft")
        self.inverse_stft = InverseSTFT(frame_length, frame_step, name="inverse_stft")

    def build(self, *_):
        self.built = True

    def call(self, mixture, stems: Mapping):
        samples, channels = ops.shape(mixture)[1], mixture.shape[2]
        # (batch, stems + 1, channels, samples)
        signals = ops.stack([ops.transpose(x, (0, 2, 1)) for x in (*stems.values(), mixture)], 1)
        count = len(stems)
        real, imaginary = self.stft(ops.reshape(signals, (-1, samples)))
        frames, bins = ops.shape(real)[1], real.shape[2]
        real, imaginary = (
            ops.reshape(x, (-1, count + 1, channels, frames, bins)) for x in (real, imaginary)
        )
        heard = [(real[:, count, c], imaginary[:, count, c]) for c in range(channels)]
        estimates = [(real[:, :count, c], imaginary[:, :count, c]) for c in range(channels)]
        heard = claimed(heard, estimates)
        for _ in range(self.iterations):
            estimates = posterior(heard, *model_of(estimates))
        refined = []
        for spectrum in estimates:
            flat = [ops.reshape(part, (-1, frames, bins)) for part in spectrum]
            signal = self.inverse_stft(flat)[:, :samples]
            refined.append(ops.reshape(signal, (-1, count, samples)))
        refined = ops.stack(refined, axis=-1)  # (batch, stems, samples, channels)
        return {stem: refined[:, place] for place, stem in enumerate(stems)}

    def compute_output_spec(self, mixture, stems):
        return {stem: keras.KerasTensor(mixture.shape, "float32") for stem in stems}

    def get_config(self):
        return {
            **super().get_config(),
            "iterations": self.iterations,
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "window_frames": self.window_frames,
            "overlap": self.overlap,
        }

"""A small classifier of recordings, to ask whether generated sounds are recognised."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from training.recording_augmentation import augmented, masked
from zoo.audio import resampled
from zoo.front_end import FrontEnd

# Telephones' rate: words and instruments are told apart below 4 kHz.
RATE = 8000
BATCH_SIZE = 64
# Passes over the recordings, and the least number of steps, however few they are.
_PASSES, _LEAST_STEPS = 14, 100
_DYNAMIC_RANGE = 50.0
_FILTERS = (16, 32, 48, 64)


def listening_front_end(front_end: FrontEnd) -> FrontEnd:
    """Returns the front end of a classifier for the sounds of a generator.

    It hears no more than the generator can say: at most its rate and its band, and clips as long
    as its own. Frames are of 32 ms, half overlapping, and what lies 50 dB below a clip's loudest
    value or lower counts as silence.

    Args:
        front_end: the generator's.

    Example:
        >>> heard = listening_front_end(FrontEnd(22050, 512, 256, 256, 0, 64))
        >>> heard.sample_rate, heard.bins, heard.frames
        (8000, 129, 47)
    """
    rate = min(front_end.sample_rate, RATE)
    frame_length = 2 * max(2, round(0.016 * rate))
    frame_step = frame_length // 2
    # In bins of this front end; equal where the two have equal frames.
    ratio = frame_length / rate * front_end.sample_rate / front_end.frame_length
    first_bin = math.ceil(front_end.first_bin * ratio)
    last_bin = min(
        math.floor((front_end.first_bin + front_end.bins - 1) * ratio), frame_length // 2
    )
    samples = front_end.clip_samples * rate / front_end.sample_rate
    return FrontEnd(
        sample_rate=rate,
        frame_length=frame_length,
        frame_step=frame_step,
        first_bin=first_bin,
        bins=last_bin - first_bin + 1,
        frames=math.ceil(samples / frame_step),
        normalization="min_max",
        floor_db=-_DYNAMIC_RANGE,
    )


class LabelClassifier:
    """A convolutional network on log spectrograms that learns labels from recordings.

    It is trained on recordings with random changes (see `training.recording_augmentation`), so that
    it goes by what all recordings of a label share. The same seed, labels and recordings give the
    same classifier.

    Args:
        front_end: what it hears, with normalization `"min_max"` (see `listening_front_end`).
        labels: all that it can tell apart, two at least.
        seed: of initial weights, dropout, order and changes.

    Raises:
        ValueError: if there are fewer than two labels.

    Example:
        >>> front_end = FrontEnd(
        ...     8000, frame_length=256, frame_step=128, bins=128, frames=50,
        ...     normalization="min_max")
        >>> classifier = LabelClassifier(front_end, ("low", "high"))
        >>> time = np.arange(6400) / 8000
        >>> tones = np.sin(2 * np.pi * np.outer((300, 2500), time)).astype("float32")
        >>> classifier.fit(tones, ("low", "high"), steps=20)
        >>> classifier.probabilities(tones).argmax(axis=1).tolist()
        [0, 1]
    """

    def __init__(self, front_end: FrontEnd, labels: Sequence[str], *, seed: int = 0):
        labels = tuple(labels)
        if len(set(labels)) < 2 or len(set(labels)) < len(labels):
            raise ValueError(f"labels must be two or more different ones. Received: {labels=}")
        self.front_end = front_end
        self.labels = labels
        self.seed = seed
        self.model = _network((front_end.bins, front_end.frames, 1), len(labels), seed)

    def fit(
        self, waveforms: np.ndarray, labels: Sequence[str], *, steps: int | None = None
    ) -> None:
        """Trains on recordings.

        Args:
            waveforms: `(clips, samples)` at the front end's rate.
            labels: of the clips.
            steps: of 64 clips each, or of all where there are fewer; by default 14 passes over
                the clips, at least 100 steps.
        """
        if steps is None:
            steps = max(_LEAST_STEPS, _PASSES * len(waveforms) // BATCH_SIZE)
        numbers = np.array([self.labels.index(label) for label in labels])
        batches = _Batches(self.front_end, waveforms, numbers, steps=steps, seed=self.seed)
        self.model.compile(
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
            "sparse_categorical_crossentropy",
        )
        # TensorFlow traces a step twice that makes variables the first time.
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.fit(batches, shuffle=False, verbose=0)

    def probabilities(self, waveforms: np.ndarray, *, sample_rate: int | None = None) -> np.ndarray:
        """Returns how likely it finds each label, `(clips, labels)`.

        Args:
            waveforms: `(clips, samples)`.
            sample_rate: of the waveforms; by default the front end's.
        """
        rate = self.front_end.sample_rate
        if sample_rate not in (None, rate):
            waveforms = np.stack([_resampled(clip, sample_rate, rate) for clip in waveforms])
        features = [
            _features(self.front_end, waveforms[start : start + BATCH_SIZE])
            for start in range(0, len(waveforms), BATCH_SIZE)
        ]
        return self.model.predict(np.concatenate(features), batch_size=BATCH_SIZE, verbose=0)


class _Batches(keras.utils.PyDataset):
    """Clips in random order with random changes, each batch a function of seed and number."""

    def __init__(self, front_end, waveforms, numbers, *, steps, seed):
        super().__init__()
        self.front_end, self.waveforms, self.numbers = front_end, waveforms, numbers
        self.steps, self.seed = steps, seed
        self.batch_size = min(BATCH_SIZE, len(waveforms))

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        one_pass = len(self.waveforms) // self.batch_size
        order = np.random.default_rng([self.seed, step // one_pass]).permutation(len(self.numbers))
        start = step % one_pass * self.batch_size
        chosen = order[start : start + self.batch_size]
        rng = np.random.default_rng([self.seed, step, 1])
        features = _features(self.front_end, augmented(self.waveforms[chosen], rng))
        return masked(features, rng), self.numbers[chosen]


def _features(front_end: FrontEnd, waveforms: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(front_end.features(waveforms.astype("float32"))[0])


def _resampled(clip: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    block = np.asarray(clip, "float32")[:, None]
    return np.concatenate(list(resampled([block], from_rate, to_rate)))[:, 0]


def _network(shape: tuple[int, ...], labels: int, seed: int) -> keras.Model:
    x = inputs = keras.Input(shape, name="spectrogram")
    for level, filters in enumerate(_FILTERS):
        x = layers.Conv2D(
            filters,
            3 if level else 5,
            # Most of the work would lie in the first level.
            strides=1 if level else (4, 2),
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(seed=seed + level),
            name=f"level_{level + 1}_conv",
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"level_{level + 1}_norm")(x)
        x = layers.ReLU(name=f"level_{level + 1}_activation")(x)
        if level:
            x = layers.MaxPooling2D(2, padding="same", name=f"level_{level + 1}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.4, seed=seed, name="dropout")(x)
    initializer = keras.initializers.GlorotUniform(seed=seed)
    outputs = layers.Dense(
        labels, activation="softmax", kernel_initializer=initializer, name="label"
    )(x)
    return keras.Model(inputs, outputs, name="label_classifier")

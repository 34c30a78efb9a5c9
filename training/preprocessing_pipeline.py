"""Loader, padder, extractor, normaliser and saver, run over a folder of recordings."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import keras
import numpy as np

from training.feature_store import ONE, Record
from training.preprocessing import Loader, LogSpectrogramExtractor, MinMaxNormaliser, Padder
from training.recordings import recordings_of
from training.saver import Saver
from zoo.errors import InputError
from zoo.portability import require_tensorflow
from zoo.progress import progress

# Decoding a short file takes less time than handing it to a thread and back.
_TASK_FILES = 16
# Samples that one call of the front end gets: enough for its threads, small beside the memory.
_BATCH_SAMPLES = 1 << 21


@dataclass(frozen=True)
class PreprocessingReport:
    """What `PreprocessingPipeline.process` did.

    Args:
        folder: of the features.
        done: recordings preprocessed.
        already_there: recordings that an earlier run had preprocessed.
        skipped: relative path -> why it could not be used, one line each.
    """

    folder: Path
    done: int
    already_there: int
    skipped: dict[str, str]

    def __str__(self) -> str:
        return (
            f"{self.folder}: {self.done} recordings preprocessed, {self.already_there} were there "
            f"already, {len(self.skipped)} skipped"
        )


class PreprocessingPipeline:
    """Loads, pads, extracts, normalises and saves all recordings of a folder tree.

    Files are decoded in threads, and spectrograms computed for many recordings at a time. What a
    killed run has finished is not done again: files in whole shards are left as they are.

    Args:
        loader: decodes, to mono at the front end's rate.
        padder: lengthens what is shorter than the loader's duration.
        extractor: makes the spectrogram.
        normaliser: scales it to [0, 1].
        saver: writes it.
        pad: the side that is padded, "right" or "left".
        workers: threads that decode; `None` for one a processor.

    Raises:
        ValueError: if the parts do not fit together.

    Example:
        >>> import soundfile
        >>> from pathlib import Path
        >>> from training.saver import Saver
        >>> Path("recordings").mkdir()
        >>> soundfile.write("recordings/tone.wav", np.sin(np.arange(3000) / 5), 8000)
        >>> front_end = FrontEnd(
        ...     8000, frame_length=256, frame_step=80, bins=128, first_bin=0, frames=80,
        ...     normalization="min_max")
        >>> pipeline = PreprocessingPipeline(
        ...     Loader(8000, 0.8), Padder(), LogSpectrogramExtractor(front_end),
        ...     MinMaxNormaliser(), Saver("features"))
        >>> pipeline.process("recordings").done
        1
        >>> FeatureFolder("features").load().shape
        (1, 128, 80, 1)
    """

    def __init__(
        self,
        loader: Loader,
        padder: Padder,
        extractor: LogSpectrogramExtractor,
        normaliser: MinMaxNormaliser,
        saver: Saver,
        *,
        pad: str = "right",
        workers: int | None = None,
    ):
        front_end = extractor.front_end
        if pad not in ("right", "left"):
            raise ValueError(f"pad must be 'right' or 'left'. Received: pad={pad!r}")
        if not loader.mono or loader.sample_rate != front_end.sample_rate:
            raise ValueError(
                f"loader must give mono at {front_end.sample_rate} Hz. "
                f"Received: mono={loader.mono}, sample_rate={loader.sample_rate}"
            )
        if loader.samples > front_end.clip_samples:
            longest = front_end.clip_samples / front_end.sample_rate
            raise ValueError(
                f"duration must be at most {longest:g} s, which the front end's "
                f"{front_end.frames} frames hold. Received: duration={loader.duration}"
            )
        if (normaliser.minimum, normaliser.maximum) != (0, 1):
            raise ValueError(
                "normaliser must scale to [0, 1], as networks expect it. "
                f"Received: minimum={normaliser.minimum}, maximum={normaliser.maximum}"
            )
        self.loader = loader
        self.padder = padder
        self.extractor = extractor
        self.normaliser = normaliser
        self.saver = saver
        self.pad = pad
        self.workers = workers or os.cpu_count() or 1
        samples = front_end.clip_samples
        self._batch_size = min(saver.shard_records, max(1, _BATCH_SAMPLES // samples))

    def settings(self) -> dict:
        """All that decides on the features."""
        return {
            "front_end": self.extractor.front_end.get_config(),
            "duration": self.loader.duration,
            "pad": self.pad,
            "pad_mode": self.padder.mode,
        }

    def process(
        self,
        recordings: str | os.PathLike,
        *,
        on_error: Callable[[InputError], None] | None = None,
    ) -> PreprocessingReport:
        """Preprocesses all recordings of a folder and the folders in it.

        Files and folders whose names begin with a dot are left out.

        Args:
            recordings: the folder.
            on_error: called with the error of each file that cannot be used; the others go on.

        Raises:
            InputError: if there are no recordings, or the saver's folder cannot be used.
        """
        require_tensorflow("preprocessing")
        root = Path(recordings)
        skipped: dict[str, str] = {}

        def skip(path: str, error: InputError) -> None:
            skipped[path] = str(error)
            if on_error:
                on_error(error)

        paths = recordings_of(root, on_error=skip)
        self.saver.open(self.settings())
        missing = [path for path in paths if path not in self.saver.entries]
        before = len(self.saver.entries)
        self.saver.save(self._records(root, missing, skip))
        done = len(self.saver.entries) - before
        return PreprocessingReport(self.saver.folder, done, len(paths) - len(missing), skipped)

    def _records(
        self, root: Path, paths: Sequence[str], skip: Callable[[str, InputError], None]
    ) -> Iterator[Record]:
        import tensorflow as tf

        signature = tf.TensorSpec((None, self.loader.samples), tf.float32)
        extract = tf.function(self._features, autograph=False).get_concrete_function(signature)
        batch: list[tuple[str, np.ndarray]] = []

        def extracted() -> Iterator[Record]:
            signals = np.stack([self._padded(signal) for _, signal in batch])
            features, ranges = (x.numpy() for x in extract(tf.constant(signals)))
            for (path, signal), x, (low, high) in zip(batch, features, ranges, strict=True):
                yield Record(path, x, float(low), float(high), len(signal))

        for path, signal in progress(self._loaded(root, paths), "Preprocessing", total=len(paths)):
            if isinstance(signal, InputError):
                skip(path, signal)
                continue
            batch.append((path, signal))
            if len(batch) == self._batch_size:
                yield from extracted()
                batch.clear()
        if batch:
            yield from extracted()

    def _features(self, signals):
        features, ranges = self.normaliser(self.extractor(signals))
        return keras.ops.cast(keras.ops.round(features * ONE), "uint16"), ranges

    def _loaded(
        self, root: Path, paths: Sequence[str]
    ) -> Iterator[tuple[str, np.ndarray | InputError]]:
        """Signals in the order of the paths; a batch more than is asked for is under way."""
        size = min(_TASK_FILES, self._batch_size)
        tasks = (paths[start : start + size] for start in range(0, len(paths), size))

        def load(names: Sequence[str]) -> list[tuple[str, np.ndarray | InputError]]:
            return [(name, self._load(root / name)) for name in names]

        with ThreadPoolExecutor(self.workers) as pool:
            ahead = self.workers + self._batch_size // size
            pending = deque(pool.submit(load, names) for names in islice(tasks, ahead))
            while pending:
                results = pending.popleft().result()
                pending.extend(pool.submit(load, names) for names in islice(tasks, 1))
                yield from results

    def _load(self, path: Path) -> np.ndarray | InputError:
        try:
            return self.loader.load(path)
        except InputError as error:
            return error

    def _padded(self, signal: np.ndarray) -> np.ndarray:
        missing = self.loader.samples - len(signal)
        if not missing:
            return signal
        pad = self.padder.right_pad if self.pad == "right" else self.padder.left_pad
        return pad(signal, missing)

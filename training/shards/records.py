"""Songs -> the records of one shard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.decode import MIXTURE, Song, load_rows, quantized_song
from training.shards.index import Shard, checksum
from training.shards.settings import ShardSettings
from training.targets import target_rows
from training.tracks import Track
from zoo.errors import InputError
from zoo.files import atomic_path


@dataclass(frozen=True)
class ShardTask:
    """One shard to be made, as a worker gets it.

    Args:
        path: of the file.
        split: what its songs are for.
        key: changes with the songs.
        number: of the shard, among all.
        tracks: the songs.
        rows: that the songs have.
        settings: how they become records.
    """

    path: Path
    split: str
    key: str
    number: int
    tracks: Sequence[Track]
    rows: tuple[str, ...]
    settings: ShardSettings


def spectrogram_rows(
    waveforms: Mapping[str, np.ndarray], settings: ShardSettings
) -> dict[str, np.ndarray]:
    """Magnitudes `(frames, channels * bins)` of each target and of the mixture."""
    front_end = settings.front_end
    stems = [row for row in waveforms if row != MIXTURE]
    samples = max(front_end.patch_samples(), *(len(waveforms[stem]) for stem in stems))

    def whole(waveform):
        waveform = waveform[:samples].T  # (channels, samples)
        return np.pad(waveform, ((0, 0), (0, samples - waveform.shape[1])))

    rows = {
        target: sum(whole(waveforms[stems[row]]) for row in of)
        for target, of in target_rows(settings.targets, stems).items()
    }
    mixture = waveforms.get(MIXTURE)
    rows[MIXTURE] = (
        sum(whole(waveforms[stem]) for stem in stems) if mixture is None else whole(mixture)
    )

    def magnitude(waveform):
        spectra = front_end.stft(waveform.astype("float32"), center=False)
        magnitudes = np.asarray(front_end.magnitude(*spectra))  # (channels, frames, bins)
        return magnitudes.swapaxes(0, 1).reshape(magnitudes.shape[1], -1)

    return {name: magnitude(waveform) for name, waveform in rows.items()}


def load_records(
    track: Track, rows: Sequence[str], settings: ShardSettings
) -> tuple[Song, list[np.ndarray]]:
    """A song's entry and its chunks, 16-bit `(rows, samples or frames, channels or bins)`."""
    waveforms = load_rows(track, rows, sample_rate=settings.sample_rate, channels=settings.channels)
    grid = settings.grid()
    if settings.spectrograms:
        waveforms = spectrogram_rows(waveforms, settings)
    song, audio = quantized_song(
        track.name, waveforms, minimum_samples=grid.length, dtype=settings.dtype
    )
    bounds = grid.bounds(song.samples)
    return song, [audio[:, begin:end] for begin, end, *_ in bounds.tolist()]


def _serialized(song: int, chunk: int, audio: np.ndarray) -> bytes:
    import tensorflow as tf

    def number(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    content = np.ascontiguousarray(audio.astype(audio.dtype.newbyteorder("<"))).tobytes()
    features = {
        "song": number(song),
        "chunk": number(chunk),
        "audio": tf.train.Feature(bytes_list=tf.train.BytesList(value=[content])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    # Otherwise the order of the fields is random.
    return example.SerializeToString(deterministic=True)


def make_shard(task: ShardTask) -> Shard:
    """Decodes a shard's songs and writes it, whole or not at all.

    Songs that cannot be used are left out and named in the result; without any other, there is no
    file.
    """
    import tensorflow as tf

    songs, records, skipped = [], [], {}
    for track in task.tracks:
        try:
            song, chunks = load_records(track, task.rows, task.settings)
        except InputError as error:
            skipped[track.name] = str(error)
            continue
        records += [(len(songs), chunk, audio) for chunk, audio in enumerate(chunks)]
        songs.append(song)
    if not songs:
        return Shard(task.path.name, task.split, task.key, 0, "", 0, (), skipped)
    if task.split == "train":
        order = np.random.default_rng([task.settings.seed, task.number]).permutation(len(records))
        records = [records[place] for place in order]
    compression = task.settings.compression
    options = tf.io.TFRecordOptions("" if compression == "none" else compression.upper())
    try:
        with atomic_path(task.path) as temporary:
            with tf.io.TFRecordWriter(str(temporary), options) as writer:
                for record in records:
                    writer.write(_serialized(*record))
            size, digest = temporary.stat().st_size, checksum(temporary)
    except OSError as error:
        raise InputError(f"{task.path}: cannot be written: {error.strerror or error}") from error
    except tf.errors.OpError as error:
        raise InputError(f"{task.path}: cannot be written: {error.message}") from error
    return Shard(
        task.path.name, task.split, task.key, size, digest, len(records), tuple(songs), skipped
    )

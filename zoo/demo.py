"""The main job end to end: separate, fine-tune, export, check; what `make demo` runs."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.audio import AudioWriter, read_audio
from zoo.exporting import export_model
from zoo.files import atomic_path, created_folder
from zoo.inference import DEFAULT_PRESET, separate_file
from zoo.pictures import separation_picture
from zoo.presets import load_model
from zoo.separator import Separator

# Far from the seeds that the presets are trained on.
DEMO_SEED, FINETUNE_SEED = 900_002, 900_100
PICTURE_SECONDS = 30.0


def _write_wav(path: Path, waveform: np.ndarray, sample_rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with AudioWriter(path, sample_rate, waveform.shape[1]) as writer:
        writer.write(waveform)


def write_stem_folder(folder: Path, *, seed: int, count: int, duration: float) -> None:
    """Writes synthetic songs as a user would keep stems: one folder a song, one file a stem."""
    from training.synthetic import synthetic_songs

    for track in synthetic_songs(seed, count, duration=duration):
        vocals = track.load_stem("vocals")
        stems = {"vocals": vocals, "accompaniment": track.load_mixture() - vocals}
        for stem, waveform in stems.items():
            _write_wav(folder / track.name / f"{stem}.wav", waveform, track.sample_rate)


def _improvements(truths: Mapping[str, np.ndarray], files: Mapping[str, Path]) -> str:
    """SDR of each stem, and of the mixture in its place."""
    from training.evaluation import signal_to_distortion

    mixture = sum(truths.values())
    parts = []
    for stem, truth in truths.items():
        estimate, _ = read_audio(files[stem])
        before = signal_to_distortion(truth, mixture)
        after = signal_to_distortion(truth, estimate)
        parts.append(f"{stem} {after:.1f} dB (mixture {before:.1f} dB)")
    return ", ".join(parts)


def run_demo(song: Path | None, output: Path) -> None:
    """Separates a song, fine-tunes the preset on stems, exports and checks it in three formats.

    Args:
        song: the user's; a synthetic one, whose true stems are known, by default.
        output: folder for the stems, the picture, the fine-tuned model, the three files, and
            `report.txt` with the table.

    Raises:
        InputError: if the song cannot be read or the folder cannot be written.
    """
    with created_folder(output):
        _run(song, output)


def _run(song: Path | None, output: Path) -> None:
    from export import table
    from training.run import train_recipe

    start = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - start:5.1f} s] {text}", flush=True)

    truths = {}
    if song is None:
        from training.synthetic import synthetic_songs

        say("rendering a synthetic song (make demo SONG=path/to/song.mp3 takes yours)")
        (track,) = synthetic_songs(DEMO_SEED, 1, duration=30.0)
        song = output / "synthetic_song.wav"
        mixture = track.load_mixture()
        _write_wav(song, mixture, track.sample_rate)
        vocals = track.load_stem("vocals")
        truths = {"vocals": vocals, "accompaniment": mixture - vocals}

    say(f"separating {song} with the preset {DEFAULT_PRESET}")
    separator = Separator.from_model(load_model(DEFAULT_PRESET))
    files = separate_file(song, output / "stems", separator=separator)
    for file in files.values():
        say(f"  {file}")
    if truths:
        say(f"  SDR: {_improvements(truths, files)}")
    picture = output / "spectrograms.png"
    start_of_song, _ = read_audio(song, sample_rate=separator.sample_rate, duration=PICTURE_SECONDS)
    separation_picture(picture, separator, start_of_song, title=song.name)
    say(f"  {picture}")

    stems = output / "training_stems"
    say(f"fine-tuning the preset on stems in {stems}")
    write_stem_folder(stems, seed=FINETUNE_SEED, count=3, duration=20.0)
    run = output / "fine_tuned"
    shutil.rmtree(run, ignore_errors=True)  # an earlier demo's
    tuned = train_recipe(
        "jansson_unet_finetune", stems, run, overrides={"data.patches_per_song": 32}
    )
    say(f"  {run / 'model.keras'}")

    exports = output / "exports"
    exports.mkdir(exist_ok=True)
    say(f"exporting the fine-tuned separator to {exports} and running each file")
    reports = export_model(Separator(tuned), exports)
    text = table(reports)
    with atomic_path(output / "report.txt") as temporary:
        temporary.write_text(text + "\n", "utf-8")
    print(text)
    say(f"done; everything is in {output}")

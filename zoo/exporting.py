"""What the command line's `export` and `verify` do: a model's name to checked files."""

from collections.abc import Sequence
from pathlib import Path

import keras

from zoo.errors import InputError
from zoo.files import atomic_path, created_folder
from zoo.presets import load_model
from zoo.separator import Separator

FILES = {"saved_model": "saved_model", "tflite": "model.tflite", "onnx": "model.onnx"}


def exportable(model: keras.Model, *, waveform: bool) -> keras.Model:
    """Returns the model to export: the separator around a network, or the network by itself.

    Raises:
        InputError: if a network on spectrograms is asked for and there are several, or none.
    """
    if waveform:
        return Separator.from_model(model)
    if getattr(model, "front_end", None) is None:
        raise InputError("--input spectrogram: the model works on waveforms; use --input waveform")
    if not isinstance(model, Separator):
        return model
    if len(model.networks) > 1:
        raise InputError("--input spectrogram: the model has several networks; export them singly")
    return next(iter(model.networks.values()))


def export_files(
    model: str,
    output: Path,
    *,
    formats: Sequence[str] = tuple(FILES),
    waveform: bool = True,
    seconds: float | None = None,
    channels: int | None = None,
) -> list:
    """Writes `<output>/saved_model`, `model.tflite` and `model.onnx`, each checked, with reports.

    Args:
        model: preset name, preset folder or `.keras` file.
        output: created if missing.
        formats: which of the three.
        waveform: whether the file takes a waveform, or the network's spectrogram patch.
        seconds: fixed length of the waveform; any length by default.
        channels: of the waveform; by default those of a waveform network, else two.

    Returns:
        The `export.ExportReport`s, also saved as `<output>/report.json`.
    """
    loaded = exportable(load_model(model), waveform=waveform)
    with created_folder(output):
        return export_model(loaded, output, formats=formats, seconds=seconds, channels=channels)


def export_model(
    model: keras.Model,
    output: Path,
    *,
    formats: Sequence[str] = tuple(FILES),
    seconds: float | None = None,
    channels: int | None = None,
) -> list:
    """`export_files` for a model in memory."""
    import export

    writers = {
        "saved_model": export.to_saved_model,
        "tflite": export.to_tflite,
        "onnx": export.to_onnx,
    }
    options = _options(model, seconds=seconds, channels=channels)
    reports = [writers[name](model, output / FILES[name], **options) for name in formats]
    with atomic_path(output / "report.json") as temporary:
        body = ",\n".join(report.to_json() for report in reports)
        temporary.write_text(f"[{body}]\n", "utf-8")
    return reports


def _options(model: keras.Model, *, seconds: float | None, channels: int | None) -> dict:
    """Input shapes, and what one example is worth in seconds, for the exporters."""
    if not isinstance(model, Separator):
        front_end = model.front_end
        frames = front_end.frames
        shape = (None, front_end.bins, frames, 1)
        return {
            "inputs": {"mixture": shape},
            "seconds": frames * front_end.frame_step / front_end.sample_rate,
        }
    channels = channels or model.export_inputs["waveform"].shape[2]
    if seconds is None:
        # The first example is what the latency is measured with: half a minute or so.
        long = max(model.patches_samples(3), model.lookahead_samples)
        lengths = (long, model.patches_samples(1) + 1, 1001)
        shape = (None, None, channels)
        examples = [{"waveform": (1, length, channels)} for length in lengths]
        examples.append({"waveform": (2, 1001, channels)})
        return {
            "inputs": {"waveform": shape},
            "example_shapes": examples,
            "seconds": long / model.sample_rate,
        }
    samples = round(seconds * model.sample_rate)
    return {"inputs": {"waveform": (1, samples, channels)}, "seconds": seconds}


def verify_file(file: Path, model: str, *, waveform: bool = True):
    """Returns the `export.ExportReport` of an exported file compared with its model.

    Raises:
        InputError: if the file or the model cannot be read.
        export.ParityError: if they differ.
    """
    from export import verify

    return verify(file, exportable(load_model(model), waveform=waveform))

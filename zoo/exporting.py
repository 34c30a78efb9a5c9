"""What the command line's `export` and `verify` do: a model's name to checked files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras

from zoo.errors import InputError
from zoo.files import atomic_path, created_folder
from zoo.preset_files import preset_metadata
from zoo.presets import load_model
from zoo.quantizing import (
    Quantizing,
    image_material,
    song_material,
    sound_material,
    stream_material,
)
from zoo.segmentation import is_segmenter
from zoo.separator import Separator
from zoo.sound_parts import sound_parts

FILES = {"saved_model": "saved_model", "tflite": "model.tflite", "onnx": "model.onnx"}
# An ONNX file holds one graph: the form for buffers is a file of its own.
STREAM = "stream"


def exportable(model: keras.Model, *, waveform: bool) -> keras.Model:
    """Returns the model to export: the separator around a network, or the network by itself.

    A segmenter is exported as it is.

    Raises:
        InputError: if a network on spectrograms is asked for and there are several, or none.
    """
    if is_segmenter(model):
        return model
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
    quantizing: Quantizing | None = None,
) -> list:
    """Writes `<output>/saved_model`, `model.tflite` and `model.onnx`, each checked, with reports.

    Beside `model.onnx` of a separator lies `stream.onnx`, its `zoo.StreamingSeparator`. Quantised
    files are called `model.<kind>.tflite`, `model.<kind>.onnx` and `stream.<kind>.onnx`.

    Of a sound model these lie in the folders `encoder`, `decoder` and `generator` (see
    `zoo.sound_parts`).

    Args:
        model: preset name, preset folder or `.keras` file.
        output: created if missing.
        formats: which of the three.
        waveform: whether the file takes a waveform, or the network's spectrogram patch.
        seconds: fixed length of the waveform; any length by default.
        channels: of the waveform; by default those of a waveform network, else two.
        quantizing: which files to write quantised, too.

    Returns:
        The `export.ExportReport`s, also saved as `report.json` beside the files.

    Raises:
        InputError: if the model, or what is asked of it, cannot be exported.
    """
    quantizing = quantizing or Quantizing()
    quantizing.check(formats)
    loaded = load_model(model)
    parts = sound_parts(loaded)
    said = file_metadata(model)
    if not parts:
        loaded = exportable(loaded, waveform=waveform)
        options = {"formats": formats, "seconds": seconds, "channels": channels}
        with created_folder(output):
            return export_model(loaded, output, metadata=said, quantizing=quantizing, **options)
    if not waveform or seconds or channels:
        raise InputError("--input, --seconds and --channels are for separators; leave them out")
    front_end = getattr(loaded, "front_end", None)
    length = front_end and front_end.clip_samples / front_end.sample_rate
    options = {"seconds": length, "metadata": said}
    reports = []
    with created_folder(output):
        for name, part in parts.items():
            material = {}
            if quantizing.kinds:
                material = sound_material(part, loaded, quantizing.calibration)
            with created_folder(output / name) as folder:
                reports += _write(part, folder, formats, options, quantizing, material)
    return reports


def export_model(
    model: keras.Model,
    output: Path,
    *,
    formats: Sequence[str] = tuple(FILES),
    seconds: float | None = None,
    channels: int | None = None,
    metadata: Mapping | None = None,
    quantizing: Quantizing | None = None,
) -> list:
    """`export_files` for a separator or one of its networks in memory."""
    options = _options(model, seconds=seconds, channels=channels)
    options["metadata"] = metadata
    quantizing = quantizing or Quantizing()
    material = {}
    if quantizing.kinds and is_segmenter(model):
        material = image_material(model, quantizing.calibration)
    elif quantizing.kinds:
        material = song_material(model, options["inputs"], quantizing.calibration)
    return _write(model, output, formats, options, quantizing, material)


def _write(
    model: keras.Model,
    output: Path,
    formats: Sequence[str],
    options: dict,
    quantizing: Quantizing,
    material: dict,
) -> list:
    from export.sharing import shared_graphs

    with shared_graphs():
        reports = _reports(model, output, formats, options, quantizing, material)
    with atomic_path(output / "report.json") as temporary:
        body = ",\n".join(report.to_json() for report in reports)
        temporary.write_text(f"[{body}]\n", "utf-8")
    return reports


def _reports(
    model: keras.Model,
    output: Path,
    formats: Sequence[str],
    options: dict,
    quantizing: Quantizing,
    material: dict,
) -> list:
    import export
    from export.specs import signatures

    writers = {
        "saved_model": export.to_saved_model,
        "tflite": export.to_tflite,
        "onnx": export.to_onnx,
    }
    reports = [writers[name](model, output / FILES[name], **options) for name in formats]
    streams = "onnx" in formats and isinstance(model, Separator)
    if streams:
        stream, _ = signatures(model, options["inputs"])["stream"]
        seconds = (stream.buffer_samples or model.step_samples) / model.sample_rate
        said = {"seconds": seconds, "metadata": options["metadata"]}
        reports.append(export.to_onnx(stream, output / f"{STREAM}.onnx", **said))
    for kind in quantizing.kinds:
        chosen = quantizing.options(kind, material)
        for name in quantizing.formats(kind, formats):
            path = output / f"model.{kind}.{name}"
            try:
                reports.append(writers[name](model, path, **options, **chosen))
                if name == "onnx" and streams:
                    chosen |= stream_material(model, stream, material)
                    path = output / f"{STREAM}.{kind}.onnx"
                    reports.append(export.to_onnx(stream, path, **said, **chosen))
            except export.ParityError as error:
                if quantizing.on_refusal is None:
                    raise
                quantizing.on_refusal(error)
    return reports


def file_metadata(model: str) -> dict:
    """What files of a preset, preset folder or `.keras` file say of where they come from."""
    name = Path(model).stem
    if Path(model).suffix == ".keras":
        return {"name": name}
    return {"name": name, "preset": name, "licence": preset_metadata(model).get("licence")}


def _options(model: keras.Model, *, seconds: float | None, channels: int | None) -> dict:
    """Input shapes, and what one example is worth in seconds, for the exporters."""
    if is_segmenter(model):
        if seconds or channels:
            raise InputError("--seconds and --channels are for separators; leave them out")
        return {}
    if not isinstance(model, Separator):
        front_end = model.front_end
        frames = front_end.frames
        shape = (None, *front_end.network_shape)
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

    Of a sound model the part is chosen by the names of the file's inputs and outputs, and so is
    the form of a separator. A quantised file is judged by synthetic songs, a sound model's by
    noise.

    Raises:
        InputError: if the file or the model cannot be read, or the file is no part of the model.
        export.ParityError: if they differ.
    """
    from export import verify

    loaded = load_model(model)
    parts = sound_parts(loaded)
    if parts:
        return verify(file, _matching_part(file, parts))
    model = exportable(loaded, waveform=waveform)
    if isinstance(model, Separator):
        runtime = _opened(file)
        if "context" in runtime.inputs:
            _, buffer, channels = runtime.inputs["waveform"].shape
            patches = buffer and buffer // model.step_samples
            stream = model.streaming(patches, channels=channels)
            material = {}
            if _is_quantized(file):
                material = song_material(model, {"waveform": (1, None, channels)}, None)
                material = stream_material(model, stream, material)
                del material["calibration"]
            return verify(file, stream, **material)
    material = {}
    if _is_quantized(file) and is_segmenter(model):
        material = {"check": image_material(model, None)["check"]}
    elif _is_quantized(file):
        shapes = {name: tensor.shape for name, tensor in _opened(file).inputs.items()}
        material = song_material(model, shapes, None)
        del material["calibration"]
    return verify(file, model, **material)


def _is_quantized(file: Path) -> bool:
    from export.metadata import read_metadata

    try:
        return bool(read_metadata(file).get("quantization"))
    except InputError:
        return False


def _opened(file: Path):
    from export.runtimes import open_file
    from zoo.quiet import quiet

    with quiet():
        return open_file(file)


def _matching_part(file: Path, parts: dict[str, keras.Model]) -> keras.Model:
    runtime = _opened(file)
    for part in parts.values():
        names = {part.input.name}, set(part.output)
        if names == (set(runtime.inputs), set(runtime.outputs)):
            return part
    raise InputError(
        f"{file}: turns {', '.join(runtime.inputs)} into {', '.join(runtime.outputs)}, which "
        f"none of the model's parts does: {', '.join(parts)}"
    )

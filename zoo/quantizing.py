"""What the command line quantises, and with which songs or recordings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from zoo.errors import InputError
from zoo.separator import Separator

# Songs that no shipped preset was trained or is scored on, for separators.
SONGS = "synthetic:2000000:8"
# Images for segmenters.
SHAPES = "shapes:2000000:24"
# Excerpts to find ranges with, and to judge a file by.
_CALIBRATION, _CHECK = 16, 8


@dataclass(frozen=True)
class Quantizing:
    """The options of `stemzoo export` that ask for quantised files.

    Args:
        kinds: see `export.quantization.Quantization`, as `keep_float`, `snr_floor` and
            `integer_io`.
        calibration: songs as `stemzoo evaluate` takes them, for a sound model a folder of
            recordings, for a segmenter one of images; `None` for synthetic songs and shapes.
        layer_errors: whether reports list what each layer costs.
        on_refusal: called with the error of a file under its floor, in place of ending there.
    """

    kinds: Sequence[str] = ()
    keep_float: Sequence[str] = ()
    calibration: str | None = None
    snr_floor: float | None = None
    integer_io: bool = False
    layer_errors: bool = False
    on_refusal: Callable[[Exception], None] | None = None

    def check(self, formats: Sequence[str]) -> None:
        """Refuses what cannot be.

        Raises:
            InputError: if there is no such kind, or none of the formats has it.
        """
        from export.quantization import Quantization

        for kind in self.kinds:
            Quantization(kind, tuple(self.keep_float), self.snr_floor, self.integer_io)
            if not self.formats(kind, formats):
                names = {"tflite": "TFLite", "onnx": "ONNX"}
                wanted = " and ".join(names[name] for name in self.formats(kind, tuple(names)))
                raise InputError(f"--quantize {kind}: is for {wanted} files")
        given = self.keep_float or self.calibration or self.snr_floor is not None
        if not self.kinds and (given or self.integer_io or self.layer_errors):
            raise InputError(
                "--keep-float, --calibration, --snr-floor, --integer-io and --layers are for "
                "quantised files: say --quantize, too"
            )

    def options(self, kind: str, material: dict) -> dict:
        """Returns the exporters' options for a kind."""
        return {
            "quantize": kind,
            "keep_float": tuple(self.keep_float),
            "snr_floor": self.snr_floor,
            "integer_io": self.integer_io,
            "layer_errors": self.layer_errors,
            **material,
        }

    @staticmethod
    def formats(kind: str, formats: Sequence[str]) -> list[str]:
        """Returns those of the formats that have files of a kind."""
        from export.onnx.quantization import KINDS

        return [name for name in formats if name == "tflite" or (name == "onnx" and kind in KINDS)]


def song_material(model: keras.Model, inputs: dict, songs: str | None) -> dict:
    """Returns real inputs of a separator or a network of one, as options of the exporters.

    Three quarters of the songs are to calibrate with, the rest to judge by; of a single song the
    first and the second half.

    Args:
        model: the model.
        inputs: the shapes that it is exported with.
        songs: stem folder, or synthetic:SEED:COUNT; `SONGS` by default.
    """
    from training.calibration import calibration_examples, separator_excerpts
    from training.loaders.named import named_tracks

    tracks = named_tracks(songs or SONGS)
    kept = len(tracks) // 4 or (len(tracks) > 1)
    known, others = tracks[: len(tracks) - kept], tracks[len(tracks) - kept :]
    if not isinstance(model, Separator):
        examples = calibration_examples(model, known, count=_CALIBRATION)
        if not others:
            half = len(examples) // 2
            return {"calibration": examples[:half], "check": examples[half:]}
        return {"calibration": examples, "check": calibration_examples(model, others, count=_CHECK)}
    _, samples, channels = inputs["waveform"]
    cut = {"samples": samples, "channels": channels}
    first = separator_excerpts(model, known, count=_CALIBRATION, targets=not others, **cut)
    if not others:
        half = _CALIBRATION // 2
        check, targets = first.inputs[half:], first.targets[half:]
        return {"calibration": first.inputs[:half], "check": check, "targets": targets}
    check, targets = separator_excerpts(model, others, count=_CHECK, **cut)
    return {"calibration": first.inputs, "check": check, "targets": targets}


def stream_material(model: Separator, stream: keras.Model, material: dict) -> dict:
    """Returns what a separator's form for buffers is quantised with: its `song_material`, cut."""
    shapes = {name: spec.shape for name, spec in stream.export_inputs.items()}

    def cut(examples):
        return [model.export_examples("stream", shapes, **example) for example in examples]

    return {name: cut(material[name]) for name in ("calibration", "check")} | {"targets": ()}


def sound_material(part: keras.Model, model: keras.Model, recordings: str | None) -> dict:
    """Returns real inputs of a part of a sound model, as options of the exporters.

    Raises:
        InputError: if no recordings are given.
    """
    from training.calibration import sound_examples

    if recordings is None:
        raise InputError("--calibration: a sound model is quantised with a folder of recordings")
    examples = sound_examples(part, model, recordings, count=_CALIBRATION + _CHECK)
    return {"calibration": examples[::3] + examples[1::3], "check": examples[2::3]}


def image_material(model: keras.Model, images: str | None) -> dict:
    """Returns real inputs of a segmenter, as options of the exporters.

    Args:
        model: the model.
        images: folder with images and masks, or shapes:SEED:COUNT; `SHAPES` by default.
    """
    from training.segmentation.evaluation import named_images

    source = named_images(model, images or SHAPES)
    examples = [
        {"image": source.load(place)[0][None].astype("float32") / 255}
        for place in range(min(len(source), _CALIBRATION + _CHECK))
    ]
    return {"calibration": examples[::3] + examples[1::3], "check": examples[2::3] or examples}

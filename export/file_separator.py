"""An exported file as a separator of whole songs, without the model that it was made from."""

import os
from pathlib import Path

import numpy as np

from export.errors import first_line
from export.file_channels import FileChannels
from export.file_forms import StreamForm, WholeForm
from export.formats import file_format
from export.metadata import read_metadata
from export.runtimes import Runtime, open_file
from zoo.errors import InputError
from zoo.patch_grid import PatchGrid
from zoo.quiet import load_backend, quiet

# What whole-song inference takes at a time.
CHUNK_SECONDS = 30
# Signatures that songs can be run with, the one that is made for it first.
_FORMS = {"stream": StreamForm, "separate": WholeForm}


class FileSeparator:
    """Separates songs with a `.tflite` or `.onnx` file, or a SavedModel folder, of a separator.

    `zoo.separate_file` and `zoo.inference.separate_blocks` take it in place of a `zoo.Separator`;
    songs of any length come out as from the separator that was exported, to the file's own
    precision. The metadata inside the file says how to run it. TensorFlow is imported for a
    SavedModel only.

    A file has a fixed number of channels, two as a rule, and songs of other numbers go through it
    in groups, with the model's output. Only a mask network's file of a single channel makes a mask
    of each channel, where the model makes one of their mean.

    Args:
        path: the file or folder.
        threads: for LiteRT and ONNX Runtime; all cores by default.

    Attributes:
        path: the file or folder.
        metadata: what the file says of itself.
        sample_rate: of input and output, in Hz.
        stems: names of the outputs, the residual last.
        residual: the residual's name, or `None`.
        grid: where the network's patches lie in a signal.
        channels: of the file's waveform; `None` for any number.
        fixed_patches: how many patches the file takes at a time; `None` for any number.
        chunk_samples: how much to take at a time by default, in samples.

    Raises:
        InputError: if the file is missing or damaged, has no stemzoo metadata, does not separate
            waveforms, wants integers or several waveforms at a time, or has a fixed length too
            short to piece songs together.

    Example:
        >>> report = to_onnx(model.streaming(), "stream.onnx")
        >>> separator = FileSeparator("stream.onnx")
        >>> separator.stems, separator.sample_rate
        (('vocals', 'accompaniment'), 8192)
        >>> files = zoo.separate_file("song.mp3", "stems", separator=separator)  # doctest: +SKIP
    """

    def __init__(self, path: str | os.PathLike, *, threads: int | None = None):
        self.path = path = Path(path)
        if file_format(path) == "saved_model":
            load_backend(guest=True)
        self.metadata = read_metadata(path)
        with quiet():
            runtime = open_file(path, threads=threads, check=False)
        wrong = InputError(
            f"{path}: does not separate waveforms: a {self.metadata.get('model')} from "
            f"{', '.join(runtime.inputs)} to {', '.join(runtime.outputs)}; it takes the file "
            "of a separator, exported with --input waveform"
        )
        try:
            self.sample_rate: int = self.metadata["sample_rate"]
            self.stems = tuple(self.metadata["stems"])
            self.residual: str | None = self.metadata["residual"]
            self.grid = PatchGrid(**self.metadata["grid"])
            signature = next(name for name in _FORMS if name in self.metadata["signatures"])
        except (KeyError, TypeError, StopIteration):
            raise wrong from None
        # An ONNX file has one graph and no names for it.
        if signature in runtime.signatures:
            runtime = runtime.select(signature)
        if not {"waveform", *self.stems} <= {*runtime.inputs, *runtime.outputs}:
            raise wrong
        _check_tensors(path, runtime)
        separated = [stem for stem in self.stems if stem != self.residual]
        self._form = _FORMS[signature](path, runtime, self.grid, separated, self.sample_rate)
        self.channels = runtime.inputs["waveform"].shape[2]
        front_end = self.metadata.get("front_end")
        self._channels = FileChannels(
            self.channels,
            downmix=bool(self.metadata.get("downmix")),
            shared_mask=front_end is not None and front_end.get("channels", 1) == 1,
        )
        self.fixed_patches = self._form.fixed_patches
        chunk = CHUNK_SECONDS * self.sample_rate
        if front_end is not None:
            values = front_end["bins"] * front_end["frames"] * front_end.get("channels", 1)
            chunk = self.grid.chunk_samples(self.sample_rate, values)
        self.chunk_samples = max(chunk, self._form.economical_samples)

    def initial_state(self, channels: int) -> list:
        """The state before the first call of `process_arrays`: one of each group of channels."""
        groups = self._channels.split(np.zeros((1, 1, channels), "float32"))
        return [self._form.initial_state()] * len(groups)

    def process_arrays(self, waveform: np.ndarray, state: list):
        """`zoo.Separator.process` of a stretch `(1, samples, channels)`, from and to arrays.

        Returns:
            A dict stem -> `(1, patches * grid.step, channels)`, no upper masks, the next state.

        Raises:
            InputError: if the file's runtime fails.
        """
        groups = self._channels.split(np.asarray(waveform, "float32"))
        try:
            done = [self._form.process(x[None], s) for x, s in zip(groups, state, strict=True)]
        except Exception as error:
            raise InputError(f"{self.path}: cannot be run: {first_line(error)}") from error
        stems = {}
        for stem in self._form.stems:
            signals = np.concatenate([signals[stem] for signals, _ in done])
            stems[stem] = self._channels.join(signals, waveform)
        if self.residual:
            grid = self.grid
            end = waveform.shape[1] - grid.lookahead + grid.offset
            stems[self.residual] = waveform[:, grid.offset : end] - sum(stems.values())
        return stems, {}, [next_state for _, next_state in done]


def _check_tensors(path: Path, runtime: Runtime) -> None:
    batch = runtime.inputs["waveform"].shape[0]
    if batch not in (None, 1):
        raise InputError(
            f"{path}: takes {batch} waveforms at a time; songs need a file for one or any number"
        )
    tensors = {**runtime.inputs, **runtime.outputs}
    others = [name for name, tensor in tensors.items() if tensor.dtype != "float32"]
    if others:
        raise InputError(
            f"{path}: {', '.join(others)} are {tensors[others[0]].dtype} numbers; songs need a "
            "file with float32 inputs and outputs"
        )

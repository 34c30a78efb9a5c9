"""Makes an environment with the extra tfio, and checks decoding in the graph there.

    python tests/training/tfio_environment.py [ENVIRONMENT]

The environment is made in the folder, where it is not there yet, or in a temporary one. Files are
written there as WAV, FLAC and MP3, mono and stereo, and decoded by tensorflow-io in a tf.data graph
and by `zoo.audio`. No part of the suite: it installs some 600 MB.
"""

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A decoder's rounding; MP3 decoders differ by theirs.
TOLERANCES = {"wav": 0.0, "flac": 0.0, "mp3": 1e-5}


def check() -> None:
    """Compares both decoders; runs in the environment."""
    import numpy as np
    import soundfile
    import tensorflow as tf

    from training.graph_decoder import graph_decoder
    from zoo.audio import read_audio

    decode = graph_decoder()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for kind, tolerance in TOLERANCES.items():
            for channels in (1, 2):
                path = Path(folder) / f"{channels}.{kind}"
                times = np.arange(44100)[:, None] / 44100
                tone = np.sin(2 * np.pi * rng.uniform(200, 900, channels) * times) / 2
                soundfile.write(path, tone, 44100)
                truth = read_audio(path)[0]
                dataset = tf.data.Dataset.from_tensors(str(path)).map(decode)
                (samples,) = dataset.as_numpy_iterator()
                error = aligned_error(samples, truth)
                print(f"{kind} with {channels} channels: {samples.shape}, error {error:.1e}")
                if not error <= tolerance:
                    raise SystemExit(f"{path.name}: differs from zoo.audio by {error}")
        path = Path(folder) / "song.ogg"
        path.touch()
        try:
            list(tf.data.Dataset.from_tensors(str(path)).map(decode))
        except tf.errors.InvalidArgumentError as error:
            assert "decoded in the graph are .wav, .flac, .mp3" in error.message
        else:
            raise SystemExit("a file of another kind was decoded")


def aligned_error(samples, truth) -> float:
    """Largest difference, where one may begin later by a coder's padding."""
    import numpy as np

    if len(samples) == len(truth):
        return float(np.abs(samples - truth).max())
    longer, shorter = sorted((samples, truth), key=len, reverse=True)
    room = len(longer) - len(shorter)
    inner = slice(5000, 35000)
    return min(
        float(np.abs(longer[shift:][inner] - shorter[inner]).max()) for shift in range(room + 1)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("environment", type=Path, nargs="?")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.check:
        check()
        return
    with tempfile.TemporaryDirectory() as scratch:
        environment = arguments.environment or Path(scratch) / "tfio"
        python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        if not python.exists():
            venv.create(environment, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"{ROOT}[tfio]"], check=True)
        subprocess.run([python, __file__, "--check"], check=True, cwd=scratch)


if __name__ == "__main__":
    main()

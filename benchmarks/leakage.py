"""Where a separator errs: what of a song leaks into a stem, and what of the stem is lost, by band.

    python benchmarks/leakage.py jansson_unet_vocals --data FOLDER [--stem vocals]

All figures are energies in dB against the true stem's, of each band and of all of them. An estimate
is taken for a real mask of the mixture's spectrogram (frames of 4096 samples): what the mask leaves
of the other stems has leaked, what it takes from the stem is lost.
"""

import argparse
import os
from itertools import pairwise

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402 - TensorFlow reads the above once
from measure import print_table  # noqa: E402
from scipy.signal import ShortTimeFFT  # noqa: E402
from scipy.signal.windows import hann  # noqa: E402

from training.evaluation import true_stems  # noqa: E402
from training.loaders.named import named_tracks  # noqa: E402
from zoo.batch import open_separator  # noqa: E402
from zoo.inference import separate_array  # noqa: E402

EDGES = (0, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
LENGTH = 4096


def errors(separator, track, stem: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns frequencies `(bins,)` in Hz, and energies by kind, each `(bins,)`."""
    mixture = track.load_mixture()
    (truth,) = true_stems(track, [stem])
    samples = min(len(mixture), len(truth))
    estimate = separate_array(separator, mixture, track.sample_rate)[stem]
    stft = ShortTimeFFT(hann(LENGTH, sym=False), LENGTH // 4, track.sample_rate)
    mixture, truth, estimate = (
        stft.stft(signal[:samples].T.astype("float64")) for signal in (mixture, truth, estimate)
    )
    mask = np.clip(np.real(estimate * mixture.conj()) / (np.abs(mixture) ** 2 + 1e-12), 0, 1)
    parts = {
        "stem": truth,
        "others": mixture - truth,
        "leaked": mask * (mixture - truth),
        "lost": (1 - mask) * truth,
    }
    return stft.f, {name: (np.abs(part) ** 2).sum(axis=(0, 2)) for name, part in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="preset, preset folder, .keras or exported file")
    parser.add_argument("--data", required=True, help="songs, as for stemzoo evaluate")
    parser.add_argument("--stem", default="vocals")
    arguments = parser.parse_args()
    separator = open_separator(arguments.model)
    for track in named_tracks(arguments.data):
        hertz, energies = errors(separator, track, arguments.stem)
        whole = energies["stem"].sum() + 1e-12
        bands = {f"{a} - {b} Hz": (hertz >= a) & (hertz < b) for a, b in pairwise(EDGES)}
        bands["all"] = hertz >= 0
        rows = []
        for name, band in bands.items():
            shares = [energy[band].sum() / whole for energy in energies.values()]
            rows.append([name, *(f"{10 * np.log10(share + 1e-9):.1f}" for share in shares)])
        print_table(f"{track.name}: {arguments.stem}, dB", ["band", *energies], rows)


if __name__ == "__main__":
    main()

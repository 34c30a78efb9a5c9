"""Separators, Wave-U-Nets and sound generators on Keras's other backends, in one process each."""

import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest

from zoo import FrontEnd, JanssonUNet, Separator, UNet

from .small_spleeter import tiny_spleeter
from .small_wave_unet import small_wave_unet
from .sounds import tiny_generator, tones

PROGRAM = """
import sys
from zoo.quiet import load_backend
# As commands do: without what Keras imports for arguments that nobody passes here.
load_backend()
import numpy as np, keras
from zoo import SoundGenerator, load_model, load_preset
assert keras.backend.backend() == sys.argv[1], keras.backend.backend()
heavy = {"tf2onnx", "ai_edge_litert", "librosa", "onnxruntime"} & set(sys.modules)
assert not heavy, heavy
folder = sys.argv[2]
with np.load(f"{folder}/given.npz") as file:
    given = dict(file)
outputs = {}
# One compiled program each: operator by operator takes JAX much longer.
def keep(case, result):
    for name, output in (result if isinstance(result, dict) else {"output": result}).items():
        outputs[f"{case}:{name}"] = np.asarray(output)
separator = load_preset(f"{folder}/separator")
(network,) = separator.networks.values()
keep("network", network.predict_on_batch(given["network"]))
keep("separator", separator.predict_on_batch(given["separator"]))
generator = SoundGenerator.from_preset(f"{folder}/generator")
keep("generator", generator.predict_on_batch(given["generator"]))
keep("latents", generator.encode(given["latents"])[0])
for case in sys.argv[3:]:
    keep(case, load_model(f"{folder}/{case}.keras").predict_on_batch(given[case]))
np.savez(f"{folder}/outputs.npz", **outputs)
"""
WAVE_UNETS = {
    "context": {"variant": "M5", "dilation": 2, "levels": 2},
    "same": {"channels": 2, "scales": 2, "downsampling": "max_pool", "levels": 2},
    "learned": {"channels": 2, "upsampling": "learned", "downsampling": "strided", "levels": 1},
    "transposed": {"variant": "M4", "upsampling": "transposed", "levels": 1},
}

# Segmenters, of an image of odd size.
UNETS = {"unet": "transposed", "unet_bilinear": "bilinear"}
SPLEETER = "spleeter"


def named(result) -> dict:
    return result if isinstance(result, dict) else {"output": result}


@pytest.fixture(scope="module", params=["jax", "torch"])
def outputs(request, tmp_path_factory):
    """Case -> output's name -> (value on the other backend, value here)."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    keras.utils.set_random_seed(0)
    front_end = FrontEnd(frame_length=128, frame_step=96, bins=64, frames=16)
    separator = Separator(JanssonUNet(filters=(3, 4, 5), front_end=front_end))
    generator = tiny_generator()
    random = np.random.default_rng(1)
    latents = random.normal(size=(40, 5)) + np.repeat([[3.0], [-3.0]], 20, axis=0)
    generator.fit_latents(latents, ["yes"] * 20 + ["no"] * 20)
    separator.save_to_preset(folder / "separator")
    generator.save_to_preset(folder / "generator")
    (network,) = separator.networks.values()
    models = {"network": network, "separator": separator, "generator": generator}
    models["latents"] = lambda clips: generator.encode(clips)[0]
    given = {
        "network": random.uniform(size=(2, 64, 16, 1)),
        "separator": random.uniform(-1, 1, (1, 9001, 2)),
        "generator": random.normal(size=(2, 5)),
        "latents": tones(2),
    }
    for case, options in WAVE_UNETS.items():
        models[case] = small_wave_unet(spread=0.2, **options)
        models[case].save(folder / f"{case}.keras")
        given[case] = random.uniform(-1, 1, (2, models[case].input_samples(50), 2))
    for case, upsampling in UNETS.items():
        models[case] = UNet(3, 2, (2, 3), upsampling=upsampling)
        models[case].save(folder / f"{case}.keras")
        given[case] = random.uniform(size=(1, 11, 14, 3))
    models[SPLEETER] = Separator(tiny_spleeter("5stems"), overlap=4)
    models[SPLEETER].save(folder / f"{SPLEETER}.keras")
    given[SPLEETER] = random.uniform(-0.1, 0.1, (2, 301, 2))
    given = {case: x.astype("float32") for case, x in given.items()}
    np.savez(folder / "given.npz", **given)
    subprocess.run(
        [sys.executable, "-c", PROGRAM, request.param, folder, *WAVE_UNETS, *UNETS, SPLEETER],
        env={**os.environ, "KERAS_BACKEND": request.param},
        check=True,
    )
    with np.load(folder / "outputs.npz") as actual:
        actual = dict(actual)
    expected = {case: named(models[case](x)) for case, x in given.items()}
    assert actual.keys() == {f"{case}:{name}" for case in expected for name in expected[case]}
    return {
        case: {name: (actual[f"{case}:{name}"], np.asarray(x)) for name, x in stems.items()}
        for case, stems in expected.items()
    }


@pytest.mark.slow
def test_other_backends_agree(outputs):
    for case, results in outputs.items():
        for name, (actual, expected) in results.items():
            scale = np.abs(expected).max() if case in ("generator", "latents") else 1
            limit = (1e-5 if case in WAVE_UNETS else 1e-4) * scale
            assert np.abs(actual - expected).max() <= limit, (case, name)

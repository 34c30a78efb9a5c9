"""What quantising costs shipped separators, on songs that they were not trained on."""

import pytest

from export import exporter, to_tflite
from export.tflite import writer
from training import synthetic_songs
from training.calibration import calibration_examples, separator_excerpts
from zoo import Separator

# Preset and kind -> largest size in bytes, and largest loss of SDR in dB.
LIMITS = {
    ("jansson_unet_vocals", "float16"): (20e6, 0.1),
    ("jansson_unet_vocals", "dynamic"): (10.5e6, 0.3),
    ("jansson_unet_vocals", "int8"): (10.5e6, 0.5),
    ("jansson_unet_tiny", "int8"): (1e6, 0.5),
}


@pytest.fixture(scope="module")
def preset(request):
    return request.param


@pytest.fixture(scope="module")
def separator(preset):
    return Separator.from_preset(preset)


@pytest.fixture(scope="module")
def material(separator):
    known = synthetic_songs(2000000, 3, duration=12.0, sample_rate=8192)
    others = synthetic_songs(1000000, 4, duration=12.0, sample_rate=8192)
    check, targets = separator_excerpts(separator, others, count=4)
    calibration = calibration_examples(separator, known, count=6)
    return {"calibration": calibration, "check": check, "targets": targets}


@pytest.fixture(scope="module", autouse=True)
def once(separator):
    """The model is traced once, and converted once to the float file that every kind is made of."""
    convert, reference, known = writer._converted, exporter.Reference, {}

    def converted(offered):
        if "file" not in known:
            known["file"] = convert(offered)
        return known["file"]

    def referred(model, shapes):
        key = tuple(shapes.items())
        if key not in known:
            known[key] = reference(model, shapes)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_converted", converted)
        patch.setattr(exporter, "Reference", referred)
        yield


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "kind"), LIMITS, indirect=["preset"], scope="module")
def test_size_and_sdr(separator, material, preset, kind, tmp_path):
    samples = material["check"][0]["waveform"].shape[1]
    path = tmp_path / "model.tflite"
    report = to_tflite(separator, path, inputs=(1, samples, 2), quantize=kind, **material)
    size, loss = LIMITS[preset, kind]
    assert report.size < size
    assert report.sdr_change.keys() == {"vocals", "accompaniment"}
    assert min(report.sdr_change.values()) > -loss
    assert report.size < 0.6 * 4 * separator.count_params()

"""The Wave-U-Net: the paper's tables, sources, scales, precision, saving, wrong arguments."""

import keras
import numpy as np
import pytest

from zoo import WaveUNet, load_preset
from zoo.wave_unet.variants import DOWNSAMPLING, UPSAMPLING

from .original_wave_unet import PUBLISHED, VARIANTS, arguments
from .small_wave_unet import SMALL, noise, small_wave_unet

# variant: parameters, input and output samples, channels, sources, rate
PAPER = {
    "M1": (10_263_028, 16384, 16384, 1, 2, 22050),
    "M2": (10_263_002, 16384, 16384, 1, 2, 22050),
    "M3": (10_263_002, 147443, 16389, 1, 2, 22050),
    "M4": (10_263_390, 147443, 16389, 2, 2, 22050),
    "M5": (10_265_550, 147443, 16389, 2, 2, 22050),
    "M5-HighSR": (10_265_550, 147443, 16389, 2, 2, 44100),
    "M6": (10_263_498, 147443, 16389, 2, 4, 22050),
    "M7": (20_594_652, 233459, 102405, 1, 2, 8192),
}


@pytest.mark.parametrize("variant", PAPER)
def test_the_papers_tables(variant):
    parameters, given, made, channels, sources, rate = PAPER[variant]
    model = WaveUNet(variant)
    assert model.count_params() == parameters
    assert (model.channels, len(model.sources), model.sample_rate) == (channels, sources, rate)
    assert model.input_shape == (None, None, channels)
    assert model.input_samples(model.segment_samples) == given
    assert model.output_samples(given) == made
    outputs = model(keras.Input((given, channels), batch_size=1))
    assert {stem.shape for stem in outputs.values()} == {(1, made, channels)}
    inner = keras.Model(model.input, model.get_layer("bottleneck_activation").output)
    bottleneck = {147443: 9, 233459: 30}.get(given, 4)
    filters = 13 * (34 if variant == "M7" else 24)
    assert inner.compute_output_shape((1, given, channels)) == (1, bottleneck, filters)


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_are_the_published_configurations(name):
    published = PUBLISHED[name]
    model = WaveUNet(VARIANTS[name])
    wanted = arguments(published["config"])
    assert {k: getattr(model, k) for k in wanted} == {**wanted, "sources": tuple(wanted["sources"])}
    _, given, channels = published["input_shape"]
    assert model.input_samples(model.segment_samples) == given
    assert [1, model.output_samples(given), channels] == published["output_shape"]


def test_the_published_deep_configuration_pads_for_a_kernel_that_it_has_not():
    published = PUBLISHED["baseline_context_smallfilter_deep"]
    model = WaveUNet(**arguments(published["config"]))
    assert (model.levels, model.kernel_size, model.decoder_kernel_size) == (14, 5, 1)
    # Its first convolution has 5 taps and its window has room for 15: 10 samples do nothing.
    assert published["variables"][0] == ["separator/conv1d/kernel", [5, 1, 24]]
    assert published["input_shape"][1] == 147463
    assert model.input_samples(16384) == 147463 - 10
    assert model.output_samples(147453) == published["output_shape"][1]


def test_time_is_dynamic_in_a_graph():
    import tensorflow as tf

    for variant in ("M1", "M5"):
        model = small_wave_unet(variant)
        graph = tf.function(model, input_signature=[tf.TensorSpec((None, None, model.channels))])
        for wanted in (10, 55):
            mixture = noise(2, model.input_samples(wanted), model.channels)
            eager = model(mixture)
            for source, stem in graph(mixture).items():
                assert np.abs(stem - eager[source]).max() <= 1e-6


@pytest.mark.parametrize("variant", ["M2", "M6"])
def test_a_difference_sums_to_the_mixture_and_is_clipped_only_at_inference(variant):
    model = small_wave_unet(variant)
    for variable in model.trainable_variables:
        variable.assign(2 * variable)
    mixture = noise(2, model.input_samples(200), model.channels)
    trained = model(mixture, training=True)
    made = trained["vocals"].shape[1]
    start = (mixture.shape[1] - made) // 2
    total = sum(np.asarray(stem) for stem in trained.values())
    assert np.abs(total - mixture[:, start : start + made]).max() <= 1e-6
    *estimated, last = model.sources
    assert np.abs(trained[last]).max() > 1
    inferred = model(mixture)
    assert np.array_equal(inferred[last], np.clip(trained[last], -1, 1))
    assert all(np.array_equal(inferred[source], trained[source]) for source in estimated)


def pass_through(model, through_skips):
    """Weights that hand positive mixtures on as they are, by the skips or from the bottleneck."""
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        kernel = layer.convolution.kernel if hasattr(layer, "convolution") else kernel
        if kernel is None:
            continue
        for variable in layer.weights:
            variable.assign(np.zeros(variable.shape))
        identity = np.zeros(kernel.shape)
        channel = 0
        if layer.name.startswith("decoder") and hasattr(layer, "filters") and not through_skips:
            channel = layer.filters  # the first of those from below, after the skip's
        elif layer.name in [f"{source}_conv" for source in model.sources]:
            channel = 1  # after the mixture
        identity[len(identity) // 2, channel, 0] = 1
        kernel.assign(identity)


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize(
    ("path", "decoder_kernel_size", "output_kernel_size"),
    [
        ("skips", 3, 1),
        ("skips", 5, 3),
        ("skips", 1, 5),
        ("linear", 5, 3),
        ("learned", 1, 5),
        ("transposed", 5, 3),
        ("strided", 5, 3),
        ("max_pool", 3, 1),
    ],
)
def test_scales_lie_where_the_grid_says(context, path, decoder_kernel_size, output_kernel_size):
    options = {"downsampling": path} if path in DOWNSAMPLING else {}
    options |= {"upsampling": path} if path in UPSAMPLING else {}
    model = small_wave_unet(
        scales=4,
        context=context,
        decoder_kernel_size=decoder_kernel_size,
        output_kernel_size=output_kernel_size,
        **options,
    )
    pass_through(model, through_skips=path == "skips")
    samples = model.input_samples(64)
    mixture = np.random.default_rng(0).uniform(0.1, 0.9, (1, samples, 1)).astype("float32")
    outputs = {name: np.asarray(output) for name, output in model(mixture).items()}
    made = model.output_samples(samples)
    start = (samples - made) // 2
    if path == "skips":
        wanted = np.tanh(mixture[:, start : start + made])
        assert np.abs(outputs["vocals"] - wanted).max() <= 1e-6
    for scale in (2, 4, 8):
        on_grid = outputs["vocals"][:, model.scale_grid(scale) :: scale]
        assert np.ptp(on_grid) > 0.05
        assert np.abs(outputs[f"vocals_{scale}"] - on_grid).max() <= 1e-6


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        ("mixed_bfloat16", {"scales": 2}),
        ("mixed_float16", {}),
        ("mixed_bfloat16", {"upsampling": "transposed", "downsampling": "strided"}),
    ],
)
def test_trains_under_mixed_precision(policy, options):
    model = small_wave_unet("M4", levels=1, dtype=policy, **options)
    assert model.get_layer("encoder_1_conv").compute_dtype == policy.removeprefix("mixed_")
    mixture = noise(4, model.input_samples(32), 2)
    made = model.output_samples(mixture.shape[1])
    start = (mixture.shape[1] - made) // 2
    middle = mixture[:, start : start + made]
    targets = {"accompaniment": 0.8 * middle, "vocals": 0.2 * middle}
    if model.scales == 2:
        coarse = {f"{source}_2": x[:, model.scale_grid(2) :: 2] for source, x in targets.items()}
        targets |= coarse
    model.compile(keras.optimizers.Adam(0.02), dict.fromkeys(targets, "mse"))
    losses = []
    for _ in range(20):
        model.reset_metrics()
        losses.append(model.train_on_batch(mixture, targets, return_dict=True)["loss"])
    assert all(output.dtype == "float32" for output in model(mixture).values())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("variant", ["M1", "M5"])
def test_files_hold_the_network(variant, tmp_path):
    model = small_wave_unet(variant, spread=0.1, dilation=(1, 2, 1, 3), scales=2)
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "preset")
    mixture = noise(1, model.input_samples(20), model.channels)
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for copy in (loaded, WaveUNet.from_preset(tmp_path / "preset")):
        assert copy.get_config() == model.get_config()
        assert copy.dilation == (1, 2, 1, 3) and copy.variant == variant
        for name, output in copy(mixture).items():
            assert np.array_equal(output, model(mixture)[name])
    assert isinstance(load_preset(tmp_path / "preset"), WaveUNet)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "M8"}, "variant must be one of M1, .*Received: variant='M8'"),
        ({"levels": 0}, "levels must be positive. Received: levels=0"),
        ({"channels": 0}, "channels must be positive. Received: channels=0"),
        ({"initial_filters": -1}, "positive. Received: initial_filters=-1"),
        ({"kernel_size": 0}, "positive. Received: kernel_size=0"),
        ({"context": True, "kernel_size": 4}, "odd with context.*Received: kernel_size=4"),
        ({"variant": "M4", "decoder_kernel_size": 2}, "Received: decoder_kernel_size=2"),
        ({"variant": "M4", "output_kernel_size": 2}, "Received: output_kernel_size=2"),
        ({"upsampling": "cubic"}, "one of linear, learned, transposed. Received: upsampling="),
        ({"downsampling": "mean"}, "one of decimate, strided, max_pool. Received: downsampling="),
        ({"output_type": "mask"}, "one of direct, difference. Received: output_type='mask'"),
        ({"sources": ()}, "one or more different names. Received: sources="),
        ({"sources": ("a", "a")}, "one or more different names. Received: sources="),
        ({"variant": "M2", "sources": ("a",)}, "two or more with output_type='difference'"),
        ({"scales": 5}, r"at most levels \+ 1. Received: scales=5"),
        ({"dilation": (1, 2)}, r"one number or 4. Received: dilation=\(1, 2\)"),
        ({"dilation": 0}, "positive. Received: dilation=0"),
        ({"segment_samples": 0}, "positive. Received: segment_samples=0"),
        ({"sample_rate": 0}, "positive. Received: sample_rate=0"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        WaveUNet(**{**SMALL, **options})

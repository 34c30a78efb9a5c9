import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.pipeline import waveform_segments
from training.remix import Remix
from training.segments import SegmentSizes
from training.source_gains import SourceGains
from training.tracks import Track
from zoo.errors import InputError
from zoo.jansson_unet import JanssonUNet
from zoo.wave_unet import WaveUNet

RATE = 2000
STEMS = ("bass", "drums", "vocals")
LOUD = Remix(foreground_level_db=(20.0, 20.0), equalizer_db=0.0)
REMIXES = [None, SourceGains(), Remix(), Remix(equalizer_db=0.0, level_db=(-6.0, 0.0)), LOUD]


def network(**arguments):
    tiny = {"levels": 3, "initial_filters": 1, "kernel_size": 5, "segment_samples": 200}
    return WaveUNet("M6", **{**tiny, "sample_rate": RATE, "sources": STEMS, **arguments})


def stereo_songs(count, *, samples=3000, channels=2, stems=STEMS):
    rng = np.random.default_rng(5)
    return [
        Track(
            f"song-{song}",
            RATE,
            None,
            {stem: rng.normal(0, 0.1, (samples, channels)).astype("float32") for stem in stems},
        )
        for song in range(count)
    ]


def collect(dataset, batches=None):
    """All segments: the mixtures, and the targets of each name."""
    parts = list(dataset if batches is None else dataset.take(batches))
    names = parts[0][1]
    return (
        np.concatenate([mixture for mixture, _ in parts]),
        {name: np.concatenate([targets[name] for _, targets in parts]) for name in names},
    )


def middle(mixture, targets):
    samples = next(iter(targets.values())).shape[1]
    start = (mixture.shape[1] - samples) // 2
    return mixture[:, start : start + samples]


def cut(waveform, start, samples):
    """A segment that may begin before and end behind the song."""
    padded = np.pad(waveform, ((samples, 2 * samples), (0, 0)))
    return padded[start + samples : start + 2 * samples]


@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
def test_fixed_segments_equal_the_songs(context, channels):
    net = network(context=context, channels=channels)
    songs = stereo_songs(2, samples=700)
    mixtures, targets = collect(
        waveform_segments(songs, net, training=False, segments_per_song=3, batch_size=4)
    )
    given_samples = net.input_samples(200)
    samples = net.output_samples(given_samples)
    assert mixtures.shape == (6, given_samples, channels)
    assert (given_samples > samples) == context
    for number in range(6):
        song, place = divmod(number, 3)
        start = (700 - samples) * (2 * place + 1) // 6
        stems = {
            stem: audio if channels == 2 else audio.mean(axis=1, keepdims=True)
            for stem, audio in songs[song].stems.items()
        }
        mixture = cut(sum(stems.values()), start - (given_samples - samples) // 2, given_samples)
        np.testing.assert_allclose(mixtures[number], mixture, atol=1e-4)
        for stem in STEMS:
            truth = cut(stems[stem], start, samples)
            np.testing.assert_allclose(targets[stem][number], truth, atol=5e-5)


def test_around_a_song_there_is_silence():
    net = network()
    length = net.output_samples(net.input_samples(200))
    for samples in (length, length - 50):
        (song,) = stereo_songs(1, samples=samples)
        mixtures, targets = collect(waveform_segments([song], net, batch_size=2))
        context = (mixtures.shape[1] - length) // 2
        assert context > 10
        assert not mixtures[:, :context].any()
        assert not mixtures[:, context + samples :].any()
        truth = np.pad(song.stems["bass"], ((0, length - samples), (0, 0)))
        np.testing.assert_allclose(targets["bass"][0], truth, atol=5e-5)


@pytest.mark.parametrize("remix", [None, SourceGains(), Remix()])
def test_the_stereo_image_stays(remix):
    """Each stem sits at one place between left and right; the equaliser is the same for both."""
    pans = {"bass": 0.5, "drums": 0.01, "vocals": -1.0}
    songs = [
        Track(song.name, RATE, None, {s: a * (1, pans[s]) for s, a in song.stems.items()})
        for song in stereo_songs(3, channels=1)
    ]
    _, targets = collect(waveform_segments(songs, network(), remix=remix, batch_size=8))
    for stem, pan in pans.items():
        left, right = targets[stem][..., 0], targets[stem][..., 1]
        assert np.abs(left).max() > 0.01
        np.testing.assert_allclose(right, pan * left, atol=1e-4)


@pytest.mark.parametrize(
    ("remix", "channels"), [*((remix, 2) for remix in REMIXES), (Remix(), 1), (Remix(), 3)]
)
def test_targets_add_up_to_the_middle_of_the_mixture(remix, channels):
    songs = stereo_songs(3, stems=(*STEMS, "lead", "effects"))
    net = network(sources=("bass", "drums", "other", "vocals"), channels=channels)
    mixtures, targets = collect(waveform_segments(songs, net, remix=remix, batch_size=24))
    assert list(targets) == ["bass", "drums", "other", "vocals"]
    np.testing.assert_allclose(sum(targets.values()), middle(mixtures, targets), atol=1e-6)
    assert mixtures.shape[2] == channels
    assert np.abs(mixtures).max() <= 1 + 1e-6
    if remix is LOUD:
        assert (np.abs(mixtures).max(axis=(1, 2)) > 0.9999).mean() > 0.8


def test_a_given_mixture_is_the_input_unless_stems_are_remixed():
    (song,) = stereo_songs(1)
    song = Track("a", RATE, 0.5 * sum(song.stems.values()), song.stems)
    for remix, share in ((None, 0.5), (SourceGains(1.0, 1.0), 1.0)):
        mixtures, targets = collect(waveform_segments([song], network(), remix=remix, batch_size=4))
        truth = share * sum(targets.values())
        np.testing.assert_allclose(middle(mixtures, targets), truth, atol=1e-4)


def test_source_gains_scale_each_target_by_its_own_gain():
    """Songs and places are those of the plain pipeline, so that the ratio is the gain."""
    options = {
        "stems": ("accompaniment", "vocals"),
        "batch_size": 16,
        "segments_per_song": 64,
        "first_epoch": 3,
    }
    songs = stereo_songs(4, samples=1000)
    _, plain = collect(waveform_segments(songs, network(), **options), 16)
    _, scaled = collect(
        waveform_segments(songs, network(), remix=SourceGains(0.5, 0.9), **options), 16
    )
    gains = {}
    for name, target in plain.items():
        axes = (1, 2)
        gains[name] = (scaled[name] * target).sum(axes) / (target**2).sum(axes)
        rescaled = gains[name][:, None, None] * target
        np.testing.assert_allclose(scaled[name], rescaled, atol=1e-6)
        assert gains[name].min() == pytest.approx(0.5, abs=0.02)
        assert gains[name].max() == pytest.approx(0.9, abs=0.02)
        assert gains[name].mean() == pytest.approx(0.7, abs=0.03)
        assert 0.5 <= gains[name].min() < gains[name].max() < 0.9
    assert abs(np.corrcoef(*gains.values())[0, 1]) < 0.2


@pytest.mark.parametrize("remix", [None, SourceGains(), Remix()])
def test_the_seed_fixes_the_segments(remix):
    songs, net = stereo_songs(4), network()

    def draw(seed, first_epoch=0, batches=6):
        options = {"batch_size": 4, "segments_per_song": 3, "seed": seed, "remix": remix}
        return collect(waveform_segments(songs, net, first_epoch=first_epoch, **options), batches)[
            0
        ]

    two_epochs = draw(seed=1)
    # Sums of several stems may differ in their last bit, by the order in which they are ready.
    np.testing.assert_allclose(two_epochs, draw(seed=1), atol=1e-6)
    np.testing.assert_allclose(two_epochs[12:], draw(seed=1, first_epoch=1, batches=3), atol=1e-6)
    for other in (draw(seed=2)[:12], two_epochs[12:]):
        distances = np.abs(two_epochs[:12, None] - other[None]).max(axis=(2, 3))
        assert distances.min() > 0.01


def test_without_a_first_epoch_each_iteration_is_one():
    dataset = waveform_segments(stereo_songs(3), network(), batch_size=4, segments_per_song=3)
    assert int(dataset.cardinality()) == 2
    first, second = collect(dataset)[0], collect(dataset)[0]
    assert first.shape == second.shape
    assert len(first) == 8
    assert np.abs(first - second).max() > 0.1


def test_targets_come_from_all_over_the_song():
    """The value of a ramp tells the place."""
    ramp = np.linspace(0, 1, 3000, dtype="float32")[:, None]
    net = network(channels=1)
    dataset = waveform_segments(
        [Track("ramp", RATE, None, {"vocals": ramp})],
        net,
        stems=("vocals",),
        batch_size=32,
        segments_per_song=256,
    )
    starts = collect(dataset)[1]["vocals"][:, 0, 0] * 2999
    room = 3000 - net.output_samples(net.input_samples(200))
    counts, _ = np.histogram(starts, bins=4, range=(-0.5, room + 0.5))
    assert counts.sum() == 256
    assert counts.min() > 35


@settings(max_examples=8, deadline=None)
@given(
    context=st.booleans(),
    levels=st.integers(2, 4),
    scales=st.integers(1, 5),
    kernels=st.sampled_from([(5, 3, 1), (3, 5, 3), (15, 7, 5)]),
    downsampling=st.sampled_from(["decimate", "strided", "max_pool"]),
    samples=st.integers(1, 400),
)
def test_targets_have_the_shapes_of_the_networks_outputs(
    context, levels, scales, kernels, downsampling, samples
):
    kernel, decoder, output = kernels
    net = network(
        context=context,
        levels=levels,
        scales=min(scales, levels + 1),
        kernel_size=kernel,
        decoder_kernel_size=decoder,
        output_kernel_size=output,
        downsampling=downsampling,
        segment_samples=samples,
        channels=1,
    )
    songs = stereo_songs(1, samples=500, channels=1)
    mixture, targets = waveform_segments(songs, net, batch_size=2).element_spec
    outputs = net.compute_output_spec(keras.KerasTensor(mixture.shape))
    assert {name: tuple(target.shape) for name, target in targets.items()} == {
        name: output.shape for name, output in outputs.items()
    }


@pytest.mark.parametrize("context", [True, False])
def test_coarse_targets_are_smoothed_and_sampled(context):
    net = network(scales=4, context=context, output_kernel_size=3)
    (song,) = stereo_songs(1, samples=400)
    _, targets = collect(
        waveform_segments([song], net, training=False, segments_per_song=2, batch_size=2)
    )
    sizes = SegmentSizes.of(net)
    for scale, grid in sizes.grids.items():
        kernel = np.convolve(np.ones(scale), np.ones(scale)) / scale**2
        for place in range(2):
            start = (400 - sizes.output_samples) * (2 * place + 1) // 4
            for stem in STEMS:
                for channel in range(2):
                    whole = song.stems[stem][:, channel]
                    smooth = np.convolve(whole, kernel, mode="same")
                    truth = smooth[start + grid : start + sizes.output_samples : scale]
                    got = targets[f"{stem}_{scale}"][place, :, channel]
                    np.testing.assert_allclose(got, truth, atol=5e-5)


def test_coarse_targets_are_scaled_with_the_mixture():
    net = network(scales=2, channels=1)
    constant = [Track("a", RATE, None, {s: np.full((3000, 1), 0.2, "float32") for s in STEMS})]
    _, targets = collect(waveform_segments(constant, net, remix=LOUD, batch_size=8))
    # Inside, a constant is what it was.
    np.testing.assert_allclose(
        targets["bass_2"][:, 5:-5, 0],
        targets["bass"][:, 5:6, 0] * np.ones(targets["bass_2"].shape[1] - 10),
        atol=1e-6,
    )


def test_unusable_requests_are_refused():
    songs = stereo_songs(2)
    with pytest.raises(InputError, match="no stem 'piano', they have bass, drums, vocals"):
        waveform_segments(songs, network(), stems=("piano", "bass"))
    with pytest.raises(
        InputError, match="2 songs give 4 segments an epoch, less than a batch of 9"
    ):
        waveform_segments(songs, network(), segments_per_song=2, batch_size=9)
    with pytest.raises(InputError, match="remix: the songs have no stem 'piano'"):
        waveform_segments(songs, network(), remix=Remix(foreground="piano"))
    with pytest.raises(InputError, match="JanssonUNet takes no waveforms"):
        waveform_segments(songs, JanssonUNet(filters=(2, 3)))

import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from training.transforms.levels import Gain, Polarity, SilentStem
from training.transforms.low_pass import LowPass
from training.transforms.noise import Noise
from training.transforms.stereo import ChannelSwap, RandomMono
from training.transforms.table import TRANSFORMS
from training.transforms.transform import seed_of, transformed
from zoo.errors import InputError

STEMS = ("vocals", "drums", "bass")
RATE = 8192
COUNT = 1000


def noise(channels=2, samples=500, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.1, (samples, channels)).astype("float32") for _ in STEMS]


def seed(number=0, key=5, place=0):
    return seed_of(tf.constant(key, tf.int64), tf.constant(number, tf.int64), place)


def applied(transform, waveforms=None, **where):
    stems = noise() if waveforms is None else waveforms
    tensors = [tf.constant(stem) for stem in stems]
    changed = transform(tensors, stems=STEMS, sample_rate=RATE, seed=seed(**where))
    return stems, [stem.numpy() for stem in changed]


def many(transform):
    """Of a thousand examples of ones, the first sample of each stem, `(1000, 3, channels)`."""
    ones = [tf.ones((1, 2)) * [1.0, 3.0]] * len(STEMS)

    def example(number):
        place = seed_of(tf.constant(5, tf.int64), number, 0)
        changed = transform(ones, stems=STEMS, sample_rate=RATE, seed=place)
        return tf.stack(changed)[:, 0]

    numbers = tf.data.Dataset.range(COUNT)
    return next(iter(numbers.map(example).batch(COUNT))).numpy()


def within_chance(share, probability):
    """Four standard deviations: one test of 16,000 fails by chance, and these are seeded."""
    return abs(share - probability) < 4 * np.sqrt(probability * (1 - probability) / COUNT)


@pytest.mark.parametrize(
    ("transform", "is_changed"),
    [
        (Gain((-9.0, -1.0), probability=0.3), lambda x: x[..., 0] != 1),
        (Polarity(probability=0.3), lambda x: x[..., 0] == -1),
        (ChannelSwap(probability=0.3), lambda x: x[..., 0] == 3),
        (RandomMono(probability=0.3), lambda x: x[..., 0] == x[..., 1]),
        (Noise(probability=0.3, relative=False), lambda x: x[..., 0] != 1),
    ],
)
def test_each_stem_is_changed_in_its_share_of_examples(transform, is_changed):
    changed = is_changed(many(transform))
    for stem in range(len(STEMS)):
        assert within_chance(changed[:, stem].mean(), 0.3)
    both = (changed[:, 0] & changed[:, 1]).mean()
    assert within_chance(both, 0.09)


def test_together_is_all_or_none():
    gains = many(Gain((-9.0, -1.0), probability=0.3, together=True))[..., 0]
    assert (gains == gains[:, :1]).all()
    assert within_chance((gains[:, 0] != 1).mean(), 0.3)


def test_gains_fill_their_range_evenly():
    decibels = 20 * np.log10(many(Gain((-9.0, 3.0)))[..., 0])
    assert decibels.min() >= -9.001
    assert decibels.max() <= 3.001
    shares = np.histogram(decibels[:, 1], bins=4, range=(-9, 3))[0] / COUNT
    assert all(within_chance(share, 0.25) for share in shares)
    assert abs(np.corrcoef(decibels[:, 0], decibels[:, 1])[0, 1]) < 0.13


def test_one_stem_at_a_time_is_silent():
    silent = many(SilentStem(probability=0.4, stems=("vocals", "bass")))[..., 0] == 0
    assert silent.sum(axis=1).max() == 1
    assert not silent[:, 1].any()
    assert within_chance(silent.any(axis=1).mean(), 0.4)
    assert within_chance(silent[:, 0].mean(), 0.2)


@pytest.mark.parametrize("channels", [2, 3])
def test_channels_are_exchanged_or_averaged(channels):
    before, after = applied(ChannelSwap(), noise(channels))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new, old[:, ::-1])
    before, after = applied(RandomMono(), noise(channels))
    for old, new in zip(before, after, strict=True):
        for channel in new.T:
            np.testing.assert_allclose(channel, old.mean(axis=1), atol=1e-7)


def test_only_the_stems_that_are_named_change():
    before, after = applied(Polarity(stems=("drums",)))
    np.testing.assert_array_equal(after[1], -before[1])
    for place in (0, 2):
        np.testing.assert_array_equal(after[place], before[place])


def low_pass_response(cutoff, sample_rate):
    """Taps of a sinc under a Gaussian bell, whose spectrum falls as a normal distribution."""
    reach = LowPass((cutoff, cutoff)).margin(sample_rate)
    seconds = np.arange(-reach, reach + 1) / sample_rate
    bell = np.exp(-0.5 * (2 * np.pi * 0.05 * cutoff * seconds) ** 2)
    return 2 * cutoff / sample_rate * np.sinc(2 * cutoff * seconds) * bell


@pytest.mark.parametrize(("cutoff", "channels"), [(1000.0, 1), (1000.0, 2), (4000.0, 2)])
def test_low_pass_is_a_convolution_away_from_the_ends(cutoff, channels):
    transform = LowPass((cutoff, cutoff))
    before, after = applied(transform, noise(channels, samples=1501))
    margin = transform.margin(RATE)
    taps = low_pass_response(cutoff, RATE)
    for old, new in zip(before, after, strict=True):
        wanted = signal.convolve(old.astype("float64"), taps[:, None], "same")
        np.testing.assert_allclose(new[margin:-margin], wanted[margin:-margin], atol=1e-6)


def test_low_pass_response_to_a_sweep():
    """Levels of a sine that rises from 200 Hz to 4 kHz in 8 s, around a cut-off of 1 kHz."""
    seconds = np.arange(8 * RATE) / RATE
    sweep = signal.chirp(seconds, 200, 8, 4000, "logarithmic").astype("float32")[:, None]
    transform = LowPass((1000.0, 1000.0))
    _, (filtered, *_) = applied(transform, [sweep] * 3)
    hertz = 200 * 20 ** (seconds / 8)

    def level(low, high):
        part = filtered[(hertz > low) & (hertz < high)]
        return 10 * np.log10(2 * np.mean(part**2))

    assert level(300, 850) == pytest.approx(0, abs=0.05)
    assert level(985, 1015) == pytest.approx(-6, abs=0.3)
    assert level(1200, 1250) < -70
    assert level(1400, 3000) < -100


def test_cutoffs_are_even_over_the_logarithm_of_frequency():
    transform = LowPass((100.0, 10000.0))
    words = [transform.words(where) for where in (0.0, 0.5, 0.75)]
    assert words == ["low-pass 100 Hz", "low-pass 1000 Hz", "low-pass 3162 Hz"]
    before, after = applied(LowPass((6000.0, 6000.0)))
    np.testing.assert_allclose(after[0], before[0], atol=1e-6)


def test_noise_has_its_level_and_is_new_everywhere():
    waveforms = noise(samples=20000)
    waveforms[2] = np.zeros_like(waveforms[2])
    before, after = applied(Noise((-20.0, -20.0)), waveforms)
    added = [new - old for old, new in zip(before, after, strict=True)]
    for old, new in zip(before[:2], added[:2], strict=True):
        ratio = 10 * np.log10(np.mean(old.astype("float64") ** 2) / np.mean(new**2))
        assert ratio == pytest.approx(20, abs=0.1)
    assert not added[2].any()
    spectrum = signal.welch(added[0][:, 0], RATE, nperseg=256)[1][2:-2]
    assert spectrum.max() / spectrum.min() < 3
    channels = np.concatenate([*added[:2], applied(Noise(), waveforms, number=1)[1][0]], axis=1)
    correlation = np.corrcoef(channels[:, :4].T) - np.eye(4)
    assert np.abs(correlation).max() < 0.04

    _, after = applied(Noise((-30.0, -30.0), relative=False), [np.zeros((20000, 1), "float32")] * 3)
    assert 20 * np.log10(np.std(after[2])) == pytest.approx(-30, abs=0.1)


def test_draws_depend_on_epoch_example_and_place():
    gain = Gain((-20.0, 0.0))

    def drawn(**where):
        return applied(gain, **where)[1][0][0, 0]

    same = {drawn(), drawn()}
    others = {drawn(number=1), drawn(key=6), drawn(place=1), drawn(number=1, place=1)}
    assert len(same) == 1
    assert len(same | others) == 5


def test_transforms_go_one_after_the_other():
    chain = (Noise((-20.0, -20.0), stems=("bass",)), Gain((-6.0, -6.0)), Polarity())
    stems = noise()
    key, number = tf.constant(5, tf.int64), tf.constant(3, tf.int64)
    changed = transformed(chain, stems, stems=STEMS, sample_rate=RATE, key=key, number=number)
    np.testing.assert_allclose(changed[0], stems[0] * -(10 ** (-6 / 20)), rtol=1e-5)
    _, noisy = applied(chain[0], stems, number=3)
    np.testing.assert_allclose(changed[2], noisy[2] * -(10 ** (-6 / 20)), rtol=1e-5)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_words_tell_what_was_done(name):
    """A stem is described as changed if and only if it is changed."""
    # Cut-offs beyond half the sample rate would change nothing.
    options = {"cutoff_hz": (500.0, 3000.0)} if name == "low_pass" else {}
    transform = TRANSFORMS[name](probability=0.5, **options)
    told = 0
    for number in range(6):
        before, after = applied(transform, number=number)
        changed = {
            stem
            for stem, old, new in zip(STEMS, before, after, strict=True)
            if np.abs(old - new).max() > 1e-6
        }
        assert set(transform.describe(STEMS, seed(number))) == changed
        told += len(changed)
    assert told


def test_words_are_true_to_the_decibel():
    gain = Gain((-9.0, 3.0))
    before, after = applied(gain)
    for stem, old, new in zip(STEMS, before, after, strict=True):
        decibels = 20 * np.log10(np.abs(new).max() / np.abs(old).max())
        assert gain.describe(STEMS, seed())[stem] == f"gain {decibels:+.1f} dB"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gain(probability=1.5), "Received: probability=1.5"),
        (lambda: Gain((3.0, -3.0)), r"Received: gain_db=\[3.0, -3.0\]"),
        (lambda: Gain((1.0,)), "Received: gain_db="),
        (lambda: Noise(("a", "b")), "Received: level_db="),
        (lambda: Noise((float("nan"), 0.0)), "Received: level_db="),
        (lambda: LowPass((0.0, 100.0)), r"Received: cutoff_hz=\[0.0, 100.0\]"),
        (lambda: Polarity(stems=()), r"Received: stems=\[\]"),
    ],
)
def test_unusable_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_songs_that_a_transform_cannot_change_are_refused():
    with pytest.raises(InputError, match="augment: gain: the songs have no stem 'flute', they"):
        Gain(stems=("flute",)).check(STEMS, channels=2)
    for transform in (ChannelSwap(), RandomMono()):
        transform.check(STEMS, channels=2)
        with pytest.raises(InputError, match="changes nothing in one channel"):
            transform.check(STEMS, channels=1)
    with pytest.raises(InputError, match="nothing is left"):
        SilentStem().check(("vocals",), channels=2)

"""The sound generator: what it draws, how it reconstructs, and that it is saved whole."""

import json

import keras
import numpy as np
import pytest

from zoo import ConvAutoencoder, FrontEnd, InputError, JanssonUNet, Separator, SoundGenerator
from zoo.latents import closed_walk, label_statistics

from .sounds import TINY, Identity, tiny_generator, tones


@pytest.fixture(scope="module")
def generator():
    generator = tiny_generator()
    random = np.random.default_rng(1)
    latents = random.normal(size=(40, 5)) + np.repeat([[3.0], [-3.0]], 20, axis=0)
    generator.fit_latents(latents, ["yes"] * 20 + ["no"] * 20)
    return generator


def test_a_latent_becomes_a_waveform(generator):
    latent = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    waveform = np.asarray(generator(latent))
    assert waveform.shape == (2, generator.samples) == (2, 300)
    assert np.abs(waveform - generator.synthesize(latent)).max() < 1e-5
    assert generator.compute_output_spec(keras.KerasTensor((None, 5))).shape == (None, 300)


def test_samples_go_through_the_labels(generator):
    drawn = generator.sample(5, seed=3)
    assert drawn.labels == ("no", "yes", "no", "yes", "no")
    assert drawn.waveforms.shape == (5, 300) and drawn.waveforms.dtype == "float32"
    assert (drawn.latents.mean(axis=1) > 0).tolist() == [False, True, False, True, False]
    assert generator.sample(2, label="yes").labels == ("yes", "yes")


def test_equal_seeds_draw_equal_sounds(generator):
    first, again, other, free = (generator.sample(2, seed=s).waveforms for s in (3, 3, 4, None))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other) and not np.allclose(first, free)


def test_temperature_zero_is_the_mean(generator):
    drawn = generator.sample(2, seed=0, temperature=0)
    assert np.allclose(drawn.latents, np.asarray(generator.latent_means), atol=1e-6)


def test_without_labels_latents_are_standard_normal():
    generator = tiny_generator(labels=())
    generator.synthesize = lambda latents: np.zeros((len(latents), 300), "float32")
    drawn = generator.sample(4000, seed=0)
    assert drawn.labels[:2] == (None, None)
    assert np.allclose(np.cov(drawn.latents.T), np.eye(5), atol=0.1)
    assert np.allclose(drawn.latents.mean(axis=0), 0, atol=0.1)


def test_samples_have_the_label_s_mean_and_covariance(generator, monkeypatch):
    random = np.random.default_rng(5)
    latents = random.normal(size=(500, 5)) @ random.normal(size=(5, 5)) + 7
    other = tiny_generator(labels=("a",))
    other.fit_latents(latents, ["a"] * 500)
    monkeypatch.setattr(other, "synthesize", lambda latents: latents[:, :1])
    drawn = other.sample(20_000, seed=0).latents
    covariance = np.cov(latents.T)
    assert np.allclose(drawn.mean(axis=0), latents.mean(axis=0), atol=0.1)
    assert np.abs(np.cov(drawn.T) - covariance).max() < 0.05 * covariance.max()


@pytest.mark.parametrize("examples", [1, 2, 3])
def test_few_examples_of_a_label_are_enough(examples):
    latents = np.random.default_rng(0).normal(size=(examples + 50, 5))
    labels = ["rare"] * examples + ["common"] * 50
    means, factors = label_statistics(latents, labels, ("common", "rare"))
    assert np.allclose(means[1], latents[:examples].mean(axis=0))
    assert np.isfinite(factors).all() and np.all(np.diagonal(factors[1]) > 0)
    assert np.array_equal(factors, np.tril(factors))


def test_the_original_phase_and_a_perfect_network_give_the_sound_back():
    clips = tones(3)
    generator = SoundGenerator(Identity())
    again = generator.reconstruct(clips, phase="original")
    # The band lacks the highest bin, and decibels end 80 below the peak.
    assert np.abs(again - clips[:, :300]).max(axis=1).max() < 0.01
    latents, ranges = generator.encode(clips)
    assert latents.min() == 0 and latents.max() == 1
    low, high = ranges.T
    magnitude = np.asarray(generator.magnitude(latents, ranges))
    decibels = 20 * np.log10(magnitude.reshape(3, -1))
    assert np.allclose(decibels.min(axis=1), low, atol=1e-3)
    assert np.allclose(decibels.max(axis=1), high, atol=1e-3)


def test_griffin_lim_keeps_the_magnitudes_of_a_perfect_network():
    clips = tones(2)
    generator = SoundGenerator(Identity(), iterations=60)
    again = generator.reconstruct(clips)
    wanted = np.asarray(TINY.clip_magnitude(clips))[:, :15]
    got = np.asarray(TINY.clip_magnitude(again))[:, :15]
    assert np.linalg.norm(got - wanted) < 0.1 * np.linalg.norm(wanted)


@pytest.mark.parametrize("phase", ["griffin_lim", "original"])
def test_silence_stays_silence(generator, phase):
    silence, sound = generator.reconstruct([np.zeros(320), tones(1)[0]], phase=phase)
    assert not silence.any() and sound.any() and np.isfinite(sound).all()


def test_clips_of_any_length_are_taken(generator):
    clip = tones(1, 500)[0]
    long, exact = generator.reconstruct([clip, clip[:320]])
    assert np.allclose(long, exact, atol=1e-6)
    short, padded = generator.encode([clip[:50], np.pad(clip[:50], (0, 270))])[0]
    assert np.allclose(short, padded, atol=1e-6)


def test_the_ends_of_an_interpolation_are_the_reconstructions(generator):
    first, second = tones(2)
    between = generator.interpolate(first, second, 4)
    ends = generator.reconstruct([first, second])
    assert between.shape == (4, 300)
    assert np.abs(between[[0, -1]] - ends).max() < 1e-4
    assert np.abs(between[1] - between[0]).max() > 1e-3


def test_a_walk_is_closed_and_passes_through_the_labels(generator):
    means = np.array([[0.0, 50.0], [100.0, 50.0]])
    factors = np.tile(np.eye(2), (2, 1, 1))
    walk = closed_walk(100, means, factors, np.random.default_rng(0))
    assert np.abs(walk[[0, 50]] - means).max() < 5
    steps = np.linalg.norm(np.diff(np.concatenate((walk, walk[:1])), axis=0), axis=1)
    assert steps.max() < 3
    first, again = (generator.walk(3, seed=2) for _ in range(2))
    assert first.shape == (3, 300) and np.array_equal(first, again)


def test_many_sounds_are_computed_piece_by_piece(generator, monkeypatch):
    latents = np.random.default_rng(0).normal(size=(5, 5))
    together = generator.synthesize(latents)
    ends = generator.reconstruct(tones(5), phase="original")
    monkeypatch.setattr("zoo.sound_methods._CHUNK", 2)
    assert np.abs(generator.synthesize(latents) - together).max() < 1e-5
    assert np.abs(generator.reconstruct(tones(5), phase="original") - ends).max() < 1e-5


def test_a_keras_file_and_a_preset_hold_everything(generator, tmp_path):
    generator.save(tmp_path / "generator.keras")
    generator.save_to_preset(tmp_path / "preset")
    expected = generator.sample(3, seed=0).waveforms
    for loaded in (
        keras.saving.load_model(tmp_path / "generator.keras", safe_mode=True),
        SoundGenerator.from_preset(tmp_path / "preset"),
    ):
        assert loaded.get_config() == generator.get_config()
        assert loaded.labels == ("no", "yes")
        assert np.abs(loaded.sample(3, seed=0).waveforms - expected).max() < 1e-6


def test_config_is_plain_json(generator):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(generator)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.labels == generator.labels and clone.front_end == TINY


def test_a_generator_around_an_autoencoder(tmp_path):
    network = ConvAutoencoder(None, (2,), (3,), (2,), 3, front_end=TINY)
    network.save_to_preset(tmp_path / "network")
    generator = SoundGenerator.from_preset(tmp_path / "network")
    assert generator.sample(1, seed=0).waveforms.shape == (1, 300)
    assert SoundGenerator.from_model(generator) is generator
    images = ConvAutoencoder((8, 8, 1), (2,), (3,), (2,), 3)
    for model in (JanssonUNet(filters=(2,)), images):
        with pytest.raises(InputError, match=r"makes no sounds|must have a front end"):
            SoundGenerator.from_model(model)


def test_a_sound_model_separates_nothing(generator):
    for model in (generator, generator.network):
        with pytest.raises(InputError, match="separates nothing"):
            Separator.from_model(model)


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"decibel_range": (3, 2)}, "decibel_range"),
        ({"labels": ("a", "a")}, "labels"),
        ({"iterations": -1}, "iterations"),
        ({"momentum": 1.1}, "momentum"),
    ],
)
def test_impossible_arguments_are_refused(generator, arguments, received):
    with pytest.raises(ValueError, match=f"Received: {received}="):
        SoundGenerator(generator.network, **arguments)


def test_other_front_ends_are_refused():
    network = ConvAutoencoder(None, (2,), (3,), (2,), 3, front_end=FrontEnd(frames=16))
    with pytest.raises(ValueError, match="normalization 'min_max'"):
        SoundGenerator(network)


def test_wrong_calls_are_refused(generator):
    with pytest.raises(InputError, match="maybe: no such label; the generator's are: no, yes"):
        generator.sample(1, label="maybe")
    with pytest.raises(InputError, match="Received: count=0"):
        generator.sample(0)
    with pytest.raises(InputError, match="Received: count=1"):
        generator.interpolate(*tones(2), 1)
    with pytest.raises(InputError, match="Received: count=0"):
        generator.walk(0)
    with pytest.raises(InputError, match="temperature"):
        generator.sample(1, temperature=-1)
    with pytest.raises(ValueError, match="Received: phase='zero'"):
        generator.reconstruct(tones(1), phase="zero")
    with pytest.raises(ValueError, match="there must be latents of each"):
        generator.fit_latents(np.zeros((1, 5)), ["yes"])
    with pytest.raises(ValueError, match="each latent needs a label"):
        generator.fit_latents(np.zeros((3, 5)), ["yes", "no"])

"""Reading shards: the same examples as of decoded songs, in bounded memory, the same every time."""

from dataclasses import replace

import numpy as np
import pytest

import zoo
from training.pipeline import spectrogram_patches, waveform_segments
from training.remix import Remix
from training.shards.damage import damage_named
from training.shards.memory import budget
from training.shards.plan import with_splits
from training.shards.reader import Shards
from training.shards.settings import ShardSettings
from training.shards.writer import write_shards
from training.tracks import Track
from zoo.errors import InputError
from zoo.front_end import FrontEnd

RATE = 2000
FRONT_END = FrontEnd(sample_rate=RATE, frame_length=64, frame_step=48, bins=32, frames=8)
# Running the graph, open files, three pools of some ten records, and little else.
LITTLE = 71 * 2**20 + 400_000


def arrays(dataset, batches=None):
    """Mixtures and targets, side by side in one array `(examples, values)`."""
    dataset = dataset if batches is None else dataset.take(batches)
    return np.concatenate(
        [
            np.concatenate(
                [np.reshape(t, (len(t), -1)) for t in (x, *(y[name] for name in sorted(y)))], axis=1
            )
            for x, y in dataset
        ]
    )


@pytest.fixture(scope="module")
def tracks(make_songs):
    return make_songs(16)


@pytest.fixture(scope="module")
def folder(tracks, tmp_path_factory):
    """Shards of 14 songs to train on, in eight files, and two to validate on."""
    folder = tmp_path_factory.mktemp("shards") / "s"
    settings = ShardSettings.of_front_end(FRONT_END, chunk_seconds=0.4)
    write_shards(tracks, folder, settings=settings, workers=1)
    return folder


def patches(shards, **options):
    return spectrogram_patches(shards, FRONT_END, **{"batch_size": 4, **options})


def network(**options):
    return zoo.WaveUNet("M1", levels=2, initial_filters=1, segment_samples=256, **options)


def test_fixed_patches_are_those_of_decoded_songs(tracks, folder):
    held = [track for track in with_splits(tracks, 0.1) if track.split == "validation"]
    options = {"training": False, "patches_per_song": 7, "stems": ("vocals", "accompaniment")}
    shards = Shards(folder).of("validation")
    assert len(shards) == len(held) == 2
    got = arrays(patches(shards, **options))
    np.testing.assert_allclose(got, arrays(patches(held, **options)), atol=1e-6)
    shares = [arrays(patches(shards, host=(index, 2), **options)) for index in range(2)]
    halves = [share.reshape(-1, 2, got.shape[1]) for share in (shares[0][:6], shares[1][:6])]
    np.testing.assert_array_equal(np.concatenate(halves, axis=1).reshape(12, -1), got[:12])
    np.testing.assert_array_equal([shares[0][6], shares[1][6]], got[12:])


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_segments_have_their_context_across_chunks_and_silence_around_songs(
    make_songs, tmp_path, compression
):
    model = network(sample_rate=RATE, channels=2)
    songs = [
        replace(song, split=split)
        for song, split in zip(make_songs(2, samples=2500), ("train", "validation"), strict=True)
    ]
    settings = ShardSettings.of_network(model, chunk_seconds=0.2, compression=compression)
    write_shards(songs, tmp_path / "s", settings=settings, workers=1)
    shards = Shards(tmp_path / "s")
    assert sum(shard.records for shard in shards.shards) == 6
    options = {
        "stems": ("vocals", "accompaniment"),
        "training": False,
        "segments_per_song": 40,
        "batch_size": 8,
    }
    got = arrays(waveform_segments(shards.of("validation"), model, **options))
    wanted = arrays(waveform_segments(songs[1:], model, **options))
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_songs_in_one_piece_are_for_any_network(tracks, tmp_path):
    write_shards(tracks, tmp_path / "s", settings=ShardSettings.of_front_end(FRONT_END), workers=1)
    shards = Shards(tmp_path / "s")
    assert sum(shard.records for shard in shards.shards) == len(shards) == 14
    held = [track for track in with_splits(tracks, 0.1) if track.split == "validation"]
    options = {"training": False, "stems": ("vocals", "accompaniment"), "batch_size": 4}
    model = zoo.WaveUNet(
        "M3", levels=4, initial_filters=1, segment_samples=256, sample_rate=RATE, channels=1
    )
    context = model.input_samples(256) - model.output_samples(model.input_samples(256))
    assert context > 2 * shards.settings.lead
    got = arrays(waveform_segments(shards.of("validation"), model, segments_per_song=9, **options))
    wanted = arrays(waveform_segments(held, model, segments_per_song=9, **options))
    # Sums of channels may round the other way where records lie elsewhere in memory.
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    longer = replace(FRONT_END, frames=20)
    options["patches_per_song"] = 5
    got = arrays(spectrogram_patches(shards.of("validation"), longer, **options))
    wanted = arrays(spectrogram_patches(held, longer, **options))
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_half_precision_is_near(tracks, tmp_path):
    settings = ShardSettings.of_front_end(FRONT_END, chunk_seconds=0.4, dtype="float16")
    write_shards(tracks[:4], tmp_path / "s", settings=settings, workers=1)
    held = [track for track in with_splits(tracks[:4], 0.1) if track.split == "validation"]
    options = {"training": False, "patches_per_song": 3}
    got = arrays(patches(Shards(tmp_path / "s").of("validation"), **options))
    want = arrays(patches(held, **options))
    assert 0 < np.abs(got - want).max() < 1e-3


def ramps(count, samples=3000):
    """Songs whose mixture says where it is: song / 10 + place / 100 000."""
    noise = np.zeros((samples, 1), "float32")
    ramp = np.arange(samples, dtype="float32")[:, None] / 100_000
    return [
        Track(f"{song}", RATE, 0.1 * (song + 1) + ramp, {"vocals": noise, "bass": noise})
        for song in range(count)
    ]


def test_every_place_is_drawn_equally_often(tmp_path):
    model = network(sample_rate=RATE, channels=1)
    settings = ShardSettings.of_network(model, chunk_seconds=0.3, validation_share=0.0)
    write_shards(ramps(4), tmp_path / "s", settings=settings, workers=1)
    dataset = waveform_segments(
        Shards(tmp_path / "s"), model, stems=("vocals",), batch_size=100, segments_per_song=500
    )
    mixtures = np.concatenate([x.numpy() for x, _ in dataset])[..., 0]
    assert len(mixtures) == 2000
    middle = mixtures.shape[1] // 2
    songs, places = np.divmod(mixtures[:, middle], 0.1)
    places = np.round(places * 100_000).astype(int)
    assert np.bincount(songs.astype(int)).tolist() == [0, 500, 500, 500, 500]
    # What is not silence around the song goes on from there, chunk or no chunk.
    expected = places[:, None] + np.arange(mixtures.shape[1]) - middle
    inside = (expected >= 0) & (expected < 3000)
    truth = np.where(inside, 0.1 * songs[:, None] + expected / 100_000, 0)
    np.testing.assert_allclose(mixtures, truth, atol=2e-5)
    counts = np.histogram(places - places.min(), bins=10)[0]
    assert counts.min() > 150
    assert counts.max() < 250


@pytest.mark.parametrize("remix", [None, Remix()])
def test_the_seed_fixes_the_patches(folder, remix):
    def draw(seed, batches=None, cache_memory=LITTLE, **options):
        shards = Shards(folder, cache_memory=cache_memory)
        options = {"patches_per_song": 4, "remix": remix, "first_epoch": 0, **options}
        return arrays(patches(shards, seed=seed, **options), batches)

    two_epochs = draw(1, 28)
    np.testing.assert_array_equal(two_epochs, draw(1, 28, threads=4))
    np.testing.assert_array_equal(two_epochs[56:], draw(1, 14, first_epoch=1))
    for other in (two_epochs[56:], draw(2, 14)):
        distances = np.abs(two_epochs[:56, None] - other[None]).max(axis=2)
        # Of 36 000 places, a few pairs out of 3136 may be the same one.
        assert (distances < 0.01).sum() < 4
    # Several pools, not one: other draws.
    one_pool = draw(1, 14, cache_memory="150MB")
    assert np.mean(np.abs(two_epochs[:56] - one_pool).max(axis=1) > 0.01) > 0.5


def test_an_epoch_goes_through_several_pools(folder):
    shards = Shards(folder, cache_memory=LITTLE)
    plan = budget(shards, files=7, chunks=56, record=7 * 1024, examples=80_000)
    assert 4 <= plan.records < 28
    assert plan.total <= LITTLE


def test_hosts_make_the_rows_of_one_process(folder):
    def draw(**options):
        shards = Shards(folder, cache_memory=LITTLE)
        return arrays(patches(shards, patches_per_song=4, first_epoch=3, **options), 14)

    whole = draw(remix=Remix()).reshape(14, 2, 2, -1)
    for index in range(2):
        share = draw(remix=Remix(), host=(index, 2)).reshape(14, 2, -1)
        np.testing.assert_array_equal(share, whole[:, index])


def test_hosts_may_read_files_of_their_own(tmp_path):
    model = network(sample_rate=RATE, channels=1)
    settings = ShardSettings.of_network(model, chunk_seconds=0.3, validation_share=0.0)
    write_shards(ramps(5), tmp_path / "s", settings=settings, workers=1)
    shards = Shards(tmp_path / "s", split_files=True)
    heard = []
    for index in range(2):
        dataset = waveform_segments(
            shards,
            model,
            stems=("vocals",),
            batch_size=10,
            segments_per_song=20,
            host=(index, 2),
            first_epoch=0,
        ).take(10)
        middles = np.concatenate([x.numpy()[:, x.shape[1] // 2, 0] for x, _ in dataset])
        assert len(middles) == 50
        heard.append(set((middles // 0.1).astype(int)))
    assert heard[0] | heard[1] == {1, 2, 3, 4, 5}
    assert not heard[0] & heard[1]
    with pytest.raises(InputError, match="5 files of the split train, too few for 10 hosts"):
        waveform_segments(shards, model, stems=("vocals",), batch_size=10, host=(0, 10))


def test_an_iteration_is_an_epoch_of_known_length(folder):
    dataset = patches(Shards(folder), patches_per_song=3)
    assert int(dataset.cardinality()) == 10
    first, second = arrays(dataset), arrays(dataset)
    assert len(first) == len(second) == 40
    assert np.abs(first - second).max() > 0.1


def test_too_little_memory_is_refused(folder):
    with pytest.raises(InputError, match="cache_memory=1MB is too little .* give 76MB"):
        patches(Shards(folder, cache_memory="1MB"))
    with pytest.raises(InputError, match="cache_memory='little' is no size"):
        Shards(folder, cache_memory="little")


def test_what_a_network_cannot_use_is_refused(folder):
    shards = Shards(folder)
    with pytest.raises(InputError, match="made with sample_rate=2000, here 4000 is needed"):
        spectrogram_patches(shards, replace(FRONT_END, sample_rate=4000))
    with pytest.raises(InputError, match="hold 100 samples before .* 500 from there on, here 0"):
        spectrogram_patches(shards, replace(FRONT_END, frames=20))
    with pytest.raises(InputError, match="made with channels=1, here 2 is needed"):
        waveform_segments(shards, network(sample_rate=RATE, channels=2), stems=("vocals",))
    with pytest.raises(InputError, match="no stem 'piano', they have vocals, drums, bass"):
        patches(shards, stems=("piano",))
    with pytest.raises(InputError, match="14 songs give 14 examples an epoch, less than a batch"):
        patches(shards, patches_per_song=1, batch_size=20)
    with pytest.raises(InputError, match="no songs of the split test, only train, validation"):
        shards.of("test")


def test_damaged_files_are_named(folder, tmp_path, tracks):
    settings = ShardSettings.of_front_end(FRONT_END, chunk_seconds=0.4)
    write_shards(tracks[:4], tmp_path / "s", settings=settings, workers=1)
    victim = tmp_path / "s" / "train-00001.tfrecord"
    content = bytearray(victim.read_bytes())
    content[5000] ^= 1
    victim.write_bytes(content)
    shards = Shards(tmp_path / "s")
    dataset = patches(shards, patches_per_song=4)
    with (
        pytest.raises(InputError, match="train-00001.tfrecord: is damaged; delete it") as caught,
        damage_named(tmp_path / "s"),
    ):
        arrays(dataset)
    assert len(str(caught.value).splitlines()) == 1
    victim.write_bytes(content[:5000])
    with pytest.raises(InputError, match="train-00001.tfrecord: has 5000 bytes, not 2"):
        Shards(tmp_path / "s")
    victim.unlink()
    with pytest.raises(InputError, match="train-00001.tfrecord: is missing; run stemzoo"):
        Shards(tmp_path / "s")

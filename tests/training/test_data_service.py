"""Training data made by two local workers: the batches of a single process, in its order."""

import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from training.data_service import LOST, MOST_AHEAD, Server, _joined, count_workers, served
from training.fitting import fit
from training.pipeline import spectrogram_patches
from training.recipe import load_recipe
from training.remix import Remix
from training.run import train_recipe
from zoo.cli import app
from zoo.errors import InputError

from .host_run import RECIPE, free_port
from .runs import batches, network


@pytest.fixture(scope="module")
def server():
    return Server(0, workers=2)


@pytest.fixture(scope="module")
def service(server):
    return f"grpc://{server.address}"


def test_batches_equal_those_of_one_process(service, songs, front_end, tmp_path):
    def share(host):
        options = {"batch_size": 4, "patches_per_song": 3, "first_epoch": 1, "host": host}
        return spectrogram_patches(
            songs, front_end, remix=Remix(), cache_dir=tmp_path, threads=1, **options
        ).skip(1)

    made = served(share, service, batch_size=4)
    alone = share((0, 1))
    assert made.element_spec == alone.element_spec
    # Several epochs of three batches.
    for ours, theirs in zip(made.take(20), alone.take(20), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)
    with pytest.raises(InputError, match="batch_size=3 cannot be shared equally by 2 workers"):
        served(share, service, batch_size=3)


def test_a_run_on_the_service_ends_as_one_without(service, song_folder, tmp_path):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE)
    models = [
        train_recipe(
            recipe,
            song_folder,
            tmp_path / name,
            overrides={"training.epochs": 1, "data.service": address},
        )
        for name, address in (("local", None), ("served", service))
    ]
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def shares(*workers):
    """What comes from the service: of each worker, one share of each batch after the other."""
    counts = dict.fromkeys(workers, -1)
    elements = []
    for worker in workers:
        counts[worker] += 1
        elements.append((worker, counts[worker], [[10.0 * counts[worker] + worker]]))
    columns = [np.array(column) for column in zip(*elements, strict=True)]
    return tf.data.Dataset.from_tensor_slices(tuple(columns))


def test_shares_come_in_any_order_and_a_worker_that_has_gone_is_noticed():
    for order in ((0, 1, 0, 1, 0, 1), (1, 1, 0, 0, 0, 1), (0, 0, 0, 1, 1, 1)):
        batches = list(_joined(shares(*order), workers=2, batch_size=2).as_numpy_iterator())
        np.testing.assert_array_equal(np.ravel(batches), [0, 1, 10, 11, 20, 21])
    gone = shares(0, 1, *[0] * (MOST_AHEAD + 1))
    with pytest.raises(tf.errors.InvalidArgumentError, match="a worker of the data service has"):
        list(_joined(gone, workers=2, batch_size=2))


def test_a_run_without_its_worker_ends_with_one_line(tmp_path):
    def gone(inputs, targets):
        failing = tf.debugging.assert_less(tf.shape(inputs)[0], 0, LOST)
        with tf.control_dependencies([failing]):
            return tf.identity(inputs), targets

    with pytest.raises(InputError, match="run: a worker of the data service has gone; start the"):
        fit(network(), batches().map(gone), output=tmp_path / "run")


def test_a_service_that_cannot_be_used_is_one_line(songs, front_end):
    with pytest.raises(InputError, match="is not of the form grpc://host:port"):
        count_workers("127.0.0.1:80")
    with pytest.raises(InputError, match="no dispatcher answers .*; `stemzoo data serve` starts"):
        count_workers(f"grpc://127.0.0.1:{free_port()}")
    with pytest.raises(InputError, match="no dispatcher answers"):
        Server(workers=1, dispatcher=f"127.0.0.1:{free_port()}")


def test_songs_in_memory_are_refused(service, songs, front_end):
    def share(host):
        return spectrogram_patches(songs, front_end, batch_size=4, first_epoch=0, host=host)

    with pytest.raises(InputError, match="songs decoded into memory cannot be shared: name a cach"):
        served(share, service, batch_size=4)


def test_the_recipe_names_the_service(tmp_path):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE + '\n[run]\ndevices = "all"\n')
    read = load_recipe(recipe, overrides={"data.service": "grpc://host:5050"})
    assert read.data.service == "grpc://host:5050"
    assert read.run.devices == "all"
    with pytest.raises(InputError, match="devices='some' is neither a number from 1 nor 'all'"):
        load_recipe(recipe, overrides={"run.devices": "some"})


def test_the_command_starts_what_it_is_asked_for(monkeypatch):
    servers = []
    # It would wait for the server's end.
    monkeypatch.setattr(Server, "join", lambda server: servers.append(server))
    runner = CliRunner()

    def serve(*options):
        return runner.invoke(app, ["data", "serve", *options])

    alone = serve("--dispatcher", "0", "--workers", "1")
    service = alone.stdout.strip()
    assert (alone.exit_code, count_workers(service)) == (0, 1)
    second = serve("--worker", service.removeprefix("grpc://"))
    assert (second.exit_code, second.stdout.strip()) == (0, service)
    assert count_workers(service) == 2
    for options, message in (
        ((), "name --dispatcher PORT"),
        (("--dispatcher", "0", "--worker", "localhost:1"), "exclude each other"),
        (("--worker", "localhost:1"), "no dispatcher answers"),
        (("--dispatcher", service.rpartition(":")[2]), "cannot be used"),
    ):
        refused = serve(*options)
        assert isinstance(refused.exception, InputError)
        assert message in str(refused.exception)

import json

import keras
import numpy as np
import pytest

from training.evaluation import Evaluation, evaluate, evaluate_data, signal_to_distortion
from training.tracks import Track
from zoo.errors import InputError
from zoo.front_end import FrontEnd
from zoo.inference import separate_array
from zoo.jansson_unet import JanssonUNet
from zoo.separator import Separator
from zoo.wave_unet import WaveUNet
from zoo.wiener_filter import WienerFilter

RATE = 4000


@pytest.fixture(scope="module")
def separator():
    keras.utils.set_random_seed(0)
    front_end = FrontEnd(sample_rate=RATE, frame_length=64, frame_step=48, bins=32, frames=8)
    return Separator(JanssonUNet(filters=(2, 4), front_end=front_end))


def track(name="song", stems=("vocals", "drums", "bass"), silent=(), seed=0):
    rng = np.random.default_rng(seed)
    return Track(
        name,
        RATE,
        None,
        {
            stem: rng.normal(0, 0 if stem in silent else 0.1, (3 * RATE, 2)).astype("float32")
            for stem in stems
        },
    )


def test_rows_compare_stems_and_residual_with_the_truth(separator):
    song = track()
    scores = evaluate(separator, [song, track("other", seed=1)])
    assert [(row["track"], row["stem"]) for row in scores.rows] == [
        ("song", "vocals"),
        ("song", "accompaniment"),
        ("other", "vocals"),
        ("other", "accompaniment"),
    ]
    mixture = song.load_mixture()
    estimate = separate_array(separator, mixture, RATE)["accompaniment"]
    truth = song.stems["drums"] + song.stems["bass"]
    row = scores.rows[1]
    assert row["SDR"] == pytest.approx(signal_to_distortion(truth, estimate))
    # The mixture is the truth plus the voice, of half its energy.
    assert row["mixture"] == pytest.approx(10 * np.log10(2), abs=0.1)
    assert row["improvement"] == pytest.approx(row["SDR"] - row["mixture"])


def test_a_wiener_filter_is_compared_with_the_stems_before(separator):
    song, wiener = track(), WienerFilter(frame_length=256, frame_step=64)
    scores = evaluate(separator, [song], wiener=wiener)
    assert scores.scores == ("SDR", "mixture", "improvement", "unfiltered")
    before = evaluate(separator, [song]).rows
    estimates = separate_array(separator, song.load_mixture(), RATE, wiener=wiener)
    for row, unfiltered in zip(scores.rows, before, strict=True):
        assert row["unfiltered"] == pytest.approx(unfiltered["SDR"])
        truth = {"vocals": song.stems["vocals"]}.get(row["stem"])
        truth = song.stems["drums"] + song.stems["bass"] if truth is None else truth
        assert row["SDR"] == pytest.approx(signal_to_distortion(truth, estimates[row["stem"]]))
        assert abs(row["SDR"] - row["unfiltered"]) > 0.01
        assert row["improvement"] == pytest.approx(row["SDR"] - row["mixture"])
    named = {(row["stem"], row["estimate"]) for row in scores.comparisons}
    assert ("vocals", "unfiltered") in named and " unfiltered\n" in scores.table()


def test_networks_on_waveforms_are_scored_and_other_is_what_they_do_not_name():
    network = WaveUNet("M6", sample_rate=RATE, levels=2, initial_filters=2, segment_samples=2000)
    song = track(stems=("vocals", "drums", "bass", "lead", "harmony"))
    rows = {row["stem"]: row for row in evaluate(Separator(network), [song]).rows}
    assert set(rows) == {"bass", "drums", "vocals", "other"}
    other = song.stems["lead"] + song.stems["harmony"]
    assert rows["other"]["mixture"] == pytest.approx(
        signal_to_distortion(other, song.load_mixture()), abs=1e-4
    )
    no_other = track(stems=("vocals", "drums", "bass"))
    with pytest.raises(InputError, match="has no stem 'other', but vocals, drums, bass"):
        evaluate(Separator(network), [no_other])


def test_a_mixture_padded_by_an_encoder_is_cut(separator):
    song = track()
    mixture = song.load_mixture()
    padded = np.concatenate([mixture, np.zeros((100, 2), "float32")])
    longer = Track("song", RATE, padded, song.stems)
    for ours, theirs in zip(
        evaluate(separator, [song]).rows, evaluate(separator, [longer]).rows, strict=True
    ):
        assert ours["SDR"] == pytest.approx(theirs["SDR"], abs=0.01)


def test_aggregates_are_named_and_leave_undefined_scores_out():
    rows = [
        {"track": str(i), "stem": "vocals", "SDR": value, "mixture": 0.0, "improvement": value}
        for i, value in enumerate((1.0, 2.0, 6.0, float("nan")))
    ]
    scores = Evaluation("sdr", rows, ("SDR", "mixture", "improvement"))
    by_name = {row["aggregation"]: row["SDR"] for row in scores.aggregates}
    assert by_name == {"median over tracks": 2.0, "mean over tracks": 3.0}
    report = json.loads(scores.to_json())
    assert report["tracks"][3]["SDR"] is None
    assert report["aggregation"] == "whole signal, all channels"
    table = scores.table()
    assert "sdr in dB (whole signal, all channels)" in table
    assert "median over tracks" in table


def test_bsseval_reports_medians_and_all_frames(separator):
    scores = evaluate(separator, [track(), track("quiet", silent=["vocals"])], metric="bsseval_v4")
    first, _, silent, _ = scores.rows
    assert first["SDR"] == pytest.approx(np.median(first["frames"]))
    assert np.isnan(silent["SDR"])
    # museval leaves out whole frames: the other stem's, too, where they are there.
    assert np.isnan(silent["frames"]).all() and len(silent["frames"]) == 3
    named = {row["aggregation"] for row in scores.aggregates}
    assert named == {"median over tracks", "mean over tracks", "median over all frames"}
    assert "median over a track's frames" in scores.table()
    report = json.loads(scores.to_json())
    assert report["tracks"][2]["SDR"] is None and report["unit"] == "dB"
    left_out = {(row["aggregation"], row["stem"]): row["left_out"] for row in report["aggregates"]}
    assert left_out["median over tracks", "vocals"] == 1
    assert left_out["median over all frames", "vocals"] == 3
    assert left_out["median over tracks", "accompaniment"] == 0
    lines = [" ".join(line.split()) for line in scores.table().splitlines()]
    assert lines[1].endswith("mixture improvement left out")
    assert "quiet vocals - - - - - - 3 of 3" in lines
    assert any(line.endswith("- 3 of 6") for line in lines)


def test_unusable_requests_are_refused(separator, tmp_path):
    with pytest.raises(ValueError, match="Received: metric='snr'"):
        evaluate(separator, [track()], metric="snr")
    with pytest.raises(InputError, match="no songs"):
        evaluate(separator, [])
    with pytest.raises(InputError, match="song: has no stem 'vocals', but drums, bass"):
        evaluate(separator, [track(stems=("drums", "bass"))])
    path = tmp_path / "model.keras"
    separator.networks["vocals"].save(path)
    with pytest.raises(InputError, match="synthetic:1: is not of the form synthetic:SEED:COUNT"):
        evaluate_data(path, "synthetic:1")
    with pytest.raises(InputError, match="metric 'snr' is none of sdr, .*bsseval_v4, all"):
        evaluate_data(path, "synthetic:1:1", metrics=["snr"])
    with pytest.raises(InputError, match="absent"):
        evaluate_data(path, tmp_path / "absent")

"""The report's figures, its JSON and the table."""

import json

import export


def test_figures(network_reports, format):
    report = network_reports[format]
    assert report.format == format
    assert set(report.errors) == {"vocals", "accompaniment"}
    assert report.max_error == max(report.errors.values()) <= report.tolerance == 1e-4
    assert 0 < report.latency < 5 and 0 < report.keras_latency < 5
    assert report.real_time_factor == 2 / report.latency
    assert list(report.operators) == sorted(report.operators)
    assert {"keras", "tensorflow"} <= set(report.versions)
    assert 2000 < report.size < 200_000


def test_json_round_trip(network_reports, tmp_path):
    report = network_reports["onnx"]
    report.save_json(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved["inputs"]["mixture"] == {"shape": [None, 16, None, 1], "dtype": "float32"}
    assert saved["checked_shapes"][1] == {"mixture": [2, 16, 192, 1]}
    assert saved["max_error"] == report.max_error
    assert saved["real_time_factor"] == report.real_time_factor
    assert saved["operators"]["ConvTranspose"] == 1


def test_table(network_reports):
    lines = export.table(network_reports.values()).splitlines()
    assert all(name in lines[1] for name in ("format", "size", "max error", "real-time factor"))
    rows = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert rows == ["saved_model", "tflite", "onnx"]
    assert all(len(line) <= 100 for line in lines)


def test_no_real_time_factor_without_seconds(network_reports, network):
    report = export.verify(network_reports["tflite"].path, network)
    assert report.real_time_factor is None
    assert "tflite" in export.table([report])

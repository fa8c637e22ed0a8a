"""``cifarq-export`` as it is typed."""

import json
import os

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")


def test_format_onnx_alone_works_as_typed_and_says_what_to_do_next(run, tmp_path):
    done = run("cifarq_export", "--format", "onnx")
    assert done.returncode == 0, done.stderr
    # Weights of 7 bits, for x86 without VNNI, lose more, and still agree: no image is asked for.
    warned = done.stderr.splitlines()
    assert all(line.startswith("Warning: the machine is busy") for line in warned)
    assert sorted(p.name for p in (tmp_path / "seed-cnn-bundle").iterdir()) == [
        "edge-bench.pyz",
        "golden.npz",
        "manifest.json",
        "seed-cnn-fp32.onnx",
        "seed-cnn-int8-dynamic.onnx",
        "seed-cnn-int8-static.onnx",
    ]
    *_, copy, measure = lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert copy.split() == ["scp", "-r", "seed-cnn-bundle", "pi@raspberrypi.local:"]
    assert measure.endswith("python3 seed-cnn-bundle/edge-bench.pyz")
    again = run("cifarq_export", "--format", "onnx")
    assert again.returncode == 1 and "is not empty. Give --overwrite" in again.stderr


def test_an_export_for_a_pi_warns_of_nothing_whatever_this_cpu_is(run, tmp_path):
    static = ("--format", "onnx", "--precision", "int8-static", "--target", "pi5")
    done = run("cifarq_export", *static, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (artifact,) = json.loads(done.stdout)["artifacts"]
    assert artifact["target"] == "arm64" and artifact["fallback"] == []
    assert artifact["parity"]["top1_agreement"] >= 0.99


@pytest.mark.slow
def test_the_exported_bundle_runs_pytorch_and_onnx_rows(run, everything):
    quick = ("--rounds", "1", "--min-runs", "5", "--min-time", "0", "--accuracy-images", "50")
    done = run("edge_runtime", everything, *quick, "--output", "csv")
    assert done.returncode == 0, done.stdout + done.stderr
    header, *rows = done.stdout.splitlines()
    assert "speed vs torchscript fp32" in header
    assert [[*row.split(",")[3:6], row.split(",")[8]] for row in rows] == [
        ["torch", "torchscript", "fp32", "ok"],
        ["torch", "torchscript", "int8-dynamic", "ok"],
        ["onnxruntime", "onnx", "fp32", "ok"],
        ["onnxruntime", "onnx", "int8-dynamic", "ok"],
        ["onnxruntime", "onnx", "int8-static", "ok"],
        ["onnxruntime", "onnx", "int8-dynamic-conv", "ok"],
    ]


@pytest.mark.slow
def test_slow_dynamic_convolutions_are_not_shipped_and_the_reason_is_said(run, tmp_path):
    asked = ("--precision", "int8-dynamic-conv", "--out", "b")
    done = run("cifarq_export", *asked)
    assert "Skipped: torchscript cannot be written as int8-dynamic-conv." in done.stderr
    if "the machine is busy" in done.stderr:
        pytest.skip("the machine is busy: the speed gate does not judge")
    assert done.returncode == 1 and not (tmp_path / "b").exists()
    assert "speed gate: seed-cnn-int8-dynamic-conv.onnx: runs at 0." in done.stderr
    assert "4 convolutions run as ConvInteger" in done.stderr
    assert "Lower --min-speedup if it is wanted for its size. --force ships it" in done.stderr
    forced = run("cifarq_export", *asked, "--force", "--json")
    assert forced.returncode == 0, forced.stderr
    if "the machine is busy" in forced.stderr:
        pytest.skip("the machine became busy: the speed gate did not judge again")
    assert "shipped by --force although it fails the speed gate" in forced.stderr
    (artifact,) = json.loads(forced.stdout)["artifacts"]
    assert artifact["overridden"] == ["speed"]
    assert artifact["quantized"]["int8"] == {"ConvInteger": 4, "DynamicQuantizeMatMul": 2}
    # Timings never enter the manifest.
    assert not {key for key in artifact if "speed" in key or "_ns" in key}
    shown = run("edge_runtime", "b", "--rounds", "1", "--min-runs", "2", "--min-time", "0")
    assert "failed the exporter's speed gate and was shipped by --force." in " ".join(
        shown.stdout.split()
    )


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["--format", "onx"], 2, "no format 'onx'. Did you mean 'onnx'?"),
        (["--format", "torchscript", "--precision", "int8-dynamic-conv"], 2, "cannot be written"),
        (["nowhere"], 1, "nowhere is no checkpoint"),
        (["weights.pth"], 1, "are never read"),
        (["--data-dir", "empty"], 1, "no data set in empty"),
        (["--out", "occupied"], 1, "is not empty"),
        (["--out", "weights.pth"], 1, "is a file"),
        (["--out", "/proc/nothing/bundle"], 1, "cannot write to --out /proc/nothing/bundle"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run, tmp_path, arguments, code, message):
    (tmp_path / "weights.pth").write_bytes(b"\x80\x04pickle")
    (tmp_path / "empty").mkdir()
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "thesis.tex").write_text("years of work")
    before = sorted(tmp_path.rglob("*"))
    done = run("cifarq_export", *arguments)
    assert done.returncode == code
    assert message in done.stderr and "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_formats_lists_what_each_can_be_written_as(run):
    done = run("cifarq_export", "formats", "--json")
    listed = json.loads(done.stdout)
    assert list(listed) == ["torchscript", "onnx", "pt2", "litert", "ncnn", "mnn", "executorch"]
    assert listed["torchscript"] == {"precisions": ["fp32", "int8-dynamic"], "engines": ["torch"]}
    assert listed["onnx"] == {
        "precisions": ["fp32", "int8-dynamic", "int8-static", "int8-dynamic-conv"],
        "engines": ["onnxruntime", "openvino"],
    }
    shown = run("cifarq_export", "formats").stdout.splitlines()
    assert shown[-1].split() == ["executorch", "fp32,", "int8-static", "executorch"]


@pytest.mark.slow
def test_a_model_of_ones_own_goes_from_images_to_a_measured_bundle(run, tmp_path):
    from PIL import Image

    draw = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 12)):
        for label, name in enumerate(("blue", "green", "red")):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = draw.integers(0, 80, (16, 16, 3), dtype=np.uint8)
                pixels[..., 2 - label] += 150
                Image.fromarray(pixels).save(folder / f"{i}.png")
    data = ("--data-dir", "data")
    done = run(
        "cifarq", "train", "seed-cnn", *data, "--epochs", "3", "--out", "run", "--batch-size", "16"
    )
    assert done.returncode == 0, done.stderr
    done = run("cifarq_export", "run", *data, "--min-speedup", "0", "--out", "bundle")
    assert done.returncode == 0, done.stderr
    quick = ("--rounds", "1", "--min-runs", "3", "--min-time", "0")
    done = run("edge_runtime", "bundle", *quick, "--json", "r.json")
    assert done.returncode == 0, done.stdout
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert len(rows) == 5
    assert all(row["accuracy"]["images"] == 36 for row in rows)
    assert all(row["accuracy"]["right"] >= 34 for row in rows)  # colours are easy to tell apart


def test_an_engine_that_cannot_be_imported_is_one_line(run, tmp_path):
    (tmp_path / "onnxruntime.py").write_text("raise ValueError('no license\\nfor you')")
    where = os.pathsep.join(filter(None, (str(tmp_path), os.getenv("PYTHONPATH"))))
    done = run("cifarq_export", env={"PYTHONPATH": where})
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == "Error: onnxruntime cannot be imported: no license.\n"

"""Every precision in one table."""

import json

import pytest


@pytest.mark.slow
def test_all_precisions_of_a_format_in_one_table(run, tmp_path):
    few = ("--validation-images", "60", "--calibration-images", "32")
    done = run("cifarq_export", "compare", "--format", "onnx", *few, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["validation_images"] == 60 and found["reference"] == "seed-cnn-fp32.onnx"
    rows = {row["precision"]: row for row in found["rows"]}
    assert list(rows) == ["fp32", "int8-dynamic", "int8-static", "int8-dynamic-conv"]
    for row in rows.values():
        assert 0.8 < row["top1"]["value"] <= 1 and row["agreement"]["value"] > 0.9
        if not row["busy"]:
            assert row["speed"]["low"] <= row["speed"]["value"] <= row["speed"]["high"]
    # What holds on any CPU by a wide margin: ConvInteger is far slower than FP32.
    slow = rows["int8-dynamic-conv"]
    assert slow["speed"] is None if slow["busy"] else slow["speed"]["high"] < 0.9
    assert rows["int8-static"]["size_bytes"] < rows["int8-dynamic"]["size_bytes"]
    assert list(tmp_path.iterdir()) == []  # nothing is shipped


@pytest.mark.slow
def test_the_table_is_readable(run):
    done = run("cifarq_export", "compare", "--format", "torchscript", "--validation-images", "40")
    assert done.returncode == 0, done.stderr
    first, heading, _, fp32, int8, *_ = done.stdout.splitlines()
    assert first.split() == ["top-1", "drop"]
    assert heading.split()[:2] == ["artifact", "bytes"]
    assert fp32.split()[0] == "seed-cnn-fp32.torchscript.pt" and fp32.split()[-1] == "1"
    assert int8.split()[0] == "seed-cnn-int8-dynamic.torchscript.pt" and "[" in int8
    assert "interleaved, 3 starts of each process" in done.stdout

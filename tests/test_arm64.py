"""The record of what artifacts compute on emulated Arm cores: drawn from it, judged from it."""

import copy
import json
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
RECORD = REPOSITORY / "benchmarks" / "results" / "arm64.json"
CORES = {"cortex-a53", "cortex-a72", "cortex-a76"}


@pytest.fixture(scope="module")
def comparison():
    sys.path.insert(0, str(REPOSITORY / "benchmarks" / "arm64"))
    try:
        import comparison

        yield comparison
    finally:
        del sys.path[0]


@pytest.fixture
def record():
    return json.loads(RECORD.read_text())


def test_the_report_is_drawn_from_the_record(comparison, record):
    assert comparison.markdown(record) == RECORD.with_suffix(".md").read_text()


def test_every_artifact_ran_on_every_core_over_the_whole_golden_pack(comparison, record):
    assert record["settings"]["images"] == 500
    ran = {(file, core) for file, _, core, _ in comparison.rows(record)}
    assert ran == {(file, core) for file in record["artifacts"] for core in CORES}
    precisions = {(a["format"], a["precision"]) for a in record["artifacts"].values()}
    assert precisions == {
        ("onnx", "fp32"),
        ("onnx", "int8-dynamic"),
        ("onnx", "int8-static"),
        ("torchscript", "fp32"),
        ("torchscript", "int8-dynamic"),
    }


def test_it_keeps_the_limits_and_holds_no_time(comparison, record):
    assert comparison.problems(record) == []
    text = RECORD.read_text()
    for word in ("_ns", "_ms", '_s"', "latency", "seconds"):
        assert word not in text


def test_an_artifact_beyond_a_limit_is_a_problem(comparison, record):
    for file, artifact, core, found in list(comparison.rows(record)):
        worse = copy.deepcopy(found)
        parity = worse["against_x86"]
        if artifact["precision"] == "fp32":
            parity["largest_difference"] = 1e-3 * max(1.0, parity["largest_logit"]) * 1.01
        else:
            parity["agree"] = parity["images"] * 61 // 64
        assert comparison.problem(artifact["precision"], worse), (file, core)
        assert comparison.problem(artifact["precision"], found) is None

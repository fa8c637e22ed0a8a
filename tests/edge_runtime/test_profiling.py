"""Profiles of real engines, in real processes: what they tell, and that nothing is mixed."""

import json
from statistics import median

import numpy as np
import pytest

from edge_runtime import engines
from edge_runtime.bundle import golden, manifest
from edge_runtime.engines import Options
from edge_runtime.measure import profiling, timing
from edge_runtime.operators.operator import Call, Operator
from edge_runtime.results import document

QUICK = ("--rounds", "2", "--min-runs", "6", "--min-time", "0", "--accuracy-images", "20")
SEED_CNN_MACS = 78_481_920


@pytest.fixture
def artifact(bundle):
    """The content of the small bundle's artifact, and a batch of one image for it."""
    content = manifest.read(bundle)
    pack = golden.of_bundle(bundle, content)
    (one,) = content.artifacts
    return (bundle / one.file).read_bytes(), content.preprocessing.apply(pack.images[:1])


def test_a_run_profiles_each_row_once_after_its_rounds(bundle, run, tmp_path):
    file = tmp_path / "results.json"
    done = run("edge_runtime", bundle, *QUICK, "--profile", "--json", file)
    assert done.returncode == 0, done.stderr
    (row,) = document.read(file).rows
    profile = row.profile
    assert not profile.reason and document.read(file).settings.profile
    assert sum(one.macs or 0 for one in profile.operators) == SEED_CNN_MACS
    first = profile.operators[0]
    assert (first.kind, first.macs, first.output) == ("Conv", 884_736, (1, 32, 32, 32))
    in_int8 = {one.kind for one in profile.operators if one.int8}
    assert in_int8 == {"DynamicQuantizeMatMul"}
    assert "ReorderOutput" in {one.kind for one in profile.conversions}
    assert 0 < profile.total_ns < profile.call_ns
    assert profile.ceiling_fp32_macs_per_s > 1e8 and profile.ceiling_int8_macs_per_s > 1e8
    assert "Operators of onnx int8-dynamic:" in done.stdout
    assert "- its 11 operators take " in done.stdout
    assert "not in INT8: Conv, " in done.stdout
    again = json.loads(file.read_text())
    again["rows"][0]["profile"] = None
    file.write_text(json.dumps(again))
    resumed = run("edge_runtime", bundle, *QUICK, "--profile", "--json", file, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    (later,) = document.read(file).rows
    assert later.turns == row.turns and len(later.profile.operators) == len(profile.operators)


def test_without_the_option_nothing_is_profiled(bundle, run, tmp_path):
    file = tmp_path / "results.json"
    done = run("edge_runtime", bundle, *QUICK, "--json", file)
    assert json.loads(file.read_text())["rows"][0]["profile"] is None
    assert "Operators of" not in done.stdout and "operators: " not in done.stdout


def test_the_operators_add_up_to_the_timed_call(artifact):
    """Within 10 %: profiled and plain calls take turns, as other programs share the machine.

    Of both the fastest calls are compared: an interruption only adds. Within each profiled call,
    whatever else ran, the operators are nearly all of it too.
    """
    content, batch = artifact
    engines.require("onnxruntime")
    engine = engines.get("onnxruntime")
    plain = engine.load(content, "m", Options())
    timed, totals, shares = [], [], []
    for _ in range(6):
        calls = timing.samples(lambda: plain.run(batch), timing.Enough(40, 0.1))
        timed += calls
        told = engine.profile(content, "m", Options(), batch, 0.2)
        sums = [sum(one.time_ns for one in call.operators) for call in told.calls]
        totals += sums
        shares += [s / call.duration_ns for s, call in zip(sums, told.calls, strict=True)]
    assert 0.9 < median(shares) < 1
    assert 0.9 < min(totals) / min(timed) < 1.1


def test_no_file_is_left_behind(artifact, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(empty))
    content, batch = artifact
    engines.require("onnxruntime")
    assert engines.get("onnxruntime").profile(content, "m", Options(), batch, 0.05).calls
    assert not list(empty.iterdir())


def test_an_engine_without_a_profiler_says_so(artifact):
    for name in engines.names():
        if not hasattr(engines.get(name), "profile"):
            told = profiling.measure(name, *artifact[:1], "m", Options(), artifact[1], 0.1)
            assert told.reason == f"the Python package of {name} tells no times of operators"
            assert not told.operators and told.ceiling_fp32_macs_per_s is None
    assert not hasattr(engines.get("litert"), "profile")


def test_a_profiler_that_fails_is_a_reason_and_no_failed_row(bundle, run, fake_engine):
    code = (
        "import sys; sys.path.remove(__file__.rpartition('/')[0]); del sys.modules['onnxruntime']\n"
        "import onnxruntime\n"
        "sys.modules['onnxruntime'] = onnxruntime\n"
        "def fail(self): raise RuntimeError('no profile')\n"
        "onnxruntime.InferenceSession.end_profiling = fail\n"
    )
    done = run(
        "edge_runtime",
        bundle,
        *QUICK,
        "--profile",
        "--output",
        "json",
        env=fake_engine("onnxruntime", code),
    )
    (row,) = json.loads(done.stdout)["rows"]
    assert row["status"] == "ok" and row["turns"] and done.returncode == 0
    assert row["profile"]["reason"] == (
        f"failed: onnxruntime cannot profile {row['file']}: no profile."
    )


def call(duration_ns, *times_ns, **changes):
    operators = (Operator(f"o{i}", "Conv", t, macs=5, **changes) for i, t in enumerate(times_ns))
    return Call(duration_ns, tuple(operators))


def test_times_are_means_over_the_middle_half_of_the_calls():
    calls = [call(d, d - 1, 1) for d in (10, 11, 12, 13, 14, 15, 16, 10_000)]
    first, second = profiling.means(profiling.middle(calls))
    assert (first.time_ns, second.time_ns) == (12.5, 1)
    assert profiling.means(profiling.middle([call(9, 8)]))[0].time_ns == 8


def test_an_operator_that_runs_twice_in_a_call_is_one_with_both_times():
    twice = Operator("o", "Conv", 3.0, macs=5)
    (merged,) = profiling.means([Call(9, (twice, twice))] * 4)
    assert (merged.time_ns, merged.calls, merged.macs) == (6, 2, 10)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_pytorch_tells_its_outermost_operators(tmp_path):
    import io

    import torch
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(), nn.Linear(8 * 14 * 14, 10),
    ).eval()  # fmt: skip
    file = io.BytesIO()
    torch.jit.save(torch.jit.freeze(torch.jit.script(net)), file)
    batch = np.zeros((2, 3, 32, 32), np.float32)
    engines.require("torch")
    told = profiling.measure("torch", file.getvalue(), "m", Options(), batch, 0.2)
    counted = {one.output: one.macs for one in told.operators if one.macs}
    assert counted == {
        (2, 8, 16, 16): 2 * 8 * 16 * 16 * 27,
        (2, 8, 14, 14): 2 * 8 * 14 * 14 * 9,
        (2, 10): 2 * 10 * 8 * 14 * 14,
    }
    shallow = [one.output for one in told.operators if one.kind.endswith("(depthwise)")]
    assert shallow == [(2, 8, 14, 14)]
    assert 0 < told.total_ns < told.call_ns
    assert told.ceiling_fp32_macs_per_s > 1e8 and told.ceiling_int8_macs_per_s is None

"""Why a row is as fast as it is: causes that were planted, and that real profiles show."""

import functools
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="networks are made with it")
pytest.importorskip("onnxruntime", reason="they run on it")

from edge_runtime import engines
from edge_runtime.engines import Options
from edge_runtime.measure import profiling, timing
from edge_runtime.operators import kinds
from edge_runtime.operators.operator import Operator
from edge_runtime.results import causes, verdict
from edge_runtime.results.profile import Profile

spec = spec_from_file_location("planted", Path(__file__).with_name("planted.py"))
planted = module_from_spec(spec)
spec.loader.exec_module(planted)

BATCH = np.random.default_rng(1).normal(size=(1, 3, 32, 32)).astype(np.float32)
SECONDS = 0.4
ENGINE = "onnxruntime"


@pytest.fixture(scope="module")
def measure():
    """Time some calls of a network in this process, and profile it; each network once.

    The fastest quarter of the calls alone: other programs share the machine, and come and go
    between the calls that are timed and those that are profiled.
    """

    @functools.cache
    def once(content):
        engines.require(ENGINE)
        session = engines.load(ENGINE, content, "m.onnx")
        enough = timing.Enough(20, 0.2)
        timing.warm_up(lambda: session.run(BATCH))
        taken = [sorted(timing.samples(lambda: session.run(BATCH), enough)) for _ in range(3)]
        rounds = [tuple(samples[: len(samples) // 4]) for samples in taken]
        return rounds, profiling.measure(ENGINE, content, "m.onnx", Options(), BATCH, SECONDS)

    return once


@pytest.fixture
def measured(make_row, measure):
    """Make the row of a network that was measured here."""

    def make(content, precision, file="m.onnx"):
        rounds, profile = measure(content)
        return make_row(file, precision, rounds, profile=profile)

    return make


def sentences(results, row, *others):
    run = replace(results, rows=(row, *others))
    return causes.of(row, run, verdict.judge(run))


def one(found, beginning):
    """The sentence that begins so."""
    (sentence,) = [sentence for sentence in found if sentence.startswith(beginning)]
    return sentence


def begins(found, beginning):
    return any(sentence.startswith(beginning) for sentence in found)


def test_hard_swish_left_in_float_is_named(results, measured):
    int8 = measured(planted.hard_swish(), "int8-static")
    fp32 = measured(planted.plain("HardSwish"), "fp32", "fp32.onnx")
    found = sentences(results, int8, fp32)
    cause = one(found, "conversions between INT8 and float take ")
    assert "around what stays in float: " in cause and "HardSigmoid " in cause
    assert "--precision int8-static: this exporter writes HardSwish" in cause
    assert "conversions take " in " ".join(found) and "onnx fp32" in " ".join(found)
    assert not begins(sentences(results, fp32, int8), "conversions between")


def test_convolutions_of_dynamic_int8_are_named(results, measured):
    int8 = measured(planted.conv_integer(), "int8-dynamic-conv")
    fp32 = measured(planted.plain(), "fp32", "fp32.onnx")
    cause = one(sentences(results, int8, fp32), "ConvInteger, the convolution of dynamic INT8, ")
    assert f"({planted.LAYERS}), at " in cause and "where FP32's Conv reaches " in cause
    assert "Export --precision int8-static" in cause
    assert not begins(sentences(results, fp32, int8), "ConvInteger")


def test_depthwise_convolutions_that_reach_little_are_named(results, measured):
    row = measured(planted.depthwise(), "fp32")
    cause = one(sentences(results, row), "depthwise convolutions take ")
    assert f"({planted.LAYERS}) for " in cause and "its other products " in cause
    shallow = [o.macs for o in row.profile.operators if kinds.is_depthwise(o.kind)]
    assert shallow == [planted.DEPTHWISE_CHANNELS * 32 * 32 * 9] * planted.LAYERS
    assert not begins(sentences(results, measured(planted.plain(), "fp32")), "depthwise")


def test_a_network_too_small_for_its_overhead_is_named(results, measured):
    row = measured(planted.tiny(), "fp32")
    cause = one(sentences(results, row), "too small for its overhead: ")
    assert "--batch-size 8" in cause and "onnxruntime takes 0.0" in cause
    assert row.profile.smallest_call_ns < row.latency_ns(50)
    assert not begins(sentences(results, measured(planted.plain(), "fp32")), "too small")


def conv(name, time_ns, macs=None, **changes):
    values = {"kind": "Conv", "macs": macs, "int8": False, "output": (1, 8, 4, 4)}
    return Operator(name, time_ns=time_ns, **{**values, **changes})


def test_a_profile_is_told_in_its_figures(results, make_row):
    fast = [(1_000_000 + i,) * 30 for i in (-9, 0, 9)]
    slow = [(2_000_000 + i,) * 30 for i in (9, 0, -9)]
    fp32 = make_row(
        "a.onnx", "fp32", slow, profile=Profile((conv("c", 1.8e6, 36_000_000),), 1.9e6, 40e9, None)
    )
    operators = (
        conv("q", 1e5, kind="QuantizeLinear"),
        conv("c", 8e5, 36_000_000, kind="QLinearConv", int8=True),
        conv("r", 5e4, kind="Reshape", int8=True),
    )
    int8 = make_row("b.onnx", "int8-static", fast, profile=Profile(operators, 1e6, 40e9, 90e9))
    run = replace(results, rows=(fp32, int8))
    judged = verdict.judge(run)
    assert causes.of(fp32, run, judged) == (
        "its 1 operators take 1.800 ms (timed median: 2.000 ms): Conv 100 % (1).",
        "convolutions and matrix products in FP32 reach 20.0 GMAC/s, 50 % of a large product's "
        "here (40.0).",
    )
    told = causes.of(int8, run, judged)
    assert told == (
        "its 3 operators take 0.950 ms (timed median: 1.000 ms): QLinearConv 84 % (1), "
        "QuantizeLinear 11 % (1), Reshape 5 % (1).",
        "convolutions and matrix products in INT8 reach 45.0 GMAC/s, 50 % of a large product's "
        "here (90.0).",
        "faster than onnx fp32, 2.00 [2.00, 2.00] times its speed: convolutions and matrix "
        "products take 0.800 ms instead of 1.800, conversions take 0.100 ms instead of 0.000 and "
        "other operators take 0.050 ms instead of 0.000.",
        "conversions between INT8 and float take 11 % (1). `cifarq-export explain` says which "
        "operators have no INT8 kernel.",
    )
    slower = causes.of(
        replace(int8, turns=make_row("b", "x", [(4_000_000,) * 30] * 3).turns), run, judged
    )
    assert "slower than onnx fp32, 0.50" in slower[2]


def test_a_machine_that_was_slower_while_a_row_was_timed_is_no_overhead(results, make_row):
    profile = Profile((conv("c", 1e6),), 1.05e6)
    assert begins(
        sentences(results, make_row("a.onnx", "fp32", [(10**7,) * 9], profile=profile)), "its 1"
    )
    row = make_row("a.onnx", "fp32", [(10**7,) * 9], profile=profile)
    assert not begins(sentences(results, row), "too small")
    both = replace(row, profile=replace(profile, call_ns=9e6))
    assert begins(sentences(results, both), "too small")
    cut = replace(row, profile=replace(profile, call_ns=9e6, resolution_ns=9e6))
    assert not begins(sentences(results, cut), "too small")


def test_what_was_slowed_while_it_was_profiled_says_so(results, make_row):
    row = make_row("a.onnx", "fp32", [(10**6,) * 9], profile=Profile((conv("c", 1.5e6),), 2e6))
    assert begins(sentences(results, row), "profiled, they took 1.50 times the timed median")


def test_dynamic_int8_that_leaves_convolutions_in_float_says_so(results, make_row):
    operators = (conv("c", 9e5, 97), conv("m", 1e5, 3, kind="DynamicQuantizeMatMul", int8=True))
    row = make_row("a.onnx", "int8-dynamic", [(10**6,) * 9], profile=Profile(operators, 1e6))
    assert one(sentences(results, row), "not in INT8") == (
        "not in INT8: Conv, 90 % of the time and 97 % of the multiply-accumulates. --precision "
        "int8-static computes convolutions in INT8 too."
    )


def test_a_row_without_a_profile_has_no_causes(results, make_row):
    for profile in (None, Profile(reason="none")):
        row = make_row("a.onnx", "fp32", [(10**6,) * 9], profile=profile)
        assert sentences(results, row) == ()

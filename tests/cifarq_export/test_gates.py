"""What ships and what does not: gates, the fallback, and the sentences that say why."""

import json

import numpy as np
import pytest

from cifarq.data.labelled import LabelledImages
from cifarq_export.check import baseline, gates, sensitivity, speed
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.baseline import Baseline
from cifarq_export.check.gates import Limits
from cifarq_export.check.sensitivity import Subject, Trial
from cifarq_export.explain import Explanation, Operator
from cifarq_export.sources import checkpoint
from edge_runtime.results.statistics import Estimate

NAME = "m-int8-static.onnx"
QUICK = (
    *("--format", "onnx", "--precision", "int8-static", "--min-speedup", "0"),
    *("--calibration", "minmax"),  # others lose less
)


def compared(lost, gained, count=1000):
    """Answers to ``count`` images of class 0, ``lost`` and ``gained`` of them unlike FP32's."""
    fp32 = np.zeros((count, 2), np.float32)
    int8 = fp32.copy()
    fp32[:, 0], int8[:, 0] = 1, 1
    int8[:lost, 0], int8[:lost, 1] = 0, 2
    fp32[count - gained :, 0], fp32[count - gained :, 1] = 0, 2
    images = LabelledImages(np.zeros((count, 3, 1, 1), np.uint8), np.zeros(count, np.int64))
    return gates.compare(int8, Baseline(images, fp32))


def test_the_drop_is_paired_and_in_points():
    found = compared(lost=30, gained=10)
    assert found.drop.value == pytest.approx(2.0)
    assert found.drop.low < 2 < found.drop.high
    assert found.agreement.value == pytest.approx(0.96)
    assert found.top1.value == pytest.approx(0.97)


def test_accuracy_fails_only_where_the_interval_lies_above_what_is_allowed():
    bad = compared(lost=30, gained=0)
    failure = gates.accuracy_failure(NAME, bad, Limits(), "conv3 loses most. ")
    assert failure is not None and failure.gate == "accuracy"
    text = str(failure)
    assert text.startswith(f"accuracy gate: {NAME}: the top-1 drop is 3.00 [")
    assert "allowed 0.5. conv3 loses most. Try --calibration" in text
    assert gates.accuracy_failure(NAME, bad, Limits(max_drop=5)) is None
    assert gates.accuracy_failure(NAME, compared(lost=12, gained=4), Limits()) is None


def test_too_few_images_to_tell_is_a_warning_with_the_interval():
    unclear = compared(lost=12, gained=4)
    warning = gates.accuracy_warning(NAME, unclear, Limits())
    assert warning is not None and "1,000 validation images are too few to tell" in warning
    assert str(unclear.drop) in warning and "--validation-images" in warning
    assert gates.accuracy_warning(NAME, compared(0, 0), Limits()) is None
    assert gates.accuracy_warning(NAME, compared(300, 0), Limits()) is None  # that is a failure


@pytest.mark.parametrize(
    "interval, fails, warns",
    [
        ((0.70, 0.60, 0.79), True, True),
        ((0.75, 0.70, 0.81), False, True),
        ((0.90, 0.85, 0.99), False, True),
        ((0.99, 0.95, 1.03), False, False),
        ((3.00, 2.90, 3.10), False, False),
    ],
)
def test_speed_fails_only_where_the_whole_interval_is_below(interval, fails, warns):
    measured = Estimate(*interval)
    failure = gates.speed_failure(NAME, measured, Limits(), "because")
    assert (failure is not None) is fails
    assert (gates.speed_warning(NAME, measured, "because") is not None) is warns
    if failure:
        assert "runs at 0.70 [0.60, 0.79] times the speed of FP32" in str(failure)
        assert "allowed 0.8: because" in str(failure)


def explanation(*operators, between=0):
    return Explanation(tuple(Operator("l", *o) for o in operators), between)


@pytest.mark.parametrize(
    "what, said",
    [
        (explanation(("ConvInteger", True, 9, 9, 90)), "1 convolutions run as ConvInteger"),
        (explanation(("QLinearConv", True, 9, 9, 90), between=4), "4 conversions between"),
        (
            Explanation((Operator("l", "HardSigmoid", False, no_kernel=True),) * 2, 4),
            "left between its operators: ONNX Runtime has no INT8 kernel for HardSigmoid (2)",
        ),
        (
            explanation(("FusedConv", False, 9, 0, 97), ("QGemm", True, 90, 90, 3)),
            "only 3.0 % of its multiply-accumulates are INT8, which bounds the arithmetic's gain "
            "at 1.03 times",
        ),
        (explanation(("QLinearConv", True, 9, 9, 90)), "100.0 % of its multiply-accumulates are"),
        (None, "unknown"),
    ],
)
def test_what_was_counted_in_a_slow_artifact_is_said_and_no_more(what, said):
    assert said in speed.describe(what)


@pytest.mark.parametrize("logits", [[[1, 2], [1, 2]], [[1, np.nan], [1, 2]], [[np.inf, 1], [1, 2]]])
def test_answers_of_no_use_cannot_be_shipped(logits):
    images = LabelledImages(np.zeros((2, 3, 1, 1), np.uint8), np.zeros(2, np.int64))
    fp32 = Baseline(images, np.eye(2, dtype=np.float32))
    checked = gates.compare(np.asarray(logits, np.float32), fp32)
    with pytest.raises(gates.ExportError, match=r"the model is broken\. Nothing was written"):
        checked.require_useful(NAME)
    gates.compare(np.eye(2, dtype=np.float32), fp32).require_useful(NAME)


@pytest.fixture
def subject(recipe, shipped_images):
    """Return what is judged as a CPU computes it that does not saturate, whatever runs the test."""

    def make(source, **changes):
        fp32 = baseline.answer(source, shipped_images.validation)
        return Subject(source, "onnx", recipe(**changes), fp32, JudgedBy.REFERENCE)

    return make


def first_trial(made, path):
    """Write the artifact with all layers in INT8, and check it."""
    return Trial(made.write(path), made.check(path))


def test_a_ruined_layer_is_found_by_the_layers_costs(tmp_path, ruin, subject):
    costs = sensitivity.layer_costs(subject(checkpoint.source(ruin(tmp_path / "ruined", 300))))
    assert {cost.layer for cost in costs[:2]} == {"conv2", "conv3"}
    assert costs[1].changed > 0.3 and costs[2].changed < 0.05
    assert costs[1].snr_db < 10 < 25 < costs[2].snr_db
    assert "conv2 (alone changes" in sensitivity.describe_worst(costs)


def test_layers_costs_are_not_found_twice(seed_cnn, subject, monkeypatch):
    monkeypatch.setattr(sensitivity, "IMAGES", 8)
    made = subject(seed_cnn)
    first = sensitivity.layer_costs(made)
    told = []
    with monkeypatch.context() as patch:
        patch.setattr(sensitivity, "_cost", None)
        assert sensitivity.layer_costs(made, lambda *done: told.append(done)) == first
    assert told == [(6, 6)]
    monkeypatch.setattr(sensitivity, "IMAGES", 9)  # other images, other costs
    assert sensitivity.layer_costs(made) != first


@pytest.mark.parametrize(
    "trials, kept",
    [
        pytest.param(1, 0, marks=pytest.mark.slow),
        (2, 2),
        pytest.param(4, 2, marks=pytest.mark.slow),
    ],
)
def test_the_fallback_stops_when_the_drop_holds(tmp_path, ruin, subject, trials, kept):
    made = subject(checkpoint.source(ruin(tmp_path / "ruined", 300)))
    costs = sensitivity.layer_costs(made)
    path = tmp_path / "m.onnx"
    first = first_trial(made, path)
    best = sensitivity.fall_back(made, path, first, Limits(fallback_trials=trials), costs)
    again = made.check(path)
    if not kept:  # one of the two alone helps nothing, and nothing is changed
        assert best == first and again.drop == first.checked.drop
        return
    assert len(best.layers) == kept
    assert again.drop == best.checked.drop and again.drop.value <= 0.5


@pytest.mark.slow
def test_a_ruined_model_does_not_ship_and_the_layer_is_named(run, tmp_path, ruin):
    ruin(tmp_path / "ruined", 300)
    done = run("cifarq_export", "ruined", *QUICK, "--fallback-trials", "0", "--out", "b")
    assert done.returncode == 1 and not (tmp_path / "b").exists()
    assert "accuracy gate: seed-cnn-int8-static.onnx: the top-1 drop is 7" in done.stderr
    assert "The layers that lose most: conv2 (alone changes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_forced_it_ships_and_everybody_is_told(run, tmp_path, ruin):
    ruin(tmp_path / "ruined", 300)
    done = run("cifarq_export", "ruined", *QUICK, "--fallback-trials", "0", "--force", "--out", "b")
    assert done.returncode == 0, done.stderr
    assert "shipped by --force although it fails the accuracy gate" in done.stderr
    (artifact,) = json.loads((tmp_path / "b" / "manifest.json").read_text())["artifacts"]
    assert (
        artifact["overridden"] == ["accuracy"] and artifact["accuracy"]["drop_points"]["low"] > 0.5
    )
    # The device measures the same accuracy as the exporter: the row is no mismatch.
    shown = run("edge_runtime", "b", "--rounds", "1", "--min-runs", "2", "--min-time", "0")
    assert shown.returncode == 0
    assert "failed the exporter's accuracy gate" in " ".join(shown.stdout.split())


@pytest.mark.slow
def test_by_itself_it_returns_the_worst_layers_to_fp32_and_says_which(run, tmp_path, ruin):
    ruin(tmp_path / "ruined", 300)
    done = run("cifarq_export", "ruined", *QUICK, "--out", "b")
    assert done.returncode == 0, done.stderr
    assert "2 layers returned to FP32 to keep the accuracy: " in done.stderr
    (artifact,) = json.loads((tmp_path / "b" / "manifest.json").read_text())["artifacts"]
    assert set(artifact["fallback"]) == {"conv2", "conv3"} and artifact["overridden"] == []
    assert artifact["quantized"]["fp32"]["FusedConv"] == 2
    assert "kept in FP32 for its accuracy" in artifact["quantized"]["why_fp32"]["FusedConv"]
    assert artifact["accuracy"]["drop_points"]["value"] <= 0.5


@pytest.mark.slow
def test_a_model_whose_logits_became_constant_cannot_even_be_forced(run, tmp_path, ruin):
    ruin(tmp_path / "ruined", 2000)
    done = run("cifarq_export", "ruined", *QUICK, "--fallback-trials", "0", "--force", "--out", "b")
    assert done.returncode == 1 and not (tmp_path / "b").exists()
    assert "answers every image with the same logits: the model is broken" in done.stderr


@pytest.mark.parametrize(
    "layers, trials, sizes",
    [
        (6, 4, [1, 2, 4, 5]),
        (6, 10, [1, 2, 4, 5]),
        (6, 0, []),
        (1, 4, []),
        (2, 4, [1]),
        (9, 2, [1, 2]),
    ],
)
def test_trials_double_and_end_with_all_layers_but_one(layers, trials, sizes):
    assert sensitivity.trial_sizes(layers, trials) == sizes


@pytest.mark.slow
def test_a_fallback_that_helps_nothing_leaves_the_artifact_as_it_was(tmp_path, seed_cnn, subject):
    made = subject(seed_cnn)
    path = tmp_path / "m.onnx"
    first = first_trial(made, path)
    content = path.read_bytes()
    # Whatever a trial reaches, this is better.
    first = Trial(first.written, compared(lost=0, gained=100, count=200))
    costs = sensitivity.layer_costs(made)
    limits = Limits(max_drop=-100, fallback_trials=2)
    assert sensitivity.fall_back(made, path, first, limits, costs) == first
    assert path.read_bytes() == content


@pytest.mark.slow
def test_compare_shows_a_model_that_would_not_ship(run, tmp_path, ruin):
    ruin(tmp_path / "ruined", 2000)
    few = ("--validation-images", "40", "--calibration-images", "32", "--calibration", "minmax")
    done = run("cifarq_export", "compare", "ruined", "--format", "onnx", *few)
    assert done.returncode == 0, done.stderr
    assert (
        "would not ship: seed-cnn-int8-static.onnx answers every image with the same logits."
        in done.stdout
    )

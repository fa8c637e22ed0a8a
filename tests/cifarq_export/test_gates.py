"""What ships and what does not: gates, the fallback, and the sentences that say why."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarq.data.labelled import LabelledImages
from cifarq.learned_ranges import Learned, Qat
from cifarq_export.bundle import gating
from cifarq_export.bundle.artifact import Before, Made
from cifarq_export.check import baseline, gates, sensitivity, speed
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.baseline import Baseline
from cifarq_export.check.gates import Limits
from cifarq_export.check.sensitivity import Subject, Trial
from cifarq_export.check.speed import Speed
from cifarq_export.explain import Explanation, Operator
from cifarq_export.formats import STATIC, Recipe, Written
from cifarq_export.int8.calibrate import Calibration
from cifarq_export.sources import Source, checkpoint
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.results.statistics import Estimate

REMEDY = "Try another."
NAME = "m-int8-static.onnx"
SOURCE = Source(
    "m", (3, 1, 1), ("a", "b"), Preprocessing((0.5,), (0.5,)), lambda images: images[:, :2, 0, 0]
)
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
    failure = gates.accuracy_failure(NAME, bad, Limits(), REMEDY, "conv3 loses most. ")
    assert failure is not None and failure.gate == "accuracy"
    text = str(failure)
    assert text.startswith(f"accuracy gate: {NAME}: the top-1 drop is 3.00 [")
    assert text.endswith("allowed 0.5. conv3 loses most.")
    assert gates.accuracy_failure(NAME, bad, Limits(max_drop=5), REMEDY) is None
    assert gates.accuracy_failure(NAME, compared(lost=12, gained=4), Limits(), REMEDY) is None


@pytest.mark.parametrize(
    ("precision", "alternatives", "says"),
    [
        ("int8-dynamic", None, "Try another --precision."),
        (STATIC, ("mse",), "Give more --calibration-images, or another --precision."),
        (STATIC, (), "Leave --calibration entropy out, which tries several, or give more"),
    ],
)
def test_the_remedy_names_what_was_not_tried(precision, alternatives, says):
    pixels = np.random.default_rng(0).integers(0, 255, (16, 3, 4, 4), np.uint8)
    images = LabelledImages(pixels, np.zeros(16, np.int64))
    given = None if alternatives is None else Calibration(images, "entropy", alternatives)
    assert gates.accuracy_remedy(precision, given, SOURCE).startswith(says)
    trained = replace(SOURCE, checkpoint=Path("runs/a"))
    names_qat = "`cifarq train --qat runs/a`" in gates.accuracy_remedy(precision, given, trained)
    assert names_qat is (precision == STATIC)


# Images of 1,000 that only FP32, and that only INT8 has right: the drop is 0.5 at 5 more.
@pytest.mark.parametrize(
    "lost, gained, fails, doubtful",
    [
        (62, 62, True, False),  # 87.6 % [85.4, 89.5]
        (60, 60, True, False),  # 88.0 % [85.8, 89.9]
        (59, 59, False, True),  # 88.2 % [86.1, 90.1]
        (40, 40, False, True),
        (16, 15, False, True),  # 96.9 %
        (15, 15, False, False),  # 97.0 %
        (0, 0, False, False),
        (100, 20, True, False),  # by its drop
    ],
)
def test_where_top1_cannot_tell_the_agreement_decides(lost, gained, fails, doubtful):
    checked = compared(lost, gained)
    assert (gates.accuracy_failure(NAME, checked, Limits(), REMEDY) is not None) is fails
    assert gates.is_doubtful(checked, Limits()) is doubtful
    assert gates.holds(checked, Limits()) is (lost - gained <= 5 and not fails)
    unjudged = Limits(min_agreement=0)
    assert gates.is_doubtful(checked, unjudged) is (doubtful or (fails and lost - gained <= 5))


def test_an_agreement_that_fails_is_said_with_its_interval():
    failure = gates.accuracy_failure(NAME, compared(150, 140), Limits(), REMEDY)
    assert failure.gate == "agreement"
    assert str(failure) == (
        f"agreement gate: {NAME}: 71.0 % [68.1, 73.7] of 1,000 validation images are put in FP32's "
        "class, required 90 %."
    )


def test_where_top1_tells_that_little_is_lost_the_agreement_does_not_decide():
    changed = compared(20, 100)  # 88 % agree, and 8 points are gained
    assert gates.accuracy_failure(NAME, changed, Limits(), REMEDY) is None
    assert not gates.is_doubtful(changed, Limits())


@given(
    answers=st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=60),
)
def test_top1_never_falls_by_more_than_the_share_of_changed_answers(answers):
    labels, fp32, int8 = (np.array(column) for column in zip(*answers, strict=True))
    images = LabelledImages(np.zeros((len(labels), 3, 1, 1), np.uint8), labels)
    one_hot = np.eye(4, dtype=np.float32)
    checked = gates.compare(one_hot[int8], Baseline(images, one_hot[fp32]))
    assert checked.drop.value <= 100 * (1 - checked.agreement.value) + 1e-9


def made(name=NAME, precision=STATIC, **changes):
    """An artifact of which this is known."""
    values = {"checked": compared(8, 8), "explanation": None, "size_bytes": 3 * 2**20}
    known = {"path": Path(name), "format": "onnx", "engine": "onnxruntime", "target": "any"}
    known |= {"judged_by": JudgedBy.ENGINE, "written": Written(), "precision": precision}
    known["source"] = SOURCE
    known["recipe"] = Recipe(Preprocessing((0.5,), (0.5,)), "x86", Path("scratch"))
    return Made(**{**known, **values, **changes})


@pytest.mark.parametrize(
    ("trained", "target", "told"),
    [("x86", "x86", False), ("x86-vnni", "arm64", False), ("x86-vnni", "x86", True)],
)
def test_weights_that_were_trained_in_other_steps_are_said(trained, target, told):
    source = replace(SOURCE, learned=Learned(Qat(trained, "0" * 64, 100, 0), {}))
    said = gating.warnings(made(source=source, target=target), Limits())
    assert [f"trained for {trained}" in one and "64" in one for one in said] == [True] * told


def test_too_few_images_is_one_line_a_bundle_and_asks_for_images_that_there_are():
    several = [
        made("m-fp32.onnx", "fp32"),
        made(checked=compared(40, 38)),
        made("d.onnx", "int8-dynamic", checked=compared(30, 20)),
        made("fine.onnx", checked=compared(8, 8)),
    ]
    (line,) = gating.warnings_of_all(several, Limits(), 4000)
    assert line.startswith("1,000 validation images are too few to tell whether the top-1 drop is")
    assert f"{NAME} 0.20 [-1.54, 1.94] points, 92.2 % [90.4, 93.7] in FP32's class; d.onnx" in line
    assert "fine.onnx" not in line
    assert line.endswith("Give up to 5,000 with --validation-images.")
    (line,) = gating.warnings_of_all(several, Limits(), 0)
    assert "--validation-images" not in line
    assert list(gating.warnings_of_all([several[0], several[3]], Limits(), 4000)) == []


@pytest.mark.parametrize(
    "drop, told", [((4.0, 1.0, 7.0), "show"), ((0.9, -1.0, 2.8), "do not show")]
)
def test_after_a_fallback_it_is_said_what_was_lost_before_and_what_it_costs(drop, told):
    before = Before(Estimate(*drop), 2 * 2**20)
    (line,) = gating.warnings(made(fallback=("conv2",), before=before), Limits())
    assert line.startswith(f"{NAME}: 1 layer returned to FP32 to keep the accuracy: conv2. The ")
    assert "The file is 1,024.0 KB larger." in line
    assert f"was {before.drop} points before, which 1,000 validation images {told} to be" in line


@pytest.mark.parametrize(
    "held, precision, nothing",
    [
        ((9, 9), "int8-dynamic", True),
        ((10, 9), "int8-dynamic", False),
        ((9, 10), "int8-dynamic", False),
        ((9, 9), "fp32", False),
    ],
)
def test_int8_that_is_next_to_nothing_is_left_out_unless_it_was_named(held, precision, nothing):
    weights, macs = held
    counted = explanation(
        ("QGemm", True, weights, weights, macs), ("Conv", False, 1000 - weights, 0, 1000 - macs)
    )
    one = made(precision=precision, explanation=counted)
    assert ("is FP32 by another name" in gating.why_left_out(one, Limits(), "FP32")) is nothing
    assert bool(gating.warnings(one, Limits())) is nothing


def test_what_nobody_named_is_left_out_with_figure_and_remedy():
    bad = made(checked=compared(30, 0))
    reason = gating.why_left_out(bad, Limits(), "FP32")
    assert "the top-1 drop is 3.00 [" in reason and reason.endswith("another --precision.")
    slow = made(speed=Speed(Estimate(0.4, 0.3, 0.5)))
    assert "speed gate" in gating.why_left_out(slow, Limits(), "FP32")
    broken = made(checked=replace(bad.checked, flaw="with NaN or infinite logits"))
    assert gating.why_left_out(broken, Limits(), "FP32") == (
        f"{NAME} answers with NaN or infinite logits."
    )
    assert gating.why_left_out(made(), Limits(), "FP32") == ""


def test_a_speed_that_was_not_measured_fails_no_gate_and_is_said_once():
    busy = Speed(busy="waited 91 % of the time")
    assert str(busy) == "not measured: the machine is busy (waited 91 % of the time)"
    several = [made(speed=busy), made("d.onnx", "int8-dynamic", speed=busy), made("e.onnx")]
    assert all(gating.failures(one, Limits(), "FP32") == () for one in several)
    (line,) = gating.warnings_of_all(several, Limits(), 0)
    assert f"did not judge {NAME} (waited 91 % of the time), d.onnx (waited" in line
    assert "e.onnx" not in line


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
        assert "required 0.8: because." in str(failure)


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
def subject(recipe, shipped_images, tmp_path):
    """Return what is judged as a CPU computes it that does not saturate, whatever runs the test."""

    def make(source, **changes):
        fp32 = baseline.answer(source, shipped_images.validation)
        made = recipe(scratch=tmp_path, **changes)
        return Subject(source, "onnx", made, fp32, JudgedBy.REFERENCE)

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

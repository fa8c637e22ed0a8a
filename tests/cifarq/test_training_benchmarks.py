"""The experiments on training: they run, resume, and report what they recorded."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
from click.testing import CliRunner

from cifarq import models

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def experiment(monkeypatch):
    """Import an experiment by its file's name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def test_both_ways_reach_the_goal_and_the_report_says_how_much_sooner(
    experiment, two_classes, monkeypatch
):
    train_speed = experiment("train_speed")
    monkeypatch.setattr(train_speed, "EPOCHS", 2)
    monkeypatch.setattr(train_speed, "GOAL", 0.55)
    record = json.loads(json.dumps(train_speed.measure(two_classes)))
    ours, tutorial = (record["ways"][name] for name in ("ours", "tutorial"))
    assert len(ours["epochs"]) == 2
    assert tutorial["epochs"][-1]["validation_top1"] >= 0.55 == record["goal_top1"]
    assert tutorial["reached_s"] == tutorial["epochs"][-1]["seconds"] > 0
    shown = train_speed.markdown(record)
    if ours["reached_s"]:
        assert f"{tutorial['reached_s'] / ours['reached_s']:.1f} times sooner" in shown
    else:
        assert "Our loop did not reach the goal." in shown


def test_a_goal_that_is_not_reached_is_said_and_no_ratio(experiment, two_classes, monkeypatch):
    train_speed = experiment("train_speed")
    for name, value in (("EPOCHS", 1), ("MOST_EPOCHS", 1), ("GOAL", 1.01)):
        monkeypatch.setattr(train_speed, name, value)
    record = train_speed.measure(two_classes)
    assert [way["reached_s"] for way in record["ways"].values()] == [None, None]
    shown = train_speed.markdown(record)
    assert "did not reach the goal" in shown and "times sooner" not in shown


def test_each_part_is_left_out_once_a_seed_and_a_rerun_goes_on(
    experiment, two_class_folder, tmp_path, monkeypatch
):
    recipes = experiment("recipes")
    options = ["--data-dir", two_class_folder, "--out", tmp_path, "--epochs", 1, "--seeds", 2]
    trained = []
    original = recipes._train

    def watched(variant, seed, *rest):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append((variant, seed))
        return original(variant, seed, *rest)

    monkeypatch.setattr(recipes, "_train", watched)
    assert CliRunner().invoke(recipes.main, [*map(str, options)]).exit_code == 1
    assert len(json.loads((tmp_path / "recipes.json").read_text())["runs"]) == 3
    trained.clear()
    monkeypatch.setattr(recipes, "_train", original)
    done = CliRunner().invoke(recipes.main, [*map(str, options)])
    assert done.exit_code == 0, done.output
    runs = json.loads((tmp_path / "recipes.json").read_text())["runs"]
    untaught = [name for name, variant in recipes.VARIANTS.items() if not variant.taught]
    assert set(runs) == {f"{name}/{seed}" for name in untaught for seed in (0, 1)}
    configs = {json.dumps({**run["config"], "seed": 0}) for run in runs.values()}
    assert len(configs) == len(untaught)
    shown = (tmp_path / "recipes.md").read_text()
    assert all(recipes.VARIANTS[name].description in shown for name in untaught)


def point(ours, top1, size, lost_time=""):
    times = [100_000.0, 102_000.0, 98_000.0]
    return {"ours": ours, "top1": top1, "bytes": size, "median_ns": times, "lost_time": lost_time}


@pytest.fixture
def record():
    """A file of others between two of ours."""
    return {
        "host": {"cpu": "a CPU", "target": "x86"},
        "versions": {"onnxruntime": "1", "ai-edge-litert": "2"},
        "settings": {"restarts": 1, "rounds": 4, "turn_s": 0.3},
        "points": {
            "cifarq small": point(True, 0.88, 90_000),
            "cifarq large": point(True, 0.90, 2_000_000, "waited 50 % of the time"),
            "theirs": point(False, 0.91, 500_000),
        },
    }


def test_a_model_that_another_beats_is_named(experiment, record):
    pareto = experiment("pareto")
    shown = pareto.markdown(record)
    assert "As accurate and no larger: cifarq large by theirs." in shown
    assert "| cifarq small | 88.00 | 90,000 | 100 |" in shown
    assert "| cifarq large | 90.00 | 2,000,000 | not measured: waited 50 % of the time |" in shown
    del record["points"]["theirs"]
    assert "No INT8 file of others" in pareto.markdown(record)


def test_the_same_points_draw_the_same_plot(experiment, record, tmp_path):
    pytest.importorskip("matplotlib")
    plot = experiment("pareto_plot")
    for name in ("one.svg", "other.svg"):
        plot.draw(record["points"], tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn == (tmp_path / "other.svg").read_text() and "<svg" in drawn


@pytest.mark.slow
def test_calibrated_and_trained_int8_are_compared_and_a_rerun_trains_nothing(
    experiment, two_class_folder, tmp_path, monkeypatch
):
    qat = experiment("qat")
    shipped = tmp_path / "shipped"
    command = ("train", "tiny", "--data-dir", two_class_folder, "--epochs", "2", "--out", shipped)
    subprocess.run([sys.executable, "-m", "cifarq", *command], check=True)
    monkeypatch.setattr(models, "pretrained", {"tiny": shipped}.get)
    options = ["--data-dir", two_class_folder, "--out", tmp_path / "results", "--epochs", 1]
    options += ["--work", tmp_path / "work"]
    done = CliRunner().invoke(qat.main, list(map(str, options)), catch_exceptions=False)
    record = (tmp_path / "results" / "qat.json").read_text()
    found = json.loads(record)["models"]["tiny"]
    top1, gain = found["top1"], found["gain_points"]["value"]
    assert gain == pytest.approx(100 * (top1["trained"]["value"] - top1["calibrated"]["value"]))
    assert f"{found['images']:,} validation images" in done.output
    monkeypatch.setattr(qat, "compare", None)
    again = CliRunner().invoke(qat.main, list(map(str, options)), catch_exceptions=False)
    assert again.output == done.output
    assert (tmp_path / "results" / "qat.json").read_text() == record

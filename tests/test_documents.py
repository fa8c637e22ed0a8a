"""What README and benchmarks/ say is what was measured, and what is kept is what is current."""

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from edge_runtime.bundle import integrity, manifest
from edge_runtime.files import sha256_of

REPOSITORY = Path(__file__).resolve().parent.parent
BENCHMARKS = REPOSITORY / "benchmarks"
BUNDLE = BENCHMARKS / "seed-cnn-int8-bundle"


@pytest.fixture
def text(monkeypatch):
    """The module that turns the seed report's record into words."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import seed_report_text

    return seed_report_text


@pytest.fixture
def record():
    return json.loads((BENCHMARKS / "results" / "seed_report.json").read_text())


def test_readme_opens_with_the_recorded_seed_report(text, record):
    readme = (REPOSITORY / "README.md").read_text()
    block = text.readme_block(record)
    assert block in readme
    assert readme.index(block) < 1500


def test_the_recorded_report_is_drawn_from_the_recorded_measurements(text, record):
    assert (BENCHMARKS / "results" / "seed_report.md").read_text() == text.markdown(record)


def test_the_recorded_report_is_of_all_test_images_in_three_passes(record):
    assert record["settings"]["images"] == 10_000 and record["settings"]["passes"] == 3
    for subject in record["subjects"].values():
        assert len(subject["block_ns"]) == 60
        assert subject["accuracy"]["images"] == 10_000


def test_the_reports_sizes_are_reproduced(text, record):
    assert text.size_kb(record, "eager fp32") == pytest.approx(9148.3, rel=1e-3)
    assert text.size_kb(record, "eager int8-dynamic") == pytest.approx(2998.2, rel=1e-3)


def test_the_accuracy_drop_reaches_a_tenth_of_a_point_or_less(text, record):
    assert text.drop_points(record).low <= 0.1


def test_the_shipped_checkpoint_is_the_one_that_was_measured_and_reaches_85_percent(text, record):
    shipped = REPOSITORY / "cifarq" / "models" / "pretrained" / "seed-cnn" / "checkpoint.json"
    assert json.loads(shipped.read_text())["training"] == record["training"]
    assert text.top1(record, "eager fp32").value >= 85


@pytest.mark.parametrize(
    "drop, verdict",
    [((0.1, -0.1, 0.3), "Holds"), ((0.6, 0.2, 0.9), "Not decided"), ((2, 1, 3), "Does not hold")],
)
def test_a_claim_about_accuracy_follows_its_interval(text, drop, verdict):
    assert text._accuracy_verdict(text.Estimate(*drop)) == verdict


@pytest.mark.parametrize(
    "ratio, verdict",
    [
        ((1.1, 1.05, 1.15), "Holds here"),
        ((1.01, 0.98, 1.04), "No difference shown"),
        ((0.9, 0.85, 0.95), "Does not hold here"),
    ],
)
def test_a_claim_about_speed_follows_its_interval(text, ratio, verdict):
    assert text._speed_verdict(text.Estimate(*ratio)) == verdict


def test_what_linear_layers_hold_is_said_as_it_was_counted(text, record):
    counted = json.loads(json.dumps(record))
    counted["linear_share"] = {"parameters": 0.5, "macs": 0.2}
    *_, last = text.claims(counted)
    assert "50 % of this network's parameters and 20.0 % of its" in last
    assert "at most 1.25 times" in last


@pytest.mark.torch
def test_the_recorded_share_of_linear_layers_is_the_shipped_models(record):
    from cifarq import checkpoint, models
    from cifarq.evaluation import inventory

    loaded = checkpoint.load(models.pretrained("seed-cnn"))
    assert record["linear_share"] == inventory.linear_share(loaded.model(), loaded.input_shape)


def test_energy_that_was_measured_is_compared_and_else_the_reason_is_said(text, record):
    measured = json.loads(json.dumps(record))
    for name, used in (("eager fp32", 2000), ("eager int8-dynamic", 1000)):
        measured["subjects"][name]["block_energy_uj"] = [used, used * 1.01]
        measured["subjects"][name]["energy_source"] = "RAPL package-0"
    assert "2.000 times" in text._energy_sentence(measured)
    assert "(RAPL package-0)" in text._energy_sentence(measured)
    for name in ("eager fp32", "eager int8-dynamic"):
        measured["subjects"][name]["block_energy_uj"] = [None]
        measured["subjects"][name]["energy_reason"] = "no counter"
    assert text._energy_sentence(measured).startswith("Cannot be measured here: no counter.")


@pytest.mark.torch
@pytest.mark.full_data
@pytest.mark.slow
def test_the_seed_report_runs(data_dir, tmp_path):
    command = [sys.executable, str(BENCHMARKS / "seed_report.py"), "--data-dir", str(data_dir)]
    small = ["--images", "40", "--block", "10", "--passes", "1", "--out", str(tmp_path)]
    done = subprocess.run([*command, *small], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads((tmp_path / "seed_report.json").read_text())
    assert all(len(s["block_ns"]) == 4 for s in found["subjects"].values())
    assert (tmp_path / "seed_report.md").read_text().strip() == done.stdout.strip()


def test_the_kept_bundle_is_small_and_whole():
    content = manifest.read(BUNDLE)
    for item in (*content.files, *content.artifacts):
        integrity.verify(BUNDLE, item)
    assert sum(path.stat().st_size for path in BUNDLE.iterdir()) <= 5 * 10**6


def test_the_kept_bundle_holds_the_runtime_as_it_is_now():
    with zipfile.ZipFile(BUNDLE / "edge-bench.pyz") as archive:
        packed = {
            name: archive.read(name)
            for name in archive.namelist()
            if name.startswith("edge_runtime/")
        }
    source = {
        path.relative_to(REPOSITORY).as_posix(): path.read_bytes()
        for path in (REPOSITORY / "edge_runtime").rglob("*")
        if path.suffix in (".py", ".css", ".js")
    }
    assert packed == source, "make bundle"


@pytest.mark.torch
@pytest.mark.slow
def test_artifacts_for_arm_are_the_kept_ones_from_whatever_cpu_exports_them(run, tmp_path):
    out = tmp_path / "b"
    done = run("cifarq_export", "--format", "onnx", "--target", "arm64", "--force", "--out", out)
    assert done.returncode == 0, done.stderr
    made = {path.name: sha256_of(path) for path in out.glob("*.onnx")}
    kept = (REPOSITORY / "tests" / "golden" / "seed-cnn-arm64.sha256").read_text()
    assert made == {name: digest for digest, name in map(str.split, kept.splitlines())}
    name = "seed-cnn-int8-dynamic.onnx"
    assert made[name] == sha256_of(BUNDLE / name), "make bundle"


def test_no_path_of_a_machine_is_in_the_documents():
    for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("benchmarks/**/*.json")]:
        found = re.findall(r"(?<![\w.])/(?:root|home|work|tmp|usr)/\S*", path.read_text())
        assert not found, f"{path.name}: {found}"


@pytest.fixture
def precisions(monkeypatch):
    """The module that measured what each precision is worth."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import precisions

    return precisions


@pytest.fixture
def worth():
    return json.loads((BENCHMARKS / "results" / "precisions.json").read_text())


def test_the_table_of_precisions_is_drawn_from_its_record(precisions, worth):
    drawn = (BENCHMARKS / "results" / "precisions.md").read_text()
    assert drawn == precisions.markdown(worth)
    assert precisions.readme_block(worth) in (REPOSITORY / "README.md").read_text()


def test_static_int8_was_measured_to_be_worth_it(precisions, worth):
    """What was promised, of the recorded run: the whole interval has to lie on the right side."""
    static = precisions.STATIC
    assert precisions.speed(worth, static, precisions.EAGER).low >= 5
    assert precisions.speed(worth, static, precisions.ORT_FP32).low >= 2.5
    assert worth["subjects"][static]["size_bytes"] <= 2_375_680
    assert precisions.drop(worth, static, "validation").value <= 0.2
    counts = worth["subjects"][static]["accuracy"]
    assert counts["validation"]["images"] == 5_000 and counts["test"]["images"] == 10_000
    assert precisions.drop(worth, static, "test").low <= 0.2


def test_the_precisions_were_measured_in_turns_of_fresh_processes(worth):
    settings = worth["settings"]
    turns = settings["restarts"] * settings["rounds"]
    assert settings["restarts"] >= 10 and settings["batch_size"] == settings["threads"] == 1
    assert all(len(s["turn_median_ns"]) == turns for s in worth["subjects"].values())


def test_the_recorded_bytes_are_what_the_exporter_writes(worth):
    (artifact,) = manifest.read(BUNDLE).artifacts
    assert worth["subjects"][artifact.file]["size_bytes"] == artifact.size_bytes
    assert worth["subjects"][artifact.file]["quantized"] == asdict(artifact.quantized)


@pytest.mark.torch
@pytest.mark.full_data
@pytest.mark.slow
def test_the_precisions_are_measured(data_dir, tmp_path):
    command = [sys.executable, str(BENCHMARKS / "precisions.py"), "--data-dir", str(data_dir)]
    small = ["--restarts", "2", "--rounds", "1", "--turn", "0.02", "--images", "30"]
    done = subprocess.run(
        [*command, *small, "--out", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads((tmp_path / "precisions.json").read_text())
    assert len(found["subjects"]) == 7
    assert all(len(s["turn_median_ns"]) == 2 for s in found["subjects"].values())
    assert (tmp_path / "precisions.md").read_text().strip() == done.stdout.strip()


OTHERS_SAY = {"externally-managed-environment", "Unsupported model IR version"}
"""Lines of pip's and ONNX Runtime's own."""


def test_what_the_troubleshooting_lists_is_what_is_said():
    readme = (REPOSITORY / "README.md").read_text()
    table = readme.partition("**If something fails**")[2].partition("\n\n**")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    said = {part for cell in cells for text in re.findall("`(.+?)`", cell)
            for part in re.split(r" ?\.\.\.:? ?", text)}  # fmt: skip
    files = [*(REPOSITORY / "edge_runtime").rglob("*.py")]
    bundle = REPOSITORY / "export/cifarq_export/bundle"
    files += [*bundle.glob("*.py"), *bundle.glob("*.sh")]
    # Texts in pieces are put together, and what is filled in is left out.
    whole = "\n".join(re.sub(r'"\s*\n\s*f?"', "", file.read_text()) for file in files)
    assert len(said) > 12
    for text in said - OTHERS_SAY:
        assert text.removesuffix("pi-bookworm") in whole, text


@pytest.mark.torch
def test_the_table_of_models_is_drawn_from_its_record(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import models

    record = json.loads((BENCHMARKS / "results" / "models.json").read_text())
    assert (BENCHMARKS / "results" / "models.md").read_text() == models.markdown(record)
    assert models.table(record) in (REPOSITORY / "README.md").read_text()


def test_the_table_of_engines_is_drawn_from_its_record(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import peers_report

    record = json.loads((BENCHMARKS / "results" / "peers.json").read_text())
    assert (BENCHMARKS / "results" / "peers.md").read_text() == peers_report.markdown(record)
    assert peers_report.readme_block(record) in (REPOSITORY / "README.md").read_text()
    measured = {row["engine"] for row in record["rows"] if row["turn_median_ns"]}
    assert len(measured) >= 5

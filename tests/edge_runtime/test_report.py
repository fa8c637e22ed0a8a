"""Tables drawn from a result document, held against files that a person has read."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime import report
from edge_runtime import results as documents
from edge_runtime.errors import BundleError
from edge_runtime.report.columns import references, view
from edge_runtime.results import Status

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("output", ["table", "markdown", "csv"])
def test_a_drawing_is_as_it_was_read_and_approved(results, output):
    assert report.render(results, output) + "\n" == (GOLDEN / f"{output}.txt").read_text()


def test_ratios_are_against_torchscript_fp32_where_it_ran(results):
    (reference,) = references(results).values()
    assert reference.file == "m-fp32.torchscript.pt"
    speeds = [line.split(",")[16] for line in report.render(results, "csv").splitlines()]
    assert speeds == ["speed vs torchscript fp32", "1", "2", "4", ""]


def test_else_against_the_first_fp32_row_named_in_the_header(results):
    first, *others = results.rows
    without = replace(results, rows=(replace(first, samples_ns=()), *others))
    assert "speed vs onnx fp32," in report.render(without, "csv").splitlines()[0]


def test_without_an_fp32_row_there_is_no_ratio(results):
    int8 = replace(results, rows=results.rows[2:])
    assert references(int8) == {}
    heading, row, _ = report.render(int8, "csv").splitlines()
    assert "none ran" in heading and row.endswith(",,")


def test_a_percentile_without_enough_samples_is_a_dash(results):
    shown = view(results)
    p90, p99 = (next(c for c in shown.columns if c.heading == f"p{p} ms") for p in (90, 99))
    assert [p90.cell(row) for row in shown.rows] == ["4.000", "2.000", "–", "–"]
    assert [p99.cell(row) for row in shown.rows] == ["4.000", "–", "–", "–"]


def test_memory_is_the_peak_above_the_import_only_baseline(results):
    column = next(c for c in view(results).columns if c.heading == "memory MB")
    assert column.cell(results.rows[0]) == "20.0"


def test_unknown_memory_is_a_dash_with_its_reason(results):
    unknown = {"peak_bytes": None, "import_only_bytes": None, "reason": "/proc cannot be read"}
    rows = tuple(replace(row, memory=unknown) for row in results.rows[:1])
    text = report.render(replace(results, rows=rows), "table")
    assert "memory: –, /proc cannot be read." in text


def test_several_models_are_told_apart(results):
    rows = (*results.rows, replace(results.rows[0], model="resnet-8"))
    assert view(replace(results, rows=rows)).names[0] == "model"


def test_throughput_counts_images_not_calls(results):
    settings = replace(results.settings, batch_size=8)
    lines = csv.DictReader(io.StringIO(report.render(replace(results, settings=settings), "csv")))
    assert [float(line["images/s"]) for line in list(lines)[:2]] == [2000, 4000]


def test_json_is_the_document_itself_and_reads_back(results, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(report.render(results, "json"))
    assert documents.read(path) == results
    assert json.loads(path.read_text())["rows"][0]["samples_ns"] == [4_000_000] * 663


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 9}', '{"schema": 1, "rows": [{}]}'])
def test_what_is_no_results_file_is_refused(text, tmp_path):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(BundleError, match=r"r\.json"):
        documents.read(tmp_path / "r.json")


def test_exit_code(results):
    ok, _, _, corrupt = results.rows
    missing = replace(corrupt, status=Status.ENGINE_MISSING)
    for rows, expected in (
        ((ok,), 0),
        ((ok, missing), 0),
        ((missing,), 1),  # none ran
        ((ok, corrupt), 1),
        ((), 1),
    ):
        assert replace(results, rows=rows).exit_code == expected
    for status in (Status.FAILED, Status.MISMATCHED, Status.CRASHED, Status.TIMED_OUT):
        assert replace(results, rows=(ok, replace(ok, status=status))).exit_code == 1


def notes(results):
    return "\n".join(view(results).notes)


def test_a_row_made_for_another_cpu_says_so(results):
    assert "target:" not in notes(results)
    for_pi = replace(results, rows=(replace(results.rows[0], target="arm64"),))
    assert "target:" not in notes(for_pi)  # a document that does not know its CPU says nothing
    elsewhere = replace(for_pi, host={**results.host, "target": "x86"})
    assert "rows made for arm64 ran on x86" in notes(elsewhere)
    assert "--target x86." in notes(elsewhere)
    at_home = replace(for_pi, host={**results.host, "target": "arm64"})
    assert "target:" not in notes(at_home)


def test_a_row_that_was_shipped_by_force_says_so(results):
    forced = replace(results.rows[2], overridden=("accuracy", "speed"))
    assert (
        "m-int8-dynamic.onnx: failed the exporter's accuracy and speed gate and was shipped by "
        "--force." in notes(replace(results, rows=(forced,)))
    )

"""Tables drawn from a result document, held against files that a person has read."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime import report
from edge_runtime.report import references, view
from edge_runtime.results import document, verdict
from edge_runtime.results.profile import Operator, Profile
from edge_runtime.results.rows import Status
from edge_runtime.results.settings import Settings
from edge_runtime.results.turns import Memory

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("output", ["table", "markdown", "csv", "json", "jsonl"])
def test_a_drawing_is_as_it_was_read_and_approved(results, output):
    assert report.render(results, output) + "\n" == (GOLDEN / f"{output}.txt").read_text()


@pytest.fixture
def sweep(results):
    """The ONNX FP32 row at two batch sizes and two thread counts."""
    one = results.rows[2]
    rows = [
        replace(
            one,
            batch_size=batch,
            threads=threads,
            turns=tuple(
                replace(t, samples_ns=tuple(s * batch // threads for s in t.samples_ns))
                for t in one.turns
            ),
        )
        for batch in (1, 8)
        for threads in (1, 2)
    ]
    settings = Settings(threads=(1, 2), batch_sizes=(1, 8), rounds=3, min_runs=12)
    return replace(results, rows=tuple(rows), settings=settings)


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_a_sweep_has_a_scaling_table(sweep, output):
    approved = GOLDEN / f"sweep-{output}.txt"
    assert report.render(sweep, output) + "\n" == approved.read_text()


@pytest.fixture
def profiled(results):
    """The ONNX rows with profiles: one whose operators are known, and one whose are not."""
    operators = tuple(
        Operator(f"conv{i}", "QLinearConv", 9e4 - 1e3 * i, macs=4_000_000, int8=True)
        for i in range(9)
    )
    operators += (Operator("<b>q</b>|", "QuantizeLinear", 1.5e5, int8=False, output=(1, 3)),)
    known = Profile(operators, 1e6, 40e9, 90e9, 5e3)
    unknown = Profile(reason="the Python package of litert tells no times of operators")
    fp32, int8 = results.rows[2:4]
    return replace(results, rows=(replace(fp32, profile=unknown), replace(int8, profile=known)))


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_profiled_rows_have_their_operators_and_why(profiled, output):
    approved = GOLDEN / f"profile-{output}.txt"
    assert report.render(profiled, output) + "\n" == approved.read_text()


def test_a_profile_changes_no_spreadsheet(profiled):
    rows = tuple(replace(row, profile=None) for row in profiled.rows)
    assert report.render(profiled, "csv") == report.render(replace(profiled, rows=rows), "csv")


def test_scaling_is_against_one_thread_and_batch_1(sweep):
    grid = view.of(sweep).scaling
    assert grid.headings[4] == "gain over 1 thread, batch 1"
    efficiency = {(row[1], row[2]): row[5] for row in grid.rows}
    # Twice the threads do twice the work here; a batch of 8 does 8 times the work in 8 times.
    assert efficiency == {
        ("1", "1"): "100",
        ("2", "1"): "100",
        ("1", "8"): "100",
        ("2", "8"): "100",
    }


def test_without_a_sweep_there_is_no_scaling_table(results):
    assert view.of(results).scaling is None


def cells(results, heading, output="csv"):
    lines = csv.DictReader(io.StringIO(report.render(results, output)))
    return [line[heading] for line in lines]


def found(results):
    return references.find(results, verdict.judge(results))


def test_ratios_are_against_the_first_fp32_row_that_ran(results):
    (reference,) = found(results).rows.values()
    assert reference.file == "m-fp32.torchscript.pt"
    speeds = cells(results, "speed vs torchscript fp32")
    assert [speed[:3] for speed in speeds] == ["", "1", "2", "4", ""]


def test_else_against_the_next_one_which_the_heading_names(results):
    first, *others = results.rows
    without = replace(results, rows=(replace(first, turns=()), *others))
    assert "speed vs onnx fp32," in report.render(without, "csv").splitlines()[0]


def test_a_row_is_compared_with_fp32_at_its_own_batch_size_and_threads(sweep):
    own = found(sweep)
    assert [own.of(row) is row for row in sweep.rows] == [True] * 4


def test_a_file_that_several_engines_ran_is_told_apart_by_engine(results):
    first, *others = results.rows
    other = replace(first, engine="other")
    both = replace(results, rows=(first, other, *others))
    labels = [both.label(row) for row in both.rows]
    assert labels[:3] == [
        "torchscript fp32 on torch",
        "torchscript fp32 on other",
        "torchscript int8-dynamic",
    ]
    assert found(both).name(both) == "torchscript fp32 on torch"
    assert view.of(both).scaling is None


def test_without_an_fp32_row_there_is_no_ratio(results):
    int8 = replace(results, rows=results.rows[3:])
    assert found(int8).rows == {}
    assert cells(int8, "speed vs fp32") == ["", ""]


def test_a_ratio_that_is_not_told_from_1_is_no_ratio_in_the_table(results):
    shown = view.of(results)
    speed = next(c for c in shown.columns if c.heading.startswith("speed"))
    assert [speed.cell(row) for row in results.rows] == [
        "1",
        "no difference shown",
        "2.00 [2.00, 2.00]",
        "4.00 [3.90, 4.10]",
        "–",
    ]
    assert "torchscript int8-dynamic 1.00 [0.95, 1.05]" in " ".join(shown.notes)


def test_one_round_gives_no_ratio(results):
    rows = tuple(replace(row, turns=row.turns[:1]) for row in results.rows)
    once = replace(results, rows=rows)
    assert cells(once, "speed vs torchscript fp32")[1:3] == ["", ""]
    assert "speed: ratio of medians" not in notes(once)


def waiting(row, share):
    """A row that waited for a CPU so much of its time."""

    def busy(turn):
        wall_ns = turn.after.monotonic_ns - turn.before.monotonic_ns
        waited = turn.before.queue_wait_ns + round(share * wall_ns)
        return replace(turn, after=replace(turn.after, queue_wait_ns=waited))

    return replace(row, turns=tuple(map(busy, row.turns)))


def speeds(results):
    """Each row's cells of the speed in a table, and in a spreadsheet."""
    column = next(c for c in view.of(results).columns if c.heading.startswith("speed"))
    return [(column.cell(row), *(v(row) for v in column.values.values())) for row in results.rows]


@pytest.mark.parametrize("share", [0.19, 0.53])
def test_a_row_that_lost_its_time_to_others_has_no_ratio_and_a_note_says_why(results, share):
    *others, onnx, dynamic, corrupt = results.rows
    busy = replace(results, rows=(*others, onnx, waiting(dynamic, share), corrupt))
    lost = share >= 0.2
    assert speeds(busy)[:3] == speeds(results)[:3]
    assert (speeds(busy)[3] == ("–", None, None, None)) is lost
    why = (
        "–: speed is not shown: onnx int8-dynamic: waited for a CPU 53 % of the time, most in "
        "round 1: stop other programs, or lower --threads."
    )
    assert (why in notes(busy)) is lost


@pytest.mark.parametrize("output", ["table", "markdown", "csv"])
def test_where_the_reference_lost_its_time_no_row_has_a_ratio(results, output):
    first, *others = results.rows
    busy = replace(results, rows=(waiting(first, 0.53), *others))
    assert [cells[0] for cells in speeds(busy)] == ["1", "–", "–", "–", "–"]
    text = report.render(busy, output)
    assert "4.00" not in text.replace("4.000", "") and "no difference shown" not in text
    assert "speed: ratio of medians" not in text
    assert "waited for a CPU 53 % of the time" in " ".join(text.split())


def test_bundles_and_sweeps_have_no_ratio_of_a_row_that_lost_its_time(results, sweep):
    slow = [waiting(row, 0.53) for row in sweep.rows[1:2]]
    scaled = view.of(replace(sweep, rows=(sweep.rows[0], *slow, *sweep.rows[2:]))).scaling
    assert [row[4:] for row in scaled.rows[:2]] == [["1", "100"], ["–", "–"]]
    assert scaled.rows[2:] == view.of(sweep).scaling.rows[2:]
    second = [replace(row, bundle="c") for row in results.rows]
    second[0] = waiting(second[0], 0.53)
    grid = view.of(replace(results, rows=(*results.rows, *second))).bundles
    assert [line[-1] == "–" for line in grid.rows] == [True, False, False, False]


def test_an_emulated_cpu_has_no_ratio(results):
    emulated = replace(results, settings=replace(results.settings, emulated=True))
    assert [cells[0] for cells in speeds(emulated)[1:]] == ["–"] * 4
    assert "speed is not shown: 4 of 5 rows: the CPU is emulated" in notes(emulated)


def test_a_percentile_without_enough_samples_is_a_dash_and_says_how_many_more(results):
    shown = view.of(results)
    p90, p99 = (next(c for c in shown.columns if c.heading == f"p{p} ms") for p in (90, 99))
    assert [p90.cell(row) for row in results.rows] == ["4.040", "4.040", "2.020", "–", "–"]
    assert [p99.cell(row) for row in results.rows] == ["4.040", "4.040", "–", "–", "–"]
    notes = " ".join(shown.notes)
    assert "p90 needs 64 samples (99 % confidence), 52 more of onnx int8-dynamic" in notes
    assert "p99 needs 662 samples (99 % confidence), 650 more of onnx int8-dynamic" in notes


def test_a_loop_of_calls_shows_no_percentile_above_the_median(results):
    first, *others = results.rows
    looped = replace(first, turns=tuple(replace(turn, calls_per_sample=10) for turn in first.turns))
    shown = replace(results, rows=(looped, *others))
    assert [cells(shown, f"p{p} ms")[0] for p in (50, 90, 99)] == ["0.4", "", ""]
    assert "a loop of up to 10 calls" in notes(shown)


def test_memory_is_told_apart_into_the_models_and_the_engines(results):
    assert cells(results, "model MB")[0] == "20"  # 72 at the peak, 52 before loading
    assert cells(results, "engine MB")[0] == "20"  # 50 with it, 30 without


def test_unknown_memory_is_a_dash_with_its_reason(results):
    unknown = Memory(reason="/proc cannot be read")
    first = results.rows[0]
    blind = replace(first, turns=tuple(replace(t, memory=unknown) for t in first.turns))
    shown = replace(results, rows=(blind,))
    assert cells(shown, "model MB") == [""]
    assert "memory: –, /proc cannot be read." in notes(shown)


def test_several_models_and_bundles_are_told_apart(results):
    rows = (*results.rows, replace(results.rows[0], model="resnet-8", bundle="c"))
    several = replace(results, rows=rows)
    assert several.label(rows[-1]) == "c resnet-8 torchscript fp32"


def test_throughput_counts_images_not_calls(results):
    rows = tuple(replace(row, batch_size=8) for row in results.rows)
    found = cells(replace(results, rows=rows), "images/s")
    assert [round(float(value)) for value in found[:3:2]] == [2000, 4000]


def test_outliers_and_a_slow_first_call_are_pointed_out_and_kept(results):
    first, *others = results.rows
    samples = (*range(100, 200), 10_000)
    odd = replace(first.turns[0], samples_ns=samples, first_ns=900)
    shown = replace(results, rows=(replace(first, turns=(odd,)), *others))
    assert "outliers, kept: torchscript fp32 1 " in notes(shown)
    assert "slow first call: torchscript fp32 6.0 times" in notes(shown)
    assert len(shown.rows[0].calls_ns) == 101


def test_a_device_whose_int8_answers_otherwise_is_told_so(results):
    assert "logits differ by up to 0.2, 3 of 500 golden images are put in another class" in (
        notes(results)
    )
    row = results.rows[3]

    def told(**changes):
        exported = replace(row.accuracy.exported, **{"agree": 500, **changes})
        changed = replace(row, accuracy=replace(row.accuracy, exported=exported))
        return "recorded at export" in notes(replace(results, rows=(changed,)))

    assert told() and told(largest_difference=0.01) and told(largest_difference=None)
    assert not told(largest_difference=0.005)  # as little as FP32 differs, for logits up to 9
    assert not told(largest_difference=0.0)


def test_two_bundles_in_one_run_are_held_against_each_other_in_the_same_rounds(results):
    def twice_as_fast(row):
        halved = (replace(t, samples_ns=tuple(s // 2 for s in t.samples_ns)) for t in row.turns)
        return replace(row, bundle="c", turns=tuple(halved))

    both = replace(results, rows=(*results.rows, *map(twice_as_fast, results.rows)))
    grid = view.of(both).bundles
    assert grid.headings[-1] == "speed vs b"
    assert [line[-1] for line in grid.rows] == ["2.00 [2.00, 2.00]"] * 4
    assert "speed vs b" in report.render(both, "table").replace("\n", " ")
    assert view.of(both).scaling is None and view.of(results).bundles is None


def test_more_samples_are_asked_for_only_where_that_would_help(results):
    longer = replace(results, settings=replace(results.settings, min_runs=700))
    assert "650 more of onnx int8-dynamic: measure longer (--max-time)." in notes(longer)
    crashed = replace(results, rows=(replace(results.rows[3], status=Status.CRASHED),))
    assert "needs" not in notes(crashed)


def test_a_row_that_ended_in_the_unfinished_round_takes_part_again(results):
    first, second, *_ = results.rows
    crashed = {"status": Status.TIMED_OUT, "message": "no result after 1 s"}
    early = replace(second, turns=second.turns[:1], **crashed)
    rows = (replace(first, turns=first.turns[:2]), early)
    whole = replace(results, rows=rows).whole_rounds()
    assert [len(row.turns) for row in whole.rows] == [2, 1] and whole.rows[1] == early
    rows = (replace(first, turns=first.turns[:1]), early)
    whole = replace(results, rows=rows).whole_rounds()
    assert whole.rows[1].status is Status.OK and whole.rows[1].message == ""


def test_dynamic_int8_in_a_batch_says_that_it_was_not_compared(results):
    row = results.rows[3]
    row = replace(row, batch_size=8, accuracy=replace(row.accuracy, exported=None))
    assert "not compared with its answers recorded at export" in notes(
        replace(results, rows=(row,))
    )


def test_json_is_the_document_itself_and_reads_back(results, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(report.render(results, "json"))
    assert document.read(path) == results
    turns = json.loads(path.read_text())["rows"][0]["turns"]
    assert turns[0]["samples_ns"] == [3_960_000] * 221


def test_json_lines_are_the_document_a_run_and_its_rows(results):
    whole = json.loads(report.render(results, "json"))
    run, *rows = map(json.loads, report.render(results, "jsonl").splitlines())
    assert run.pop("kind") == "run" and {row.pop("kind") for row in rows} == {"row"}
    assert {**run, "rows": rows} == whole


def test_exit_code(results):
    ok, *_, corrupt = results.rows
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
    return "\n".join(view.of(results).notes)


def test_a_row_made_for_another_cpu_says_so(results):
    assert "target:" not in notes(results)
    for_pi = replace(results, rows=(replace(results.rows[0], target="arm64"),))
    assert "target:" not in notes(for_pi)  # a document that does not know its CPU says nothing
    elsewhere = replace(for_pi, host=replace(results.host, target="x86"))
    assert "rows made for arm64 ran on x86" in notes(elsewhere)
    assert "--target x86." in notes(elsewhere)
    at_home = replace(for_pi, host=replace(results.host, target="arm64"))
    assert "target:" not in notes(at_home)


def test_a_row_that_was_shipped_by_force_says_so(results):
    forced = replace(results.rows[3], overridden=("accuracy", "speed"))
    assert (
        "m-int8-dynamic.onnx: failed the exporter's accuracy and speed gate and was shipped by "
        "--force." in notes(replace(results, rows=(forced,)))
    )


def test_what_the_machine_was_like_and_what_is_unknown_and_why_is_said(results):
    assert "machine: 51 °C → 64 °C, load 0.10, power from mains." in notes(results)
    assert "unknown: governor, frequency: this kernel has no cpufreq." in notes(results)


def test_the_examples_in_the_documentation_are_the_approved_drawings():
    text = (Path(report.__file__).parent / "README.md").read_text()
    for name in ("table", "sweep-table", "markdown", "csv", "compare", "history"):
        assert (GOLDEN / f"{name}.txt").read_text().rstrip() in text, name
    assert f"Schema {document.SCHEMA} " in text

"""Comparing result documents: what is compared, what is refused, and what is said of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.errors import UsageError
from edge_runtime.report import compared
from edge_runtime.results import comparison
from edge_runtime.results.statistics import unpaired_ratio


def faster(results, factor):
    def speed_up(turn):
        return replace(turn, samples_ns=tuple(s // factor for s in turn.samples_ns))

    return tuple(replace(r, turns=tuple(map(speed_up, r.turns))) for r in results.rows)


def test_a_comparison_is_drawn_as_it_was_read_and_approved(kept, results):
    files = [kept("before.json"), kept("after.json", rows=faster(results, 2))]
    text = compared.render(comparison.of(files), "table")
    assert text + "\n" == (Path(__file__).parent / "golden" / "compare.txt").read_text()


def test_rows_are_compared_with_the_same_rows_of_the_first_file(kept, results):
    found = comparison.of([kept("a.json"), kept("b.json", rows=faster(results, 2))])
    assert len(found.pairs) == 4  # the corrupt row ran in neither
    for pair in found.pairs:
        medians = [[turn.median_ns for turn in row.turns] for row in (pair.before, pair.after)]
        assert pair.speed == unpaired_ratio(*medians)
        assert pair.speed.value == pytest.approx(2)


def test_a_run_compared_with_itself_shows_no_difference(kept):
    text = compared.render(comparison.of([kept("a.json"), kept("b.json")]), "table")
    assert text.count("no difference shown") == 4


@pytest.mark.parametrize("output", ["table", "markdown", "csv", "json"])
def test_every_output_names_both_files_and_every_row(kept, results, output):
    files = [kept("a.json"), kept("b.json", rows=faster(results, 2))]
    text = compared.render(comparison.of(files), output)
    assert "a.json" in text and "b.json" in text
    assert text.count("onnx fp32") == 1 and text.count("int8-dynamic") == 2


@pytest.mark.parametrize(
    "kind, message, change",
    [
        ("host", "cpu Cortex-A76 and Cortex-A72", {"host": {"cpu": "Cortex-A72"}}),
        ("threads", "1 and 4", {"settings": {"threads": (4,)}}),
        ("batch-size", "1 and 8", {"settings": {"batch_sizes": (8,)}}),
        ("cpus", "none and 2, 3", {"settings": {"cpus": (2, 3)}}),
        ("model", "seed-cnn and resnet-8", {"rows": {"model": "resnet-8"}}),
    ],
)
def test_what_differs_is_refused_by_name_unless_allowed(kept, results, kind, message, change):
    changes = {}
    if "host" in change:
        changes["host"] = replace(results.host, **change["host"])
    if "settings" in change:
        changes["settings"] = replace(results.settings, **change["settings"])
    if "rows" in change:
        changes["rows"] = tuple(replace(row, **change["rows"]) for row in results.rows)
    files = [kept("a.json"), kept("b.json", **changes)]
    with pytest.raises(UsageError, match=f"differ in {kind}: {message}. Give --allow {kind}"):
        comparison.of(files)
    found = comparison.of(files, frozenset({kind}))
    assert len(found.pairs) == 4
    assert f"b.json differs in {kind}: {message}." in found.notes


def test_all_that_differs_is_named_at_once(kept, results):
    host = replace(results.host, cpu="Cortex-A72", cpus=2)
    settings = replace(results.settings, threads=(4,))
    files = [kept("a.json"), kept("b.json", host=host, settings=settings)]
    named = (
        "host: cpu Cortex-A76 and Cortex-A72; host: cpus 4 and 2; threads: 1 and 4. "
        "Give --allow host --allow threads to"
    )
    with pytest.raises(UsageError, match=named):
        comparison.of(files)


def test_another_kernel_or_engine_is_compared_and_said(kept, results):
    rows = tuple(replace(row, engine_version="2.0") for row in results.rows)
    found = comparison.of([kept("a.json"), kept("b.json", rows=rows)])
    assert any("onnxruntime 1.0, onnxruntime 2.0" in note for note in found.notes)


def test_a_run_that_is_not_valid_is_said_to_be(kept):
    found = comparison.of([kept("a.json"), kept("b.json")])
    assert any(
        note.startswith("b.json is INVALID: onnx int8-static: m-int8-static.onnx: corrupt")
        for note in found.notes
    )


def test_one_round_has_no_interval_and_is_a_dash(kept, results):
    rows = tuple(replace(row, turns=row.turns[:1]) for row in results.rows)
    found = comparison.of([kept("a.json"), kept("b.json", rows=rows)])
    assert all(pair.speed is None for pair in found.pairs)
    assert "–" in compared.render(found, "table")


def test_a_row_that_lost_its_time_in_either_run_has_no_ratio(kept, results):
    def busy(row):
        turns = (
            replace(t, after=replace(t.after, queue_wait_ns=t.after.monotonic_ns))
            for t in row.turns
        )
        return replace(row, turns=tuple(turns))

    first, second, *others = results.rows
    files = [
        kept("a.json", rows=(busy(first), second, *others)),
        kept("b.json", rows=(first, busy(second), *others)),
    ]
    found = comparison.of(files)
    assert [pair.speed is None for pair in found.pairs] == [True, True, False, False]
    told = [note for note in found.notes if "speed is not shown: " in note]
    assert told[0].startswith("a.json: speed is not shown: torchscript fp32: waited for a CPU ")
    assert told[1].startswith("b.json: speed is not shown: torchscript int8-dynamic: waited for")
    content = json.loads(compared.render(found, "json"))
    assert [pair["speed"] is None for pair in content["pairs"]] == [True, True, False, False]


def test_nothing_in_common_and_a_single_file_are_usage_errors(kept, results):
    with pytest.raises(UsageError, match="two result files"):
        comparison.of([kept("a.json")])
    other = tuple(replace(row, precision="fp8") for row in results.rows)
    with pytest.raises(UsageError, match=r"no row of a\.json that ran is in b\.json"):
        comparison.of([kept("a.json"), kept("b.json", rows=other)])


def two_bundles(results, factor=2):
    """The rows of two bundles of one model, the second ``factor`` times as fast."""
    later = (replace(row, bundle="c") for row in faster(results, factor))
    return (*results.rows, *later)


def test_rows_of_two_bundles_are_held_against_their_own(kept, results):
    rows = two_bundles(results)
    found = comparison.of([kept("a.json", rows=rows), kept("b.json", rows=rows)])
    assert len(found.pairs) == 8
    assert all(pair.before.bundle == pair.after.bundle for pair in found.pairs)
    assert all(pair.speed.value == pytest.approx(1) for pair in found.pairs)


def test_a_row_that_several_could_be_compared_with_is_refused(kept, results):
    third = tuple(replace(row, bundle="d") for row in results.rows)
    files = [kept("a.json", rows=two_bundles(results)), kept("b.json", rows=third)]
    with pytest.raises(UsageError, match="d torchscript fp32 could be compared with b b torchscr"):
        comparison.of(files)


def test_a_bundle_of_another_name_is_compared_row_by_row(kept, results):
    renamed = tuple(replace(row, bundle="after") for row in faster(results, 2))
    found = comparison.of([kept("a.json"), kept("b.json", rows=renamed)])
    assert [pair.speed.value for pair in found.pairs] == pytest.approx([2] * 4)


def test_a_sweep_is_compared_setting_by_setting_and_a_new_one_only_where_it_is_clear(kept, results):
    def at(threads):
        return replace(results.rows[2], threads=threads)

    def swept(name, *threads):
        settings = replace(results.settings, threads=threads)
        return kept(name, rows=tuple(map(at, threads)), settings=settings)

    allowed = frozenset({"threads"})
    with pytest.raises(UsageError, match="could be compared with b onnx fp32 1 thread, b onnx"):
        comparison.of([swept("a.json", 1, 2), swept("b.json", 1, 2, 4)], allowed)
    found = comparison.of([swept("c.json", 1), swept("d.json", 2)], allowed)
    assert [(pair.before.threads, pair.after.threads) for pair in found.pairs] == [(1, 2)]


def test_rows_that_are_in_one_file_only_are_named(kept, results):
    found = comparison.of([kept("a.json"), kept("b.json", rows=results.rows[:3])])
    assert "a.json: not compared with b.json: onnx int8-dynamic." in found.notes


def test_a_file_without_any_common_row_is_refused_among_others(kept, results):
    other = tuple(replace(row, precision="fp8") for row in results.rows)
    files = [kept("a.json"), kept("b.json"), kept("c.json", rows=other)]
    with pytest.raises(UsageError, match=r"no row of a\.json that ran is in c\.json"):
        comparison.of(files)


def test_what_a_kernel_leaves_of_the_memory_makes_no_other_machine(kept, results):
    def with_memory(name, size):
        return kept(name, host=replace(results.host, memory_bytes=size))

    files = [with_memory("a.json", 4_000_000_000), with_memory("b.json", 3_990_000_000)]
    assert comparison.of(files).pairs
    with pytest.raises(UsageError, match="differ in host: memory_bytes"):
        comparison.of([files[0], with_memory("c.json", 8_000_000_000)])


def test_json_and_csv_say_which_runs_are_to_be_believed(kept):
    found = comparison.of([kept("a.json"), kept("b.json")])
    content = json.loads(compared.render(found, "json"))
    assert [run["verdict"]["status"] for run in content["runs"]] == ["INVALID", "INVALID"]
    assert content["notes"] == list(found.notes)
    assert compared.render(found, "csv").splitlines()[1].endswith("INVALID,INVALID")

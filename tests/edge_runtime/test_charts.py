"""What charts compute before anything draws them."""

import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.report.charts import axes, runs, samples, sections
from edge_runtime.report.charts.labels import spread
from edge_runtime.report.charts.operators import MOST
from edge_runtime.report.charts.tradeoff import frontier
from edge_runtime.results.energy import Energy, Window
from edge_runtime.results.profile import Operator, Profile
from edge_runtime.results.sustained import Bin, Sustained

places = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30)


def drawn(*results):
    """All charts of files, by name; of several files the last one's."""
    files = [(Path(f"{n}.json"), one) for n, one in enumerate(results)]
    return {c.name: c for section in sections.of(runs.of(files)) for _, c in section.charts}


def layer(chart, name):
    """The records of a chart's layer."""
    (found,) = (one for one in chart.spec["layer"] if one["name"].startswith(f"{name}_"))
    return found["data"]["values"]


@given(places)
def test_the_frontier_is_what_no_other_place_beats(given):
    kept = {given[i] for i in frontier(given)}
    beaten = {
        one
        for one in given
        if any(other != one and other[0] <= one[0] and other[1] <= one[1] for other in given)
    }
    assert kept == set(given) - beaten


@given(st.lists(st.floats(0, 200), min_size=1, max_size=12))
def test_names_are_pushed_apart_in_their_order_and_stay_in_the_chart(given):
    moved = spread(given, 13, 6, 234)
    ordered = [place for _, place in sorted(zip(given, moved, strict=True))]
    assert all(b - a >= 13 - 1e-9 for a, b in itertools.pairwise(ordered))
    assert min(moved) >= 6 and max(moved) <= 234 + 1e-9


def test_names_with_room_stay_where_they_are():
    assert spread([100, 20, 60], 13, 6, 234) == [100, 20, 60]


@given(st.floats(1e-3, 1e6), st.floats(1.5, 1e6))
def test_ticks_are_few_round_and_on_the_axis(low, factor):
    shown = axes.ticks(low, low * factor)
    assert len(shown) <= 7
    assert all(low <= tick <= low * factor for tick in shown)
    assert {f"{tick:e}"[0] for tick in shown} <= {"1", "2", "3", "5"}


@given(st.floats(0.01, 1e4), st.floats(1, 1e4), st.floats(0, 1))
def test_a_value_stands_where_its_place_says(low, factor, share):
    channel = axes.of("y", "ms", [low, low * factor])
    there = axes.value_at(channel, 240 * share, 240)
    assert axes.place(channel, there, 240) == pytest.approx(240 * share, abs=1e-3)


def test_a_scale_is_logarithmic_where_values_span_much():
    assert axes.of("x", "ms", [1, 100])["scale"]["type"] == "log"
    assert "type" not in axes.of("x", "ms", [1, 2])["scale"]


def test_figures_have_three_digits():
    shown = [axes.figure(value) for value in (0.001234, 1.234, 12.34, 1234.5, 0)]
    assert shown == ["0.00123", "1.23", "12.3", "1,234", "0"]


def test_every_sample_is_drawn_where_they_are_few(results):
    row = results.rows[0]
    kept = samples.of(row, 10_000)
    assert sorted(sample.call_ns for sample in kept) == sorted(row.calls_ns)
    assert {sample.round for sample in kept} == {1, 2, 3}


def test_thinning_keeps_both_ends_and_even_ranks(make_row):
    row = make_row("m.onnx", "fp32", [tuple(range(1000, 3000)), tuple(range(3000, 5000))])
    kept = [sample.call_ns for sample in samples.of(row, 101)]
    assert len(kept) == 101 and (kept[0], kept[-1]) == (1000, 4999)
    assert {b - a for a, b in itertools.pairwise(kept)} <= {39, 40, 41}


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=40))
def test_a_page_has_no_more_points_than_it_may_and_no_fewer_than_it_can(counts):
    most = samples.most_of_each(counts)
    drawn_points = sum(min(count, most) for count in counts)
    assert drawn_points <= samples.MOST
    if sum(counts) <= samples.MOST:
        assert drawn_points == sum(counts)
    else:
        assert drawn_points > samples.MOST - len(counts)


def test_thinning_is_said(make_row, results):
    long = make_row("m.onnx", "fp32", [tuple(range(1000, 14_000))])
    few = drawn(replace(results, rows=results.rows[:1]))["latency"]
    many = drawn(replace(results, rows=(long,)))["latency"]
    assert "Every sample is drawn." in few.note
    assert "up to 10,000 of 13,000 samples" in many.note
    assert [len(one) for one in many.samples] == [10_000]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=200))
def test_points_stay_in_their_band(calls):
    assert max(map(abs, samples.offsets(calls, 13))) <= 13


def test_a_corrupt_row_is_in_no_chart(results):
    labels = {record["label"] for record in layer(drawn(results)["size-latency"], "points")}
    assert "onnx int8-static" not in labels and len(labels) == 4


def test_artifacts_have_a_colour_a_format_and_a_shape_a_precision(results):
    points = layer(drawn(results)["size-latency"], "points")
    by_label = {point["label"]: (point["colour"], point["shape"]) for point in points}
    assert len({colour for colour, _ in by_label.values()}) == 2
    assert by_label["onnx fp32"][1] == by_label["torchscript fp32"][1] == "circle"
    assert by_label["onnx fp32"][0] == by_label["onnx int8-dynamic"][0]


def test_one_file_has_nothing_side_by_side(results):
    assert "files" not in drawn(results)


def test_the_same_artifact_on_two_boards_is_one_line(results):
    other = replace(results, rows=tuple(replace(row, bundle="b2") for row in results.rows))
    lines = layer(drawn(results, other)["files"], "lines")
    assert [r["x"] for r in lines if r["path"] == "onnx fp32"] == ["0.json", "1.json"]


def test_bundles_in_one_file_are_lines_of_their_own(results):
    other = tuple(replace(row, bundle="b2") for row in results.rows)
    both = replace(results, rows=(*results.rows, *other))
    lines = layer(drawn(both, both)["files"], "lines")
    assert {"onnx fp32 in b", "onnx fp32 in b2"} <= {record["path"] for record in lines}


def test_scaling_has_what_twice_the_threads_would_be(results):
    one = results.rows[2]
    two = replace(
        one,
        threads=2,
        turns=tuple(
            replace(t, samples_ns=tuple(s * 3 // 4 for s in t.samples_ns)) for t in one.turns
        ),
    )
    chart = drawn(replace(results, rows=(one, two)))["scaling-threads"]
    real = {r["x"]: r["y"] for r in layer(chart, "lines")}
    assert real[2] / real[1] == pytest.approx(4 / 3)
    ideal = [r["x"] for r in layer(chart, "ideal")]
    assert ideal[0] == 1 and "scaling-batch" not in drawn(replace(results, rows=(one, two)))


def test_memory_is_drawn_by_stage_with_its_peak(results):
    points = layer(drawn(results)["memory"], "points")
    fp32 = {p["x"]: p["y"] for p in points if p["label"] == "onnx fp32"}
    assert fp32 == {
        "start": 30, "engine": 50, "ready": 52, "loaded": 60, "first": 70, "steady": 70, "peak": 72,
    }  # fmt: skip


def energy(*mj, idle_w=0.0):
    """Windows of 10 s and 1000 calls, whose calls take so many mJ beyond idle."""
    joules = [one + 10 * idle_w for one in mj]
    return Energy("a meter", "all", 10.0, tuple(
        Window(1000, 10**10, one, idle_w, idle_w, 100, 1.0) for one in joules
    ))  # fmt: skip


def test_energy_is_drawn_for_the_rows_that_have_a_figure_with_every_window(results):
    assert "energy" not in drawn(results)
    known = replace(results.rows[0], energy=energy(1.9, 2.0, 2.1, idle_w=3.0))
    unknown = replace(results.rows[1], energy=Energy(reason="no source"))
    chart = drawn(replace(results, rows=(known, unknown)))["energy"]
    assert [one["x"] for one in layer(chart, "windows")] == pytest.approx([1.9, 2.0, 2.1])
    (mean,) = layer(chart, "means")
    assert mean["x"] < 1.9 and mean["mean"] == pytest.approx(2.0) and mean["x2"] > 2.1
    assert "2.00 [1.75, 2.25] mJ" in chart.words


def test_an_energy_that_may_be_none_is_drawn_below_0_too(results):
    one, two = (
        replace(row, energy=taken)
        for row, taken in zip(
            results.rows, (energy(-0.5, 0.1, 0.6), energy(4.0, 4.1, 4.2)), strict=False
        )
    )
    chart = drawn(replace(results, rows=(one, two)))["energy"]
    lowest = min(mean["x"] for mean in layer(chart, "means"))
    (intervals,) = (part for part in chart.spec["layer"] if part["name"].startswith("intervals"))
    low, high = intervals["encoding"]["x"]["scale"]["domain"]
    assert low < lowest < 0 < 4.2 < high


def test_operators_are_the_longest_and_the_rest_together(results):
    many = [Operator(f"n{n}", "Conv", 1000.0 * n, 1, 10**6, n % 2 == 0) for n in range(1, 21)]
    row = replace(results.rows[0], profile=Profile(tuple(many), 300_000.0, 10**9, 4 * 10**9))
    chart = drawn(replace(results, rows=(row,)))["operators-1"]
    bars = layer(chart, "bars")
    assert len(bars) == MOST + 1
    assert sum(bar["x"] for bar in bars) == pytest.approx(sum(o.time_ns for o in many) / 1e6)
    assert "1.00 M MACs, 50.00 GMAC/s" in bars[0]["hover"]
    assert "10 others" in chart.words and "INT8 4.0 GMAC/s" in chart.note


def test_the_bar_of_an_operator_begins_at_0_and_is_as_long_as_its_time(results):
    pytest.importorskip("vl_convert", reason="vl-convert is not installed")
    from edge_runtime.report.charts import draw

    both = (Operator("a", "Conv", 4000.0, 1, 10, True), Operator("b", "Conv", 1000.0, 1, 10, True))
    row = replace(results.rows[0], profile=Profile(both, 5000.0))
    svg = draw.to_svg(drawn(replace(results, rows=(row,)))["operators-1"], None)
    bars = re.findall(r'aria-roledescription="rect mark" d="M0,[0-9.]+h([0-9.]+)v', svg)
    assert [float(bars[0]) / float(one) for one in bars] == pytest.approx([1, 4])


def test_a_load_is_drawn_for_what_is_known_of_it(results):
    bins = tuple(
        Bin(60.0 * n, 60.0, 600 - 10 * n, 1e6, 2e6, n, None, 50.0 + n, None, n > 2)
        for n in range(5)
    )
    row = replace(results.rows[0], sustained=Sustained(30.0, bins))
    charts = drawn(replace(results, rows=(row,)))
    assert {name for name in charts if name.startswith("sustained")} == {
        f"sustained-{name}" for name in ("throughput", "latency", "missed", "temperature")
    }
    speeds = [r["y"] for r in layer(charts["sustained-throughput"], "lines")]
    assert speeds == [10.0 - n / 6 for n in range(5)]
    assert "Ringed" in charts["sustained-throughput"].note
    assert "30 frames/s" in charts["sustained-throughput"].note


def test_logarithms_of_no_time_are_not_taken(make_row, results):
    row = make_row("m.onnx", "fp32", [(1,) * 5] * 2)
    turns = tuple(replace(turn, load_ns=0, first_ns=0) for turn in row.turns)
    charts = drawn(replace(results, rows=(replace(row, turns=turns),)))
    assert all(math.isfinite(r["x"]) and r["x"] > 0 for r in layer(charts["startup"], "points"))

"""Which row is recommended: only what an interval shows is said."""

import re
from dataclasses import replace

import pytest

from edge_runtime.results import document, recommendation, verdict
from edge_runtime.results.needs import Needs
from edge_runtime.results.rows import Results, Status
from edge_runtime.results.statistics import Estimate


def calls(microseconds, spread=1):
    return [(10 * microseconds * (100 + spread * i),) * 40 for i in (-1, 0, 1, 0)]


@pytest.fixture
def recommend(results):
    """Recommend one of some rows."""

    def ask(*rows, **needs):
        settings = replace(results.settings, rounds=4, needs=Needs(**needs))
        whole = replace(results, settings=settings, rows=rows)
        return recommendation.recommend(whole, verdict.judge(whole))

    return ask


@pytest.fixture
def slow(make_row):
    return make_row("m-fp32.onnx", "fp32", calls(4_000))


@pytest.fixture
def fast(make_row):
    return make_row(
        "m-int8-static.onnx", "int8-static", calls(1_000, spread=-1), size_bytes=250_000
    )


@pytest.fixture
def like(make_row):
    other = {"format": "litert", "engine": "litert"}
    return make_row("m.tflite", "int8-static", calls(1_002, spread=3), **other)


def test_the_fastest_is_named_with_its_ratio_to_the_next(recommend, slow, fast):
    advice = recommend(slow, fast)
    assert advice.row is fast
    start = "onnx int8-static (m-int8-static.onnx on onnxruntime), "
    interval = r"4\.00 \[3\.\d\d, 4\.\d\d\] times as fast as the next, onnx fp32\."
    assert re.fullmatch(re.escape(start) + interval, advice.text)
    (rival,) = advice.rivals
    assert rival.file == slow.file and isinstance(rival.speed, Estimate)


def test_where_the_interval_holds_1_no_difference_is_shown(recommend, slow, fast, like):
    advice = recommend(slow, fast, like)
    assert "no difference shown to litert int8-static 1.00" in advice.text
    assert [rival.engine for rival in advice.rivals] == ["litert"]


@pytest.mark.parametrize(
    ("needs", "met"),
    [
        ({"max_size_bytes": 300_000}, True),
        ({"min_top1": 91.0}, False),
        ({"min_top1": 90.0}, True),
        ({"max_p95_ms": 2.0}, True),
        ({"max_p95_ms": 0.5}, False),
    ],
)
def test_a_row_has_to_meet_what_was_asked_for(recommend, slow, fast, needs, met):
    advice = recommend(slow, fast, **needs)
    assert advice.row is (fast if met else None)
    assert str(Needs(**needs)) in advice.text


def test_what_is_unknown_meets_nothing(recommend, slow, fast):
    silent = replace(fast, accuracy=None)
    assert recommend(slow, silent, min_top1=80.0).row is slow


def test_rows_that_did_not_end_well_are_not_recommended(recommend, slow, fast):
    assert recommend(slow, replace(fast, status=Status.MISMATCHED)) is None
    assert recommend(fast) is None


def late(row):
    """The row, if it had waited for a CPU most of the time."""
    turns = [replace(turn, after=replace(turn.after, queue_wait_ns=10**9)) for turn in row.turns]
    return replace(row, turns=tuple(turns))


def test_a_run_that_lost_time_recommends_nothing(recommend, slow, fast):
    advice = recommend(late(slow), late(fast))
    assert advice.row is None and "waited for a CPU" in advice.text


def test_nothing_is_recommended_where_a_row_took_less_although_it_lost_time(recommend, slow, fast):
    advice = recommend(slow, late(fast))
    assert advice.row is None and advice.rivals == ()
    assert advice.text.startswith("none: onnx int8-static took least, but lost time to others: ")
    advice = recommend(late(slow), fast)
    assert advice.row is fast and "1 more could not be timed" in advice.text


def test_the_document_carries_it(results, slow, fast):
    settings = replace(results.settings, rounds=4, needs=Needs(max_size_bytes=2**20))
    whole = Results(settings, results.host, (slow, fast))
    content = document.header(whole, verdict.judge(whole))["recommendation"]
    assert (content["file"], content["engine"]) == (fast.file, "onnxruntime")
    assert content["text"].startswith("onnx int8-static")
    assert set(content["rivals"][0]) == {"file", "engine", "speed"}

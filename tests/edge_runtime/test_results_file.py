"""The result document: what is written is read back, and damage is refused by its place."""

import json
import math
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime import report
from edge_runtime.errors import BundleError
from edge_runtime.probes import Reading
from edge_runtime.probes.host import Host
from edge_runtime.probes.memory import Stage
from edge_runtime.probes.state import State
from edge_runtime.results import document
from edge_runtime.results.accuracy import Accuracy, Counts
from edge_runtime.results.energy import Energy, Window
from edge_runtime.results.parity import Parity
from edge_runtime.results.rows import Results, Row, States, Status
from edge_runtime.results.settings import Settings
from edge_runtime.results.sustained import Bin, Sustained
from edge_runtime.results.turns import Memory, Turn

PARITY = Parity(500, 499, 0.01, 9.0)
BIN = Bin(0, 1, 9, 5.0, 6.0, 1, 10**9, 60.5, 3.5, False, 0, 0, 0, 0.0, 0.0, 70)


def turn(number, samples=(10, 12, 11)):
    stage = Stage(2**20, 2**19)
    memory = Memory(start=stage, ready=stage, steady=stage, peak_bytes=2**21)
    state = State(
        governor="performance",
        temperature_celsius=60.5,
        firmware_flags=0,
        steal_ticks=0,
        busy_ticks=9,
        monotonic_ns=5,
        major_faults=0,
        fixed_work_ns=70,
        power_source="mains",
    )
    return Turn(number, 30, 20, (15, 14), True, 1, 2, samples, memory, state, state)


def row(turns, **changes):
    names = dict.fromkeys(("bundle", "model", "file", "format", "engine", "precision"), "a")
    values = {**names, "target": "any", "size_bytes": 9, "sha256": "0", "batch_size": 1}
    return Row(**{**values, "threads": 1, "status": Status.OK, "turns": turns, **changes})


RESULTS = Results(
    Settings(rounds=2, min_runs=6, cpus=(0,)),
    Host(cpu="CPU", machine="m", cpus=2, ticks_per_s=100),
    (
        row(
            (turn(1), turn(2)),
            accuracy=Accuracy(500, 499, 0.01, 9.0, right=450, exported=PARITY, data=Counts(10, 9)),
            energy=Energy("RAPL", "package", 20.0, (Window(5, 10**10, 9.5, 0.5, None, 200, 1.0),)),
            sustained=Sustained(30.0, (BIN, replace(BIN, start_s=1.0)), unserved=2),
        ),
        row((), file="b", status=Status.CORRUPT, message="Copy it again.", overridden=("speed",)),
    ),
    States({"load_1min": Reading(0.1, "loadavg")}),
    started="2026-11-24T12:00:00+00:00",
)
TEXT = document.text(RESULTS)
DOCUMENT = json.loads(TEXT)


def places(value, path=()):
    """The path to every value of a document but itself."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inside:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def named(path):
    first, *rest = path
    return first + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in rest)


def changed(path, value):
    """The valid document with another value in one place; without the place if it is ``...``."""
    content = json.loads(TEXT)
    *outer, last = path
    inside = content
    for key in outer:
        inside = inside[key]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    return content


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Read a document, given as JSON values or as text, from a file."""
    path = tmp_path_factory.mktemp("documents") / "r.json"

    def call(content):
        path.unlink(missing_ok=True)  # ext4 waits for its disk where a file is written over
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return document.read(path)

    call.path = path
    return call


@pytest.fixture
def refused(read):
    """The message with which a document is refused, which begins with the file's name."""

    def call(content):
        with pytest.raises(BundleError) as caught:
            read(content)
        message = str(caught.value)
        assert message.startswith(str(read.path))
        return message.removeprefix(str(read.path))

    return call


def test_what_was_written_is_read_back(results, tmp_path):
    for i, found in enumerate((RESULTS, results)):
        document.write(found, tmp_path / f"{i}.json")
        assert document.read(tmp_path / f"{i}.json") == found


def test_a_document_that_was_read_is_written_the_same(read):
    assert document.text(read(TEXT)) == TEXT


@settings(deadline=None)  # a file is written: disks have moments of their own
@given(
    samples=st.lists(
        st.lists(st.integers(1, 10**12), min_size=1, max_size=5), min_size=1, max_size=4
    ),
    message=st.text(),
    status=st.sampled_from(Status),
    how=st.builds(
        Settings,
        threads=st.lists(st.integers(1, 99), min_size=1).map(tuple),
        min_time_s=st.floats(0, 1),
        max_time_s=st.floats(1, 1e6),
        accuracy_data=st.text(),
        seed=st.integers(0, 2**31 - 1),
    ),
)
def test_any_results_are_read_back(read, samples, message, status, how):
    turns = tuple(turn(i, tuple(ns)) for i, ns in enumerate(samples, 1))
    found = Results(how, Host(cpu=message), (row(turns, status=status, message=message),))
    assert read(document.text(found)) == found


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_what_is_no_number_in_json_becomes_null(read, number):
    first = RESULTS.rows[0]
    infinite = replace(first.accuracy, largest_difference=number)
    text = document.text(replace(RESULTS, rows=(replace(first, accuracy=infinite),)))
    assert "Infinity" not in text and "NaN" not in text
    (again,) = read(text).rows
    assert again == replace(first, accuracy=replace(infinite, largest_difference=None))


def test_verdicts_are_written_and_judged_anew(read):
    assert DOCUMENT["verdict"]["status"] == DOCUMENT["rows"][1]["verdict"]["status"] == "INVALID"
    assert DOCUMENT["rows"][0]["verdict"] == {"status": "VALID", "reasons": []}
    forged = changed(("verdict",), {"status": "VALID", "reasons": []})
    assert json.loads(document.text(read(forged))) == DOCUMENT


def test_keys_of_later_versions_are_passed_over(read):
    for path in (("new",), ("settings", "new"), ("rows", 0, "new"), ("rows", 0, "turns", 1, "new")):
        assert read(changed(path, [1])) == RESULTS


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "not a results file of `edge-bench --json`: Expecting value"),
        ("edge-bench", "not a results file of `edge-bench --json`: Expecting value"),
        (TEXT[:-9], "not a results file of `edge-bench --json`: Expecting"),
        ("[" * 10**5, "not a results file of `edge-bench --json`: "),
        ("9" * 5000, "not a results file of `edge-bench --json`: Exceeds the limit"),
        ("[]", "not a results file of `edge-bench --json`."),
        ('["schema", "rows"]', "not a results file of `edge-bench --json`."),
        ("null", "not a results file of `edge-bench --json`."),
        ("{}", "not a results file of `edge-bench --json`."),
        ('{"schema": 2}', "not a results file of `edge-bench --json`."),
        ('{"rows": []}', "not a results file of `edge-bench --json`."),
    ],
    ids=["empty", "text", "cut off", "deep", "long", "a list", "names", "null", "an object",
         "no rows", "no schema"],
)  # fmt: skip
def test_what_is_no_results_file_is_refused(refused, text, why):
    assert refused(text).startswith(f" is {why}")


def test_bytes_that_are_no_text_and_a_file_that_is_not_there_are_refused(tmp_path):
    (tmp_path / "r.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BundleError, match=r"r\.json is not a results file"):
        document.read(tmp_path / "r.json")
    with pytest.raises(BundleError, match=r"^cannot read .*nowhere: No such file"):
        document.read(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"^cannot read .*: Is a directory"):
        document.read(tmp_path)


@pytest.mark.parametrize("schema", [1, 7, "6", 6.0, True, None, [6]])
def test_another_schema_is_refused(refused, schema):
    told = f" has schema {schema!r}; this edge-bench reads 2, 3, 4, 5 and 6. Measure again."
    assert refused(changed(("schema",), schema)) == told


@pytest.mark.parametrize("schema", [2, 3, 4, 5])
def test_a_document_of_an_older_schema_is_read(read, schema):
    content = json.loads(TEXT)
    content["schema"] = schema
    if schema == 2:
        del content["settings"]["emulated"]
    del content["host"]["emulated_on"]
    del content["rows"][0]["accuracy"]["exported"], content["rows"][0]["accuracy"]["data"]
    content["rows"][1]["accuracy"] = {}
    content["rows"][0]["turns"][0]["memory"] = {"peak_bytes": None, "reason": None}
    content["state"] = {"before": {}}
    for name in ("sustained_s", "at_fps", "energy"):
        del content["settings"][name]
    for one in content["rows"]:
        del one["sustained"], one["energy"]
    found = read(content)
    assert found.rows[0].sustained is None and found.settings.extras == ()
    assert found.settings.emulated is False and found.host.emulated_on is None
    assert found.rows[1].accuracy is None and found.rows[0].accuracy.right == 450
    assert found.rows[0].turns[0].memory == Memory()
    assert found.settings.energy is False and found.rows[0].energy is None


FIRST = ("rows", 0)
SECOND_TURN = (*FIRST, "turns", 1)


@pytest.mark.parametrize(
    "path",
    [
        ("settings",),
        ("host",),
        *((*FIRST, name) for name in ("bundle", "size_bytes", "batch_size", "status")),
        *((*SECOND_TURN, name) for name in ("round", "settled", "overhead_ns", "samples_ns")),
    ],
    ids=named,
)
def test_a_missing_key_is_named_with_its_place(refused, path):
    assert refused(changed(path, ...)) == f" is damaged: {named(path)} is missing. Measure again."


@pytest.mark.parametrize(
    "path, value, kind",
    [
        (("settings",), [], "an object"),
        (("settings", "rounds"), "2", "number"),
        (("settings", "rounds"), True, "number"),
        (("settings", "threads"), 1, "list"),
        (("settings", "threads", 0), None, "number"),
        (("settings", "min_time_s"), False, "number"),
        (("settings", "accuracy_data"), None, "string"),
        (("host",), "m", "an object"),
        (("started",), 5, "string"),
        (("rows",), {}, "list"),
        (FIRST, None, "an object"),
        ((*FIRST, "file"), 5, "string"),
        ((*FIRST, "size_bytes"), "9", "number"),
        ((*FIRST, "threads"), True, "number"),
        ((*FIRST, "status"), "fine", "unknown here"),
        ((*FIRST, "status"), None, "unknown here"),
        ((*FIRST, "status"), ["ok"], "unknown here"),
        ((*FIRST, "accuracy"), [], "an object"),
        ((*FIRST, "turns"), "x", "list"),
        (SECOND_TURN, 5, "an object"),
        ((*SECOND_TURN, "samples_ns"), None, "list"),
        ((*SECOND_TURN, "samples_ns", 0), "x", "number"),
        ((*SECOND_TURN, "samples_ns", 2), True, "number"),
        ((*SECOND_TURN, "samples_ns", 2), [10], "number"),
        ((*SECOND_TURN, "warm_up_ns", 1), None, "number"),
        ((*SECOND_TURN, "settled"), 1, "true or false"),
        ((*SECOND_TURN, "load_ns"), None, "number"),
        ((*SECOND_TURN, "before"), [], "an object"),
        (("rows", 1, "overridden", 0), 1, "string"),
    ],
)
def test_a_value_of_another_type_is_shown_with_its_place(refused, path, value, kind):
    told = refused(changed(path, value))
    assert told.startswith(f" is damaged: {named(path)} is {value!r}, ")
    assert told.endswith(f" {kind}. Measure again.")


def test_a_long_value_is_shown_in_part(refused):
    told = refused(changed((*FIRST, "size_bytes"), "x" * 10**6))
    assert f"rows[0].size_bytes is '{'x' * 39}, not a" in told


@pytest.mark.parametrize("value", [1.5, 1.0])
def test_a_fraction_where_a_count_belongs_is_told_what_is_wrong_with_it(refused, value):
    assert "not a number" not in refused(changed((*SECOND_TURN, "load_ns"), value))


@pytest.mark.parametrize(
    "path, value, why",
    [
        (
            (*SECOND_TURN, "samples_ns", 1),
            -5,
            "rows[0].turns[1].samples_ns[1] is -5, not {1} to 1e+15",
        ),
        (
            (*SECOND_TURN, "samples_ns", 1),
            0,
            "rows[0].turns[1].samples_ns[1] is 0, not {1} to 1e+15",
        ),
        (
            (*SECOND_TURN, "samples_ns", 1),
            10**18,
            "rows[0].turns[1].samples_ns[1] is 1000000000000000000, not {1} to 1e+15",
        ),
        ((*SECOND_TURN, "samples_ns"), [], "rows[0].turns[1]: samples_ns is empty"),
        ((*SECOND_TURN, "calls_per_sample"), 0, "rows[0].turns[1].calls_per_sample is 0, not {1}"),
        (
            (*SECOND_TURN, "calls_per_sample"),
            10**9,
            "rows[0].turns[1]: samples_ns holds 10, for 1000000000 calls",
        ),
        ((*SECOND_TURN, "load_ns"), -1, "rows[0].turns[1].load_ns is -1, not {0} to 1e+15"),
        ((*SECOND_TURN, "round"), 1, "rows[0]: turns[1].round is 1, not 2"),
        ((*FIRST, "turns", 0, "round"), 2, "rows[0]: turns[0].round is 2, not 1"),
        (
            (*SECOND_TURN, "memory", "peak_bytes"),
            -1,
            "rows[0].turns[1].memory.peak_bytes is -1, not {0}",
        ),
        (("rows", 1, "batch_size"), 0, "rows[1].batch_size is 0, not {1}"),
        (("rows", 1, "threads"), -1, "rows[1].threads is -1, not {1}"),
        ((*FIRST, "accuracy", "right"), 501, "rows[0].accuracy: 501 of 500 images (right)"),
        ((*FIRST, "accuracy", "right"), -1, "rows[0].accuracy.right is -1, not {0}"),
        ((*FIRST, "accuracy", "right"), ..., "rows[0].accuracy.right is missing"),
        ((*FIRST, "accuracy", "images"), ..., "rows[0].accuracy.images is missing"),
        (
            (*FIRST, "accuracy", "data", "right"),
            11,
            "rows[0].accuracy.data: 11 of 10 images (right)",
        ),
        (
            (*FIRST, "accuracy", "exported", "agree"),
            501,
            "rows[0].accuracy.exported: 501 of 500 images (agree)",
        ),
        (("settings", "rounds"), 0, "settings.rounds is 0, not {1}"),
        (("host", "cpus"), 0, "host.cpus is 0, not {1}"),
        (
            ("state", "before", "load_1min", "value"),
            "x",
            "state: before.load_1min is 'x', not a number",
        ),
    ],
)
def test_what_no_measurement_gives_is_refused_with_its_place(refused, path, value, why):
    why = why.format("a whole number from 0", "a whole number from 1")
    assert refused(changed(path, value)) == f" is damaged: {why}. Measure again."


def test_rows_that_no_run_comes_to_are_refused(refused):
    whole = json.loads(TEXT)["rows"][0]
    twice = changed(("rows", 1), whole)
    assert refused(twice) == " is damaged: two rows are of a, a, a, 1, 1. Measure again."
    apart = changed(("rows", 1), {**whole, "file": "b", "turns": []})
    assert "have 0 to 2 turns" in refused(apart)
    assert "a row has 2 turns, of 1 rounds" in refused(changed(("settings", "rounds"), 1))


@pytest.mark.parametrize(
    "name, value",
    [("min_time_s", 61), ("cooldown_s", None), ("timeout_s", 10**400)],
    ids=["more than --max-time", "not a number", "too large for a float"],
)
def test_settings_that_no_command_could_have_had_are_damage(refused, name, value):
    assert refused(changed(("settings", name), value)).startswith(" is damaged: ")


PLACES = [path for path in places(DOCUMENT) if "verdict" not in path]
VALUES = [None, True, 3, 0.5, "x", [], {}]


def failures(use):
    """What goes wrong, other than being refused, where any one value is another; a line each."""
    found = []
    for path, value in product(PLACES, VALUES):
        try:
            use(changed(path, value))
        except BundleError:
            pass
        except Exception as error:
            found.append(f"{named(path)} = {value!r}: {type(error).__name__}: {error}")
    return "\n".join(found)


def test_any_value_of_another_type_is_read_or_refused(read):
    assert failures(read) == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@settings(deadline=None)
@given(st.sampled_from(PLACES), json_values)
def test_any_other_value_is_read_or_refused(read, path, value):
    try:
        read(changed(path, value))
    except BundleError as error:
        assert str(read.path) in str(error)


@pytest.mark.parametrize("output", ["json", "table"])
def test_what_is_read_can_be_judged_and_drawn(read, output):
    assert failures(lambda content: report.render(read(content), output)) == ""

"""Whatever becomes of a file, it is refused in a line or makes sense: a few mutants of each kind.

``make fuzz`` draws many more, and others every time.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from subjects import SUBJECTS

EXAMPLES = 200
WORKSHOP = {"checkpoint", "ONNX file", "image folder"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.torch] * (n in WORKSHOP)) for n in SUBJECTS]
)
def test_a_mutant_is_refused_in_a_line_or_makes_sense(name, tmp_path):
    subject = SUBJECTS[name](tmp_path)
    found = {True: 0, False: 0}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,  # the same mutants every time
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(subject.mutants)
    def use(mutant):
        found[subject.accepts(mutant)] += 1

    use()
    assert found[True] and found[False], found


def test_the_long_run_records_what_it_drew(tmp_path):
    out = tmp_path / "fuzz.json"
    options = ("--only", "golden pack", "--examples", "12", "--seed", "5", "--out", out)
    command = [sys.executable, Path(__file__).with_name("fuzz.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    record = json.loads(out.read_text())
    assert (record["seed"], record["examples_each"]) == (5, 12)
    found = record["subjects"]["golden pack"]
    assert found["accepted"] + found["refused"] == 12 and found["failures"] == []
    assert "seed 5" in done.stdout and "12 mutants" in done.stdout

"""Results that people with boards sent: each can be believed."""

from pathlib import Path

import pytest

FILES = sorted(
    (Path(__file__).resolve().parent.parent / "benchmarks/results/boards").glob("*.json")
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_results_file_of_a_board_is_valid_or_suspect(run, file):
    done = run("edge_runtime", "report", file, "--require", "suspect")
    assert done.returncode == 0, done.stdout + done.stderr

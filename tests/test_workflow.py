"""The workflow that README shows runs as it stands, in a repository of two commits."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

yaml = pytest.importorskip("yaml")
pytest.importorskip("onnxruntime")

REPOSITORY = Path(__file__).resolve().parent.parent
COMPARE = "Compare with the commit before"
QUICK = "--rounds 2 --min-runs 6 --min-time 0"


@pytest.fixture(scope="module")
def job():
    (text,) = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    (found,) = yaml.safe_load(text)["jobs"].values()
    return found


@pytest.fixture
def checkout(job, tmp_path):
    """A repository with the bundle in its last two commits, as the first step leaves it."""
    place = tmp_path / "checkout"
    bundle = Path(job["env"]["BUNDLE"])
    shutil.copytree(REPOSITORY / bundle, place / bundle)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(place)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    for message in ("before", "after"):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", message], check=True)
    return place


def test_its_first_steps_bring_two_commits_python_and_the_command(job):
    checkout, python, install, *_ = job["steps"]
    assert checkout["with"]["fetch-depth"] == 2 and "setup-python" in python["uses"]
    assert install["run"] == "pip install '.[ort]'"
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_its_commands_run_and_pass_where_nothing_changed(job, checkout, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    command = programs / "edge-bench"
    # As quick as it gets: what is not a subcommand measures.
    command.write_text(
        f'#!/bin/sh\ncase "$1" in report|compare) ;; *) set -- "$@" {QUICK};; esac\n'
        f'exec {sys.executable} -P -m edge_runtime "$@"\n'
    )
    command.chmod(0o755)
    summary = tmp_path / "summary.md"
    environment = {**os.environ, **job["env"], "GITHUB_STEP_SUMMARY": str(summary)}
    environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    said = {}
    for step in job["steps"]:
        if "run" not in step or step["name"] == "Install":
            continue
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            capture_output=True,
            text=True,
            cwd=checkout,
            env=environment,
        )
        said[step["name"]] = done.stdout
        # Two rounds on a busy machine may differ by anything; all else has to pass.
        allowed = (0, 1) if step["name"] == COMPARE else (0,)
        assert done.returncode in allowed, (step["name"], done.stderr)
    assert "passed: onnx int8-dynamic: size" in said["Hold to the budget"]
    assert "passed: onnx int8-dynamic: top1" in said["Hold to the budget"]
    assert "onnx int8-dynamic" in said[COMPARE]
    assert "| onnx int8-dynamic | size |" in summary.read_text()
    suite = ElementTree.parse(checkout / "edge-bench.xml").getroot()
    assert int(suite.get("tests")) == 5 and suite.get("failures") == "0"
    uploaded = job["steps"][-1]["with"]["path"].split()
    assert all((checkout / name).is_file() for name in uploaded)


def test_a_bundle_that_grew_stops_it(job, checkout, tmp_path):
    """The limit of the budget step is one that can be broken."""
    (step,) = (step["run"] for step in job["steps"] if step.get("name") == "Hold to the budget")
    tight = step.replace("size=4MB", "size=1MB").replace("edge-bench ", f"edge-bench {QUICK} ", 1)
    done = subprocess.run(
        [
            "bash",
            "-e",
            "-c",
            tight.replace("edge-bench", f"{sys.executable} -P -m edge_runtime", 1),
        ],
        capture_output=True,
        text=True,
        cwd=checkout,
        env={**os.environ, **job["env"]},
    )
    assert done.returncode == 1 and "::error title=onnx int8-dynamic%3A size::" in done.stdout

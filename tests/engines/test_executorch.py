"""ExecuTorch: `make test-engines`, which installs it beside the environment."""

import json

import numpy as np
import pytest

pytest.importorskip("executorch", reason="ExecuTorch is not installed")
pytest.importorskip("torch", reason="PyTorch is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

from edge_runtime import engines
from edge_runtime.bundle import golden, manifest
from edge_runtime.errors import EngineError

QUICK = ("--rounds", "2", "--min-runs", "6", "--min-time", "0", "--accuracy-images", "50")


@pytest.fixture(scope="module")
def bundle(run_once, tmp_path_factory):
    """The shipped model for ExecuTorch, in FP32 and static INT8."""
    out = tmp_path_factory.mktemp("bundle") / "b"
    options = ("--format", "executorch", "--min-speedup", "0", "--validation-images", "200")
    done = run_once("cifarq_export", *options, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr and "Traceback" not in done.stderr
    return out


def test_it_answers_as_the_model_does_in_batches_of_one_and_four(bundle):
    content = manifest.read(bundle)
    pack = golden.of_bundle(bundle, content)
    images = content.preprocessing.apply(pack.images[:64])
    fp32, static = content.artifacts
    for artifact in (fp32, static):
        session = engines.load("executorch", (bundle / artifact.file).read_bytes(), artifact.file)
        fours = [session.run(images[start : start + 4]) for start in range(0, 64, 4)]
        logits = np.concatenate(fours)
        np.testing.assert_allclose(session.run(images[:1]), logits[:1], atol=1e-3)
        same = (logits.argmax(axis=1) == pack.logits[:64].argmax(axis=1)).mean()
        if artifact is fp32:
            np.testing.assert_allclose(logits, pack.logits[:64], atol=1e-3)
        assert same >= 0.95
    assert static.calibration.images == 512 and static.target == "any"
    assert static.size_bytes < 0.27 * fp32.size_bytes


def test_it_is_measured(bundle, run):
    done = run("edge_runtime", bundle, *QUICK, "--output", "json")
    rows = json.loads(done.stdout)["rows"]
    assert [(row["precision"], row["engine"], row["status"]) for row in rows] == [
        ("fp32", "executorch", "ok"),
        ("int8-static", "executorch", "ok"),
    ]


def test_what_is_no_program_is_refused_in_one_line():
    with pytest.raises(EngineError, match=r"(cannot load|refuses) m\.pte") as caught:
        engines.load("executorch", b"no program", "m.pte")
    assert "\n" not in str(caught.value)

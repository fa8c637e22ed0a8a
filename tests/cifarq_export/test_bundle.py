"""The bundle: whole or not at all, the same bytes every time, and nothing of this machine in it."""

import copy
import errno
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from cifarq.data import packs
from cifarq_export.bundle import build, staging
from cifarq_export.bundle.request import Request
from cifarq_export.sources.images import Gatherer
from edge_runtime import engines, files
from edge_runtime.bundle import golden, integrity, manifest
from edge_runtime.errors import DataError, ExportError
from edge_runtime.files import sha256_of


def test_everything_lies_at_its_top_and_is_in_the_manifest(everything):
    content = manifest.read(everything)
    names = {f.file for f in content.files} | {a.file for a in content.artifacts}
    assert names | {"manifest.json"} == {p.name for p in everything.iterdir()}
    assert names == {
        "golden.npz",
        "edge-bench.pyz",
        "seed-cnn-fp32.onnx",
        "seed-cnn-int8-dynamic.onnx",
        "seed-cnn-int8-dynamic-conv.onnx",
        "seed-cnn-int8-static.onnx",
        "seed-cnn-fp32.torchscript.pt",
        "seed-cnn-int8-dynamic.torchscript.pt",
    }
    for record in (*content.files, *content.artifacts):
        assert len(integrity.read(everything, record)) == record.size_bytes


def test_parity_and_accuracy_of_each_artifact_are_in_the_manifest(everything):
    for artifact in manifest.read(everything).artifacts:
        assert artifact.parity.images == artifact.accuracy.images == 300
        assert artifact.parity.top1_agreement >= 0.99
        assert abs(artifact.accuracy.top1 - artifact.accuracy.fp32_top1) < 0.01


def test_what_each_int8_artifact_answers_here_travels_with_the_golden_pack(everything):
    pack, content = golden.read(everything / "golden.npz"), manifest.read(everything)
    assert set(pack.exported) == {a.file for a in content.artifacts if a.precision != "fp32"}
    for artifact in content.artifacts:
        if artifact.precision != "fp32":
            session = engines.load(
                artifact.engine, integrity.read(everything, artifact), artifact.file
            )
            logits = session.run(content.preprocessing.apply(pack.images[3:4]))
            np.testing.assert_array_equal(pack.exported[artifact.file][3:4], logits)


def test_the_golden_pack_is_the_shipped_one_and_checked_nothing(everything):
    pack, shipped = golden.read(everything / "golden.npz"), packs.shipped("golden")
    np.testing.assert_array_equal(pack.images, shipped.images)
    np.testing.assert_array_equal(pack.labels, shipped.labels)
    checked_on = {image.tobytes() for image in packs.shipped("validation").images}
    assert not checked_on & {image.tobytes() for image in pack.images}


def contents(data: bytes) -> bytes:
    """A file's bytes, and those of its members if it is an archive."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return data + b"".join(archive.read(name) for name in archive.namelist())


def test_no_path_of_this_machine_is_in_any_byte_of_it(everything):
    repository = Path(__file__).resolve().parents[2]
    telltales = {
        str(repository),
        str(Path.home()),
        str(Path.cwd()),
        str(everything.parent),
        sys.prefix,
        "site-packages",
        "/usr/lib/python",
    }
    for path in everything.iterdir():
        found = {t for t in telltales if t.encode() in contents(path.read_bytes())}
        assert not found, f"{path.name} holds {found}"


@pytest.mark.slow
def test_the_same_export_from_another_folder_has_the_same_bytes(
    everything, everything_asked, run, tmp_path
):
    done = run(
        "cifarq_export",
        *everything_asked,
        "--out",
        "b",
        env={"TZ": "Asia/Tokyo", "XDG_CACHE_HOME": str(tmp_path / "cold")},
    )
    assert done.returncode == 0, done.stderr
    for path in everything.iterdir():
        assert sha256_of(path) == sha256_of(tmp_path / "b" / path.name), path.name


def test_the_runtime_holds_the_device_side_and_click_and_nothing_else(everything):
    with zipfile.ZipFile(everything / "edge-bench.pyz") as archive:
        names = archive.namelist()
        text = b"".join(archive.read(n) for n in names if n.startswith("edge_runtime/"))
    assert {name.partition("/")[0] for name in names} == {"__main__.py", "edge_runtime", "click"}
    assert "click/LICENSE.txt" in names
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in names)
    assert b"import cifarq" not in text and b"from cifarq" not in text
    assert os.access(everything / "edge-bench.pyz", os.X_OK)
    assert (everything / "edge-bench.pyz").stat().st_size < 2**20


def export(out, source, images, **changes):
    request = replace(Request((("onnx", "fp32"),), "x86-vnni"), **changes)
    with staging.stage(out, overwrite=False) as folder:
        return build.build(folder, source, request, images)


@pytest.mark.slow
def test_an_artifact_that_is_not_faithful_stops_the_export_and_leaves_nothing(
    tmp_path, monkeypatch, seed_cnn, shipped_images
):
    from cifarq_export.formats import onnx as format_onnx

    def sabotaged(source, precision, path, recipe):
        broken = copy.deepcopy(source.module)
        broken.fc2.weight.data[0] += 1e-3
        return written(replace(source, module=broken), precision, path, recipe)

    written = format_onnx.write
    monkeypatch.setattr(format_onnx, "write", sabotaged)
    expected = (
        r"parity gate: seed-cnn-fp32\.onnx: does not compute what FP32 PyTorch.*logits differ"
    )
    with pytest.raises(ExportError, match=expected):
        export(tmp_path / "out", seed_cnn, shipped_images)
    assert list(tmp_path.iterdir()) == []
    built = export(tmp_path / "out", seed_cnn, shipped_images, force=True)
    assert built.manifest.artifacts[0].overridden == ("parity",)
    assert "although it fails the parity gate" in built.warnings[0]


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_full_disk_is_an_error_and_leaves_nothing(
    tmp_path, monkeypatch, seed_cnn, shipped_images, after
):
    calls = []
    real = os.fsync

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ExportError, match="No space left on device"):
        export(tmp_path / "out", seed_cnn, shipped_images)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("megabytes", [1, 5, 10, 25])
@pytest.mark.slow
def test_a_real_limit_on_what_may_be_written_is_an_error_and_leaves_nothing(tmp_path, megabytes):
    """The kernel refuses a file above the limit, whoever writes it: Python or an engine."""
    limited = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({megabytes} << 20, {megabytes} << 20))\n"
        "from cifarq_export.cli import main\n"
        "sys.argv[1:] = ['--out', 'b', '--min-speedup', '0', '--validation-images', '20']\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited], capture_output=True, text=True, cwd=tmp_path
    )
    if megabytes > 20:  # no file of the export is as large
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and done.stderr.startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


def test_overwriting_replaces_the_bundle_and_keeps_what_belongs_to_somebody_else(
    everything, tmp_path
):
    out = tmp_path / "out"
    shutil.copytree(everything, out)
    (out / "results.json").write_text("mine")
    (out / "yolo.onnx").write_text("mine too")
    with staging.stage(out, overwrite=True) as folder:
        (folder / "manifest.json").write_text("new")
    assert {p.name: p.read_text() for p in out.iterdir()} == {
        "results.json": "mine",
        "yolo.onnx": "mine too",
        "manifest.json": "new",
    }
    assert list(tmp_path.iterdir()) == [out]


def test_overwriting_what_is_no_bundle_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with (
        pytest.raises(ExportError, match="holds something else"),
        staging.stage(tmp_path, overwrite=True),
    ):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_failed_overwrite_leaves_the_old_bundle(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text("old")
    with (
        pytest.raises(ZeroDivisionError),
        staging.stage(tmp_path / "out", overwrite=True) as folder,
    ):
        (folder / "manifest.json").write_text("half")
        raise ZeroDivisionError
    assert (tmp_path / "out" / "manifest.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


@pytest.mark.full_data
def test_with_the_data_set_given_the_draws_are_the_shipped_packs(data_dir, seed_cnn):
    given, shipped = (
        Gatherer(where).gather(
            seed_cnn.classes,
            seed_cnn.input_shape,
            calibration_images=512,
            validation_images=1000,
        )
        for where in (data_dir, None)
    )
    assert given.record() == shipped.record()
    for name in ("calibration", "validation", "golden"):
        np.testing.assert_array_equal(getattr(given, name).images, getattr(shipped, name).images)
        np.testing.assert_array_equal(getattr(given, name).labels, getattr(shipped, name).labels)


def test_a_checkpoint_for_other_classes_needs_its_own_data(seed_cnn):
    with pytest.raises(DataError, match=r"2 classes.*'airplane' is not.*--data-dir"):
        Gatherer(None).gather(
            ("cat", "dog"), seed_cnn.input_shape, calibration_images=16, validation_images=16
        )


def test_versions_of_what_wrote_it_are_in_the_manifest(everything):
    versions = json.loads((everything / "manifest.json").read_text())["versions"]
    assert set(versions) == {
        "cifarq",
        "torch",
        "onnx",
        "onnxscript",
        "onnxruntime",
        "numpy",
        "click",
    }


def test_what_cannot_be_read_elsewhere_is_not_blamed_on_out(tmp_path):
    def build():
        with staging.stage(tmp_path / "out", overwrite=False):
            (tmp_path / "absent").read_bytes()

    with pytest.raises(ExportError, match=r"absent: No such file or directory\. No bundle"):
        build()
    assert list(tmp_path.iterdir()) == []

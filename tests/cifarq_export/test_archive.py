"""The bundle as one file: the same bytes from the same bundle, and nothing else in it."""

import gzip
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from cifarq_export.bundle import tarball
from edge_runtime.bundle import manifest
from edge_runtime.errors import ExportError
from edge_runtime.files import sha256_of

SMALL_BUNDLE = Path(__file__).resolve().parents[2] / "benchmarks" / "seed-cnn-int8-bundle"


@pytest.fixture
def make(tmp_path):
    """Make a bundle with a wheel in it, in a folder of its own, and things that are not of it."""

    def bundle(where, date, mode):
        folder = tmp_path / where / "my bundle"
        shutil.copytree(SMALL_BUNDLE, folder)
        (folder / "wheels").mkdir()
        (folder / "wheels" / "x-1-py3-none-any.whl").write_bytes(b"wheel")
        (folder / "setup-device.sh").write_text("#!/bin/sh\n")
        content = json.loads((folder / "manifest.json").read_text())
        record = {"size_bytes": 5, "sha256": "0"}
        content["files"].append({"file": "setup-device.sh", **record})
        wheels = [{"file": "x-1-py3-none-any.whl", **record}]
        content["wheelhouse"] = {"platform": "pi-bookworm", "wheels": wheels}
        (folder / "manifest.json").write_text(json.dumps(content))
        for path in folder.rglob("*"):
            if path.is_file():
                path.chmod(mode)
                os.utime(path, (date, date))
        (folder / ".venv").mkdir()
        (folder / ".venv" / "python").write_text("mine")
        (folder / "results.json").write_text("mine")
        return folder

    return bundle


def test_it_has_the_same_bytes_whenever_and_wherever_it_is_written(make, monkeypatch):
    packed = []
    for where, date, mode, zone in (("a", 10**9, 0o600, "UTC"), ("b", 1.5e9, 0o777, "Asia/Tokyo")):
        monkeypatch.setenv("TZ", zone)
        bundle = make(where, date, mode)
        packed.append(tarball.write(bundle, manifest.read(bundle)))
    first, second = packed
    assert first == first.parent / "my bundle.tar.gz" and first.parent != second.parent
    assert sha256_of(first) == sha256_of(second)
    header = first.read_bytes()[:10]
    assert header[3] == 0 and header[4:8] == bytes(4)  # neither a file's name nor a date


def test_it_holds_what_the_manifest_names_with_nobodys_owner_and_date(make, tmp_path):
    bundle = make("a", 10**9, 0o640)
    path = tarball.write(bundle, manifest.read(bundle))
    with tarfile.open(path) as packed:
        entries = packed.getmembers()
    assert [(entry.name, oct(entry.mode)) for entry in entries] == [
        ("my bundle/edge-bench.pyz", "0o755"),
        ("my bundle/golden.npz", "0o644"),
        ("my bundle/manifest.json", "0o644"),
        ("my bundle/seed-cnn-int8-dynamic.onnx", "0o644"),
        ("my bundle/setup-device.sh", "0o755"),
        ("my bundle/wheels/x-1-py3-none-any.whl", "0o644"),
    ]
    for entry in entries:
        assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "", "")
        assert entry.mtime == 315532800 and entry.isreg() and not entry.pax_headers
    assert str(tmp_path).encode() not in gzip.decompress(path.read_bytes())
    (tmp_path / "there").mkdir()
    done = subprocess.run(
        ["tar", "xzf", path, "-C", tmp_path / "there"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")  # tar has nothing to say of the dates
    for entry in entries:
        assert sha256_of(tmp_path / "there" / entry.name) == sha256_of(bundle.parent / entry.name)


def test_what_is_there_is_replaced_only_when_asked(make):
    bundle = make("a", 10**9, 0o644)
    tarball.require_free(bundle, overwrite=False)
    tarball.path_for(bundle).write_text("mine")
    with pytest.raises(ExportError, match=r"my bundle\.tar\.gz exists\. Give --overwrite, or"):
        tarball.require_free(bundle, overwrite=False)
    tarball.require_free(bundle, overwrite=True)
    tarball.path_for(bundle).unlink()
    tarball.path_for(bundle).mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        tarball.require_free(bundle, overwrite=True)


def test_one_that_cannot_be_written_whole_leaves_the_old_one(make):
    bundle = make("a", 10**9, 0o644)
    tarball.path_for(bundle).write_text("old")
    (bundle / "golden.npz").unlink()
    with pytest.raises(ExportError, match=r"No such file or directory\. The bundle is complete"):
        tarball.write(bundle, manifest.read(SMALL_BUNDLE))
    assert tarball.path_for(bundle).read_text() == "old"
    assert sorted(path.name for path in bundle.parent.iterdir()) == [
        "my bundle",
        "my bundle.tar.gz",
    ]

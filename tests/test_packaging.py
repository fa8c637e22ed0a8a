"""What the wheel holds, and that it works where nothing else of the repository is."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*command, "--wheel-dir", folder, REPOSITORY], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_the_three_packages_and_their_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    assert {n for n in top if not n.endswith(".dist-info")} == {
        "cifarq", "cifarq_export", "edge_runtime",
    }  # fmt: skip
    for needed in (
        "cifarq/models/pretrained/seed-cnn/model.safetensors",
        "cifarq/models/pretrained/seed-cnn/checkpoint.json",
        "cifarq/data/packs/golden.webp",
        "cifarq/py.typed",
        "cifarq_export/formats/onnx.py",
        "cifarq_export/bundle/setup-device.sh",
        "edge_runtime/engines/onnxruntime.py",
        "edge_runtime/report/table.py",
        "edge_runtime/report/html/style.css",
        "edge_runtime/report/html/hover.js",
    ):
        assert needed in names


def test_every_module_in_the_repository_is_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.endswith(".py")}
    for root, package in ((".", "cifarq"), (".", "edge_runtime"), ("export", "cifarq_export")):
        base = REPOSITORY / root
        for path in (base / package).rglob("*.py"):
            assert path.relative_to(base).as_posix() in packed


def test_it_declares_a_light_base_and_its_extras(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    base = [line for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert {line.split()[1].partition(">")[0] for line in base} == {"numpy", "click"}
    extras = {line.split()[1] for line in lines if line.startswith("Provides-Extra")}
    assert extras >= {"ort", "train", "export", "test", "all"}


def test_unpacked_anywhere_it_imports_from_any_folder(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = "import cifarq, cifarq_export, edge_runtime; print(cifarq.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "site") in done.stdout

"""The wheels of a bundle: chosen for the device and not for this machine, or a plain error."""

import json
import os
import platform as this_machine
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from cifarq_export.bundle import staging, wheel_download, wheelhouse
from edge_runtime.bundle import integrity, manifest
from edge_runtime.bundle.manifest import Wheelhouse
from edge_runtime.errors import ExportError, UsageError
from edge_runtime.files import sha256_of
from edge_runtime.setup import platforms
from edge_runtime.setup.wheels import parse

# A device that is another machine than this one, and has another Python.
MACHINE = "x86_64" if this_machine.machine() == "aarch64" else "aarch64"
DEVICE = platforms.platform(f"linux-{MACHINE}-py3.14-glibc2.31")
WISH = wheelhouse.Wish(DEVICE)


def make_wheel(folder, name, version="1.0", needs=(), tags="py3-none-any"):
    """Write a wheel that holds nothing but what it needs."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    with zipfile.ZipFile(folder / f"{name}-{version}-{tags}.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tags}\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def links(tmp_path, monkeypatch):
    """A folder that is all that pip knows, with what every bundle needs in it."""
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    for name, version in (("numpy", "2.0"), ("pillow", "13.0"), ("pip", "26.3")):
        make_wheel(folder, name, version)
    return folder


def fetched(tmp_path, wish=WISH, engines=("onnxruntime",), name="wheels"):
    house = wheelhouse.fill(tmp_path / name, wish, engines)
    return [record.file for record in house.wheels]


def test_what_a_wheel_needs_is_judged_for_the_device_and_not_for_this_machine(links, tmp_path):
    native = f"cp314-cp314-manylinux_2_28_{MACHINE}"
    needs = [
        f"there; platform_machine == '{MACHINE}' and python_version >= '3.14'",
        f"here; platform_machine == '{this_machine.machine()}'",
        "here; python_version < '3.14'",
        "windows; sys_platform == 'win32'",
        "more; extra == 'more'",
        "numpy>=1.21",
    ]
    make_wheel(links, "onnxruntime", "1.20.0", needs, native)
    make_wheel(links, "there", "1.0", ["deeper[fast]>=2 ; platform_system == 'Linux'"])
    make_wheel(links, "deeper", "2.5", ["quick; extra == 'fast'", "slow; extra == 'slow'"])
    make_wheel(links, "quick", "0.1", ["there"])  # a circle
    assert fetched(tmp_path) == [
        "deeper-2.5-py3-none-any.whl",
        "numpy-2.0-py3-none-any.whl",
        f"onnxruntime-1.20.0-{native}.whl",
        "pillow-13.0-py3-none-any.whl",
        "pip-26.3-py3-none-any.whl",
        "quick-0.1-py3-none-any.whl",
        "there-1.0-py3-none-any.whl",
    ]


def test_an_engine_is_never_newer_than_the_one_that_checked_and_an_older_one_is_told_of(
    links, tmp_path
):
    for version in ("1.18.0", "1.20.0", "999.0"):
        make_wheel(links, "onnxruntime", version)
    house = wheelhouse.fill(tmp_path / "wheels", WISH, ["onnxruntime"])
    assert "onnxruntime-1.20.0-py3-none-any.whl" in [record.file for record in house.wheels]
    (warning,) = wheelhouse.warnings(WISH, house, ["onnxruntime"])
    assert warning.startswith("wheels/ brings onnxruntime 1.20.0, and the artifacts were checked")


def test_the_newest_build_that_the_c_library_allows_is_taken(links, tmp_path):
    for version, glibc in (("2.1", "2_31"), ("2.2", "2_32"), ("2.3", "2_99")):
        make_wheel(links, "numpy", version, (), f"cp314-cp314-manylinux_{glibc}_{MACHINE}")
    files = fetched(tmp_path, engines=())
    assert files[0] == f"numpy-2.1-cp314-cp314-manylinux_2_31_{MACHINE}.whl"


def test_the_same_wheels_give_the_same_bytes(links, tmp_path):
    make_wheel(links, "onnxruntime", "1.20.0")
    first, again = (wheelhouse.fill(tmp_path / name, WISH, ["onnxruntime"]) for name in ("a", "b"))
    assert first == again
    assert [record.file for record in first.wheels] == sorted(p.name for p in links.iterdir())
    for record in first.wheels:
        path = tmp_path / "b" / record.file
        assert (record.size_bytes, record.sha256) == (path.stat().st_size, sha256_of(path))


def test_a_wheel_that_is_not_to_be_had_is_one_line_with_uvs_reason(links, tmp_path):
    make_wheel(links, "onnxruntime", "1.0", (), "cp313-cp313-manylinux_2_28_" + MACHINE)
    with pytest.raises(ExportError) as caught:
        fetched(tmp_path)
    assert caught.value.what.startswith("no wheels of onnxruntime<=")
    assert f" for {DEVICE.name} (Python 3.14, {MACHINE}, glibc 2.31). " in caught.value.what
    assert "uv says: No solution found when resolving dependencies" in caught.value.what
    assert caught.value.remedy.startswith(
        "There may be no wheel for this Python or C library (try --wheels "
    )
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "wheels").exists()


def test_a_network_that_is_not_there_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port
    with pytest.raises(ExportError, match=r"Is this machine offline\? Connect it, or point pip at"):
        fetched(tmp_path)


def test_a_version_that_all_accept_is_chosen_and_pips_constraints_count(
    links, tmp_path, monkeypatch
):
    make_wheel(links, "onnxruntime", "1.20.0", ["protobuf>=3", "helper"])
    make_wheel(links, "helper", "0.3", ["protobuf<7"])
    for version in ("7.1", "6.0", "5.0"):
        make_wheel(links, "protobuf", version)
    assert "protobuf-6.0-py3-none-any.whl" in fetched(tmp_path)
    (tmp_path / "pins").write_text("protobuf==5.0\n")
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "pins"))
    assert "protobuf-5.0-py3-none-any.whl" in fetched(tmp_path, name="again")
    (tmp_path / "pins").write_text("protobuf==7.1\n")
    with pytest.raises(ExportError, match="helper depend on protobuf<7") as caught:
        fetched(tmp_path, name="never")
    assert "PIP_CONSTRAINT" in caught.value.remedy


def test_executorch_is_refused_where_it_cannot_be_imported():
    with pytest.raises(UsageError, match=r"--with-executorch: executorch .* beside torch==2\.9\.1"):
        wheelhouse.Wish(platforms.platform("pi-bookworm"), frozenset({"executorch"}))


def test_what_litert_needs_is_a_release_that_python_3_11_takes(links, tmp_path):
    make_wheel(links, "ai_edge_litert", "2.3", ["backports.strenum"])
    for version in ("1.2.8", "1.3.1"):
        make_wheel(links, "backports_strenum", version)
    files = fetched(tmp_path, engines=("litert",))
    assert "backports_strenum-1.2.8-py3-none-any.whl" in files


@pytest.mark.parametrize("module", ["pip", "uv"])
def test_a_tool_that_is_missing_is_named_with_what_installs_it(monkeypatch, module):
    real = wheel_download._run

    def run(arguments, said=""):
        return (
            real(["-c", f"raise ModuleNotFoundError('No module named {module}')"])
            if (arguments[1] == module)
            else real(arguments, said)
        )

    monkeypatch.setattr(wheel_download, "_run", run)
    with pytest.raises(ExportError, match=f"{module}.* is not installed: .*{module}"):
        wheel_download.resolve(["numpy"], DEVICE)


def test_a_c_library_older_than_all_wheels_is_refused():
    with pytest.raises(ExportError, match=r"glibc 2\.12\): the oldest C library"):
        wheel_download.resolve(["numpy"], platforms.platform("linux-x86_64-py3.11-glibc2.12"))


def test_the_tags_are_the_newest_first_and_have_the_old_names():
    tags = list(wheel_download.tags(platforms.platform("pi-bookworm")))
    assert tags[0] == "manylinux_2_36_aarch64"
    assert tags[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]
    desktop = list(wheel_download.tags(platforms.platform("linux-x86_64-py3.11")))
    assert desktop[0] == "manylinux_2_28_x86_64" and desktop[-1] == "manylinux1_x86_64"
    for tag in (*tags, *desktop):
        machine = platforms.platform("pi-bookworm" if "aarch64" in tag else "linux-x86_64-py3.11")
        assert parse(f"x-1-py3-none-{tag}.whl").problem(machine) is None


def test_pytorch_is_the_last_build_without_cuda_and_for_arm_alone():
    pi = platforms.platform("pi-bookworm")
    wish = wheelhouse.Wish(pi, frozenset({"torch"}))
    assert "torch==2.9.1" in wish.requirements(["onnxruntime", "torch"])
    assert not any("torch" in need for need in wheelhouse.Wish(pi).requirements(["torch"]))
    with pytest.raises(UsageError, match="no artifact of this bundle is run by torch"):
        wish.requirements(["onnxruntime"])
    with pytest.raises(UsageError, match=r"x86_64 wheels of PyTorch are CUDA builds.*without"):
        wheelhouse.Wish(platforms.platform("linux-x86_64-py3.11"), frozenset({"torch"}))


@pytest.mark.parametrize(
    "platform, remedy",
    [
        ("pi-bookworm", "Add it with --with-torch (115 MB more to copy, 500 MB installed)."),
        ("linux-x86_64-py3.11", "On PyPI the x86_64 wheels of PyTorch are CUDA builds"),
    ],
)
def test_pytorch_that_does_not_come_along_is_told_of(platform, remedy):
    wish = wheelhouse.Wish(platforms.platform(platform))
    (warning,) = wheelhouse.warnings(wish, Wheelhouse(platform, ()), ["torch"])
    assert warning.startswith(
        "wheels/ brings no torch: on the device the torchscript rows will say engine-missing. "
        + remedy
    )


@pytest.mark.slow
def test_what_this_machine_would_need_offline_is_really_to_be_had(real_wheels, this_device):
    folder, house = real_wheels
    names = {parse(record.file).name for record in house.wheels}
    assert names >= {"numpy", "onnxruntime", "pillow", "pip", "protobuf", "flatbuffers"}
    assert "torch" not in names and house.platform == this_device
    for record in house.wheels:
        assert parse(record.file).problem(platforms.platform(this_device)) is None
    assert sorted(record.file for record in house.wheels) == sorted(
        path.name for path in folder.iterdir()
    )


def test_overwriting_puts_new_wheels_in_the_place_of_the_old_and_keeps_the_rest(tmp_path):
    def fill(folder, wheels):
        (folder / "wheels").mkdir()
        records = []
        for name in wheels:
            (folder / "wheels" / name).write_text(name)
            records.append({"file": name, "size_bytes": 1, "sha256": ""})
        content = json.loads((small / "manifest.json").read_text())
        content |= {"files": [], "artifacts": []}
        content["wheelhouse"] = {"platform": "pi-bookworm", "wheels": records} if wheels else None
        (folder / "manifest.json").write_text(json.dumps(content))

    small = Path(__file__).resolve().parents[2] / "benchmarks" / "seed-cnn-int8-bundle"
    out = tmp_path / "out"
    out.mkdir()
    fill(out, ["a.whl", "b.whl"])
    (out / ".venv").mkdir()
    (out / ".venv" / "edge-bench-ready").write_text("mine")
    (out / "results.json").write_text("mine")
    with staging.stage(out, overwrite=True) as folder:
        fill(folder, ["b.whl", "c.whl"])
    assert sorted(path.name for path in (out / "wheels").iterdir()) == ["b.whl", "c.whl"]
    assert [r.file for r in manifest.read(out).wheelhouse.wheels] == ["b.whl", "c.whl"]
    (out / "wheels" / "own.whl").write_text("mine")
    for left in (["own.whl"], []):
        with staging.stage(out, overwrite=True) as folder:
            (folder / "manifest.json").write_text((small / "manifest.json").read_text())
        assert [p.name for p in (out / "wheels").glob("*")] == left
        for path in (out / "wheels").glob("*"):
            path.unlink()
    assert not (out / "wheels").exists()
    assert (out / "results.json").read_text() == "mine"
    assert (out / ".venv" / "edge-bench-ready").read_text() == "mine"


def test_wheels_are_never_written_through_a_link(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "manifest.json").write_text("old")
    (tmp_path / "out" / "wheels").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(ExportError, match=r"wheels is a link"),
        staging.stage(tmp_path / "out", overwrite=True) as folder,
    ):
        (folder / "wheels").mkdir()
        (folder / "wheels" / "a.whl").write_text("a")
        (folder / "manifest.json").write_text("new")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "out" / "manifest.json").read_text() == "old"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--wheels", "pi-bokworm"], "Did you mean 'pi-bookworm'?"),
        (["--wheels", "pi4"], "Give pi4-bookworm or pi4-trixie."),
        (["--with-torch"], "--with-torch adds to --wheels"),
        (["--wheels", "linux-x86_64-py3.11", "--with-torch"], "CUDA builds of several GB"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_is_opened(run, arguments, message):
    done = run("cifarq_export", "no-such-checkpoint", *arguments)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "no-such-checkpoint" not in done.stderr


@pytest.mark.slow
def test_a_bundle_with_wheels_and_an_archive_as_typed(links, run, tmp_path):
    make_wheel(links, "onnxruntime", "1.20.0")
    asked = ("--format", "onnx", "--precision", "fp32", "--validation-images", "50")
    asked += ("--wheels", "pi-bookworm", "--archive", "--out", "b")
    done = run("cifarq_export", *asked)
    assert done.returncode == 0, done.stderr
    content = manifest.read(tmp_path / "b")
    assert content.wheelhouse.platform == "pi-bookworm"
    assert "setup-device.sh" in content.names
    for record in content.wheelhouse.wheels:
        integrity.verify(tmp_path / "b" / "wheels", record)
    for record in content.files:
        integrity.verify(tmp_path / "b", record)
    assert os.access(tmp_path / "b" / "setup-device.sh", os.X_OK)
    assert "wheels for pi-bookworm: 4 files, " in done.stdout
    *_, copy, there = done.stdout.splitlines()
    assert copy == "  scp b.tar.gz pi@raspberrypi.local:"
    assert there == (
        "  ssh -t pi@raspberrypi.local 'tar xzf b.tar.gz && b/setup-device.sh && "
        "python3 b/edge-bench.pyz'"
    )
    (tmp_path / "b").rename(tmp_path / "moved")
    refused = run("cifarq_export", *asked)
    assert refused.returncode == 1 and "b.tar.gz exists. Give --overwrite" in refused.stderr
    assert not (tmp_path / "b").exists()

"""``edge-bench doctor`` as it is typed: real bundles, real engines, and each way they break."""

import hashlib
import json
import shutil
import zipfile

import pytest

from edge_runtime import engines

ONNX = "seed-cnn-int8-dynamic.onnx"
SIGILL = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"


def lines(done, level):
    return [line for line in done.stdout.splitlines() if line.startswith(f"{level} ")]


@pytest.fixture
def wheelhouse(bundle, edit):
    """Give the bundle a wheelhouse for a platform, of small wheels with these names."""

    def make(platform, *names):
        folder = bundle / "wheels"
        folder.mkdir()
        records = []
        for name in names:
            with zipfile.ZipFile(folder / name, "w") as wheel:
                wheel.writestr("module.py", "x = 1\n" * 1000)
            content = (folder / name).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            records.append({"file": name, "size_bytes": len(content), "sha256": digest})
        edit(lambda c: c.update(wheelhouse={"platform": platform, "wheels": records}))
        return folder

    return make


PI = (
    "numpy-2.4.6-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
    "onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_aarch64.whl",
    "pip-26.3-py3-none-any.whl",
)


def test_a_whole_bundle_on_this_machine_has_nothing_fatal(run, bundle):
    done = run("edge_runtime", "doctor", bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout
    assert "3 files have the SHA-256 that the manifest names" in text
    assert "onnxruntime" in text and "can be imported" in text
    assert "onnx int8-dynamic (IR 10, opset 18): 64 of 64 in FP32's class" in text
    assert not lines(done, "fatal") and text.endswith("unknown.\n")


def test_json_holds_every_finding_and_the_exit_code(run, bundle):
    done = run("edge_runtime", "doctor", bundle, "--json")
    content = json.loads(done.stdout)
    assert content["exit_code"] == done.returncode == 0 and content["target"] == "here"
    names = {finding["name"] for finding in content["findings"]}
    assert names >= {"files", "userland", "python", "glibc", "cpu", "engine",
                     "wheels", "model", "memory", "disk", "governor", "cooling",
                     "power"}  # fmt: skip
    for finding in content["findings"]:
        assert finding["level"] in {"ok", "warning", "fatal", "unknown"} and finding["text"]


def test_without_a_bundle_the_machine_is_examined(run, tmp_path):
    done = run("edge_runtime", "doctor", cwd=tmp_path)
    assert done.returncode == 0 and "no bundle is here" in done.stdout
    assert "64-bit" in done.stdout and "onnxruntime" in done.stdout


def test_a_folder_that_is_no_bundle_is_an_error(run, tmp_path):
    done = run("edge_runtime", "doctor", tmp_path)
    assert done.returncode == 1 and "is no bundle" in done.stderr
    for where in ("nowhere", "file.txt/x"):  # misspelt
        done = run("edge_runtime", "doctor", where)
        assert done.returncode == 1 and done.stderr.startswith(f"Error: {where} is no bundle")
        assert done.stderr.count("\n") == 1


def test_a_flipped_byte_is_fatal_and_named(run, bundle):
    path = bundle / ONNX
    content = bytearray(path.read_bytes())
    content[500] ^= 4
    path.write_bytes(content)
    done = run("edge_runtime", "doctor", bundle)
    assert done.returncode == 1
    assert any(f"{ONNX}: corrupt" in line for line in lines(done, "fatal"))
    assert "→ Copy it again." in done.stdout


def test_an_engine_that_dies_of_sigill_is_an_answer(run, bundle, fake_engine):
    done = run("edge_runtime", "doctor", bundle, env=fake_engine("onnxruntime", SIGILL))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    (line,) = lines(done, "fatal")
    assert "onnxruntime: SIGILL: this engine's build uses instructions this CPU lacks" in line


def test_an_engine_that_is_missing_is_fatal_where_none_works(run, bundle, fake_engine):
    missing = "raise ModuleNotFoundError(\"No module named 'onnxruntime'\", name='onnxruntime')"
    done = run("edge_runtime", "doctor", bundle, env=fake_engine("onnxruntime", missing))
    assert done.returncode == 1
    (line,) = lines(done, "fatal")
    assert "onnxruntime is not installed" in line
    assert f"→ {engines.get('onnxruntime').INSTALL}, in a virtual environment" in done.stdout


def test_a_missing_engine_that_comes_along_is_installed_by_the_script(
    run, bundle, fake_engine, wheelhouse
):
    missing = "raise ModuleNotFoundError(\"No module named 'onnxruntime'\", name='onnxruntime')"
    wheelhouse("pi-bookworm", *PI)
    done = run("edge_runtime", "doctor", bundle, env=fake_engine("onnxruntime", missing))
    assert "→ ./setup-device.sh installs it from the bundle" in done.stdout


def test_an_engine_that_refuses_the_file_is_fatal_with_what_it_says(run, bundle, fake_engine):
    refuses = (
        "__version__ = '1.9.0'\n"
        "class SessionOptions:\n"
        "    def add_session_config_entry(self, key, value): pass\n"
        "def InferenceSession(*a, **k):\n"
        "    raise RuntimeError('Unsupported model IR version: 10, max supported IR version: 7')\n"
    )
    done = run("edge_runtime", "doctor", bundle, env=fake_engine("onnxruntime", refuses))
    assert done.returncode == 1
    (line,) = lines(done, "fatal")
    assert "Unsupported model IR version: 10" in line and "(IR 10, opset 18)" in line
    assert "checked it: install that release" in done.stdout


def test_32_bit_programs_are_fatal_whatever_the_kernel_says(run, bundle, tmp_path):
    """A 32-bit Python, played by one whose ``struct`` says that pointers have 4 bytes."""
    folder = tmp_path / "thirty-two"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import ctypes, struct\n"  # ctypes compares the two itself
        "real = struct.calcsize\n"
        "struct.calcsize = lambda f: 4 if f == 'P' else real(f)\n"
    )
    done = run("edge_runtime", "doctor", bundle, env={"PYTHONPATH": str(folder)})
    assert done.returncode == 1
    assert any("userland" in line and "32-bit" in line for line in lines(done, "fatal"))
    assert "→ flash a 64-bit system" in done.stdout


@pytest.mark.parametrize(
    "target, python, cpu",
    [
        ("pi4-bookworm", "3.11", "instructions: none"),
        ("pi5-trixie", "3.13", "instructions: dotprod"),
    ],
)
def test_a_named_device_is_examined_from_here(run, bundle, target, python, cpu):
    done = run("edge_runtime", "doctor", bundle, "--target", target)
    assert done.returncode == 0 and cpu in done.stdout
    assert any(line.split()[1:3] == ["python", python] for line in lines(done, "ok"))
    unknown = " ".join(lines(done, "unknown"))
    for name in ("memory", "disk", "governor", "cooling", "power"):
        assert name in unknown  # never ok: the name does not tell


def test_wheels_for_the_named_device_fit(run, bundle, wheelhouse):
    wheelhouse("pi-bookworm", *PI)
    done = run("edge_runtime", "doctor", bundle, "--target", "pi4")
    assert done.returncode == 0, done.stdout
    assert "3 wheels for pi-bookworm fit" in done.stdout
    assert "onnxruntime 1.32.0 comes along" in done.stdout
    assert (
        f"{ONNX} (IR 10, opset 18): checked with onnxruntime 1.32.0, which comes along"
        in done.stdout
    )


def test_wheels_that_were_removed_matter_where_they_are_not_installed(run, bundle, wheelhouse):
    shutil.rmtree(wheelhouse("pi-bookworm", *PI))
    done = run("edge_runtime", "doctor", bundle)
    assert done.returncode == 0 and not lines(done, "fatal")
    assert any("wheels/ is not here, and the engine is installed" in x for x in lines(done, "ok"))
    done = run("edge_runtime", "doctor", bundle, "--target", "pi4")
    assert done.returncode == 1
    assert any(x.endswith("the folder wheels/ is not here") for x in lines(done, "fatal"))


def test_wheels_for_another_python_are_fatal(run, bundle, wheelhouse):
    wheelhouse("pi-bookworm", *PI)
    done = run("edge_runtime", "doctor", bundle, "--target", "pi5-trixie")
    assert done.returncode == 1
    assert len(lines(done, "fatal")) == 2
    assert "is for cp311, not for Python 3.13" in lines(done, "fatal")[0]
    assert "these are for pi-bookworm" in done.stdout


def test_wheels_for_another_machine_do_no_harm_where_an_engine_works(run, bundle, wheelhouse):
    wheelhouse("pi-bookworm", *(name.replace("aarch64", "riscv64") for name in PI))
    done = run("edge_runtime", "doctor", bundle)
    assert done.returncode == 0 and len(lines(done, "warning")) >= 2


def test_a_missing_and_a_truncated_wheel_are_fatal_and_named(run, bundle, wheelhouse):
    folder = wheelhouse("pi-bookworm", *PI)
    (folder / PI[0]).unlink()
    (folder / PI[1]).write_bytes((folder / PI[1]).read_bytes()[:100])
    done = run("edge_runtime", "doctor", bundle, "--target", "pi4")
    assert done.returncode == 1
    numpy, ort, *engine = lines(done, "fatal")
    assert f"wheels/{PI[0]}: cannot read it (No such file" in numpy
    assert f"wheels/{PI[1]}: corrupt, 100 bytes" in ort
    assert "no wheel of onnxruntime comes along" in engine[0]


def test_an_older_engine_than_checked_it_is_unknown(run, bundle, wheelhouse):
    wheelhouse("pi-bookworm", "onnxruntime-1.18.0-cp311-cp311-manylinux_2_27_aarch64.whl")
    done = run("edge_runtime", "doctor", bundle, "--target", "pi4")
    assert any(
        line.endswith("checked with onnxruntime 1.32.0, and 1.18.0 comes along")
        for line in lines(done, "unknown")
    )


def test_a_device_of_no_known_name_is_a_usage_error(run, bundle):
    done = run("edge_runtime", "doctor", bundle, "--target", "pi9")
    assert done.returncode == 2 and "no device 'pi9'. Did you mean" in done.stderr


def test_the_waiting_process_loads_no_numpy(bundle):
    import subprocess
    import sys

    code = (
        "import sys\nfrom edge_runtime.cli import cli\n"
        f"try: cli(['doctor', {str(bundle)!r}], prog_name='x')\n"
        "except SystemExit as stop: assert stop.code == 0, stop.code\n"
        "print('numpy' in sys.modules, 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "64 of 64 in FP32's class" in done.stdout  # the model did run, elsewhere
    assert done.stdout.splitlines()[-1] == "False False"

"""``edge-bench classify`` as it is typed: real processes, the real engine, the shipped bundle."""

import ctypes
import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.bundle import golden, manifest
from edge_runtime.classify.tally import Tally
from edge_runtime.files import sha256_of

SMALL_BUNDLE = Path(__file__).resolve().parents[2] / "benchmarks" / "seed-cnn-int8-bundle"
ONNX = "seed-cnn-int8-dynamic.onnx"
COMMAND = [sys.executable, "-P", "-m", "edge_runtime", "classify"]
LAST_LINE = (
    rf"\d+ images?, {ONNX} on onnxruntime \S+: preprocessing p50 \d+\.\d\d ms.*, model p50 .* ms, "
    r"\d+\.\d images/s including reading\. "
    r"Not a benchmark: for figures to quote, use edge-bench\.\n"
)


@pytest.fixture(scope="module")
def pack():
    return golden.of_bundle(SMALL_BUNDLE, manifest.read(SMALL_BUNDLE))


@pytest.fixture(scope="module")
def labels(pack):
    """What the exporting machine's INT8 model called each golden image."""
    classes = manifest.read(SMALL_BUNDLE).classes
    return [classes[i] for i in pack.exported[ONNX].argmax(1)]


@pytest.fixture
def classify(run):
    return lambda *args, **options: run(
        "edge_runtime", "classify", *args, "--bundle", SMALL_BUNDLE, **options
    )


def hwc(images):
    """Images (..., 3, H, W) with their channels last."""
    return np.ascontiguousarray(np.moveaxis(images, -3, -1))


def camera(*images):
    """Images (3, H, W) as the bytes that a camera sends."""
    return b"".join(hwc(image).tobytes() for image in images)


CHW = ("--layout", "chw")


def piped(content, *args, **options):
    return subprocess.run(
        [*COMMAND, "-", *args, "--bundle", SMALL_BUNDLE],
        input=content,
        capture_output=True,
        timeout=120,
        **options,
    )


def streaming(*args, stdin=subprocess.PIPE, **options):
    return subprocess.Popen(
        [*COMMAND, *args, "--bundle", SMALL_BUNDLE],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_the_golden_images_get_the_exporting_machines_answers(classify, labels):
    done = classify(SMALL_BUNDLE / "golden.npz", "--top", "1", *CHW)
    assert done.returncode == 0
    found = [re.fullmatch(r"\S+\[(\d+)\]: (\S+) \d+\.\d %", x) for x in done.stdout.splitlines()]
    assert [int(match[1]) for match in found] == list(range(500))
    # Another CPU's INT8 may round otherwise now and then.
    assert sum(match[2] != label for match, label in zip(found, labels, strict=True)) <= 5
    assert re.fullmatch(LAST_LINE, done.stderr)
    assert "p90" in done.stderr and "p99" not in done.stderr  # 500 samples support no more


def test_file_array_and_frame_of_an_image_agree(classify, pack, tmp_path, labels):
    image = pack.images[2]
    np.save(tmp_path / "a.npy", hwc(image))
    done = classify("a.npy")
    assert done.returncode == 0
    name, _, answer = done.stdout.partition(": ")
    assert name == "a.npy" and answer.startswith(labels[2]) and answer.count(" %") == 3
    frame = piped(camera(image), "--frames", "32x32").stdout.decode()
    assert frame == f"frame 1: {answer}"
    bgr = piped(camera(image[::-1]), "--frames", "32x32", "--color", "bgr").stdout.decode()
    assert bgr == f"frame 1: {answer}"
    np.save(tmp_path / "b.npy", hwc(image[::-1]))
    assert classify("b.npy", "--color", "BGR").stdout == f"b.npy: {answer}"
    assert classify("b.npy").stdout != f"b.npy: {answer}"
    pil = pytest.importorskip("PIL.Image")
    pil.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(tmp_path / "a.png")
    # A photograph says itself in which order its channels are.
    assert classify("a.png", "--color", "bgr").stdout == f"a.png: {answer}"


def test_frames_of_a_cameras_size_are_scaled_as_pictures_are(classify, pack, tmp_path):
    pil = pytest.importorskip("PIL.Image")
    small = pil.fromarray(np.ascontiguousarray(pack.images[7].transpose(1, 2, 0)))
    frame = small.resize((640, 480), pil.Resampling.BICUBIC)
    frame.save(tmp_path / "a.png")
    answer = classify("a.png").stdout.partition(": ")[2]
    assert piped(frame.tobytes(), "--frames", "640x480").stdout.decode() == f"frame 1: {answer}"


def test_a_damaged_file_is_a_line_and_the_others_go_on(classify, pack, tmp_path):
    np.save(tmp_path / "a.npy", hwc(pack.images[0]))
    (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    np.save(tmp_path / "c.npy", hwc(pack.images[0]) / 255)
    np.save(tmp_path / "d.npy", hwc(pack.images[0]))
    np.savez(tmp_path / "e.npz", images=pack.images[:0])
    done = classify(".", "nowhere")
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["a.npy", "d.npy"]
    *errors, last = done.stderr.splitlines(keepends=True)
    starts = ["b.npy", "c.npy: images are uint8", "e.npz holds no images", "nowhere does not exist"]
    for line, start in zip(errors, starts, strict=True):
        assert line.startswith(f"Error: {start}")
    assert re.fullmatch(LAST_LINE, last) and last.startswith("2 images, ")
    assert "p90" not in last


def obeying_permissions():
    """Let root be refused what its owner is: to be called in the process before it starts."""
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; capabilities(7)
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.fixture
def lock():
    """Take all permissions from a folder or file, and give them back to whoever clears it up."""
    locked = []

    def take(path):
        locked.append((path, path.stat().st_mode))
        path.chmod(0)

    yield take
    for path, mode in reversed(locked):
        path.chmod(mode)


def test_what_may_not_be_read_is_a_line_each_and_the_others_go_on(classify, pack, tmp_path, lock):
    for name in ("a", "private/in/a", "photos/a", "photos/locked/a", "photos/x", "photos/z/a", "x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / f"{name}.npy", hwc(pack.images[0]))
    for name in ("private", "photos/locked", "photos/x.npy", "x.npy"):
        lock(tmp_path / name)
    long = "x" * 5000
    given = ("a.npy", "private/in/a.npy", "private", long, "x.npy", "photos", "a.npy")
    done = classify(*given, preexec_fn=obeying_permissions)
    assert done.returncode == 1
    answered = ["a.npy", "photos/a.npy", "photos/z/a.npy", "a.npy"]
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == answered
    *errors, last = done.stderr.splitlines(keepends=True)
    refused, too_long = (os.strerror(number) for number in (errno.EACCES, errno.ENAMETOOLONG))
    assert errors == [
        f"Error: private/in/a.npy: {refused}.\n",
        f"Error: private: {refused}.\n",
        f"Error: {long[:200]}: {too_long}.\n",
        f"Error: x.npy: {refused}.\n",
        f"Error: photos/x.npy: {refused}.\n",
        f"Error: photos/locked: {refused}.\n",
    ]
    assert re.fullmatch(LAST_LINE, last) and last.startswith("4 images, ")


def test_photographs_and_frames_say_themselves_where_their_channels_are(classify, tmp_path):
    pil = pytest.importorskip("PIL.Image")
    picture = np.random.default_rng(0).integers(0, 256, (3, 64, 3), dtype=np.uint8)
    pil.fromarray(picture).save(tmp_path / "flat.png")
    pil.fromarray(picture.transpose(1, 0, 2)).save(tmp_path / "thin.png")
    done = classify("flat.png", "thin.png", "--layout", "chw")  # which is of arrays
    assert done.returncode == 0 and done.stdout.count("\n") == 2
    answer = done.stdout.splitlines()[0].partition(": ")[2]
    frame = piped(picture.tobytes(), "--frames", "64x3")
    assert (frame.returncode, frame.stdout.decode()) == (0, f"frame 1: {answer}\n")


def test_an_array_with_channels_first_asks_for_the_option(classify, pack, tmp_path):
    np.save(tmp_path / "a.npy", pack.images[0])
    np.savez(tmp_path / "b.npz", images=pack.images[:1])
    done = classify("a.npy", "b.npz")
    assert done.returncode == 1 and done.stdout == ""
    for line, name in zip(done.stderr.splitlines(), ("a.npy", "b.npz[0]"), strict=True):
        assert line == (
            f"Error: {name}: an image of shape (3, 32, 32) has 32 channels in the layout HWC; "
            "1, 3 and 4 are known. If its channels are first, give --layout chw."
        )
    done = classify("a.npy", "b.npz", "--layout", "CHW", "--top", "10")
    first, second = (line.partition(": ")[2] for line in done.stdout.splitlines())
    assert done.returncode == 0 and first == second
    frame = piped(camera(pack.images[0]), "--frames", "32x32", "--top", "10").stdout.decode()
    assert frame == f"frame 1: {first}\n"


def test_a_folder_without_images_is_an_error(classify, tmp_path):
    done = classify(".")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Error: . holds no image") and done.stderr.count("\n") == 1


def test_a_name_that_is_no_text_is_shown_as_well_as_can_be(pack, tmp_path):
    name = os.fsdecode(b"\xff\xfe.npy")
    np.save(tmp_path / name, hwc(pack.images[0]))
    for options in ((), ("--json",)):
        done = subprocess.run(
            [*COMMAND, name, "--bundle", SMALL_BUNDLE, *options], cwd=tmp_path, capture_output=True
        )
        assert done.returncode == 0 and b".npy" in done.stdout and b"Traceback" not in done.stderr


def test_json_has_a_line_an_image_with_times_in_ns(classify, pack, tmp_path, labels):
    np.save(tmp_path / "a.npy", hwc(pack.images[0]))
    np.save(tmp_path / "b.npy", hwc(pack.images[:2]))
    done = classify("a.npy", "b.npy", "--json", "--top", "2")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    sources = [{key: line.get(key) for key in ("file", "image")} for line in lines]
    assert sources == [
        {"file": "a.npy", "image": None},
        {"file": "b.npy", "image": 0},
        {"file": "b.npy", "image": 1},
    ]
    for line, label in zip(lines, [labels[0], labels[0], labels[1]], strict=True):
        first, second = line["top"]
        assert first["label"] == label and 1 >= first["probability"] > second["probability"] > 0
        assert line["preprocess_ns"] > 0 and line["model_ns"] > 0
    (frame,) = piped(camera(pack.images[0]), "--frames", "32x32", "--json").stdout.splitlines()
    assert json.loads(frame)["frame"] == 1


def test_the_bundle_here_is_the_default_one(run, bundle):
    assert run("edge_runtime", "classify", "golden.npz", *CHW, cwd=bundle).returncode == 0


def test_each_frame_is_answered_before_the_next_comes_and_ctrl_c_sums_up(pack, labels):
    with streaming("-", "--frames", "32x32") as process:
        for number in range(2):
            process.stdin.write(camera(pack.images[number]))
            process.stdin.flush()
            line = process.stdout.readline().decode()
            assert line.startswith(f"frame {number + 1}: {labels[number]} ")
        process.send_signal(signal.SIGINT)
        process.wait(60)  # the frames' pipe stays open
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == b""
    assert re.fullmatch("Interrupted: " + LAST_LINE, err.decode()) and b": 2 images" in err


def test_ctrl_c_while_the_engine_is_imported_leaves_no_traceback(classify, fake_engine):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    done = classify(SMALL_BUNDLE / "golden.npz", *CHW, env=fake_engine("onnxruntime", code))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


def test_a_reader_that_has_enough_is_no_error(pack):
    with streaming(SMALL_BUNDLE / "golden.npz", *CHW, stdin=None) as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read().decode()
    assert process.returncode == 0 and re.fullmatch(LAST_LINE, err)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line(pack):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, SMALL_BUNDLE / "golden.npz", *CHW, "--bundle", SMALL_BUNDLE],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    said = "Error: standard output: No space left on device.\n"
    assert done.stderr.startswith(said) and "Traceback" not in done.stderr


def test_frames_that_stop_within_one_are_told(pack):
    done = piped(camera(*pack.images[:2])[:-1], "--frames", "32x32")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert b"ended within frame 2: 3071 of 3072 bytes. Is --frames 32x32" in done.stderr
    done = piped(b"", "--frames", "32x32")
    assert (done.returncode, done.stderr) == (1, b"Error: standard input held no frame.\n")


def test_an_engine_that_is_not_installed_is_one_line(classify, fake_engine):
    code = "raise ModuleNotFoundError('no', name='onnxruntime')"
    done = classify(SMALL_BUNDLE / "golden.npz", *CHW, env=fake_engine("onnxruntime", code))
    assert done.returncode == 1
    assert done.stderr == "Error: onnxruntime is not installed: pip install onnxruntime\n"


def test_an_artifact_that_failed_a_gate_is_told(run, bundle, edit):
    edit(lambda content: content["artifacts"][0].update(overridden=["accuracy"]))
    done = run("edge_runtime", "classify", bundle / "golden.npz", *CHW, "--bundle", bundle)
    assert done.returncode == 0
    assert "was exported although it failed: accuracy" in done.stderr


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ([], 2, "Missing argument 'IMAGE...'"),
        (["a.npy", "--precision", "int8-dynamik"], 2, "Did you mean 'int8-dynamic'?"),
        (["a.npy", "--format", "onx"], 2, "Did you mean 'onnx'?"),
        (["a.npy", "--artifact", "x.onnx"], 2, "no artifact 'x.onnx' in this bundle"),
        (["a.npy", "--threads", "0"], 2, "0 is not in the range"),
        (["a.npy", "--top", "0"], 2, "0 is not in the range"),
        (["a.npy", "--frames", "32x32"], 2, "Give - as IMAGE"),
        (["-"], 2, "Give it: --frames 640x480"),
        (["-", "a.npy", "--frames", "32x32"], 2, "- is the only IMAGE"),
        (["-", "--frames", "640"], 2, "'640' is not a size: give WIDTHxHEIGHT"),
        (["-", "--frames", "0x9"], 2, "is 0 pixels"),
        (["-", "--frames", "99999999999999x9"], 2, "pixels; give 1 to"),
        (["-", "--frames", "-1x9"], 2, "is not a size"),
        (["-", "--frames", "9x9", "--layout", "CHW"], 2, "the pixels of raw frames are hwc"),
        (["a.npy", "--layout", "hcw"], 2, "'hcw' is not one of"),
        (["a.npy", "--bundle", "nowhere"], 1, "nowhere is no bundle"),
    ],
)
def test_bad_input_is_one_line_that_names_it(run, arguments, code, message):
    where = [] if "--bundle" in arguments else ["--bundle", SMALL_BUNDLE]
    done = run("edge_runtime", "classify", *arguments, *where, stdin=subprocess.DEVNULL)
    assert done.returncode == code and done.stdout == ""
    assert message in done.stderr and "Traceback" not in done.stderr


def test_frames_do_not_come_from_a_terminal(run):
    master, terminal = os.openpty()
    try:
        done = run("edge_runtime", "classify", "-", "--frames", "32x32", stdin=terminal)
    finally:
        os.close(master)
        os.close(terminal)
    assert done.returncode == 2 and "standard input is a terminal" in done.stderr


def test_frames_do_not_come_from_a_closed_standard_input(tmp_path):
    done = piped(None, "--frames", "32x32", preexec_fn=lambda: os.close(0))
    assert done.returncode == 2 and done.stdout == b""
    assert done.stderr.endswith(
        b"Error: - reads raw frames from a pipe; standard input is closed.\n"
    )


def test_a_damaged_artifact_is_one_line(run, bundle):
    with (bundle / ONNX).open("ab") as file:
        file.write(b"x")
    done = run("edge_runtime", "classify", bundle / "golden.npz", *CHW, "--bundle", bundle)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {ONNX}: corrupt") and done.stderr.count("\n") == 1


def test_it_works_from_inside_the_archive_beside_its_bundle(bundle, edit, tmp_path):
    archive = pytest.importorskip("cifarq_export.bundle.pyz")

    def as_written(content):
        (file,) = (f for f in content["files"] if f["file"] == "edge-bench.pyz")
        file["sha256"] = sha256_of(bundle / "edge-bench.pyz")

    archive.write(bundle / "edge-bench.pyz")
    edit(as_written)
    done = subprocess.run(
        [sys.executable, bundle / "edge-bench.pyz", "classify", bundle / "golden.npz", *CHW],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stdout.count("\n") == 500


def test_a_tally_shows_what_its_samples_support():
    tally = Tally()
    assert tally.line() == "" and tally.line(interrupted=True) == "Interrupted."
    tally.start("m.onnx on engine 1")
    tally.add(2_000_000, 5_000_000)
    assert tally.line().startswith(
        "1 image, m.onnx on engine 1: preprocessing p50 2.00 ms, model p50 5.00 ms, "
    )
    for _ in range(700):
        tally.add(1_000_000, 4_000_000)
    line = tally.line()
    assert line.startswith("701 images") and "model p50 4.00 ms p90 4.00 ms p99 4.00 ms" in line

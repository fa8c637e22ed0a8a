"""The runtime as a library, on the shipped bundle with the real engine."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

import edge_runtime
from edge_runtime import Classifier, engines
from edge_runtime.bundle import golden, manifest
from edge_runtime.bundle.probabilities import Probabilities
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.classify.resize import Resize
from edge_runtime.engines import EngineMissingError
from edge_runtime.errors import BundleError, DataError, EngineError, UsageError
from edge_runtime.probes import Reading

SMALL_BUNDLE = Path(__file__).resolve().parents[2] / "benchmarks" / "seed-cnn-int8-bundle"
ONNX = "seed-cnn-int8-dynamic.onnx"


@pytest.fixture(scope="module")
def pack():
    """The golden pack with its images (N, H, W, C), as cameras have them."""
    pack = golden.of_bundle(SMALL_BUNDLE, manifest.read(SMALL_BUNDLE))
    return replace(pack, images=np.ascontiguousarray(pack.images.transpose(0, 2, 3, 1)))


@pytest.fixture(scope="module")
def model():
    return Classifier(SMALL_BUNDLE)


@pytest.fixture
def as_static(bundle, edit):
    """A second artifact that calls itself static INT8: what is chosen shows, and what runs."""
    (bundle / "static.onnx").write_bytes((bundle / ONNX).read_bytes())

    def add(**changes):
        def change(content):
            dynamic = content["artifacts"][0]
            static = {"file": "static.onnx", "precision": "int8-static", **changes}
            content["artifacts"].append({**dynamic, **static})

        edit(change)

    return add


def spied(model, monkeypatch):
    """Record the batch sizes of a model's calls."""
    sizes, run = [], model._session.run

    class Spy:
        def run(self, batch):
            sizes.append(len(batch))
            return run(batch)

    monkeypatch.setattr(model, "_session", Spy())
    return sizes


def test_golden_images_get_the_answers_of_the_exporting_machine(model, pack):
    exported = pack.exported[ONNX]
    logits = model.logits(pack.images)
    # Another CPU's INT8 may round otherwise; the class is to be the same nearly always.
    assert (logits.argmax(1) == exported.argmax(1)).mean() >= 0.99
    assert [p.index for p in model.predict(pack.images)] == logits.argmax(1).tolist()


def test_a_prediction_says_it_all(model, pack):
    (prediction,) = model.predict(pack.images[0], top=3)
    probabilities = Probabilities.SOFTMAX.of(model.logits(pack.images[0])[0])
    best = np.argsort(-probabilities)[:3]
    assert prediction.top == tuple((model.classes[i], probabilities[i]) for i in best)
    assert (prediction.label, prediction.probability) == prediction.top[0]
    assert model.classes[prediction.index] == prediction.label
    assert probabilities.sum() == pytest.approx(1)
    assert prediction.preprocess_ns > 0 and prediction.model_ns > 0
    with pytest.raises(FrozenInstanceError):
        prediction.label = "cat"
    assert len(model.predict(pack.images[0])[0].top) == 1
    assert len(model.predict(pack.images[0], top=99)[0].top) == len(model.classes)


def test_huge_logits_do_not_overflow():
    huge = np.array([1e4, 0, -1e4], np.float32)
    assert Probabilities.SOFTMAX.of(huge).tolist() == [1, 0, 0]
    assert Probabilities.SIGMOID.of(huge).tolist() == [1, 0.5, 0]


def test_the_manifest_says_what_turns_logits_into_probabilities(bundle, pack, edit):
    logits = Classifier(bundle).logits(pack.images[0])[0].astype(float)
    edit(lambda content: content.update(probabilities="sigmoid"))
    (prediction,) = Classifier(bundle).predict(pack.images[0], top=10)
    expected = np.sort(1 / (1 + np.exp(-logits)))[::-1]
    assert [p for _, p in prediction.top] == pytest.approx(expected.tolist(), abs=1e-12)
    assert prediction.index == logits.argmax()
    edit(lambda content: content.update(probabilities="guess"))
    with pytest.raises(BundleError, match="probabilities is 'guess', unknown here"):
        Classifier(bundle)


def test_every_form_of_an_image_gets_the_same_answer(model, pack):
    camera = pack.images[3]
    with_alpha = np.dstack([camera, np.zeros((32, 32), np.uint8)])
    forms = [camera, with_alpha, [camera], camera[None]]
    expected = model.logits(camera.transpose(2, 0, 1), layout="CHW")
    for form in forms:
        assert np.array_equal(model.logits(form), expected)
    assert np.array_equal(model.logits(camera[..., ::-1], color="BGR"), expected)
    assert not np.array_equal(model.logits(camera[..., ::-1]), expected)


def test_grey_is_grey_in_all_channels(model, pack):
    grey = pack.images[3, :, :, 0]
    assert np.array_equal(model.logits(grey), model.logits(np.dstack([grey] * 3)))


def test_an_image_of_another_size_is_scaled_as_the_workshop_does(model, pack):
    pil = pytest.importorskip("PIL.Image")
    labelled = pytest.importorskip("cifarq.data.labelled")
    frame = np.asarray(pil.fromarray(pack.images[5]).resize((640, 480), pil.Resampling.BICUBIC))
    images = labelled.LabelledImages(frame.transpose(2, 0, 1)[None], np.zeros(1, np.int64))
    scaled = images.read(Resize(Resizing(32), 32, 32)).images
    assert np.array_equal(model.logits(frame), model.logits(scaled, layout="CHW"))


def test_the_manifests_resize_is_obeyed(bundle, edit, pack):
    plain = Classifier(bundle).logits(pack.images[:1])
    pytest.importorskip("PIL")
    seen = [plain]
    for said in (
        {"shorter": 40, "mode": "crop", "filter": "bilinear"},
        {"shorter": 40, "mode": "crop", "filter": "bicubic"},
    ):
        edit(lambda content, said=said: content["preprocessing"].update(resize=said))
        seen.append(Classifier(bundle).logits(pack.images[:1]))
    assert len({logits.tobytes() for logits in seen}) == 3


def test_stream_answers_each_frame_before_the_next_is_asked_for(model, pack):
    given = []

    def camera():
        for image in pack.images[:3]:
            given.append(image)
            yield image

    answers = model.stream(camera(), top=2)
    assert given == []
    first = next(answers)
    assert len(given) == 1 and len(first.top) == 2
    rest = list(answers)
    labels = [p.label for p in model.predict(pack.images[:3])]
    assert [first.label, *(p.label for p in rest)] == labels


def test_dynamic_int8_sees_one_image_a_call_so_that_neighbours_change_nothing(
    model, pack, monkeypatch
):
    alone = np.concatenate([model.logits(image) for image in pack.images[:5]])
    sizes = spied(model, monkeypatch)
    assert np.array_equal(model.logits(pack.images[:5]), alone)
    assert sizes == [1] * 5


def test_a_batch_size_that_is_asked_for_is_used(pack, monkeypatch):
    model = Classifier(SMALL_BUNDLE, batch_size=4)
    sizes = spied(model, monkeypatch)
    predictions = model.predict(pack.images[:10])
    assert sizes == [4, 4, 2] and len(predictions) == 10
    assert len({p.model_ns for p in predictions[:4]}) == 1  # shared evenly


def test_other_precisions_take_sixteen(bundle, as_static, pack, monkeypatch):
    as_static()
    model = Classifier(bundle)
    sizes = spied(model, monkeypatch)
    model.predict(pack.images[:20])
    assert sizes == [16, 4]


@pytest.mark.parametrize("fixed, calls", [(1, [1] * 5), (4, [4, 4])])
def test_a_fixed_batch_is_respected(bundle, edit, pack, monkeypatch, fixed, calls):
    def change(content):
        content["artifacts"][0]["input"]["shape"][0] = fixed

    edit(change)
    model = Classifier(bundle)
    sizes = spied(model, monkeypatch)
    logits = model.logits(pack.images[:5])
    assert sizes == calls and logits.shape == (5, 10)
    assert (logits.argmax(1) == pack.exported[ONNX][:5].argmax(1)).all()
    with pytest.raises(UsageError, match=f"takes {fixed} images a call"):
        Classifier(bundle, batch_size=9)


def test_the_best_artifact_is_chosen_and_a_named_one_obeyed(bundle, as_static):
    as_static()
    assert Classifier(bundle).artifact.file == "static.onnx"
    assert Classifier(bundle, precision="int8-dynamic").artifact.file == ONNX
    assert Classifier(bundle, artifact=ONNX).artifact.file == ONNX
    assert Classifier(str(bundle), format="onnx").artifact.file == "static.onnx"
    with pytest.raises(UsageError, match="no precision 'fp32'"):
        Classifier(bundle, precision="fp32")


@pytest.mark.parametrize("machine, other", [("x86_64", "arm64"), ("aarch64", "x86-vnni")])
def test_static_int8_for_another_cpu_is_passed_over(bundle, as_static, monkeypatch, machine, other):
    monkeypatch.setattr("platform.machine", lambda: machine)
    as_static(target=other)
    assert Classifier(bundle).artifact.file == ONNX


def test_static_int8_is_chosen_on_an_arm_cpu_without_dot_product_too(
    bundle, as_static, monkeypatch
):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    flags = Reading(frozenset({"asimd"}), "proc/cpuinfo")
    monkeypatch.setattr("edge_runtime.probes.cpuinfo.flags", lambda: flags)
    as_static(target="arm64")
    assert Classifier(bundle).artifact.file == "static.onnx"


def test_an_artifact_runs_on_any_engine_that_reads_its_format(bundle, as_static):
    as_static(engine="tensorrt")
    model = Classifier(bundle)
    assert (model.artifact.file, model.engine) == ("static.onnx", "onnxruntime")


@pytest.mark.parametrize("format", ["torchscript", "tflite"])
def test_a_format_that_nothing_here_reads_is_passed_over(bundle, as_static, monkeypatch, format):
    as_static(format=format)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it raises
    require = engines.require

    def missing(name, install=""):
        if name == "torch":
            raise EngineMissingError("torch is not installed: pip install torch")
        return require(name, install)

    monkeypatch.setattr(engines, "require", missing)
    assert Classifier(bundle).artifact.file == ONNX


def test_where_no_engine_is_installed_each_ones_command_is_said(bundle, as_static, monkeypatch):
    as_static(format="torchscript", engine="torch")

    def missing(name, install=""):
        raise EngineMissingError(f"{name} is not installed: {engines.get(name).INSTALL}")

    monkeypatch.setattr(engines, "require", missing)
    with pytest.raises(EngineMissingError) as caught:
        Classifier(bundle)
    assert "pip install torch" in str(caught.value)
    assert "pip install onnxruntime" in str(caught.value)


def test_a_damaged_artifact_is_never_loaded(bundle, monkeypatch):
    content = bytearray((bundle / ONNX).read_bytes())
    content[-1] ^= 1
    (bundle / ONNX).write_bytes(content)
    monkeypatch.setattr("edge_runtime.engines.onnxruntime.load", pytest.fail)
    with pytest.raises(BundleError, match=f"{ONNX}: corrupt"):
        Classifier(bundle)


def test_what_an_engine_raises_becomes_one_line(bundle, pack, monkeypatch):
    model = Classifier(bundle)

    class Broken:
        def run(self, batch):
            raise RuntimeError("no kernel\nat line 1")

    monkeypatch.setattr(model, "_session", Broken())
    with pytest.raises(EngineError, match=r"^onnxruntime fails on a batch \(1, 3, .*: no kernel$"):
        model.predict(pack.images[0])


@pytest.mark.parametrize(
    "answer, message",
    [(np.zeros((1, 9)), r"\(1, 9\) to 1 images, not 10"), (np.full((1, 10), np.nan), "no finite")],
)
def test_answers_that_are_none_are_refused(bundle, pack, monkeypatch, answer, message):
    model = Classifier(bundle)

    class Wrong:
        def run(self, batch):
            return answer

    monkeypatch.setattr(model, "_session", Wrong())
    with pytest.raises(EngineError, match=message):
        model.predict(pack.images[0])


@pytest.mark.parametrize("name", ["threads", "batch_size"])
def test_a_number_that_makes_no_sense_is_refused(name):
    for number in (0, 99_999_999):
        with pytest.raises(UsageError, match=f"{name} is {number}. Give 1 to "):
            Classifier(SMALL_BUNDLE, **{name: number})


def test_top_is_at_least_1_and_images_are_images(model, pack):
    with pytest.raises(UsageError, match="top is 0"):
        model.predict(pack.images[0], top=0)
    with pytest.raises(DataError, match="float32"):
        model.predict(pack.images[0] / np.float32(255))


def test_a_model_of_no_fixed_size_is_refused(bundle, edit):
    def change(content):
        content["artifacts"][0]["input"]["shape"][2] = "H"

    edit(change)
    with pytest.raises(BundleError, match="a classifier of images takes"):
        Classifier(bundle)


def test_the_package_brings_it_when_it_is_asked_for():
    code = (
        "import sys, edge_runtime; before = set(sys.modules); "
        "assert 'numpy' not in before and 'typing' not in before - start; "
        "edge_runtime.Classifier, edge_runtime.Prediction; "
        "assert 'numpy' in sys.modules and 'onnxruntime' not in sys.modules"
    )
    start = "import sys; start = set(sys.modules); "
    subprocess.run([sys.executable, "-c", start + code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Clasifier'"):
        _ = edge_runtime.Clasifier


def test_it_works_from_inside_the_archive(tmp_path):
    archive = pytest.importorskip("cifarq_export.bundle.pyz")
    archive.write(tmp_path / "edge-bench.pyz")
    code = (
        "import sys, numpy as np; from edge_runtime import Classifier; import edge_runtime; "
        "assert 'edge-bench.pyz' in edge_runtime.__file__, edge_runtime.__file__; "
        "(p,) = Classifier(sys.argv[1]).predict(np.zeros((32, 32, 3), np.uint8)); print(p.label)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, SMALL_BUNDLE],
        env={"PYTHONPATH": str(tmp_path / "edge-bench.pyz")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in manifest.read(SMALL_BUNDLE).classes

"""The manifest: read strictly, and never past the bundle's own folder."""

import json
import os

import pytest

from edge_runtime.bundle import integrity, manifest
from edge_runtime.bundle.location import NotAnArtifactError, artifacts_at
from edge_runtime.errors import BundleError


def test_it_reads_back_what_it_wrote(bundle):
    content = manifest.read(bundle)
    (bundle / "manifest.json").write_text(content.to_json())
    assert manifest.read(bundle) == content
    assert content.model == "seed-cnn" and len(content.classes) == 10
    assert content.preprocessing.mean == (0.4914, 0.4822, 0.4465)
    assert content.preprocessing.color == "RGB" and content.preprocessing.range == (0, 1)


def test_it_says_what_is_really_in_the_artifact(bundle):
    (artifact,) = manifest.read(bundle).artifacts
    assert artifact.precision == "int8-dynamic" and artifact.engine == "onnxruntime"
    assert artifact.input.shape == ("N", 3, 32, 32) and artifact.output.shape == ("N", 10)
    assert artifact.quantized.int8 == {"DynamicQuantizeMatMul": 2}
    assert artifact.quantized.weight_share == 0.897
    assert artifact.quantized.mac_share == 0.0268


def test_every_file_of_a_whole_bundle_is_verified(bundle):
    content = manifest.read(bundle)
    for record in (*content.files, *content.artifacts):
        integrity.verify(bundle, record)
        assert integrity.read(bundle, record) == (bundle / record.file).read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
        lambda data: b"",
    ],
    ids=["truncated", "flipped bit", "empty"],
)
def test_a_damaged_file_is_named_with_both_hashes(bundle, damage):
    (artifact,) = manifest.read(bundle).artifacts
    path = bundle / artifact.file
    path.write_bytes(damage(path.read_bytes()))
    for check in (integrity.verify, integrity.read):
        with pytest.raises(BundleError, match=f"{artifact.file}: corrupt.*{artifact.sha256[:12]}"):
            check(bundle, artifact)


@pytest.mark.parametrize("check", [integrity.verify, integrity.read])
def test_a_file_that_is_missing_or_a_pipe_is_named(bundle, check):
    (artifact,) = manifest.read(bundle).artifacts
    (bundle / artifact.file).unlink()
    with pytest.raises(BundleError, match=f"{artifact.file}: cannot read it .No such file"):
        check(bundle, artifact)
    os.mkfifo(bundle / artifact.file)
    with pytest.raises(BundleError, match=f"{artifact.file}: cannot read it .not a regular file"):
        check(bundle, artifact)


@pytest.mark.parametrize(
    "name", ["../evil.onnx", "/etc/passwd", "sub/m.onnx", "..", "", "a\\b.onnx"]
)
def test_a_path_that_leaves_the_bundle_is_refused(bundle, edit, name):
    edit(lambda content: content["artifacts"][0].update(file=name))
    with pytest.raises(BundleError, match="never points outside itself"):
        manifest.read(bundle)


def test_a_link_that_leaves_the_bundle_is_refused(bundle, tmp_path):
    (artifact,) = manifest.read(bundle).artifacts
    outside = tmp_path / "outside.onnx"
    (bundle / artifact.file).rename(outside)
    (bundle / artifact.file).symlink_to(outside)
    with pytest.raises(BundleError, match="never points outside itself"):
        manifest.read(bundle)


def test_a_folder_without_manifest_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"no bundle.*cifarq-export"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "null", "{}", '{"schema": 99}', "\xff"])
def test_what_is_no_manifest_is_refused_with_its_path(bundle, text):
    (bundle / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(BundleError, match=r"manifest\.json"):
        manifest.read(bundle)


@pytest.mark.parametrize("key", ["model", "classes", "preprocessing", "files", "artifacts"])
def test_a_missing_part_is_named(bundle, edit, key):
    edit(lambda content: content.pop(key))
    with pytest.raises(BundleError, match=key):
        manifest.read(bundle)


@pytest.mark.parametrize("key", ["file", "sha256", "engine", "input"])
def test_a_missing_part_of_an_artifact_is_named(bundle, edit, key):
    edit(lambda content: content["artifacts"][0].pop(key))
    with pytest.raises(BundleError, match=key):
        manifest.read(bundle)


def test_a_value_of_another_type_is_named(bundle, edit):
    edit(lambda content: content["artifacts"][0].update(sha256=7))
    with pytest.raises(BundleError, match="sha256 is 7"):
        manifest.read(bundle)


def test_what_a_later_version_adds_is_passed_over(bundle, edit):
    edit(lambda content: content["artifacts"][0].update(added="later"))
    assert manifest.read(bundle).artifacts


def test_no_time_and_no_path_is_in_it(bundle):
    text = (bundle / "manifest.json").read_text()
    assert set(json.loads(text)) == {
        "schema", "model", "classes", "preprocessing", "files", "artifacts", "images", "changes",
        "probabilities", "versions", "wheelhouse",
    }  # fmt: skip
    assert "/" not in text


def test_preprocessing_says_who_normalises_and_the_input_fits_it(bundle, edit):
    assert manifest.read(bundle).preprocessing.normalised_by == "runtime"
    edit(lambda content: content["preprocessing"].update(normalised_by="artifact"))
    with pytest.raises(BundleError, match=r"takes float32, preprocessing by the artifact.*uint8"):
        manifest.read(bundle)
    edit(lambda content: content["artifacts"][0]["input"].update(dtype="uint8"))
    assert manifest.read(bundle).preprocessing.dtype == "uint8"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"normalised_by": "nobody"}, "nobody"),
        ({"std": [0.2, 0.2, 0]}, r"std\[2\] is 0, not a number from 1e-06 to 1000"),
        ({"mean": [0.5, 0.5, None]}, r"mean\[2\] is None, not a number"),
        ({"color": "YUV"}, "color is 'YUV', unknown here"),
        ({"color": "GREY"}, "GREY, 3 means and 3 deviations"),
        ({"mean": [0.5], "std": [0.2]}, "RGB, 1 means and 1 deviations"),
        ({"layout": "NHWC"}, "knows NCHW"),
    ],
)
def test_preprocessing_that_would_not_be_obeyed_is_refused(bundle, edit, change, message):
    edit(lambda content: content["preprocessing"].update(change))
    with pytest.raises(BundleError, match=message):
        manifest.read(bundle)


def set_at(content, place, value):
    """Set a value of nested JSON by its keys, dotted."""
    *keys, last = (int(key) if key.isdecimal() else key for key in place.split("."))
    for key in keys:
        content = content[key]
    content[last] = value


@pytest.mark.parametrize(
    "place, value, message",
    [
        ("artifacts.0.parity", "good", r"artifacts\[0\].parity is 'good'"),
        ("artifacts.0.parity.top1_agreement", 7, "top1_agreement is 7, not a number from 0 to 1"),
        ("artifacts.0.accuracy.drop_points.low", None, "drop_points.low is None, not a number"),
        ("artifacts.0.quantized.int8.Conv", "2", "int8.Conv is '2', not a whole number"),
        ("artifacts.0.quantized.int8.Conv", -1, "int8.Conv is -1, not a whole number from 0"),
        ("artifacts.0.size_bytes", -1, "size_bytes is -1, not a whole number from 0"),
        ("files.0.size_bytes", -1, r"files\[0\].size_bytes is -1, not a whole number from 0"),
        ("classes", ["cat"], "classes names 1; a classifier has 2 or more"),
        ("classes.3", "dog", "classes names 'dog' twice"),
        ("classes.3", "", r"classes\[3\] is empty"),
        ("classes.3", 7, r"classes\[3\] is 7, not a string"),
        ("schema", 5.0, "has schema 5.0; this edge-bench reads 5"),
        ("schema", True, "has schema True; this edge-bench reads 5"),
        ("artifacts.0.input.shape", ["N", 3, -32, 32], "which is no batch of images"),
        ("artifacts.0.input.shape", [2**40, 3, 32, 32], "which is no batch of images"),
        ("images.golden.split", None, "images.golden.split is None, not a string"),
        ("preprocessing.resize", 40, "preprocessing.resize is 40, not an object"),
        ("preprocessing.resize", {"shorter": 0}, "shorter is 0, not a whole number from 1"),
        ("preprocessing.resize", {"shorter": 31}, "shorter is 31, less than the 32 pixels"),
        ("preprocessing.resize", {"shorter": 32, "mode": "fit"}, "mode is 'fit', unknown here"),
        ("preprocessing.resize", {"shorter": 32, "filter": 1}, "filter is 1, unknown here"),
    ],
)
def test_a_value_that_is_invalid_is_named_with_its_place(bundle, edit, place, value, message):
    edit(lambda content: set_at(content, place, value))
    with pytest.raises(BundleError, match=message):
        manifest.read(bundle)


def test_shares_may_be_unknown(bundle, edit):
    edit(lambda content: set_at(content, "artifacts.0.quantized.mac_share", None))
    assert manifest.read(bundle).artifacts[0].quantized.mac_share is None


def test_a_path_means_a_bundle_or_one_artifact_of_it(bundle, tmp_path):
    (artifact,) = manifest.read(bundle).artifacts
    content = manifest.read(bundle)
    assert artifacts_at(bundle) == (bundle, content, (artifact,))
    assert artifacts_at(bundle / artifact.file) == (bundle, content, (artifact,))
    (tmp_path / "link.onnx").symlink_to(bundle / artifact.file)
    assert artifacts_at(tmp_path / "link.onnx") == (bundle, content, (artifact,))


def test_a_path_that_means_no_artifact_is_refused(bundle, tmp_path, edit):
    (tmp_path / "alone.onnx").touch()
    with pytest.raises(NotAnArtifactError, match=r"lies in no bundle.*Give a bundle folder"):
        artifacts_at(tmp_path / "alone.onnx")
    with pytest.raises(NotAnArtifactError, match="not an artifact of the bundle around it"):
        artifacts_at(bundle / "golden.npz")
    for nothing in (tmp_path / "nothing", tmp_path / ("x" * 300), tmp_path / "a\0b"):
        with pytest.raises(BundleError, match=r"does not exist|cannot read"):
            artifacts_at(nothing)
    edit(lambda content: content.update(artifacts=[]))
    with pytest.raises(BundleError, match="holds no artifact"):
        artifacts_at(bundle)

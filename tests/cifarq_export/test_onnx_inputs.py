"""ONNX files with inputs of every kind, held to the very file in plain ONNX Runtime.

What the file is given is computed here with numpy alone; what it answers is what the bundle's
artifacts have to answer to the same images.
"""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cifarq.data import cifar10, packs
from cifarq.evaluation import evaluate
from edge_runtime import Classifier
from edge_runtime.bundle import golden, manifest
from edge_runtime.bundle.resizing import Resizing
from edge_runtime.classify.resize import Resize

SIZE = 16
RESIZE = Resize(Resizing(SIZE), SIZE, SIZE)
MEAN, STD = np.array([0.5, 0.4, 0.3], np.float32), np.array([0.2, 0.25, 0.3], np.float32)
NORMALISED = ("--mean", "0.5,0.4,0.3", "--std", "0.2,0.25,0.3")
TINY = (
    "--precision", "fp32,int8-static", "--resize", str(SIZE), "--validation-images", "60",
    "--calibration-images", "64", "--min-speedup", "0", "--max-drop", "100", "--out", "b",
)  # fmt: skip


def node(kind, given, made, **attributes):
    return helper.make_node(kind, given.split(), [made], **attributes)


def constant(name, value, kind=np.float32):
    return numpy_helper.from_array(np.asarray(value, kind), name)


def model(nodes, tensors, shape, kind=TensorProto.FLOAT, made=TensorProto.FLOAT, **options):
    """A model from ``image`` of a shape and type to ``scores`` of a type."""
    opset = options.pop("opset", 17)
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("scores", made, [shape[0], "answers"])],
        tensors,
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, **{"ir_version": 8, **options})


def kinds_of(source):
    return [n.op_type for n in source.graph.graph.node]


@pytest.fixture(scope="module")
def network(fit):
    """A function that returns the nodes and weights of a classifier of ``x`` (N, C, 16, 16).

    Two convolutions of random weights and a last layer that was fitted to real images.
    """

    def nodes(shape):
        return [
            node("Conv", "x w1 b1", "c1", pads=[1] * 4, strides=[2] * 2),
            node("Relu", "c1", "r1"),
            node("Conv", "r1 w2 b2", "c2", pads=[1] * 4, strides=[2] * 2),
            node("Relu", "c2", "r2"),
            node("Reshape", "r2 shape", "features"),
        ], constant("shape", shape, np.int64)

    def make(channels=3, shape=(0, -1)):
        draw = np.random.default_rng(1)
        tensors = [
            constant("w1", draw.normal(0, 0.3, (8, channels, 3, 3))),
            constant("b1", draw.normal(0, 0.1, 8)),
            constant("w2", draw.normal(0, 0.2, (16, 8, 3, 3))),
            constant("b2", draw.normal(0, 0.1, 16)),
        ]
        train = packs.shipped("calibration").read(RESIZE)
        pixels = train.images if channels == 3 else train.to_grey().images
        body, any_batch = nodes((0, -1))
        features = model(
            [node("Identity", "image", "x"), *body, node("Identity", "features", "scores")],
            [*tensors, any_batch],
            ["N", channels, SIZE, SIZE],
        )
        weight, bias = fit(answers(features, normalise(pixels)), train.labels)
        tensors += [constant("w3", weight.T), constant("b3", bias)]
        body, given = nodes(shape)
        return [*body, node("Gemm", "features w3 b3", "scores")], [*tensors, given]

    return make


def normalise(pixels):
    """What the networks here were fitted to, of images (N, C, H, W) uint8; grey has its own."""
    channels = pixels.shape[1]
    mean, std = (MEAN, STD) if channels == 3 else (np.float32([0.48]), np.float32([0.2]))
    return (pixels / np.float32(255) - mean[:, None, None]) / std[:, None, None]


def answers(file, batch, step=None):
    """What ONNX Runtime alone answers with a file, or with a model in memory.

    In calls of the batch that it is fixed at, of ``step`` images, or of all.
    """
    content = str(file) if not isinstance(file, onnx.ModelProto) else file.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    fixed = session.get_inputs()[0].shape[0]
    step = fixed if isinstance(fixed, int) else step or len(batch)
    parts = [
        session.run(None, {"image": np.ascontiguousarray(batch[i : i + step])})[0]
        for i in range(0, len(batch) - len(batch) % step, step)
    ]
    return np.concatenate(parts).astype(np.float32)


def hold(folder, file, prepare, tolerance=1e-4):
    """Hold a bundle's artifacts to the file that it was made from; return the manifest.

    Args:
        folder: the bundle.
        file: the ONNX file that was given.
        prepare: what makes of images (N, C, H, W) uint8, RGB or grey, what the file takes.
        tolerance: of logits in FP32.
    """
    images = golden.read(folder / "golden.npz").images[:64]
    expected = answers(file, prepare(images))
    frames = images.transpose(0, 2, 3, 1)
    fp32 = Classifier(folder, precision="fp32").logits(frames)
    np.testing.assert_allclose(fp32, expected, atol=tolerance, rtol=tolerance)
    assert (fp32.argmax(1) == expected.argmax(1)).all()
    static = Classifier(folder, precision="int8-static").logits(frames)
    assert (static.argmax(1) == expected.argmax(1)).mean() > 0.85
    assert np.abs(static - expected).mean() < 0.1 * expected.std()
    return manifest.read(folder)


def nhwc(pixels):
    return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))


def test_nhwc_becomes_nchw_and_the_transposes_are_gone(run, tmp_path, network):
    body, tensors = network()
    first = node("Transpose", "image", "x", perm=[0, 3, 1, 2])
    onnx.save(model([first, *body], tensors, ["N", SIZE, SIZE, 3]), tmp_path / "m.onnx")
    done = run("cifarq_export", "--from", "m.onnx", *NORMALISED, *TINY)
    assert done.returncode == 0, done.stderr
    assert "Note: The input was NHWC, (N, 16, 16, 3), and is NCHW now.\n" in done.stderr
    content = hold(tmp_path / "b", tmp_path / "m.onnx", lambda images: nhwc(normalise(images)))
    assert content.changes == ("The input was NHWC, (N, 16, 16, 3), and is NCHW now.",)
    assert {a.input.shape for a in content.artifacts} == {("N", 3, SIZE, SIZE)}
    kinds = [n.op_type for n in onnx.load(tmp_path / "b" / "m-fp32.onnx").graph.node]
    assert "Transpose" not in kinds and len(kinds) == len(body)


def own_normalisation(before="image", after="x"):
    """Nodes that make of uint8 pixels, channels last, what the networks here were fitted to."""
    nodes = [
        node("Cast", before, "pixels", to=TensorProto.FLOAT),
        node("Sub", "pixels mean255", "centred"),
        node("Div", "centred std255", after),
    ]
    return nodes, [constant("mean255", 255 * MEAN), constant("std255", 255 * STD)]


def test_uint8_pixels_channels_last_that_the_file_normalises_itself(run, tmp_path, network):
    """As TensorFlow's exporters write them; the artifacts take raw bytes again."""
    body, tensors = network()
    first, more = own_normalisation(after="nhwc")
    turn = node("Transpose", "nhwc", "x", perm=[0, 3, 1, 2])
    file = model([*first, turn, *body], [*tensors, *more], ["N", SIZE, SIZE, 3], TensorProto.UINT8)
    onnx.save(file, tmp_path / "m.onnx")
    refused = run("cifarq_export", "--from", "m.onnx", *NORMALISED, *TINY)
    assert refused.returncode == 2
    assert "takes uint8 images and normalises them itself. Leave out --mean" in refused.stderr
    done = run("cifarq_export", "--from", "m.onnx", *TINY, "--input", "uint8")
    assert done.returncode == 0, done.stderr
    assert "Note: The input was uint8" in done.stderr and "ImageNet" not in done.stderr
    content = hold(tmp_path / "b", tmp_path / "m.onnx", nhwc)
    assert content.preprocessing.mean == (0, 0, 0)
    assert content.preprocessing.std == (1 / 255,) * 3
    assert {a.input.dtype for a in content.artifacts} == {"uint8"}
    assert len(content.changes) == 2
    kinds = [n.op_type for n in onnx.load(tmp_path / "b" / "m-fp32.onnx").graph.node]
    assert kinds[:4] == ["Cast", "Transpose", "Sub", "Div"]


@pytest.mark.parametrize("where", ["initializers", "constants"])
def test_fp16_is_computed_in_fp32(run, tmp_path, network, where):
    body, tensors = network()
    halves = [
        numpy_helper.from_array(numpy_helper.to_array(t).astype(np.float16), t.name)
        if t.data_type == TensorProto.FLOAT
        else t
        for t in tensors
    ]
    nodes = [node("Identity", "image", "x"), *body]
    if (
        where == "constants"
    ):  # behind what takes them: ONNX Runtime's converter sorts nothing either
        nodes += [helper.make_node("Constant", [], [t.name], value=t) for t in halves]
        halves = []
    half = TensorProto.FLOAT16
    file = model(nodes, halves, ["N", 3, SIZE, SIZE], half, half)
    onnx.save(file, tmp_path / "m.onnx")
    done = run("cifarq_export", "--from", "m.onnx", *NORMALISED, *TINY)
    assert done.returncode == 0, done.stderr
    assert "Note: The FP16 values were converted to FP32.\n" in done.stderr
    # 11 bits of precision, lost once a layer by the file's own arithmetic.
    hold(tmp_path / "b", tmp_path / "m.onnx", lambda images: normalise(images).astype(np.float16),
         tolerance=1e-2)  # fmt: skip


def test_a_fixed_batch_is_made_open(run, tmp_path, network):
    body, tensors = network(shape=(4, -1))
    file = model([node("Identity", "image", "x"), *body], tensors, [4, 3, SIZE, SIZE])
    onnx.save(file, tmp_path / "m.onnx")
    done = run("cifarq_export", "--from", "m.onnx", *NORMALISED, *TINY)
    assert done.returncode == 0, done.stderr
    assert "Note: The batch was fixed at 4 images and is open now.\n" in done.stderr
    content = hold(tmp_path / "b", tmp_path / "m.onnx", normalise)
    assert {a.input.shape[0] for a in content.artifacts} == {"N"}


def test_blue_first(run, tmp_path, network):
    """``--mean`` and ``--std`` are in the model's order, and the caller's order is its own."""
    body, tensors = network()
    swap = node("Gather", "image order", "x", axis=1)  # the network itself was fitted to RGB
    order = constant("order", [2, 1, 0], np.int64)
    file = model([swap, *body], [*tensors, order], ["N", 3, SIZE, SIZE])
    onnx.save(file, tmp_path / "m.onnx")
    bgr = ("--mean", "0.3,0.4,0.5", "--std", "0.3,0.25,0.2", "--color", "bgr")
    done = run("cifarq_export", "--from", "m.onnx", *bgr, *TINY, "--input", "uint8")
    assert done.returncode == 0, done.stderr
    content = hold(tmp_path / "b", tmp_path / "m.onnx", lambda images: normalise(images)[:, ::-1])
    assert content.preprocessing.color == "BGR"
    frames = golden.read(tmp_path / "b" / "golden.npz").images[:8].transpose(0, 2, 3, 1)
    classify = Classifier(tmp_path / "b", precision="fp32")
    turned = classify.logits(frames[..., ::-1], color="BGR")
    np.testing.assert_array_equal(turned, classify.logits(frames))


@pytest.fixture(scope="module")
def grey(run_once, tmp_path_factory, network):
    """A grey model, and its bundle in the folder ``b`` beside it."""
    folder = tmp_path_factory.mktemp("grey")
    body, tensors = network(channels=1)
    file = model([node("Identity", "image", "x"), *body], tensors, ["N", 1, SIZE, SIZE])
    onnx.save(file, folder / "m.onnx")
    one = ("--mean", "0.48", "--std", "0.2")
    run_once("cifarq_export", "--from", folder / "m.onnx", *one, *TINY[:-1], folder / "b")
    return folder


def test_one_channel_is_the_luma_of_colour_images(run, grey):
    content = hold(grey / "b", grey / "m.onnx", normalise)
    assert content.preprocessing.color == "GREY" and content.preprocessing.mean == (0.48,)
    images = pytest.importorskip("PIL.Image")
    photo = packs.shipped("golden").images[:3].transpose(0, 2, 3, 1)
    classify = Classifier(grey / "b", precision="fp32")
    luma = [np.asarray(images.fromarray(p).resize((SIZE,) * 2, 2).convert("L")) for p in photo]
    expected = answers(grey / "m.onnx", normalise(np.stack(luma)[:, None]))
    np.testing.assert_allclose(classify.logits(photo), expected, atol=1e-4)
    np.testing.assert_allclose(classify.logits(luma), expected, atol=1e-4)
    (fp32, *_) = evaluate.subjects(grey / "b")
    coloured = packs.shipped("golden").take(np.arange(50)).read(RESIZE)
    assert evaluate.evaluate(fp32, coloured, cifar10.CLASSES).images == 50
    quick = ("--rounds", "1", "--min-runs", "2", "--min-time", "0", "--accuracy-images", "60")
    done = run("edge_runtime", grey / "b", *quick)
    assert done.returncode == 0, done.stdout + done.stderr


def test_numbers_that_do_not_fit_the_channels_are_refused_with_what_does(run, grey):
    def refusal(*options):
        done = run("cifarq_export", "--from", grey / "m.onnx", *options)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        return done.stderr

    assert "Give --mean and --std, as in --mean 0.5 --std 0.5." in refusal()
    assert "--mean gives 3 numbers; the model has 1 channels" in refusal(*NORMALISED)
    assert "--std is missing" in refusal("--mean", "0")
    assert "--color BGR is for models of three" in refusal(
        "--color", "BGR", "--mean", "0", "--std", "1"
    )


@pytest.fixture
def opened(tmp_path):
    """Save a model, open it as the command does, and hold it to itself in ONNX Runtime."""
    from cifarq_export.sources.opening import open_source
    from cifarq_export.sources.request import SourceRequest

    def check(file, prepare, step=None, **asked):
        onnx.save(file, tmp_path / "m.onnx")
        source = open_source(SourceRequest(onnx_file=tmp_path / "m.onnx", **asked)).source
        images = packs.shipped("golden").take(np.arange(8)).read(RESIZE).images
        expected = answers(tmp_path / "m.onnx", prepare(images), step)
        step = source.batch if isinstance(source.batch, int) else len(images)
        batch = source.how.apply(images)
        found = [source.predict(batch[i : i + step]) for i in range(0, len(batch), step)]
        np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-4, rtol=1e-4)
        return source

    return check


ASKED = {"mean": tuple(MEAN.tolist()), "std": tuple(STD.tolist())}


def test_layouts_and_bytes_however_the_graph_goes_on(opened, network):
    body, tensors = network()
    turn = node("Transpose", "turned", "x", perm=[0, 3, 1, 2])
    scale = [node("Mul", "image one", "turned"), constant("one", 1)]
    # The inverse transpose comes later: what is added stays.
    source = opened(
        model([scale[0], turn, *body], [*tensors, scale[1]], ["N", SIZE, SIZE, 3]),
        lambda images: nhwc(normalise(images)), **ASKED,
    )  # fmt: skip
    assert kinds_of(source)[:3] == ["Transpose", "Mul", "Transpose"]
    # Bytes are transposed before they are cast: neither is left.
    first, more = own_normalisation(before="bytes")
    for tensor in more:
        tensor.dims[:] = [3, 1, 1]
    back = node("Transpose", "image", "bytes", perm=[0, 3, 1, 2])
    source = opened(
        model([back, *first, *body], [*tensors, *more], ["N", SIZE, SIZE, 3], TensorProto.UINT8),
        nhwc,
    )
    assert kinds_of(source)[:2] == ["Sub", "Div"]
    # Bytes go elsewhere too: they are cast back.
    masked = [
        node("Cast", "image", "as_int", to=TensorProto.INT32),
        node("Cast", "as_int", "bytes", to=TensorProto.FLOAT),
    ]
    first[0] = node("Identity", "bytes", "pixels")
    source = opened(
        model([*masked, *first, *body], [*tensors, *more], ["N", 3, SIZE, SIZE], TensorProto.UINT8),
        lambda images: images,
    )
    assert kinds_of(source)[:3] == ["Round", "Cast", "Cast"]
    assert source.changes[0].startswith("The input was uint8")


@pytest.mark.parametrize("kind", ["BFLOAT16", "DOUBLE"])
def test_weights_of_other_float_types_that_are_cast(opened, network, kind):
    body, tensors = network()
    type_ = TensorProto.DataType.Value(kind)
    other = helper.tensor_dtype_to_np_dtype(type_)
    values = {t.name: numpy_helper.to_array(t).astype(other) for t in tensors if t.dims != [2]}
    stored = [numpy_helper.from_array(value, f"{name}_stored") for name, value in values.items()]
    casts = [node("Cast", f"{name}_stored", name, to=TensorProto.FLOAT) for name in values]
    shape = next(t for t in tensors if t.name == "shape")
    nodes = [*casts, node("Identity", "image", "x"), *body]
    file = model(nodes, [*stored, shape], ["N", 3, SIZE, SIZE])
    source = opened(file, normalise, **ASKED)
    assert "Cast" not in kinds_of(source)
    short = {"BFLOAT16": "BF16", "DOUBLE": "FP64"}[kind]
    assert source.changes == (f"The {short} values were converted to FP32.",)


def test_a_batch_that_is_open_in_name_only_is_one(opened, network):
    body, tensors = network(shape=(1, 256))
    nodes = [node("Identity", "image", "x"), *body]
    fixed = opened(model(nodes, tensors, [1, 3, SIZE, SIZE]), normalise, **ASKED)
    assert fixed.batch == 1 and fixed.changes == ()
    source = opened(model(nodes, tensors, ["N", 3, SIZE, SIZE]), normalise, step=1, **ASKED)
    assert source.batch == 1
    assert source.changes == (
        "The batch was open, but the model takes one image a call; it is 1 now.",
    )


@pytest.mark.parametrize(
    "opset, ir_version", [(7, 3), (9, 4), (11, 6), (13, 7), (26, onnx.IR_VERSION)]
)
def test_opsets_old_and_new(opened, network, opset, ir_version):
    body, tensors = network()
    file = model(
        [node("Identity", "image", "x"), *body],
        tensors,
        ["N", 3, SIZE, SIZE],
        opset=opset,
        ir_version=ir_version,
    )
    if ir_version == 3:
        listed = (helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors)
        file.graph.input.extend(listed)
    assert opened(file, normalise, **ASKED).batch == "N"


def test_weights_in_a_file_of_their_own_are_written_into_one(run, tmp_path, network):
    body, tensors = network()
    file = model([node("Identity", "image", "x"), *body], tensors, ["N", 3, SIZE, SIZE])
    (tmp_path / "given").mkdir()
    beside = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 100}
    onnx.save(file, tmp_path / "given" / "m.onnx", **beside)
    assert (tmp_path / "given" / "weights.bin").stat().st_size > 10_000
    done = run("cifarq_export", "--from", "given/m.onnx", *NORMALISED, *TINY)
    assert done.returncode == 0, done.stderr
    expected = tmp_path / "given" / "m.onnx"
    hold(tmp_path / "b", expected, normalise)
    (tmp_path / "given" / "weights.bin").unlink()
    artifact = onnx.load(tmp_path / "b" / "m-fp32.onnx", load_external_data=False)
    assert not any(
        onnx.external_data_helper.uses_external_data(t) for t in artifact.graph.initializer
    )
    done = run("cifarq_export", "--from", "given/m.onnx", *NORMALISED)
    assert done.returncode == 1 and "weights.bin" in done.stderr and "Traceback" not in done.stderr


def refused(network, what):
    """A model that cannot be made canonical."""
    body, tensors = network(shape=(8, 256) if what == "baked" else (0, -1))
    first, shape, kind = node("Identity", "image", "x"), ["N", 3, SIZE, SIZE], TensorProto.FLOAT
    if what == "batch":  # as a class token of a transformer has it
        first = node("Expand", "image whole", "x")
        tensors.append(constant("whole", [4, 3, SIZE, SIZE], np.int64))
        shape = [4, 3, SIZE, SIZE]
    elif what == "int64":
        first, kind = node("Cast", "image", "x", to=TensorProto.FLOAT), TensorProto.INT64
    elif what == "table":
        tensors.append(constant("as_image", [-1, 3, SIZE, SIZE], np.int64))
        first, shape = node("Reshape", "image as_image", "x"), ["N", 3 * SIZE * SIZE]
    elif what == "alpha":
        shape = ["N", SIZE, SIZE, 4]
    file = model([first, *body], tensors, shape, kind)
    if what in ("trees", "sequence"):
        file.graph.output[0].name = "label"
        last = (
            helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0)
            if what == "trees"
            else helper.make_node("SplitToSequence", ["scores"], ["label"], axis=1)
        )
        file.graph.node.append(last)
    if what == "trees":  # as skl2onnx ends
        file.graph.node.append(
            helper.make_node(
                "ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml",
                classlabels_int64s=list(range(10)),
            )
        )  # fmt: skip
        file.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
        kinds = helper.make_map_type_proto(
            TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        )
        file.graph.output.append(
            helper.make_value_info("maps", helper.make_sequence_type_proto(kinds))
        )
    elif what == "sequence":
        part = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", 1])
        file.graph.output[0].type.CopyFrom(helper.make_sequence_type_proto(part))
    return file


@pytest.mark.parametrize(
    "what, message",
    [
        ("baked", "leaves its batch open, and fails on one image (3, 16, 16): [ONNXRuntime"),
        ("batch", "takes batches of 4 only, and cannot be changed to take one image. Export it"),
        ("int64", "is (N, 3, 16, 16) of type INT64; images are (N, C, H, W) or (N, H, W, C)"),
        ("table", "is (N, 768) of type FLOAT; images are (N, C, H, W)"),
        ("alpha", "is (N, 16, 16, 4), which has neither 1 nor 3 channels"),
        ("trees", "uses operators of ai.onnx.ml (ZipMap), which have no INT8 form"),
        ("sequence", "its output label is a sequence_type; a classifier answers with a tensor"),
    ],
)
def test_what_cannot_be_made_canonical_is_named_in_one_line(run, tmp_path, network, what, message):
    onnx.save(refused(network, what), tmp_path / "m.onnx")
    done = run("cifarq_export", "--from", "m.onnx", *NORMALISED, *TINY)
    assert done.returncode == 1 and message in done.stderr, done.stderr
    # Nothing of ONNX Runtime's own reaches the terminal.
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("Error: --from m.onnx")


def test_what_a_message_advises_works(opened, network):
    from cifarq_export.sources.images import Gatherer
    from edge_runtime.errors import DataError, ExportError

    body, tensors = network()
    nodes = [node("Identity", "image", "x"), *body]
    size_open = model(nodes, tensors, ["N", 3, "H", "W"])
    with pytest.raises(ExportError, match="leaves the size of its input open") as caught:
        opened(size_open, normalise, **ASKED)
    assert "--input-shape 3,224,224" in caught.value.remedy
    with pytest.raises(ExportError, match="--input-shape 1,16,16 is not") as caught:
        opened(size_open, normalise, **ASKED, input_shape=(1, SIZE, SIZE))
    shape = caught.value.remedy.removeprefix("Give --input-shape ").removesuffix(".")
    advised = tuple(map(int, shape.split(",")))
    source = opened(size_open, normalise, **ASKED, input_shape=advised)
    assert source.input_shape == advised

    def gather(resize, shape=(1, 20, 24)):
        few = {"calibration_images": 10, "validation_images": 10}
        gatherer = Gatherer(None, resize and Resizing(resize))
        return gatherer.gather(source_classes, shape, **few).golden.images

    source_classes = source.classes
    with pytest.raises(DataError) as caught:
        gather(None)
    advised = int(caught.value.remedy.rpartition("--resize ")[2].rstrip("."))
    assert gather(advised).shape[1:] == (1, 20, 24)
    with pytest.raises(DataError) as caught:
        gather(advised - 1)
    assert caught.value.remedy == f"Give {advised} or more."

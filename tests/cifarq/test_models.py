"""The models: found by file name, the size and shape they claim, folding that is exact."""

import io
import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch

import cifarq
from cifarq import models
from cifarq.data import cifar10, packs
from cifarq.evaluation import inventory
from cifarq.quantize import dynamic_int8
from edge_runtime.bundle.preprocess import normalise
from edge_runtime.errors import UsageError

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
SHAPE = (3, 32, 32)

ONE_LAYER = '''
"""A model of one layer."""

from torch import nn

DESCRIPTION = "one layer"


def build(classes, input_shape):
    channels, height, width = input_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, classes))
'''


@pytest.fixture(scope="module")
def batch():
    pixels = packs.shipped("golden").images[:16]
    return torch.from_numpy(normalise(pixels, cifar10.MEAN, cifar10.STD))


def random_norms(model):
    """Give every batch norm statistics and factors that training could have given it."""
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            for tensor in (module.running_mean, module.bias.data):
                tensor.normal_(generator=generator)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.2, 3, generator=generator)
    return model.eval()


def test_the_seed_cnn_is_found():
    assert "seed-cnn" in models.names()
    assert "seed" not in models.names()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("seed-cn", "Did you mean 'seed-cnn'"), ("seed_cnn", "Did you mean"), ("x", "Choose from: ")],
)
def test_an_unknown_name_is_answered_with_the_nearest(wrong, said):
    with pytest.raises(UsageError, match=said) as caught:
        models.get(wrong)
    assert repr(wrong) in str(caught.value)


def test_a_new_file_is_a_new_model_that_trains(tmp_path, run, two_class_folder):
    skipped = shutil.ignore_patterns("pretrained", "__pycache__")
    copy = shutil.copytree(Path(cifarq.__file__).parent, tmp_path / "lib/cifarq", ignore=skipped)
    (copy / "models" / "one_layer.py").write_text(ONE_LAYER)
    environment = {"PYTHONPATH": str(tmp_path / "lib")}
    suggested = run("cifarq", "train", "one-laier", "--out", "run", env=environment)
    assert "Did you mean 'one-layer'" in suggested.stderr

    options = ("--data-dir", two_class_folder, "--out", "run", "--epochs", 1)
    trained = run("cifarq", "train", "one-layer", *options, env=environment)
    assert trained.returncode == 0, trained.stderr
    kept = json.loads((tmp_path / "run" / "checkpoint.json").read_text())
    assert kept["architecture"] == "one-layer"


@pytest.mark.parametrize("name", models.names())
def test_every_model_describes_itself_in_a_line_and_maps_images_to_logits(name, batch):
    architecture = models.get(name)
    assert architecture.DESCRIPTION.strip() and "\n" not in architecture.DESCRIPTION
    for classes, size in ((10, 32), (3, 16)):
        model = architecture.build(classes, (3, size, size)).eval()
        assert model(batch[:, :, :size, :size]).shape == (16, classes)


@pytest.mark.parametrize("name", models.names())
def test_folding_is_exact_and_leaves_the_deployed_graph(name, batch):
    architecture = models.get(name)
    if not hasattr(architecture, "fold"):
        pytest.skip(f"{name} is trained as it is deployed")
    trained = random_norms(architecture.build_for_training(10, SHAPE))
    before = {key: value.clone() for key, value in trained.state_dict().items()}
    folded = architecture.fold(trained)
    deployed = architecture.build(10, SHAPE).state_dict()
    assert {k: v.shape for k, v in folded.state_dict().items()} == {
        k: v.shape for k, v in deployed.items()
    }
    with torch.inference_mode():
        expected, found = trained(batch), folded(batch)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
    assert all(torch.equal(value, before[key]) for key, value in trained.state_dict().items())


def test_the_seed_cnn_has_the_reports_parameters_and_cost():
    facts = inventory.describe("seed-cnn")
    assert facts["parameters"] == 2_340_810
    assert facts["macs"] == pytest.approx(78.5e6, rel=1e-3)


def test_the_seed_cnn_has_the_reports_layers(batch):
    model = models.get("seed-cnn").build(10, SHAPE).eval()
    seen = {}
    for name, layer in model.named_children():
        if not isinstance(layer, torch.nn.Identity):
            layer.register_forward_hook(
                lambda _, __, output, name=name: seen.setdefault(name, []).append(
                    tuple(output.shape[1:])
                )
            )
    model(batch)
    assert seen == {
        "conv1": [(32, 32, 32)],
        "conv2": [(64, 32, 32)],
        "pool": [(64, 16, 16), (128, 8, 8)],
        "conv3": [(128, 16, 16)],
        "conv4": [(128, 16, 16)],
        "fc1": [(256,)],
        "fc2": [(10,)],
    }
    linear = sum(p.numel() for layer in (model.fc1, model.fc2) for p in layer.parameters())
    assert linear / 2_340_810 == pytest.approx(0.9, abs=0.01)


def test_the_seed_cnn_trains_with_batch_norms_and_dropout_and_deploys_without():
    architecture = models.get("seed-cnn")

    def kinds(model):
        return {type(layer).__name__ for layer in model.children()}

    aids = {"BatchNorm2d", "BatchNorm1d", "Dropout"}
    trained = architecture.build_for_training(10, SHAPE)
    assert aids <= kinds(trained)
    assert aids.isdisjoint(kinds(architecture.build(10, SHAPE)))
    assert aids.isdisjoint(kinds(architecture.fold(trained)))


@pytest.mark.parametrize(
    ("prepare", "kilobytes"),
    [(lambda model: model, 9_148.3), (dynamic_int8, 2_998.2)],
    ids=["fp32", "int8-dynamic"],
)
def test_a_saved_state_dict_has_the_reports_size(prepare, kilobytes):
    saved = io.BytesIO()
    torch.save(prepare(models.get("seed-cnn").build(10, SHAPE).eval()).state_dict(), saved)
    assert len(saved.getvalue()) == pytest.approx(kilobytes * 1024, rel=1e-3)


def test_the_seed_cnn_pools_what_relu_has_cut(batch):
    model = models.get("seed-cnn").build(10, SHAPE).eval()
    pooled = []
    model.pool.register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0]))
    with torch.inference_mode():
        model(batch)
    assert [float(seen.min()) for seen in pooled] == [0, 0]

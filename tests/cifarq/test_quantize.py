"""PyTorch's dynamic INT8: Linear layers only, faithful, quiet, and in one module."""

import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import nn

from cifarq import checkpoint, models, quantize
from cifarq.data import cifar10, packs
from cifarq.evaluation.noise import signal_to_noise_db
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.measure.accuracy import agreement, logits_of

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model():
    return checkpoint.load(models.pretrained("seed-cnn")).model()


@pytest.fixture
def quantized(model):
    return quantize.dynamic_int8(model)


def is_quantized(layer):
    return isinstance(layer, torch.ao.nn.quantized.dynamic.Linear)


def test_exactly_the_linear_layers_become_int8(model, quantized):
    linear = {name for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    assert linear == {"fc1", "fc2"}
    assert {name for name, layer in quantized.named_modules() if is_quantized(layer)} == linear
    assert all(quantized.get_submodule(name).weight().dtype == torch.qint8 for name in linear)
    for name in ("conv1", "conv2", "conv3", "conv4"):
        assert torch.equal(quantized.get_submodule(name).weight, model.get_submodule(name).weight)


def test_linear_layers_inside_others_become_int8_too():
    inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    found = quantize.dynamic_int8(nn.Sequential(inner, nn.Linear(4, 2)).eval())
    assert quantize.dynamic_int8_layers(found).keys() == {"0.0", "1"}


def test_the_model_given_is_left_alone(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kinds = [type(layer) for layer in model.modules()]
    quantize.dynamic_int8(model)
    assert [type(layer) for layer in model.modules()] == kinds
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_logits_stay_close_and_answers_the_same(model, quantized):
    images = packs.shipped("golden").images

    def logits(which):
        with torch.inference_mode():
            return logits_of(
                lambda batch: which(torch.from_numpy(batch)).numpy(),
                images,
                Preprocessing(cifar10.MEAN, cifar10.STD),
                batch_size=100,
            )

    exact, approximate = logits(model), logits(quantized)
    assert not np.array_equal(exact, approximate)
    assert signal_to_noise_db(exact, approximate) > 20
    assert agreement(approximate, exact).value > 0.97


def test_the_layers_weights_are_the_models_on_a_grid_of_256(model, quantized):
    layers = quantize.dynamic_int8_layers(quantized)
    assert layers.keys() == {"fc1", "fc2"}
    for name, weights in layers.items():
        exact = model.get_submodule(name).weight.detach().numpy()
        assert weights.shape == exact.shape
        assert len(np.unique(weights)) <= 256
        step = np.ptp(exact) / 200  # the grid may be wider than the weights, never twice as wide
        assert np.abs(weights - exact).max() <= step
        assert signal_to_noise_db(exact, weights) > 25


def test_an_unquantized_model_has_no_int8_layers(model):
    assert quantize.dynamic_int8_layers(model) == {}


def test_nothing_is_warned_of(model):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = quantize.dynamic_int8(model)
        quantize.dynamic_int8_layers(found)
        found(torch.zeros(1, 3, 32, 32))
    assert [str(warning.message) for warning in caught] == []


def test_only_the_farewells_are_silenced():
    with (
        pytest.warns(DeprecationWarning, match="another"),
        quantize.quiet(),
    ):
        warnings.warn("another farewell", DeprecationWarning, stacklevel=1)


def test_no_other_product_code_touches_torch_ao():
    product = [
        path
        for folder in ("cifarq", "export", "edge_runtime")
        for path in (REPOSITORY / folder).rglob("*.py")
    ]
    touching = {
        path.relative_to(REPOSITORY).as_posix()
        for path in product
        if "torch.ao" in (text := path.read_text()) or "torch.quantization" in text
    }
    assert touching == {"cifarq/quantize.py"}

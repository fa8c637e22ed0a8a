"""``--timm NAME``: timm's own input shape, normalisation and resizing, to the pixel."""

import sys

import numpy as np
import pytest
import safetensors.torch
import torch

from cifarq.data import packs
from cifarq_export.sources import timm_model
from cifarq_export.sources.opening import open_source
from cifarq_export.sources.request import SourceRequest
from edge_runtime.bundle.preprocess import normalise
from edge_runtime.bundle.resizing import ResizeFilter, ResizeMode, Resizing
from edge_runtime.classify.resize import Resize
from edge_runtime.errors import ExportError, UsageError


def test_without_timm_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ExportError, match=r"--timm resnet18 needs timm, .*: pip install timm"):
        open_source(SourceRequest(timm_name="resnet18"))


@pytest.fixture(scope="module")
def timm():
    return pytest.importorskip("timm")


@pytest.mark.parametrize(
    "name, mode, interpolation",
    [
        ("resnet10t", "crop", "bicubic"),  # crop_pct 0.875
        ("mobileone_s0", "crop", "bilinear"),
        ("resnet18.a1_in1k", "crop", "bicubic"),
        ("dm_nfnet_f0", "stretch", "bicubic"),  # 0.9
    ],
)
@pytest.mark.parametrize("shape", [None, (3, 64, 64)], ids=["its own size", "another"])
def test_images_become_what_timm_makes_of_them(timm, name, mode, interpolation, shape):
    config = timm.data.resolve_data_config({}, model=None, pretrained_cfg=_pretrained(timm, name))
    if shape:
        config["input_size"] = shape
    theirs = timm.data.create_transform(**config)
    says = timm_model.defaults(name, shape, None)
    assert (says["resize_mode"], says["resize_filter"]) == (mode, interpolation)
    how = Resizing(says["resize"], ResizeMode(mode), ResizeFilter(interpolation))
    pil = pytest.importorskip("PIL.Image")
    photo = pil.fromarray(packs.shipped("golden").images[0].transpose(1, 2, 0)).resize((150, 97))
    pixels = Resize(how, *says["input_shape"][1:])(np.asarray(photo).transpose(2, 0, 1))
    ours = normalise(pixels[None], says["mean"], says["std"])[0]
    np.testing.assert_allclose(ours, theirs(photo).numpy(), atol=1e-6)


def _pretrained(timm, name):
    return timm.get_pretrained_cfg(name).to_dict()


def test_the_model_is_timms_with_the_users_weights(timm, tmp_path):
    model = timm.create_model("test_resnet", num_classes=10).eval()
    torch.manual_seed(0)
    torch.nn.init.normal_(model.get_classifier().weight)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "w.safetensors")
    opened = open_source(SourceRequest(timm_name="test_resnet", weights=tmp_path / "w.safetensors"))
    source = opened.source
    assert source.name == "test-resnet"
    assert source.input_shape == tuple(model.pretrained_cfg["input_size"])
    assert source.how.mean == tuple(model.pretrained_cfg["mean"])
    batch = torch.randn(2, *source.input_shape)
    with torch.inference_mode():
        expected = model(batch).numpy()
    np.testing.assert_allclose(source.predict(batch.numpy()), expected, atol=1e-5)
    assert "--timm test_resnet stands for --input-shape 3,160,160 --mean " in opened.notes[0]


def test_what_is_given_comes_before_what_timm_says(timm):
    asked = {"mean": (0.1,) * 3, "std": (0.2,) * 3, "resize": 70, "input_shape": (3, 64, 64)}
    opened = open_source(SourceRequest(timm_name="test_vit", **asked))
    assert opened.source.how.mean == asked["mean"]
    assert opened.source.predict(np.zeros((1, 3, 64, 64), np.float32)).shape == (1, 10)
    assert opened.gatherer.resizing == Resizing(70, filter=ResizeFilter.BICUBIC)
    assert opened.notes == (
        "--timm test_vit stands for --resize-mode crop --resize-filter bicubic.",
    )


def test_a_model_of_timms_factory_is_called_by_its_architecture(timm):
    request = SourceRequest(
        factory="timm:create_model",
        model_args=("model_name=test_resnet.r160_in1k", "num_classes=10"),
        input_shape=(3, 64, 64),
    )
    assert open_source(request).source.name == "test-resnet.r160-in1k"


@pytest.mark.parametrize(
    "name, message",
    [
        ("resnet_18", r"no model 'resnet_18'\. Did you mean 'resnet18'\?"),
        ("resnet18.mine", r"no model 'resnet18\.mine'\. Did you mean 'resnet18"),
        ("hf-hub:timm/resnet18", "no model 'hf-hub:timm/resnet18'"),
    ],
)
def test_names_that_timm_does_not_know(timm, name, message):
    with pytest.raises(UsageError, match=message):
        timm_model.defaults(name, None, None)


def test_padded_images_are_refused_and_may_be_resized_otherwise(timm):
    name = next(
        name
        for name in timm.list_pretrained()
        if timm.get_pretrained_cfg(name).crop_mode == "border"
    )
    with pytest.raises(UsageError, match=r"crop_mode border, .*Give --resize\."):
        timm_model.defaults(name, None, None)
    assert "resize" not in timm_model.defaults(name, None, 256)

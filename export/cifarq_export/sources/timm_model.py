"""A timm model by its name: what ``--timm NAME`` is short for.

timm keeps, beside each model, how its images were brought to its input. Nothing is fetched: the
model is built untrained, and its weights are a file of the user's.
"""

import math
from collections.abc import Mapping
from typing import Any

from edge_runtime.bundle.resizing import ResizeFilter, ResizeMode
from edge_runtime.errors import ExportError, UsageError, nearest

FACTORY = "timm:create_model"

_MODES = {"center": ResizeMode.CROP, "squash": ResizeMode.STRETCH}
"""timm's names for what both do; its third, border, pads, which no bundle does."""


def defaults(
    name: str, input_shape: tuple[int, int, int] | None, resize: int | None
) -> dict[str, Any]:
    """Return what timm's configuration of a model says, as values of ``SourceRequest``.

    Args:
        name: as timm knows it, with or without the tag of its training.
        input_shape: (C, H, W), if it is not the configuration's.
        resize: what ``--resize`` gives, if it does.

    Raises:
        UsageError: timm has no such model, or resizes its images as no bundle does.
        ExportError: timm is not installed.
    """
    config = _configuration(name)
    shape = input_shape or tuple(config["input_size"])
    scaling = _scaling(config, shape[1:])
    if resize is None and not scaling:
        raise UsageError(
            f"timm resizes the images of {name} (crop_mode {config['crop_mode']}, "
            f"{shape[2]}x{shape[1]}) in a way that cifarq does not know.",
            "Give --resize.",
        )
    return {
        "input_shape": shape,
        "mean": tuple(config["mean"]),
        "std": tuple(config["std"]),
        **scaling,
    }


def describe(name: str, taken: Mapping[str, Any]) -> str:
    """Return a sentence that says what was taken from timm's configuration, as options.

    It is empty where everything was given.
    """
    options = " ".join(
        f"--{field.replace('_', '-')} "
        f"{','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for field, value in taken.items()
    )
    return f"--timm {name} stands for {options}." if taken else ""


def arguments(
    name: str, given: Mapping[str, Any], input_shape: tuple[int, int, int], classes: int
) -> dict[str, Any]:
    """Return the arguments of ``FACTORY``; those that were given come before ours."""
    own = {"model_name": name, "pretrained": False, "num_classes": classes}
    if _pretrained_config(name).get("fixed_input_size"):
        own["img_size"] = input_shape[1:]  # timm builds such a model for one size
    return {**own, **given}


def _scaling(config: Mapping[str, Any], target: tuple[int, ...]) -> dict[str, Any]:
    """Return how timm brings images to a size; nothing where that is not known here.

    Source: timm/data/transforms_factory.py, transforms_imagenet_eval.
    """
    mode, interpolation = _MODES.get(config["crop_mode"]), config["interpolation"]
    crops_oblong = mode is ResizeMode.CROP and len(set(target)) > 1
    if mode is None or crops_oblong or interpolation not in set(ResizeFilter):
        return {}
    return {
        "resize": math.floor(min(target) / config["crop_pct"]),
        "resize_mode": str(mode),
        "resize_filter": interpolation,
    }


def _configuration(name: str) -> dict[str, Any]:
    timm = _require(name)
    config: dict[str, Any] = timm.data.resolve_data_config(
        {}, pretrained_cfg=_pretrained_config(name)
    )
    return config


def _pretrained_config(name: str) -> dict[str, Any]:
    timm = _require(name)
    known = timm.is_model(name)
    try:
        config = timm.get_pretrained_cfg(name) if known else None
    except RuntimeError:  # the model is known, and the tag is not
        known = False
    if not known:
        near = nearest(name, [*timm.list_models(), *timm.list_pretrained()])
        raise UsageError(f"timm has no model {name!r}.", f"Did you mean {near!r}?" if near else "")
    return config.to_dict() if config else {}


def _require(name: str) -> Any:
    try:
        import timm
        import timm.data
    except ModuleNotFoundError as error:
        raise ExportError(
            f"--timm {name} needs {error.name}, which is not installed:", "pip install timm"
        ) from error
    return timm

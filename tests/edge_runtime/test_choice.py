"""Which artifact runs, and what is said where none does."""

from dataclasses import replace

import pytest

from edge_runtime.bundle import manifest
from edge_runtime.classify import choice
from edge_runtime.classify.choice import Wish
from edge_runtime.errors import UsageError


@pytest.fixture
def content(bundle):
    """A bundle's manifest with every kind of artifact, the best last."""
    given = manifest.read(bundle)
    (one,) = given.artifacts
    kinds = [
        ("conv.onnx", "int8-dynamic-conv", "onnx", "any"),
        ("fp32.pt", "fp32", "torchscript", "any"),
        ("fp32.onnx", "fp32", "onnx", "any"),
        ("dynamic.pt", "int8-dynamic", "torchscript", "any"),
        ("dynamic.onnx", "int8-dynamic", "onnx", "any"),
        ("static-x86.onnx", "int8-static", "onnx", "x86"),
        ("static-arm64.onnx", "int8-static", "onnx", "arm64"),
    ]
    artifacts = tuple(
        replace(one, file=file, precision=precision, format=format, target=target)
        for file, precision, format, target in kinds
    )
    return replace(given, artifacts=artifacts)


def files(content, wish=None, cpu="arm64"):
    return [a.file for a in choice.candidates(content, wish or Wish(), cpu)]


def overriding(content, *names):
    return replace(
        content,
        artifacts=tuple(
            replace(a, overridden=("accuracy",)) if a.file in names else a
            for a in content.artifacts
        ),
    )


@pytest.mark.parametrize(
    "cpu, static",
    [("arm64", ["static-arm64.onnx"]), ("x86", ["static-x86.onnx"]), ("x86-vnni", []), (None, [])],
)
def test_static_for_this_cpu_then_dynamic_then_fp32_and_onnx_first(content, cpu, static):
    others = ["dynamic.onnx", "dynamic.pt", "fp32.onnx", "fp32.pt"]
    assert files(content, cpu=cpu) == [*static, *others]


def test_static_for_any_cpu_fits_this_one(content):
    artifacts = [replace(a, target="any") for a in content.artifacts if a.file.startswith("static")]
    content = replace(content, artifacts=(*content.artifacts[:5], *artifacts))
    assert files(content, cpu=None)[:2] == ["static-x86.onnx", "static-arm64.onnx"]


def test_what_failed_a_gate_runs_only_where_nothing_else_is(content):
    some = overriding(content, "static-arm64.onnx", "dynamic.onnx")
    assert files(some) == ["dynamic.pt", "fp32.onnx", "fp32.pt"]
    every = overriding(content, *(a.file for a in content.artifacts))
    assert files(every)[0] == "static-arm64.onnx"


@pytest.mark.parametrize(
    "wish, first",
    [
        (Wish(precision="fp32"), "fp32.onnx"),
        (Wish(precision="fp32", format="torchscript"), "fp32.pt"),
        (Wish(format="torchscript"), "dynamic.pt"),
        (Wish(precision="int8-dynamic-conv"), "conv.onnx"),
        (Wish(artifact="conv.onnx"), "conv.onnx"),
        (Wish(artifact="static-x86.onnx"), "static-x86.onnx"),  # another CPU's, by name
        (Wish(precision="int8-static"), "static-arm64.onnx"),
    ],
)
def test_what_is_named_is_taken(content, wish, first):
    assert files(content, wish)[0] == first


def test_what_is_named_is_taken_although_it_failed_a_gate(content):
    content = overriding(content, "static-arm64.onnx")
    assert files(content, Wish(precision="int8-static")) == ["static-arm64.onnx"]
    assert files(content, Wish(artifact="static-arm64.onnx")) == ["static-arm64.onnx"]


@pytest.mark.parametrize(
    "wish, message",
    [
        (Wish(artifact="fp23.onnx"), "no artifact 'fp23.onnx'.*Did you mean 'fp32.onnx'"),
        (Wish(precision="int8-statik"), "no precision.*Did you mean 'int8-static'"),
        (Wish(format="onx"), "no format 'onx'.*Did you mean 'onnx'"),
        (Wish(precision="int8-static", format="torchscript"), "'torchscript'.*in int8-static"),
        (Wish(artifact="fp32.pt", format="onnx"), "Leave out its precision and format"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(content, wish, message):
    with pytest.raises(UsageError, match=message):
        files(content, wish)


@pytest.mark.parametrize("name, cpu", [("static-arm64.onnx", "x86"), ("conv.onnx", "x86")])
def test_what_would_run_badly_is_not_taken_unnamed_even_alone(content, name, cpu):
    alone = replace(content, artifacts=tuple(a for a in content.artifacts if a.file == name))
    with pytest.raises(UsageError, match=f"unless its file is named: {name}.* target is x86"):
        files(alone, cpu=cpu)
    assert files(alone, Wish(artifact=name), cpu) == [name]


def test_another_cpus_static_is_not_taken_by_its_precision_alone(content):
    with pytest.raises(UsageError, match=r"static-x86\.onnx is int8-static for the target x86"):
        files(content, Wish(precision="int8-static"), "x86-vnni")

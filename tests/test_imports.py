"""Who may import whom, and what a light import must not load. Checked in subprocesses."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "torchvision", "onnx", "onnxruntime", "onnxscript", "numpy", "PIL", "safetensors"}
OURS = {"cifarq", "cifarq_export", "edge_runtime"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules that are loaded after ``code`` ran in a fresh interpreter."""
    tell = "import sys, json; print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_package_imports_nothing_heavy(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed here")
    assert not loaded_by(f"import {name}") & HEAVY


@pytest.mark.parametrize(
    "module, arguments",
    [
        ("cifarq", ["--help"]),
        ("cifarq", ["train", "--help"]),
        ("cifarq", ["evaluate", "--help"]),
        ("cifarq", ["models", "--help"]),
        ("cifarq_export", ["--help"]),
        ("cifarq_export", ["bundle", "--help"]),
        ("cifarq_export", ["formats", "--help"]),
        ("edge_runtime", ["--help"]),
        ("edge_runtime", ["run", "--help"]),
        ("edge_runtime", ["report", "--help"]),
        ("edge_runtime", ["doctor", "--help"]),
        ("edge_runtime", ["engines", "--help"]),
        ("edge_runtime", ["compare", "--help"]),
        ("edge_runtime", ["classify", "--help"]),
        ("cifarq_export", ["compare", "--help"]),
        ("cifarq_export", ["explain", "--help"]),
    ],
)
def test_help_loads_nothing_heavy(module, arguments):
    code = (
        f"from {module}.cli import cli\n"
        f"try: cli({arguments!r}, prog_name='x')\n"
        "except SystemExit as stop: assert stop.code == 0"
    )
    assert not loaded_by(code) & HEAVY


@pytest.mark.parametrize(
    "module",
    [
        "measure.worker",
        "measure.accuracy_data",
        "classify.classifier",
        "setup.fit",
        "setup.engine_import",
    ],
)
def test_a_child_needs_no_click(module):
    """Out of edge-bench.pyz a child finds edge_runtime alone; the click in it is its parent's."""
    code = (
        "import sys\n"
        "sys.modules['click'] = None  # whoever imports it fails\n"
        f"import edge_runtime.{module}"
    )
    assert "edge_runtime" in loaded_by(code)


def test_the_whole_device_side_loads_numpy_and_click_and_no_engine():
    modules = [
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        for path in (REPOSITORY / "edge_runtime").rglob("*.py")
        if path.name != "__main__.py"
    ]
    loaded = loaded_by("\n".join(f"import {name}" for name in modules))
    assert loaded & {"numpy", "click"} == {"numpy", "click"}
    assert not loaded & (HEAVY - {"numpy"}) and not loaded & (OURS - {"edge_runtime"})


def imports_of(path: Path) -> set[str]:
    """Every module a file imports, at its top or inside a function, by full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


ALLOWED = {
    "numpy": "arrays",
    "click": "the command line",
    "onnxruntime": "an engine",
    "torch": "an engine",
    "ai_edge_litert": "an engine",
    "executorch": "an engine",
    "MNN": "an engine",
    "ncnn": "an engine",
    "openvino": "an engine",
    "vl_convert": "charts, for edge-bench report",
    "PIL": "photographs, for edge-bench classify and for training",
}
"""What the device side may import beside the standard library, each for a reason."""


TORCHES = ("executorch", "torch", "torch_export")
"""The engines that take and give PyTorch's tensors."""


def test_the_device_side_imports_what_is_listed_and_each_engine_in_its_place():
    found = {}
    for path in (REPOSITORY / "edge_runtime").rglob("*.py"):
        for name in {name.split(".")[0] for name in imports_of(path)}:
            if name not in sys.stdlib_module_names and name != "edge_runtime":
                found.setdefault(name, set()).add(path.relative_to(REPOSITORY).as_posix())
    assert set(found) == set(ALLOWED)
    assert found["onnxruntime"] == {"edge_runtime/engines/onnxruntime.py"}
    assert found["torch"] == {f"edge_runtime/engines/{n}.py" for n in TORCHES}
    for name, file in (
        ("ai_edge_litert", "litert"),
        ("executorch", "executorch"),
        ("MNN", "mnn"),
        ("ncnn", "ncnn"),
        ("openvino", "openvino"),
    ):
        assert found[name] == {f"edge_runtime/engines/{file}.py"}
    assert found["vl_convert"] == {"edge_runtime/report/charts/draw.py"}
    assert found["PIL"] == {"edge_runtime/classify/pillow.py"}


INDEXED = [
    path.parent
    for folder in ("cifarq", "export/cifarq_export", "edge_runtime")
    for path in sorted((REPOSITORY / folder).rglob("__init__.py"))
    if re.search(r"^ *[\w-]+\.py\b", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("package", INDEXED, ids=lambda path: path.name)
def test_what_says_where_things_are_names_every_file_and_no_other(package):
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
    named = set(re.findall(r"(?<![\w./-])([\w-]+\.(?:py|sh)|\w+/)(?![\w/])", text))
    files = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert files | folders <= named
    assert {name for name in named if name.endswith(".py")} <= files


def test_nothing_imports_benchmarks():
    benchmarks = {path.stem for path in (REPOSITORY / "benchmarks").glob("*.py")} | {"benchmarks"}
    for folder in ("cifarq", "export", "edge_runtime"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            assert not {name.split(".")[0] for name in imports_of(path)} & benchmarks, path


def test_only_quantize_touches_torch_ao():
    for folder in ("cifarq", "export", "edge_runtime", "benchmarks"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            if path.name != "quantize.py":
                assert "torch.ao" not in path.read_text(), path


def test_the_arrows_between_the_packages_hold():
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stdout
    assert "5 kept, 0 broken" in done.stdout

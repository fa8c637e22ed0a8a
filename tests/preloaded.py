"""A process that has imported what the commands import, and runs each of them in a fork of itself.

A command of the exporter takes seconds to import PyTorch and ONNX before it does anything, and the
tests run hundreds of them. A fork is a process of its own all the same: its working folder, its
environment, its standard streams, its exit code or signal. The process that forks only imports, and
never computes: libraries start their threads when they first compute, and threads do not survive a
fork.

Reads JSON lines on standard input, answers each with an exit code in a JSON line:

    {"module": ..., "arguments": [...], "cwd": ..., "env": {...}, "out": FILE, "err": FILE,
     "timeout_s": ...}
"""

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

MODULES = (
    "torch",
    "torchvision",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "onnxruntime.quantization",
    "PIL.Image",
    "safetensors.torch",
    "torch.onnx",
    "torch.ao.quantization",
    "cifarq.training.train",
    "cifarq_export.bundle.build",
    "cifarq_export.explain.onnx",
    "cifarq_export.formats.onnx",
)


class Preloaded:
    """The process, and what it is asked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        module: str,
        arguments: list[str],
        *,
        cwd: Path,
        env: dict[str, str],
        scratch: Path,
        timeout_s: int,
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``python -m MODULE ARGUMENTS`` in a fork, and return what came."""
        out, err = scratch / "out", scratch / "err"
        request = {
            "module": module,
            "arguments": arguments,
            "cwd": str(cwd),
            "env": env,
            "out": str(out),
            "err": str(err),
            "timeout_s": timeout_s,
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        code = json.loads(self._process.stdout.readline())
        texts = [file.read_text(encoding="utf-8", errors="replace") for file in (out, err)]
        return subprocess.CompletedProcess([module, *arguments], code, *texts)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _be(request: dict[str, Any]) -> int:
    """Be the process that was asked for; its exit code."""
    for name, descriptor in (("out", 1), ("err", 2)):
        file = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if threads := request["env"].get("OMP_NUM_THREADS"):  # read when the library was loaded
        sys.modules["torch"].set_num_threads(int(threads))
    signal.alarm(request["timeout_s"])
    sys.argv = [request["module"], *request["arguments"]]
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Import, then answer until standard input ends."""
    for name in MODULES:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            os.setpgid(0, 0)
            code = _be(request)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()

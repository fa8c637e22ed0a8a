"""What edge-bench.pyz runs first: its ``__main__.py``. Nothing imports this file.

An old Python has to understand it, to say that a newer one is needed, or to hand over to the
environment that setup-device.sh made beside the archive, which may have one. A flipped bit in a
module that is only imported later would be a traceback in the midst of a measurement, so the
archive's own hash is looked at first.
"""

import hashlib
import json
import os
import signal
import sys

MANIFEST = "manifest.json"
MOST_BYTES = 64 * 2**20  # of a manifest; a longer one is refused later
VENV = ".venv"
READY = "edge-bench-ready"  # the file that says that the environment is finished
SETUP = "--setup"  # FOLDER ...: what setup-device.sh asks for, see edge_runtime.setup.script
CHILD = "--child"  # MODULE PARENT: the start of a child process, see edge_runtime.measure.start

ARCHIVE = os.path.dirname(os.path.realpath(__file__))
BUNDLE = os.path.dirname(ARCHIVE)


def is_damaged() -> bool:
    """Say whether the archive is another one than the manifest beside it names."""
    manifest = os.path.join(BUNDLE, MANIFEST)
    if not os.path.isfile(manifest):  # whoever opens a named pipe waits
        return False
    try:
        with open(manifest, "rb") as file:
            files = json.loads(file.read(MOST_BYTES).decode("utf-8"))["files"]
        named = [one["sha256"] for one in files if one["file"] == os.path.basename(ARCHIVE)]
        with open(ARCHIVE, "rb") as file:
            return bool(named) and hashlib.sha256(file.read()).hexdigest() not in named
    except Exception:
        return False  # a manifest that cannot be read is told later, in full


def lacks_something() -> bool:
    """Say whether numpy or every engine is missing from the Python that runs this."""
    from importlib.util import find_spec

    from edge_runtime import engines

    return not (find_spec("numpy") and any(map(engines.is_installed, engines.names())))


def use_own_environment() -> None:
    """Run again in the environment beside the archive, where there is one and it is needed."""
    python = os.path.join(BUNDLE, VENV, "bin", "python")
    ready = os.path.exists(os.path.join(BUNDLE, VENV, READY)) and os.access(python, os.X_OK)
    # An environment that is broken must not start itself for ever.
    if not ready or sys.executable == python:
        return
    in_no_environment = sys.prefix == getattr(sys, "base_prefix", sys.prefix)
    if in_no_environment or sys.version_info < (3, 11) or lacks_something():
        os.execv(python, [python] + sys.argv)


def main() -> None:
    """Start edge-bench, or a child process of it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback while modules are imported
    if sys.argv[1:2] == [CHILD]:
        from edge_runtime.measure import start

        del sys.argv[1]
        start.run(sys.argv[1], int(sys.argv[2]))
        return
    setting_up = sys.argv[1:2] == [SETUP]
    if sys.version_info < (3, 11):
        if not setting_up:
            use_own_environment()  # which may have a newer one
        sys.exit(
            "Error: edge-bench needs Python 3.11 or newer, and "
            + sys.executable
            + " is "
            + sys.version.split()[0]
            + ". Install a newer one, or name one: PYTHON=python3.12"
        )
    if is_damaged():
        sys.exit(
            "Error: " + ARCHIVE + " is damaged: it is not the one that " + MANIFEST + " names. "
            "Copy the bundle again."
        )
    if setting_up:
        from edge_runtime.setup.script import main as set_up

        del sys.argv[1]
        set_up()
        return
    use_own_environment()
    from edge_runtime.cli import main as edge_bench

    edge_bench()


if __name__ == "__main__":
    main()

"""What a Raspberry Pi's firmware answers to the command ``vcgencmd``."""

import re
import shutil
import subprocess
from pathlib import Path

from edge_runtime.probes import ROOT, Reading

TIMEOUT_S = 2


def command(root: Path = ROOT) -> str | None:
    """Return the command, where ``root`` is this machine's and it is on the PATH."""
    return shutil.which("vcgencmd") if root == ROOT else None


def ask(command: str, word: str, form: str) -> Reading[str]:
    """Return what the command answers to one word, without blanks around it.

    Args:
        command: ``vcgencmd``, or one that stands in for it.
        word: what it is asked for.
        form: a regular expression that finds something in an answer; what else it says is none.
    """
    source = f"{command} {word}"
    try:
        done = subprocess.run(
            [command, word],
            stdin=subprocess.DEVNULL,  # a worker's own holds its jobs
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Reading(None, source, f"it did not answer within {TIMEOUT_S} s")
    except OSError as error:
        return Reading(None, source, f"it cannot be run: {error.strerror}")
    answer = done.stdout.decode(errors="replace").strip()
    if re.search(form, answer) and not done.returncode:
        return Reading(answer, source)
    said = (answer or done.stderr.decode(errors="replace").strip())[:100]
    reason = f"it answered {said!r}, exit code {done.returncode} (is this user in the group video?)"
    return Reading(None, source, reason)

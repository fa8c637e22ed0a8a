"""Which processes there are, from Linux's /proc: whose child, of which group, dead or not."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PF_EXITING = 0x4
"""Source: Linux, include/linux/sched.h."""


@dataclass(frozen=True)
class Process:
    """A process that has not ended. Source: proc(5), /proc/[pid]/stat.

    Attributes:
        pid: its process id.
        parent: its parent's.
        group: its process group.
        is_exiting: whether it has its exit code already, which a signal changes no more: its
            memory is still being given back, which takes milliseconds.
    """

    pid: int
    parent: int
    group: int
    is_exiting: bool


def alive() -> Iterator[Process]:
    """Yield all processes but the ones that only wait to be reaped."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text(errors="replace")
        except OSError:  # it has just ended
            continue
        state, parent, group, *_, flags = text.rpartition(")")[2].split()[:7]
        if state not in ("Z", "X"):
            exiting = bool(int(flags) & _PF_EXITING)
            yield Process(int(entry.name), int(parent), int(group), exiting)


def running(pid: int) -> int | None:
    """Return a process that a signal can still end, None where it is over."""
    return next((one.pid for one in alive() if one.pid == pid and not one.is_exiting), None)


def child_of(pid: int) -> int | None:
    """Return a child of a process that a signal can still end, None where it has none."""
    return next((one.pid for one in alive() if one.parent == pid and not one.is_exiting), None)


def gone_after_s(group: int, patience_s: float) -> float | None:
    """Wait until no process of a group is left; return how long that took, None if too long."""
    started = time.monotonic()
    while any(one.group == group for one in alive()):
        if time.monotonic() - started > patience_s:
            return None
        time.sleep(0.002)
    return time.monotonic() - started

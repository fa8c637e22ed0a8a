"""How this process was kept from running: it waited for a CPU, lost one, or waited for a page.

Source: the kernel's Documentation/scheduler/sched-stats.rst (/proc/<pid>/schedstat); getrusage(2).
"""

import resource
from pathlib import Path

from edge_runtime.probes import ROOT, Reading, count_of, texts_of

THREADS = "proc/self/task/*/schedstat"


def queue_wait_ns(root: Path = ROOT) -> Reading[int]:
    """Return how long this process's threads were ready to run and waited for a CPU, in ns.

    The sum is over the threads that live now: a thread that ends takes its share with it.
    """
    source = str(root / THREADS)
    # A thread may end between the listing and the reading: its text is empty.
    rows = [text.split() for text in texts_of(root, THREADS).values() if text]
    if not rows:
        return Reading(None, source, "this kernel does not report it (no CONFIG_SCHED_INFO)")
    counts = [[count_of(field) for field in row] for row in rows]
    waited = ran = 0
    for count in counts:
        match count:
            case [int(), int() as wait, int() as times]:
                waited += wait
                ran += times
            case _:
                return Reading(None, source, "it does not hold three numbers for each thread")
    if not ran:  # "0 0 0", though at least the thread that reads this has run
        return Reading(None, source, "this kernel does not count it (task_delayacct is off)")
    return Reading(waited, source)


def involuntary_switches() -> Reading[int]:
    """Return how often a CPU was taken from this process before it was done."""
    return Reading(resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw, "getrusage(2) ru_nivcsw")


def major_faults() -> Reading[int]:
    """Return how often this process waited for a page to come from storage."""
    return Reading(resource.getrusage(resource.RUSAGE_SELF).ru_majflt, "getrusage(2) ru_majflt")

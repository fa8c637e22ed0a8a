"""The processor's real speed: how long a fixed piece of work takes.

It needs no sensor and no privilege, so it works on every board and in every virtual machine, and
sees what no counter tells: a clock that the firmware lowered, a neighbour on the same core.
"""

import time
from collections.abc import Callable

# 1024 bits each: the operands fill 140 bytes, and all the work stays in the innermost cache.
BASE = 3**646
EXPONENT = 2**256 - 1
MODULUS = 2**1024 - 105


def fixed_work_ns(repeats: int = 5, clock: Callable[[], int] = time.perf_counter_ns) -> int:
    """Return how long the fixed work takes at its fastest, in ns.

    The work is one modular power of large integers: CPython does it in one C call, with integer
    multiplications and divisions alone and next to no memory, so its time is the core's clock times
    a constant of this processor and this Python. A hash would not do (some processors have
    instructions for it, some have not), nor a loop in Python (the interpreter may hand its lock to
    another thread at every turn). Compare it with itself in the same process, not across machines.

    The fastest of the repeats is taken: being preempted makes one repeat longer, a lower frequency
    makes all of them longer.

    Args:
        repeats: how often the work is done, at least once.
        clock: what tells the time, in ns.
    """
    return min(_timed_ns(clock) for _ in range(repeats))


def _timed_ns(clock: Callable[[], int]) -> int:
    start = clock()
    pow(BASE, EXPONENT, MODULUS)
    return clock() - start

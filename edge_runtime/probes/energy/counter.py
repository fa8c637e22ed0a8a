"""A counter that begins again at 0 when it is full, as one that never does."""


class Counter:
    """One counter, from its first value on.

    Args:
        full: the value at which it begins again; 0 where that is not known.
    """

    def __init__(self, full: int) -> None:
        self._full, self._last, self._total = full, -1, 0

    def add(self, value: int) -> int | None:
        """Return what was counted since the first value; None where the counter was set back.

        It is read so often that it cannot be full twice between two readings: that takes a
        processor of 100 W more than ten minutes.

        Args:
            value: what it shows now.
        """
        last, self._last = self._last, value
        if last < 0:
            return self._total
        if value < last and not self._full:
            return None
        self._total += value - last + (self._full if value < last else 0)
        return self._total

"""Refuse a result document that no measurement writes: arithmetic would stumble over it."""

from collections.abc import Iterator
from typing import Any

from edge_runtime.results.rows import Results, Row

_TEXTS = {"governor", "power_source", "virtualisation"}
"""Probes whose value is a word; of the others it is a number."""

_FRACTIONS = {"temperature_celsius", "load_1min"}
"""Probes whose number need not be whole, or above zero."""

_STAGES = ("start", "engine", "ready", "loaded", "first", "steady")


def check(results: Results) -> None:
    """Look at what types alone do not say.

    Raises:
        ValueError: something cannot be; the message names its place.
    """
    _settings(results)
    for name in ("cpus", "ticks_per_s"):
        if name in results.host:
            _number(results.host[name], f"host.{name}", least=1)
    for name in ("cpu", "machine", "target"):
        _text(results.host.get(name), f"host.{name}")
    for when, readings in results.state.items():
        for name, probe in _items(readings, f"state.{when}"):
            probe = dict(_items(probe, f"state.{when}.{name}"))
            _reading(name, probe.get("value"), f"state.{when}.{name}.value")
            _text(probe.get("reason"), f"state.{when}.{name}.reason")
    for i, row in enumerate(results.rows):
        _row(row, f"rows[{i}]")


def _settings(results: Results) -> None:
    settings = results.settings
    for name in ("threads", "batch_sizes"):
        if not getattr(settings, name) or min(getattr(settings, name)) < 1:
            raise ValueError(f"settings.{name} is {getattr(settings, name)}")
    for name in ("rounds", "min_runs", "accuracy_images"):
        _number(getattr(settings, name), f"settings.{name}", least=1)


def _row(row: Row, where: str) -> None:
    for name in ("batch_size", "threads"):
        _number(getattr(row, name), f"{where}.{name}", least=1)
    if row.accuracy:
        _accuracy(row.accuracy, f"{where}.accuracy")
    for i, turn in enumerate(row.turns):
        place = f"{where}.turns[{i}]"
        if not turn.samples_ns or min(turn.samples_ns) <= 0 or turn.calls_per_sample < 1:
            raise ValueError(f"{place}.samples_ns and calls_per_sample have to be positive")
        if turn.round != i + 1:
            raise ValueError(f"{place}.round is {turn.round}, and should be {i + 1}")
        for side in ("before", "after"):
            for name, value in getattr(turn, side).items():
                _reading(name, value, f"{place}.{side}.{name}")
        _memory(turn.memory, f"{place}.memory")


def _memory(memory: dict[str, Any], where: str) -> None:
    _text(memory.get("reason"), f"{where}.reason")
    for name in ("before_load_bytes", "peak_bytes"):
        _number(memory.get(name), f"{where}.{name}")
    for stage in _STAGES:
        for name, size in _items(memory.get(stage) or {}, f"{where}.{stage}"):
            _number(size, f"{where}.{stage}.{name}")


def _accuracy(accuracy: dict[str, Any], where: str) -> None:
    _share(accuracy, ("right", "agree"), where)
    _differences(accuracy, where)
    for name, part in (("exported", "agree"), ("data", "right")):
        if name in accuracy:
            _differences(dict(_items(accuracy[name], f"{where}.{name}")), f"{where}.{name}")
            _share(dict(_items(accuracy[name], f"{where}.{name}")), (part,), f"{where}.{name}")


def _differences(parity: dict[str, Any], where: str) -> None:
    for name in ("largest_difference", "largest_logit"):
        value = parity.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise ValueError(f"{where}.{name} is {value!r:.40}, not a number")


def _share(counts: dict[str, Any], parts: tuple[str, ...], where: str) -> None:
    images = _number(counts.get("images"), f"{where}.images", least=1)
    for part in parts:
        found = _number(counts.get(part), f"{where}.{part}")
        if images is None or found is None or found > images:
            raise ValueError(f"{where} has {found} of {images} images ({part})")


def _reading(name: str, value: Any, where: str) -> None:
    if name in _TEXTS:
        _text(value, where)
    elif name not in _FRACTIONS or not isinstance(value, float):
        _number(value, where)


def _items(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r:.40}, not an object")
    yield from value.items()


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str | None):
        raise ValueError(f"{where} is {value!r:.40}, not a string")


def _number(value: Any, where: str, least: int = 0) -> int | None:
    """Return a count that is known; None where it is not."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**63:
        raise ValueError(f"{where} is {value!r:.40}, not a whole number from {least}")
    return value

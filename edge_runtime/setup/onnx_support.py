"""Which releases of ONNX Runtime read an ONNX file, by its IR version and its opset.

Sources: ONNX Runtime, "Compatibility" (https://onnxruntime.ai/docs/reference/compatibility.html),
whose table ends with 1.20; beyond it, and where it gives 1.15 too old an IR version, what each
release's x86-64 wheel for Python 3.11 said of models with one Relu.
"""

from itertools import takewhile

_NEWEST_READ = (
    # release, IR version, opset of the default domain
    ((0, 0), 8, 18),  # 1.14, which is the first one with wheels for Python 3.11
    ((1, 15), 9, 19),
    ((1, 17), 9, 20),
    ((1, 18), 10, 21),
    ((1, 21), 10, 22),
    ((1, 23), 11, 23),
    ((1, 24), 13, 25),
    ((1, 25), 13, 26),
    ((1, 32), 14, 28),
)
"""The releases from which on newer files are read; those between are as the one before them."""


def needed(version: str, ir_version: int, opset: int) -> str | None:
    """Say which ONNX Runtime a file needs where another one is known not to read it.

    Args:
        version: of ONNX Runtime.
        ir_version: the file's.
        opset: the file's, of the default domain.

    Returns:
        ``1.18 or newer``; None if that version reads the file, or nobody knows.
    """
    (newest, *_) = _NEWEST_READ[-1]
    least = next((r for r, ir, ops in _NEWEST_READ if ir_version <= ir and opset <= ops), None)
    release = _release(version)
    if release is None or release >= (least or (newest[0], newest[1] + 1)):
        return None
    if least is None:
        return f"one newer than {newest[0]}.{newest[1]}"
    return f"{least[0]}.{least[1]} or newer"


def _release(version: str) -> tuple[int, int] | None:
    major, _, rest = version.partition(".")
    minor = "".join(takewhile(str.isdecimal, rest))
    return (int(major), int(minor)) if major.isdecimal() and minor else None

"""What the files of a bundle are called, and the rule that none of them lies outside it."""

from pathlib import Path

from edge_runtime.errors import BundleError

FILE = "manifest.json"
GOLDEN_FILE = "golden.npz"
RUNTIME_FILE = "edge-bench.pyz"
SETUP_FILE = "setup-device.sh"
WHEELS_FOLDER = "wheels"


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file at the top of a folder.

    Args:
        folder: a bundle, or its folder of wheels.
        name: as a manifest gives it.

    Raises:
        BundleError: the name is a path, or what it names is a link out of the folder.
    """
    path = folder / name
    plain = Path(name).name == name and "\\" not in name and name not in ("", ".", "..")
    try:
        is_inside = plain and path.resolve().parent == folder.resolve()
    except (OSError, ValueError, RuntimeError):  # a NUL, a surrogate, a loop of links
        is_inside = False
    if not is_inside:
        raise BundleError(
            f"{folder / FILE} names {name!r}, which is not a file at the bundle's top.",
            "A bundle never points outside itself: do not use this one.",
        )
    return path


def wheels_folder(bundle: Path) -> Path:
    """Return the folder of a bundle's wheels.

    Raises:
        BundleError: it is a link.
    """
    folder = bundle / WHEELS_FOLDER
    if folder.is_symlink():
        raise BundleError(
            f"{folder} is a link.", "A bundle never points outside itself: do not use this one."
        )
    return folder

"""Which bundle is meant: by a path, or where none is named."""

from pathlib import Path

import edge_runtime
from edge_runtime.bundle import manifest
from edge_runtime.bundle.manifest import Artifact, Manifest
from edge_runtime.errors import BundleError, did_you_mean


class NotAnArtifactError(BundleError):
    """A file that no bundle around it names."""


def default_bundle() -> Path:
    """Return ``edge-bench.pyz``'s own folder if that is a bundle, else the current one."""
    archive = Path(edge_runtime.__file__).parent.parent
    if archive.is_file() and (archive.parent / manifest.FILE).is_file():
        return archive.parent
    return Path.cwd()


def artifacts_at(path: Path) -> tuple[Path, Manifest, tuple[Artifact, ...]]:
    """Return the bundle that a path is or lies in, its manifest, and the artifacts that are meant.

    Args:
        path: a bundle, which means all of its artifacts, or one artifact in it.

    Raises:
        NotAnArtifactError: the path is a file that is no artifact of a bundle.
        BundleError: there is nothing, or no bundle; or its manifest is damaged or names nothing.
    """
    try:
        is_file, exists = path.is_file(), path.exists()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BundleError(f"cannot read {str(path)[:100]}: {reason}.") from error
    if not exists:
        raise BundleError(f"{path} does not exist.", "Give a bundle folder, or an artifact in one.")
    if is_file:
        return _one(path)
    content = manifest.read(path)
    if not content.artifacts:
        raise BundleError(f"{path} holds no artifact.", "Export it again.")
    return path, content, content.artifacts


def _one(path: Path) -> tuple[Path, Manifest, tuple[Artifact, ...]]:
    """Return an artifact; a link to one is followed."""
    file = path if (path.parent / manifest.FILE).is_file() else path.resolve()
    bundle = file.parent
    if not (bundle / manifest.FILE).is_file():
        raise NotAnArtifactError(
            f"{path} lies in no bundle: there is no {manifest.FILE} beside it.",
            "Give a bundle folder, or an artifact in one.",
        )
    content = manifest.read(bundle)
    artifacts = tuple(artifact for artifact in content.artifacts if artifact.file == file.name)
    if not artifacts:
        raise NotAnArtifactError(
            f"{path} is not an artifact of the bundle around it.",
            did_you_mean(file.name, [artifact.file for artifact in content.artifacts]),
        )
    return bundle, content, artifacts

"""Compute an artifact's logits over a bundle's golden images, one image a call, on one thread.

    python logits.py BUNDLE FILE ENGINE IMAGES OUT

Runs on an emulated board and on a workstation alike, with the bundle's own edge-bench.pyz and the
engine that is installed there. ``OUT`` (.npz) is written every few images; what lies there already,
of this artifact and these images, is not computed again.
"""

import hashlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

KEPT_EVERY = 20


def main(bundle: Path, file: str, name: str, count: int, out: Path) -> None:
    """Compute what is missing in ``out``."""
    import numpy as np

    from edge_runtime import engines
    from edge_runtime.bundle import golden, integrity, manifest
    from edge_runtime.files import atomic_path
    from edge_runtime.measure import accuracy

    content = manifest.read(bundle)
    (artifact,) = (one for one in content.artifacts if one.file == file)
    images = golden.of_bundle(bundle, content).images
    engine = engines.require(name)
    made = {
        "sha256": artifact.sha256,
        "engine": f"{name} {engine.version()}",
        "numpy": np.__version__,
        "python": platform.python_version(),
        "libc": " ".join(platform.libc_ver()),
    }
    found = kept(out, images, made)
    count = min(count, len(images))
    if len(found) >= count:
        return
    how = engines.Options(precision=artifact.precision)
    session = engines.load(name, integrity.read(bundle, artifact), file, how)
    for start in range(len(found), count, KEPT_EVERY):
        some = images[start : min(start + KEPT_EVERY, count)]
        logits = accuracy.logits_of(session.run, some, content.preprocessing)
        found = np.concatenate([found, logits]) if len(found) else logits
        seen = {"logits": found, "images": digest(images[: len(found)]), "made": json.dumps(made)}
        with atomic_path(out) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **seen)
        print(f"{file}: {len(found)} of {count} images", flush=True)


def kept(out: Path, images: Any, made: dict[str, str]) -> Any:
    """Return the logits in ``out`` where they are of this artifact, engine and these images."""
    import numpy as np

    none = np.zeros((0, 0), dtype=np.float32)
    if not out.exists():
        return none
    with np.load(out, allow_pickle=False) as arrays:
        logits, seen, by = arrays["logits"], str(arrays["images"]), str(arrays["made"])
    few = images[: len(logits)]
    fits = len(few) == len(logits) and digest(few) == seen and json.loads(by) == made
    return logits if fits else none


def digest(images: Any) -> str:
    """Return what images are known by."""
    return hashlib.sha256(images.tobytes()).hexdigest()


if __name__ == "__main__":
    folder, file_name, engine_name, number, path = sys.argv[1:]
    sys.path.insert(0, str(Path(folder) / "edge-bench.pyz"))
    main(Path(folder), file_name, engine_name, int(number), Path(path))

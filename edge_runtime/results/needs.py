"""What a row has to be to be recommended."""

from dataclasses import dataclass

from edge_runtime.documents.strict import Count

MB = 2**20


@dataclass(frozen=True)
class Needs:
    """Limits; None where there is none.

    Attributes:
        max_size_bytes: of the artifact.
        min_top1: in percent, on the images that the run used.
        max_p95_ms: of the calls' latency.
    """

    max_size_bytes: Count | None = None
    min_top1: float | None = None
    max_p95_ms: float | None = None

    def __str__(self) -> str:
        """Return them as options of the command line; '' if there are none."""
        parts = []
        if self.max_size_bytes is not None:
            parts.append(f"--max-size {self.max_size_bytes / MB:.4g}MB")
        if self.min_top1 is not None:
            parts.append(f"--min-top1 {self.min_top1:g}")
        if self.max_p95_ms is not None:
            parts.append(f"--max-p95 {self.max_p95_ms:g}ms")
        return " ".join(parts)

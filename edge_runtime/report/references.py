"""Which row a ratio is taken against: the FP32 of the same bundle, batch size and threads."""

from dataclasses import dataclass

from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.statistics import Estimate

_Key = tuple[str, str, int, int]


@dataclass(frozen=True)
class References:
    """The reference of each bundle, model, batch size and thread count."""

    rows: dict[_Key, Row]

    def of(self, row: Row) -> Row | None:
        """Return what a row is compared with: itself, if it is a reference."""
        return self.rows.get(_key(row))

    def speed(self, row: Row) -> Estimate | None:
        """Return a row's speed against its reference; None for a reference itself."""
        reference = self.of(row)
        return None if reference is None or reference is row else row.speed_against(reference)


def find(results: Results) -> References:
    """Return the references: TorchScript FP32, else the first FP32 row.

    Only a row that computes what it should is one.
    """
    found: dict[_Key, Row] = {}
    for row in results.rows:
        if row.status is not Status.OK or not row.ran or row.precision != "fp32":
            continue
        best = found.get(_key(row))
        if best is None or (row.format == "torchscript" != best.format):
            found[_key(row)] = row
    return References(found)


def against(references: References) -> str:
    """Return what the heading of the ratios names."""
    labels = {row.label for row in references.rows.values()}
    if not labels:
        return "fp32"
    return labels.pop() if len(labels) == 1 else "the bundle's own fp32"


def _key(row: Row) -> _Key:
    return row.bundle, row.model, row.batch_size, row.threads

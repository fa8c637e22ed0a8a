"""Which row a ratio is taken against: the FP32 of the same bundle, batch size and threads."""

from dataclasses import dataclass

from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.statistics import Estimate
from edge_runtime.results.verdict import Judgement

_Key = tuple[str, str, int, int]


@dataclass(frozen=True)
class References:
    """The reference of each bundle, model, batch size and thread count.

    Attributes:
        rows: the references.
        judged: the verdicts, which say of whose times a ratio may be shown.
    """

    rows: dict[_Key, Row]
    judged: Judgement

    def of(self, row: Row) -> Row | None:
        """Return what a row is compared with: itself, if it is a reference."""
        return self.rows.get(_key(row))

    def is_one(self, row: Row) -> bool:
        """Whether a row is a reference."""
        reference = self.of(row)
        return reference is not None and reference.key == row.key

    def speed(self, row: Row) -> Estimate | None:
        """Return a row's speed against its reference; None where there is none to show."""
        reference = self.of(row)
        if reference is None or reference.key == row.key:
            return None
        return self.judged.speed(row, reference)

    def name(self, results: Results) -> str:
        """Return what the heading of the ratios calls them."""
        names = {results.artifact_label(row) for row in self.rows.values()}
        if not names:
            return "fp32"
        return names.pop() if len(names) == 1 else "the bundle's own fp32"


def find(results: Results, judged: Judgement) -> References:
    """Return the references: the first FP32 row of each that ran and computes what it should.

    Args:
        results: what was measured.
        judged: the verdicts on it.
    """
    rows: dict[_Key, Row] = {}
    for row in results.rows:
        if row.status is Status.OK and row.ran and row.precision == "fp32":
            rows.setdefault(_key(row), row)
    return References(rows, judged)


def _key(row: Row) -> _Key:
    return row.bundle, row.model, row.batch_size, row.threads

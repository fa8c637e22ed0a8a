"""What is asked for: which artifacts, for which CPU, and what they have to pass."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from cifarq_export import formats
from cifarq_export.bundle import wheelhouse
from cifarq_export.bundle.artifact import Watch
from cifarq_export.check.gates import Limits
from cifarq_export.formats import STATIC, Recipe
from cifarq_export.int8 import thresholds
from cifarq_export.int8.calibrate import Calibration
from cifarq_export.sources import Source
from cifarq_export.sources.images import ExportImages
from edge_runtime.bundle.preprocess import NormalisedBy
from edge_runtime.errors import UsageError


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        pairs: formats and precisions.
        target: the CPU class that is exported for.
        input_dtype: ``float32``, or ``uint8`` for artifacts that normalise raw pixels themselves.
        method: how activation ranges are found: one of ``thresholds.METHODS``; None takes minmax,
            and tries ``thresholds.ALTERNATIVES`` where it loses accuracy.
        limits: what the gates allow.
        named: whether the precisions were named: INT8 that was not and fails is left out, and what
            was stops the export.
        force: ship what fails a gate too, and say so in the manifest.
        wheels: what an offline device installs, if that is to travel with it.
    """

    pairs: tuple[tuple[str, str], ...]
    target: str
    input_dtype: str = "float32"
    method: str | None = None
    limits: Limits = field(default_factory=Limits)
    named: bool = True
    force: bool = False
    wheels: wheelhouse.Wish | None = None

    @property
    def leaves_out(self) -> bool:
        """Whether INT8 that does not pass is left out, and the rest ships."""
        return not (self.named or self.force)

    @property
    def engines(self) -> frozenset[str]:
        """The engines that check the artifacts."""
        return frozenset(formats.engine_of(name) for name, _ in self.pairs)

    def recipe(
        self,
        source: Source,
        images: ExportImages,
        scratch: Path,
        watch: Watch = lambda what, done, total: None,
    ) -> Recipe:
        """Return how the artifacts are to be written.

        Raises:
            DataError: the calibration images are too few, or constant.
            UsageError: ranges are to be found that were learned.
        """
        if self.method and source.learned:
            raise UsageError(
                f"--calibration {self.method}: the activation ranges of this checkpoint were "
                "learned by `cifarq train --qat`.",
                "Leave it out, or export the checkpoint that the training started from.",
            )
        static = any(precision == STATIC for _, precision in self.pairs)
        raw = self.input_dtype == "uint8"
        return Recipe(
            how=replace(
                source.how,
                normalised_by=NormalisedBy.ARTIFACT if raw else NormalisedBy.RUNTIME,
                resize=images.resizing,
            ),
            target=self.target,
            scratch=scratch,
            calibration=self._calibration(images) if static and not source.learned else None,
            progress=lambda done: watch("calibrating", done, len(images.calibration)),
        )

    def _calibration(self, images: ExportImages) -> Calibration:
        if self.method is not None:
            return Calibration(images.calibration, self.method)
        return Calibration(images.calibration, alternatives=thresholds.ALTERNATIVES)

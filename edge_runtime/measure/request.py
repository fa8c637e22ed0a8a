"""What the waiting process and a worker say to each other, as JSON: a request and an answer."""

from dataclasses import dataclass, field

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.measure.energy import Windows
from edge_runtime.measure.sustained import Load
from edge_runtime.measure.timing import Enough
from edge_runtime.results.accuracy import Accuracy
from edge_runtime.results.energy import Energy
from edge_runtime.results.profile import Profile
from edge_runtime.results.rows import Status
from edge_runtime.results.sustained import Sustained
from edge_runtime.results.turns import Turn


@dataclass(frozen=True)
class Check:
    """Answer images.

    Attributes:
        images: so many golden images, at most.
        data_file: the file of ``--accuracy-data``; '' where there is none.
    """

    images: int
    data_file: str = ""


@dataclass(frozen=True)
class Timing:
    """Take one turn.

    Attributes:
        round: its number.
        enough: when there are enough samples.
    """

    round: int
    enough: Enough


@dataclass(frozen=True)
class Profiling:
    """Profile its operators.

    Attributes:
        seconds: of profiled calls, roughly.
    """

    seconds: float


@dataclass(frozen=True)
class Request:
    """What a worker is to do with an artifact: one of ``check``, ``timing`` and an extra.

    Attributes:
        bundle: the bundle's folder.
        manifest: the bundle's, as it was when the plan was made: the hashes of all that is loaded.
        file: the artifact's name.
        engine: what is to run it.
        batch_size: images a call.
        threads: of the engine.
        cpus: what the process is pinned to; all that it may use if empty.
        knobs: the engine's settings, where they are not its defaults.
        energy: the windows in which the energy of its calls is measured.
        sustained: how long it is kept under load, and how fast.
    """

    bundle: str
    manifest: Manifest
    file: str
    engine: str
    batch_size: int
    threads: int
    cpus: tuple[int, ...] = ()
    knobs: dict[str, str] = field(default_factory=dict)
    check: Check | None = None
    timing: Timing | None = None
    energy: Windows | None = None
    profile: Profiling | None = None
    sustained: Load | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a request: ``accuracy`` of a check, ``turn`` of a timing, or an extra's field.

    Attributes:
        status: how it ended.
        message: what happened and what to do, where it did not end well.
        engine_version: of the engine that ran it.
        details: how it ran, as far as the engine says.
    """

    status: Status
    message: str = ""
    engine_version: str = ""
    details: dict[str, str] = field(default_factory=dict)
    accuracy: Accuracy | None = None
    turn: Turn | None = None
    energy: Energy | None = None
    profile: Profile | None = None
    sustained: Sustained | None = None

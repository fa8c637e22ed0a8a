"""The process that measures: one artifact, one engine, and a check, one turn, or an extra.

Reads a ``Request`` as JSON on standard input and writes an ``Answer`` on what was standard output.
Started by ``runner.py``, and ended by the kernel if that ends.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge_runtime import engines
from edge_runtime.bundle import golden, installing, integrity
from edge_runtime.bundle.golden import Golden
from edge_runtime.bundle.manifest import Artifact
from edge_runtime.documents import strict
from edge_runtime.engines import Session
from edge_runtime.errors import BundleError, EngineError, ToolkitError
from edge_runtime.measure import (
    accuracy,
    accuracy_data,
    child,
    energy,
    null,
    profiling,
    sustained,
    timing,
)
from edge_runtime.measure.energy import Windows
from edge_runtime.measure.request import Answer, Check, Request, Timing
from edge_runtime.measure.sustained import Load
from edge_runtime.probes import clock, memory, state
from edge_runtime.probes.energy import Sampler, find
from edge_runtime.probes.memory import Stage
from edge_runtime.results import parity
from edge_runtime.results.accuracy import Accuracy, Counts
from edge_runtime.results.energy import Energy
from edge_runtime.results.rows import Status
from edge_runtime.results.sustained import Sustained
from edge_runtime.results.turns import Memory, Turn

_Measured = TypeVar("_Measured")
_SETTLING_CALLS = 2  # reading the machine's state cools the caches a little


@dataclass
class _Subject:
    """The artifact that is asked about: its files are whole, and its engine is imported.

    ``content`` is what its file holds, as it was hashed, until nothing needs it any more.
    """

    request: Request
    artifact: Artifact
    content: bytes
    pack: Golden
    stages: dict[str, Stage]

    @property
    def options(self) -> engines.Options:
        asked = self.request
        return engines.Options(asked.threads, self.artifact.precision, asked.knobs)

    def load(self) -> Session:
        return engines.load(self.request.engine, self.content, self.artifact.file, self.options)

    def let_go(self) -> None:
        self.content = b""

    def refusal(self, error: Exception) -> EngineError:
        """Return what is said where the engine fails on a batch."""
        said = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        shape = (self.request.batch_size, *self.artifact.input.shape[1:])
        return EngineError(f"{self.request.engine} fails on a batch {shape}: {said}")


def work(request: Request) -> Answer:
    """Do what is asked.

    Raises:
        EngineError: the engine is missing, or refuses the artifact or the input.
        BundleError: a file of the bundle is missing or damaged.
    """
    if request.cpus:
        os.sched_setaffinity(0, request.cpus)
    subject = _open(request)
    version = engines.version(request.engine)
    if request.check:
        answers, details = _check(subject, request.check)
        return Answer(Status.OK, engine_version=version, details=details, accuracy=answers)
    if request.energy:
        taken = _energy(subject, request.energy)
        return Answer(Status.OK, engine_version=version, energy=taken)
    if request.profile:
        profile = profiling.measure(
            request.engine,
            subject.content,
            request.file,
            subject.options,
            _batch(subject),
            request.profile.seconds,
        )
        return Answer(Status.OK, engine_version=version, profile=profile)
    if request.sustained:
        load = _sustained(subject, request.sustained)
        return Answer(Status.OK, engine_version=version, sustained=load)
    assert request.timing is not None
    return Answer(Status.OK, engine_version=version, turn=_turn(subject, request.timing))


def _open(request: Request) -> _Subject:
    """Read and hash the files that are used, once, and import the engine."""
    bundle = Path(request.bundle)
    artifact = next(a for a in request.manifest.artifacts if a.file == request.file)
    content = integrity.read(bundle, artifact)
    pack = golden.of_bundle(bundle, request.manifest)
    stages = {"start": memory.stage()}
    script = installing.script_for(engines.get(request.engine).REQUIRES, bundle, request.manifest)
    engines.require(request.engine, script)
    stages["engine"] = memory.stage()
    return _Subject(request, artifact, content, pack, stages)


def _check(subject: _Subject, check: Check) -> tuple[Accuracy, dict[str, str]]:
    """Return how the golden images are answered, and other images if there are any.

    And how the engine says that it ran them.
    """
    pack, session = subject.pack.first(check.images), subject.load()
    subject.let_go()
    logits = _answers(subject, session, pack.images)
    if logits.shape != pack.logits.shape:
        raise EngineError(
            f"the artifact answers {logits.shape[1:]} values an image, its golden pack has "
            f"{pack.logits.shape[1:]}"
        )
    own = pack.exported.get(subject.artifact.file)
    # Dynamic INT8 takes its ranges from the whole batch: only single images compare with these.
    dynamic = subject.artifact.precision.startswith("int8-dynamic")
    alone = subject.request.batch_size == 1 or not dynamic
    answers = Accuracy(
        **asdict(parity.compare(logits, pack.logits)),
        right=int(accuracy.is_right(logits, pack.labels).sum()),
        exported=parity.compare(logits, own) if alone and own is not None else None,
        data=_count(subject, session, Path(check.data_file)) if check.data_file else None,
    )
    return answers, engines.details(session)


def _count(subject: _Subject, session: Session, file: Path) -> Counts:
    data = accuracy_data.read(file)
    data.require_fit(subject.request.manifest)
    logits = _answers(subject, session, data.images)
    return Counts(len(data.labels), int(accuracy.is_right(logits, data.labels).sum()))


def _answers(subject: _Subject, session: Session, images: Any) -> Any:
    how, size = subject.request.manifest.preprocessing, subject.request.batch_size
    try:
        return accuracy.logits_of(session.run, images, how, batch_size=size)
    except Exception as error:
        raise subject.refusal(error) from error


def _turn(subject: _Subject, asked: Timing) -> Turn:
    """Load the artifact, warm up and take the samples, reading memory on the way.

    Its file's bytes are in this process because they were hashed here. They are there from before
    the baseline until the peak has been read, and so in neither more than in the other.
    """
    batch = _batch(subject)
    overhead = _overhead_ns(batch)
    stages = subject.stages
    baseline = memory.start_peak()
    stages["ready"] = memory.stage()
    loaded: list[Session] = []
    load_ns = timing.time_call(lambda: loaded.append(subject.load()))
    (session,) = loaded
    stages["loaded"] = memory.stage()

    def call() -> Any:
        return session.run(batch)

    try:
        first_ns = timing.time_call(call)
        stages["first"] = memory.stage()
        samples = _samples(call, overhead, asked.enough)
    except Exception as error:
        raise subject.refusal(error) from error
    peak = memory.peak_bytes()
    subject.let_go()
    stages["steady"] = memory.stage()
    return Turn(
        round=asked.round,
        load_ns=load_ns,
        first_ns=first_ns,
        overhead_ns=overhead,
        memory=Memory(
            **stages,
            before_load_bytes=baseline.value,
            peak_bytes=peak.value,
            reason=baseline.reason or peak.reason,
        ),
        **samples,
    )


def _energy(subject: _Subject, windows: Windows) -> Energy:
    """Measure what a call takes."""
    found = find()
    if found.value is None:
        return Energy(reason=found.reason)
    source = found.value
    return _under_load(subject, lambda call, _call_ns: energy.measure(call, source, windows))


def _sustained(subject: _Subject, load: Load) -> Sustained:
    """Keep the artifact under load, and read its power where there is a source."""
    source, asked = find().value, subject.request
    # Once a second: reading it may take another process, as on a Raspberry Pi 5.
    meter = (lambda: Sampler(source, 1.0)) if source else None

    def measure(call: Callable[[], object], call_ns: float) -> Sustained:
        size, threads = asked.batch_size, asked.threads
        return sustained.measure(
            call, load, call_ns=call_ns, batch_size=size, threads=threads, meter=meter
        )

    return _under_load(subject, measure)


def _under_load(
    subject: _Subject, measure: Callable[[Callable[[], object], float], _Measured]
) -> _Measured:
    """Load the artifact, warm up, and measure its calls, which take about so many ns."""
    batch, session = _batch(subject), subject.load()
    subject.let_go()

    def call() -> Any:
        return session.run(batch)

    try:
        return measure(call, timing.warm_up(call).call_ns)
    except Exception as error:
        raise subject.refusal(error) from error


def _batch(subject: _Subject) -> Any:
    """Return a batch of golden images, which is larger than the pack where that is asked for."""
    images = subject.pack.images
    positions = [i % len(images) for i in range(subject.request.batch_size)]
    return subject.request.manifest.preprocessing.apply(images[positions])


def _overhead_ns(batch: Any) -> int:
    session = null.NullSession()

    def call() -> Any:
        return session.run(batch)

    return timing.overhead_ns(call)


def _samples(call: Callable[[], object], overhead: int, enough: timing.Enough) -> dict[str, Any]:
    """Warm up and take the samples, the machine's state around them: the other half of a turn."""
    fixed_before = clock.fixed_work_ns()
    warm = timing.warm_up(call)
    calls = timing.calls_per_sample(warm.call_ns, overhead)
    before = state.values(state.read(), fixed_before)
    settling = [timing.time_call(call) for _ in range(_SETTLING_CALLS)]
    samples = timing.samples(call, enough, calls=calls)
    after = state.read(closing=True)
    return {
        "warm_up_ns": (*warm.durations_ns, *settling),
        "settled": warm.settled,
        "calls_per_sample": calls,
        "samples_ns": samples,
        "before": before,
        "after": state.values(after, clock.fixed_work_ns()),
    }


def _answer(request: Request) -> Answer:
    try:
        return work(request)
    except engines.EngineMissingError as error:
        return Answer(Status.ENGINE_MISSING, str(error))
    except BundleError as error:
        return Answer(Status.CORRUPT, str(error))
    except ToolkitError as error:
        return Answer(Status.FAILED, str(error))


def main() -> None:
    """Answer one request. Whatever a library prints goes to standard error, not into the answer."""
    with child.answers() as out:
        child.answer(_answer(strict.build(Request, json.load(sys.stdin))), out)

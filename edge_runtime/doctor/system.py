"""What a device's system and processor allow, and the state it is in.

Source: Raspberry Pi's documentation of its processors' thermal limits (a soft limit at 60 °C on a
Pi 3 B+, throttling from 80 °C on).
"""

from collections.abc import Iterator

from edge_runtime import engines
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.doctor.facts import Facts
from edge_runtime.doctor.finding import Finding, fatal, ok, unknown, warning
from edge_runtime.files import megabytes
from edge_runtime.probes.emulation import emulator
from edge_runtime.probes.target import ARM64, X86_VNNI, dot_product, of_this_cpu
from edge_runtime.probes.throttle import Firmware

LEAST_PYTHON = (3, 11)
WARM_CELSIUS = 60.0
HOT_CELSIUS = 80.0

_SET_GOVERNOR = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


def userland(facts: Facts) -> Iterator[Finding]:
    """Look at the size of pointers: a 64-bit kernel may run a 32-bit system."""
    bits = facts.pointer_bits
    if bits.value is None:
        yield unknown("userland", bits.reason)
    elif bits.value != 64:
        yield fatal(
            "userland",
            f"{bits.value}-bit: no engine has wheels for it, even where the kernel is 64-bit",
            "flash a 64-bit system: Raspberry Pi OS (64-bit)",
        )
    else:
        yield ok("userland", "64-bit")


def python(facts: Facts) -> Iterator[Finding]:
    """Look at the Python."""
    if facts.platform.value is None:
        yield unknown("python", facts.platform.reason)
        return
    version = facts.platform.value.python
    text = ".".join(map(str, version))
    if version < LEAST_PYTHON:
        yield fatal("python", f"{text} is too old", "install Python 3.11 or newer")
    else:
        yield ok("python", text)


def glibc(facts: Facts) -> Iterator[Finding]:
    """Look at the C library: wheels for Linux are made for glibc."""
    if facts.platform.value is None:
        yield unknown("glibc", facts.platform.reason)
    elif not any(facts.platform.value.glibc):
        yield fatal(
            "glibc",
            "the C library is not glibc (musl?): engines have no wheels for it",
            "use a Debian, Ubuntu or Raspberry Pi OS system",
        )
    else:
        yield ok("glibc", ".".join(map(str, facts.platform.value.glibc)))


def processor(facts: Facts, content: Manifest | None) -> Iterator[Finding]:
    """Say which INT8 instructions there are, and whether the artifacts are made for this CPU.

    What INT8 gains with or without them is for edge-bench to measure.
    """
    if facts.cpu_flags.value is None:
        yield unknown("cpu", facts.cpu_flags.reason)
        return
    name = facts.cpu.value or "unnamed"
    flags = facts.cpu_flags.value
    yield ok("cpu", f"{name}; INT8 dot product instructions: {dot_product(flags) or 'none'}")
    machine = facts.platform.value.machine if facts.platform.value else "aarch64"
    target = of_this_cpu(machine, flags)
    runs_here = {target, "any"} | ({"x86"} if target == X86_VNNI else set())
    for made_for in sorted({a.target for a in content.artifacts} - runs_here if content else ()):
        wanted = "pi5" if target == ARM64 else target
        yield warning(
            "target",
            f"an artifact is made for {made_for}, this CPU is {target}: it runs, but was not "
            "checked for this CPU",
            f"export with --target {wanted}" if wanted else "export for this CPU",
        )


def emulation(facts: Facts) -> Iterator[Finding]:
    """Say that the CPU is emulated, if it is."""
    if kernel := emulator(facts.emulated_on):
        yield warning(
            "emulation",
            f"this CPU is emulated on {kernel}",
            "measure speed and memory on the device itself",
        )


def memory(facts: Facts, content: Manifest | None) -> Iterator[Finding]:
    """Look at what memory is free, against what the largest process takes."""
    free = facts.memory_bytes
    if free.value is None:
        yield unknown("memory", free.reason)
        return
    needs = {
        artifact.engine: _process_bytes(artifact.engine) + 3 * artifact.size_bytes
        for artifact in sorted(content.artifacts if content else (), key=lambda a: a.size_bytes)
    }
    short = {engine: need for engine, need in needs.items() if need > free.value}
    if short:
        engine, need = max(short.items(), key=lambda item: item[1])
        yield warning(
            "memory",
            f"{megabytes(free.value)} free, {engine} takes up to {megabytes(need)}",
            "close other programs, or add swap",
        )
    else:
        yield ok("memory", f"{megabytes(free.value)} free")


def _process_bytes(engine: str) -> int:
    """Return what a process with an engine and a small model takes, roughly.

    edge-bench's note on memory says what it really took, which is more for CUDA builds.
    """
    return engines.get(engine).PROCESS_BYTES if engine in engines.names() else 0


def governor(facts: Facts) -> Iterator[Finding]:
    """Look at how the clock is governed."""
    reading = facts.governor
    if reading.value is None:
        yield unknown("governor", reading.reason)
    elif reading.value == "performance":
        yield ok("governor", "performance")
    else:
        yield warning(
            "governor",
            f"{reading.value}: the clock frequency changes during a measurement",
            _SET_GOVERNOR,
        )


def cooling(facts: Facts) -> Iterator[Finding]:
    """Look at how warm it is before anything has begun, and whether heat has slowed it down."""
    reading, flags = facts.temperature_celsius, facts.firmware_flags.value or 0
    heat = "" if reading.value is None else f"{reading.value:.0f} °C"
    now = Firmware.THROTTLED | Firmware.SOFT_TEMPERATURE_LIMIT | Firmware.FREQUENCY_CAPPED
    past = Firmware.THROTTLED_SINCE_BOOT | Firmware.SOFT_TEMPERATURE_LIMIT_SINCE_BOOT
    remedy = "add a heat sink or a fan, or measure with --cooldown 60"
    if flags & now or (reading.value or 0) >= HOT_CELSIUS:
        parts = (heat, "throttled now" if flags & now else "at the throttling limit")
        yield warning("cooling", ", ".join(filter(None, parts)), remedy)
    elif flags & past:
        parts = (heat, "throttled by heat since boot")
        yield warning("cooling", ", ".join(filter(None, parts)), remedy)
    elif reading.value is None:
        yield unknown("cooling", reading.reason)
    elif reading.value >= WARM_CELSIUS:
        yield warning("cooling", f"{heat} before the measurement", remedy)
    else:
        yield ok("cooling", heat)


def power(facts: Facts) -> Iterator[Finding]:
    """Look at what feeds it."""
    flags = facts.firmware_flags
    bits = flags.value or 0
    remedy = "use the board's own power supply, and a short cable"
    if bits & Firmware.UNDER_VOLTAGE:
        yield warning("power", "under-voltage now: every measurement will be INVALID", remedy)
    elif bits & Firmware.UNDER_VOLTAGE_SINCE_BOOT:
        yield warning("power", "under-voltage since boot", remedy)
    elif facts.power_source.value == "battery":
        yield warning("power", "runs on battery", "plug it in")
    elif flags.value is not None:
        yield ok("power", "no under-voltage since boot")
    elif facts.power_source.value is not None:
        yield ok("power", f"from {facts.power_source.value}")
    else:
        reasons = dict.fromkeys((flags.reason, facts.power_source.reason))
        yield unknown("power", "; ".join(reasons))


def energy(facts: Facts) -> Iterator[Finding]:
    """Say what the energy of an inference can be read from, if anything."""
    reading = facts.energy_source
    if reading.value is None:
        yield unknown("energy", reading.reason)
    else:
        yield ok("energy", f"{reading.value}: edge-bench --energy measures with it")

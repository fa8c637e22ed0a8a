"""What the doctor says of a device, from facts made up; each finding with its remedy."""

import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from edge_runtime.bundle import manifest
from edge_runtime.bundle.manifest import FileRecord, Wheelhouse
from edge_runtime.doctor import contents, engines, examine, facts, system
from edge_runtime.doctor.finding import Level
from edge_runtime.engines import Check
from edge_runtime.probes import Reading
from edge_runtime.probes.throttle import Firmware
from edge_runtime.setup import fit, platforms, wheels
from edge_runtime.setup.platforms import Platform

BOOKWORM = Platform("pi-bookworm", "aarch64", (3, 11), (2, 36))
MEGA = 2**20


@pytest.fixture
def pi5():
    """A Pi 5 in good order."""
    named = facts.from_name(platforms.device("pi5-bookworm"))
    good = {
        "memory_bytes": 4000 * MEGA,
        "disk_bytes": 9000 * MEGA,
        "emulated_on": "none",
        "governor": "performance",
        "temperature_celsius": 45.0,
        "firmware_flags": 0,
        "power_source": None,
    }
    return replace(named, here=True, **{n: Reading(v, "made up") for n, v in good.items()})


def with_(known, **values):
    return replace(known, **{n: Reading(v, "made up", "not said") for n, v in values.items()})


def only(findings):
    (one,) = findings
    return one


LOOKS = {
    "userland": lambda known: system.userland(known),
    "python": lambda known: system.python(known),
    "glibc": lambda known: system.glibc(known),
    "cpu": lambda known: system.processor(known, None),
    "memory": lambda known: system.memory(known, None),
    "governor": lambda known: system.governor(known),
    "cooling": lambda known: system.cooling(known),
    "power": lambda known: system.power(known),
    "disk": lambda known: contents.disk(None, known, installed=True),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_device_in_good_order_is_ok(pi5, name):
    found = only(LOOKS[name](pi5))
    assert (found.level, found.name, found.remedy) == (Level.OK, name, "")


@pytest.mark.parametrize("name", LOOKS)
def test_what_is_not_known_is_unknown_with_its_reason_and_never_ok(name):
    nothing = facts.from_name(platforms.device("pi-bookworm"))
    known = {"userland", "python", "glibc"}
    found = only(LOOKS[name](nothing))
    if name in known:
        assert found.level is Level.OK
    else:
        assert found.level is Level.UNKNOWN and "pi-bookworm" in found.text


@pytest.mark.parametrize(
    "name, values, level, text, remedy",
    [
        ("userland", {"pointer_bits": 32}, "fatal", "32-bit", "flash a 64-bit system"),
        (
            "python",
            {"platform": replace(BOOKWORM, python=(3, 9))},
            "fatal",
            "3.9 is too old",
            "3.11",
        ),
        ("glibc", {"platform": replace(BOOKWORM, glibc=(0, 0))}, "fatal", "musl", "Debian"),
        ("governor", {"governor": "ondemand"}, "warning", "ondemand", "tee /sys/devices"),
        ("cooling", {"temperature_celsius": 65.0}, "warning", "65 °C before", "--cooldown 60"),
        (
            "cooling",
            {"temperature_celsius": 82.0},
            "warning",
            "at the throttling limit",
            "fan",
        ),
        (
            "cooling",
            {"firmware_flags": int(Firmware.THROTTLED)},
            "warning",
            "45 °C, throttled now",
            "fan",
        ),
        (
            "cooling",
            {"firmware_flags": int(Firmware.THROTTLED_SINCE_BOOT)},
            "warning",
            "throttled by heat since boot",
            "fan",
        ),
        (
            "power",
            {"firmware_flags": int(Firmware.UNDER_VOLTAGE)},
            "warning",
            "under-voltage now: every measurement will be INVALID",
            "power supply",
        ),
        (
            "power",
            {"firmware_flags": int(Firmware.UNDER_VOLTAGE_SINCE_BOOT)},
            "warning",
            "under-voltage since boot",
            "cable",
        ),
        ("power", {"power_source": "battery"}, "warning", "battery", "plug it in"),
        ("disk", {"disk_bytes": 5 * MEGA}, "warning", "5 MB free", "free some space"),
    ],
)
def test_each_trouble_has_its_line_and_its_remedy(pi5, name, values, level, text, remedy):
    found = only(LOOKS[name](with_(pi5, **values)))
    assert (found.level, found.name) == (level, name)
    assert text in found.text and remedy in found.remedy


def with_wheels(bundle, *files):
    """The bundle as if it had brought these wheels, whole, for a Pi with Bookworm."""
    records = []
    (bundle / "wheels").mkdir()
    for file in files:
        with zipfile.ZipFile(bundle / "wheels" / file, "w") as wheel:
            wheel.writestr("module.py", "x = 1\n" * 1000)
        records.append(FileRecord(file, 1, ""))
    content = replace(manifest.read(bundle), wheelhouse=Wheelhouse("pi-bookworm", tuple(records)))
    whole = {bundle / "wheels" / file: wheels.parse(file) for file in files}
    return contents.Contents(bundle, content, whole)


def test_wheels_that_do_not_fit_have_one_remedy_with_the_name_that_the_setup_gives(bundle):
    files = [f"{name}-2.0-cp311-cp311-manylinux_2_28_aarch64.whl" for name in ("a", "b")]
    found = with_wheels(bundle, *files)
    for target, name in (("pi5-trixie", "pi-trixie"), ("linux-aarch64-py3.14-glibc2.39",) * 2):
        known = facts.from_name(platforms.device(target))
        first, second = contents.wheelhouse(found, known, installed=False)
        assert (first.level, second.level) == (Level.FATAL, Level.FATAL)
        assert [one.text.split(" is for ")[0] for one in (first, second)] == files
        assert first.remedy == ""
        assert second.remedy == f"export with --wheels {name}; these are for pi-bookworm"
        assert fit.name_of(known.platform.value) == name
    odd = with_(known, platform=replace(BOOKWORM, machine="riscv64"))
    *_, last = contents.wheelhouse(found, odd, installed=False)
    assert last.remedy.startswith("no engine has wheels for such a device; ")


def test_a_wheel_that_is_no_archive_is_named(bundle, pi5):
    found = with_wheels(bundle, "a-2.0-py3-none-any.whl")
    for file in found.wheels:
        file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(
        fit.SetupError, match=r"^a-2\.0-py3-none-any\.whl is no wheel \(File is not a"
    ):
        fit.needed_bytes(list(found.wheels))
    first, _ = contents.disk(found, pi5, installed=False)
    assert (first.level, first.remedy) == (Level.FATAL, "Export the bundle again.")


def test_the_disk_is_held_against_what_the_setup_asks_for(bundle, pi5, monkeypatch, tmp_path):
    found = with_wheels(bundle, "a-2.0-py3-none-any.whl")
    need = fit.needed_bytes(list(found.wheels))
    assert need > 30 * MEGA  # far more than the wheel: the environment around it counts

    def said(free):
        monkeypatch.setattr(fit.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
        try:
            fit.require_space(tmp_path / ".venv", need)
        except fit.SetupError:
            return Level.FATAL
        return Level.OK

    for free in (0, need - 1, need, need + 100 * MEGA):
        finding = only(contents.disk(found, with_(pi5, disk_bytes=free), installed=False))
        assert (finding.level is Level.FATAL) == (said(free) is Level.FATAL), free
        assert only(contents.disk(found, with_(pi5, disk_bytes=free), installed=True)).level in (
            Level.OK, Level.WARNING,
        )  # fmt: skip


def test_the_processor_is_ok_and_its_int8_instructions_are_named(pi5):
    for flags, name in (({"asimddp"}, "dotprod"), ({"avx_vnni"}, "VNNI"), ({"asimd"}, "none")):
        finding = only(system.processor(with_(pi5, cpu_flags=frozenset(flags)), None))
        assert finding.level is Level.OK and finding.remedy == ""
        assert finding.text.endswith(f"; INT8 dot product instructions: {name}")


@pytest.mark.parametrize(
    "version, level, text, remedy",
    [
        ("1.32.0", "ok", "1.32.0, which comes along", ""),
        ("1.18.0", "unknown", "1.32.0, and 1.18.0 comes along", "run doctor on pi5-bookworm"),
    ],
)
def test_which_release_checked_an_artifact_is_said_beside_the_one_that_comes_along(
    bundle, pi5, version, level, text, remedy
):
    content = with_wheels(bundle, f"onnxruntime-{version}-cp311-cp311-manylinux_2_28_aarch64.whl")
    finding = only(engines.models(content, pi5))
    assert (finding.level, finding.name) == (level, "model")
    assert "(IR 10, opset 18): checked with onnxruntime" in finding.text
    assert finding.text.endswith(text) and finding.remedy.startswith(remedy)


def test_what_an_engine_found_out_about_itself_is_a_finding():
    well, badly = Check("quantized", "backends here: x86"), Check("quantized", "none", "another")
    first, second = engines.checks([engines.Tried("torch", "2.9.1", checks=(well, badly))])
    assert (first.level, second.level) == (Level.OK, Level.FATAL)
    assert second.remedy == "another" and second.text == "none"


def test_memory_is_held_against_the_engine_and_the_largest_artifact(pi5, bundle):
    content = manifest.read(bundle)
    assert only(system.memory(pi5, content)).level is Level.OK
    found = only(system.memory(with_(pi5, memory_bytes=80 * MEGA), content))
    assert found.level is Level.WARNING and "80 MB free, onnxruntime takes up to" in found.text


def test_an_artifact_for_another_cpu_is_named(pi5, bundle, edit):
    assert len(list(system.processor(pi5, manifest.read(bundle)))) == 1
    edit(lambda content: content["artifacts"][0].update(target="x86-vnni"))
    _, found = system.processor(pi5, manifest.read(bundle))
    assert (found.level, found.name) == (Level.WARNING, "target")
    assert "made for x86-vnni, this CPU is arm64" in found.text and "--target pi5" in found.remedy


def test_what_is_made_for_any_x86_runs_on_one_with_vnni(pi5, bundle, edit):
    edit(lambda content: content["artifacts"][0].update(target="x86"))
    vnni = with_(
        pi5,
        cpu_flags=frozenset({"avx512_vnni"}),
        platform=Platform("x", "x86_64", (3, 11), (2, 36)),
    )
    assert [f.name for f in system.processor(vnni, manifest.read(bundle))] == ["cpu"]


def test_an_emulated_cpu_is_a_warning_and_a_real_one_no_line(pi5):
    assert list(system.emulation(pi5)) == []
    found = only(system.emulation(with_(pi5, emulated_on="x86_64")))
    assert found.level is Level.WARNING and "emulated on x86_64" in found.text


def test_the_whole_is_as_bad_as_its_worst_and_unknown_is_not_bad(pi5):
    good = list(system.governor(pi5))
    bad = list(system.governor(with_(pi5, governor="powersave")))
    worst = list(system.userland(with_(pi5, pointer_bits=32)))
    unknown = list(system.governor(with_(pi5, governor=None)))
    assert examine.worst(good + unknown) is Level.OK
    assert examine.worst(bad + good) is Level.WARNING
    assert examine.worst(good + worst + bad) is Level.FATAL


def test_this_machine_can_be_looked_up(tmp_path):
    here = facts.look_up(tmp_path)
    assert here.pointer_bits.value == 64 and here.disk_bytes.value > 0
    assert here.memory_bytes.value
    assert here.platform.value.python >= (3, 11)


def test_a_machine_without_proc_is_unknown_and_no_error(tmp_path):
    here = facts.look_up(tmp_path, root=tmp_path)
    for name in ("cpu_flags", "memory_bytes", "governor", "temperature_celsius", "emulated_on"):
        reading = getattr(here, name)
        assert reading.value is None and reading.reason, name

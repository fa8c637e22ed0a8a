"""Lay the system of a 64-bit Raspberry Pi OS Bookworm for emulated cores: Debian 12, Python 3.11.

    python benchmarks/arm64/lay_root.py        needs Debian and root; what is there is kept

Nothing is run inside while it is laid, so nothing is emulated: Debian's packages are unpacked from
outside, and the wheels for aarch64 with uv and pip. Their Python packages lie apart, in
``/opt/site``: the system's own Python has none, as on a new board.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from board import CORES, ROOT, SITE, Core

from cifarq_export.bundle.wheel_download import resolve, tags
from edge_runtime import engines
from edge_runtime.setup.platforms import platform

TOOLS = {"qemu-aarch64-static": "qemu-user-static", "debootstrap": "debootstrap"}
DEBIAN = Path("/etc/debian_version")
BINFMT = Path("/proc/sys/fs/binfmt_misc")
RELEASE = "bookworm"
MARK = "etc/laid.json"
PACKAGES = ("python3",)
"""No python3-venv: a board may lack ensurepip, and the bundle has to do without."""

UNREAD = ("var/cache", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")

TESTS = ("click", "pytest", "pytest-timeout", "hypothesis", "pillow")
SYSTEM = "pi-bookworm"

PASSWD = "root:x:0:0:root:/root:/bin/sh\npi:x:1000:1000::/home/pi:/bin/sh\n"
GROUP = "root:x:0:\npi:x:1000:\n"


@click.command(help=__doc__)
@click.option("--root", default=ROOT, type=click.Path(path_type=Path), help="The root's folder.")
def main(root: Path) -> None:
    """Lay what is missing."""
    require_debian_and_root()
    require_tools()
    require_emulation()
    if not is_laid(root):
        step(f"Debian ({RELEASE}, arm64)", lambda: lay_system(root), root)
    wanted = requirements()
    if not is_site_laid(root, wanted):
        step(f"wheels ({', '.join(wanted)})", lambda: lay_site(root, wanted), root)
    click.echo(f"{root}: {size_mb(root):,.0f} MB, cores {', '.join(CORES)}")


def step(what: str, do: Callable[[], None], root: Path) -> None:
    """Do something that takes a while: say so before, and how long it took after."""
    click.echo(f"{what} ...")
    started = time.monotonic()
    do()
    click.echo(f"  {time.monotonic() - started:.0f} s, {size_mb(root):,.0f} MB in all")


def require_debian_and_root() -> None:
    """Refuse where this cannot work, before anything is done."""
    if not DEBIAN.exists():
        raise click.ClickException("this needs Debian or a system made from it (debootstrap, apt).")
    if os.geteuid() != 0:
        raise click.ClickException("laying a root and changing into it needs root: use sudo.")


def require_tools() -> None:
    """Install the emulator and debootstrap where they are not."""
    if missing := [package for tool, package in TOOLS.items() if shutil.which(tool) is None]:
        click.echo(f"apt-get install {' '.join(missing)} ...")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "binfmt-support", *missing)


def require_emulation() -> None:
    """Make the kernel hand programs for aarch64 to the emulator, inside a root too."""
    if not (BINFMT / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT))
    handler = BINFMT / "qemu-aarch64"
    if not handler.exists():
        run("update-binfmts", "--enable", "qemu-aarch64")
    flags = [line for line in handler.read_text().splitlines() if line.startswith("flags:")]
    if "F" not in "".join(flags).removeprefix("flags:"):
        raise click.ClickException(
            f"{handler} has {flags}: without F a program in a root cannot reach the emulator. "
            "Install Debian's qemu-user-static."
        )


def is_laid(root: Path) -> bool:
    """Say whether the system is there, whole, and as this script lays it now."""
    mark = root / MARK
    return mark.exists() and json.loads(mark.read_text()) == system()


def system() -> dict[str, Any]:
    """Return what the system is made of, as JSON values."""
    cores = {name: cpuinfo(core) for name, core in CORES.items()}
    return {"release": RELEASE, "packages": [*PACKAGES], "cores": cores}


def lay_system(root: Path) -> None:
    """Unpack Debian beside ``root`` and put it there when it is whole."""
    part = root.with_name(f"{root.name}.part")
    remove(part)
    part.parent.mkdir(parents=True, exist_ok=True)
    include = f"--include={','.join(PACKAGES)}"
    options = ("--arch=arm64", "--foreign", "--variant=minbase", include)
    run("debootstrap", *options, RELEASE, str(part))
    for package in sorted(part.glob("var/cache/apt/archives/*.deb")):
        run("dpkg", "-x", str(package), str(part))
    for folder in UNREAD:
        remove(part / folder)
    # What the packages' own scripts would have done, had they been run.
    (part / "etc/passwd").write_text(PASSWD)
    (part / "etc/group").write_text(GROUP)
    for folder in ("home/pi", "opt", "proc", "sys", "dev", "tmp", "etc/cores"):
        (part / folder).mkdir(parents=True, exist_ok=True)
    for name, text in system()["cores"].items():
        (part / "etc/cores" / name).write_text(text)
    (part / MARK).write_text(json.dumps(system()))
    remove(root)
    part.rename(root)


def cpuinfo(core: Core) -> str:
    """Return a core's /proc/cpuinfo: the probes of engines crash on this machine's x86 one."""
    lines = {
        "BogoMIPS": "108.00",
        "Features": " ".join(core.features),
        "CPU implementer": "0x41",
        "CPU architecture": "8",
        "CPU variant": "0x0",
        "CPU part": core.part,
        "CPU revision": "3",
    }
    cpus = [{"processor": str(number), **lines} for number in range(4)]
    blocks = [*cpus, {"Model": f"{core.board} (emulated)"}]
    return "\n".join("".join(f"{k}\t: {v}\n" for k, v in block.items()) for block in blocks)


def requirements() -> list[str]:
    """Return what is unpacked: every engine, of the version here where it is here, and pytest."""
    wheels = {
        engines.get(name).WHEEL for name in engines.names() if not engines.no_wheel(name, "aarch64")
    }
    return [f"numpy=={metadata.version('numpy')}", *TESTS, *sorted(map(_as_here, wheels))]


def _as_here(wheel: str) -> str:
    """Return a requirement of the version that is installed here, where it asks for none."""
    try:
        return wheel if "==" in wheel else f"{wheel}=={metadata.version(wheel)}"
    except metadata.PackageNotFoundError:
        return wheel


def is_site_laid(root: Path, wanted: list[str]) -> bool:
    """Say whether just these wheels are unpacked."""
    mark = root / SITE.relative_to("/") / "laid.json"
    return mark.exists() and json.loads(mark.read_text()) == wanted


def lay_site(root: Path, wanted: list[str]) -> None:
    """Unpack wheels for aarch64 and Python 3.11 beside their place, and put them there."""
    site = root / SITE.relative_to("/")
    part = site.with_name(f"{site.name}.part")
    remove(part)
    device = platform(SYSTEM)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--no-deps"]
    pip += [f"--platform={tag}" for tag in tags(device)]
    pip += ["--implementation=cp", "--python-version=3.11", "--no-compile", "--target", str(part)]
    run(*pip, *resolve(wanted, device))
    (part / "laid.json").write_text(json.dumps(wanted))
    remove(site)
    part.rename(site)


def run(*command: str) -> None:
    """Run a command quietly; what it said is shown where it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        said = "\n".join([*done.stdout.splitlines()[-5:], *done.stderr.splitlines()[-5:]])
        raise click.ClickException(
            f"{' '.join(command[:4])} ... ended with {done.returncode}:\n{said}"
        )


def remove(folder: Path) -> None:
    """Remove a folder that may not be there."""
    if folder.exists():
        shutil.rmtree(folder)


def size_mb(folder: Path) -> float:
    """Return what a folder takes, in MB of 1,048,576 bytes; links are not followed."""
    found = [path.lstat() for path in folder.rglob("*") if not path.is_dir()]
    return sum(one.st_size for one in found) / 2**20


if __name__ == "__main__":
    main()

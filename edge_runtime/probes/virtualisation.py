"""Whether this is a virtual machine or a container, in which time may go to others unseen.

Source: cpuid's hypervisor bit as x86 Linux shows it in /proc/cpuinfo; the kernel's
Documentation/ABI/stable/sysfs-hypervisor-xen and drivers/firmware/dmi-id.c (the names of vendor and
product); the Devicetree Specification (model, compatible); systemd's Container Interface
(``container=``); /.dockerenv and /run/.containerenv as Docker and Podman leave them.
"""

import re
from pathlib import Path

from edge_runtime.probes import ROOT, Reading, text_of

# What vendor and product of a machine contain that can only be virtual.
VIRTUAL = {
    "KVM": "KVM",
    "QEMU": "QEMU",
    "VMware": "VMware",
    "VirtualBox": "VirtualBox",
    "Microsoft Corporation Virtual Machine": "Hyper-V",
    "Xen": "Xen",
}
# These rent out whole machines too, under the same vendor: virtual if the processor says so, or,
# where processors have no such bit (Arm), unless the product is called "metal".
RENTED = {"Amazon EC2": "Amazon EC2", "Google Compute Engine": "Google"}

TREE_HYPERVISORS = {"linux,kvm": "KVM", "xen,xen": "Xen", "vmware": "VMware"}

MARKS = {".dockerenv": "docker", "run/.containerenv": "podman"}


def virtualisation(root: Path = ROOT) -> Reading[str]:
    """Return "none", or "virtual machine (KVM)" or the like; a container is appended.

    "none" is said only where a machine would show that it is virtual: an x86 processor without the
    hypervisor bit, or a device tree with a real board's name. Elsewhere a container stands alone.
    """
    machine, source = _machine(root)
    container, mark = _container(root)
    parts = [machine, f"in a container ({container})" if container else ""]
    value = ", ".join(filter(None, parts))
    if value:
        return Reading(value, ", ".join(filter(None, [source, mark])))
    reason = "neither processor, firmware nor device tree say whether this is a virtual machine"
    return Reading(None, f"{root / 'proc/cpuinfo'}, {root / 'sys/class/dmi/id'}", reason)


def _machine(root: Path) -> tuple[str, str]:
    """Return what the machine is and the file that says so; empty where none does."""
    flags = _x86_flags(text_of(root / "proc/cpuinfo"))
    cpuinfo = str(root / "proc/cpuinfo")
    name, source = _hypervisor(root, names_rented="hypervisor" in flags or not flags)
    if name:
        return f"virtual machine ({name})", source
    if "hypervisor" in flags:
        return "virtual machine", cpuinfo
    if flags:
        return "none", cpuinfo
    board = root / "proc/device-tree/model"
    model = text_of(board)
    if "dummy-virt" in model:  # what QEMU and its kin call the board they make up
        return "virtual machine", str(board)
    if model.isascii() and model.isprintable() and re.search("[A-Za-z]{2}", model):
        return "none", str(board)
    return "", ""


def _hypervisor(root: Path, *, names_rented: bool) -> tuple[str, str]:
    """Return the hypervisor's name and the file that gives it; empty where none does."""
    kind = root / "sys/hypervisor/type"
    if text_of(kind) == "xen":
        return "Xen", str(kind)
    compatible = root / "proc/device-tree/hypervisor/compatible"
    for entry in text_of(compatible).split("\0"):
        if entry in TREE_HYPERVISORS:
            return TREE_HYPERVISORS[entry], str(compatible)
    folder = root / "sys/class/dmi/id"
    product = text_of(folder / "product_name")
    maker = f"{text_of(folder / 'sys_vendor')} {product}"
    rented = RENTED if names_rented and "metal" not in product else {}
    for part, name in (VIRTUAL | rented).items():
        if part in maker:
            return name, str(folder)
    return "", ""


def _x86_flags(cpuinfo: str) -> list[str]:
    """Return the first CPU's flags. Arm calls its own "Features", and has no hypervisor bit."""
    found = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    return found[1].split() if found else []


def _container(root: Path) -> tuple[str, str]:
    """Return the kind of container and the file that gives it; empty where none does."""
    for mark, name in MARKS.items():
        try:
            if (root / mark).exists():
                return name, str(root / mark)
        except OSError:  # not allowed to look
            continue
    environment = root / "proc/1/environ"
    for entry in text_of(environment).split("\0"):
        if found := re.fullmatch(r"container=([\w.-]+)", entry, re.ASCII):
            return found[1], str(environment)
    return "", ""

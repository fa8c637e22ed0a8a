"""What the machine runs on: mains or a battery.

Source: the kernel's Documentation/ABI/testing/sysfs-class-power (type, scope, online, status).
"""

from pathlib import Path

from edge_runtime.probes import ROOT, Reading, text_of, texts_of

SUPPLIES = "sys/class/power_supply/*/type"
ONLINE = ("1", "2")  # at a fixed voltage, at one that was negotiated


def power_source(root: Path = ROOT) -> Reading[str]:
    """Return "mains" or "battery".

    Mains is whatever feeds the machine from outside, a USB supply too.
    """
    types = texts_of(root, SUPPLIES)
    # Scope "Device": the battery of a mouse, or a socket through which this machine feeds another.
    own = {
        path: kind for path, kind in types.items() if text_of(path.with_name("scope")) != "Device"
    }
    for path, kind in own.items():
        online = path.with_name("online")
        if kind.startswith(("Mains", "USB", "Wireless")) and text_of(online) in ONLINE:
            return Reading("mains", str(online))
    for path, kind in own.items():
        status = path.with_name("status")
        if kind == "Battery" and text_of(status) == "Discharging":
            return Reading("battery", str(status))
    if types:
        reason = "no supply here is online, and no battery of this machine is discharging"
    else:
        reason = "this kernel reports no power supply (boards and virtual machines have none)"
    return Reading(None, str(root / SUPPLIES), reason)

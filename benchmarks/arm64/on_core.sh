#!/usr/bin/env bash
# Run a command on an emulated core, in the root that lay_root.py laid (see there).
#
#   on_core.sh ROOT CORE WORK COMMAND [ARG ...]
#
# CORE: cortex-a53 (Raspberry Pi 3), cortex-a72 (Pi 4) or cortex-a76 (Pi 5). The command runs as the
# user `pi`, whose home is WORK; that, /tmp and /dev/shm are all it can write to. It sees the core's
# instruction set and /proc/cpuinfo, no network, and no process of this machine.
#
# Mounts, network and processes live in namespaces that end with the command: nothing stays mounted,
# and whoever kills this script kills what it started.
set -euo pipefail
fail() { echo "on_core.sh: $*" >&2; exit 2; }

[ $# -ge 4 ] || { sed -n '4,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ "$(id -u)" = 0 ] || fail "namespaces need root: run it with sudo"
root=$(realpath "$1") core=$2 work=$(realpath "$3"); shift 3
[ -f "$root/etc/cores/$core" ] || fail "no core $core in $root: run benchmarks/arm64/lay_root.py"
[ -d "$work" ] || fail "$work is no folder"

exec unshare --mount --net --pid --fork --kill-child --propagation private bash -euc '
  root=$0 core=$1 work=$2; shift 2
  mount --bind "$root" "$root"
  mount -o remount,bind,ro "$root"
  mount -t proc proc "$root/proc"
  mount --bind -o ro "$root/etc/cores/$core" "$root/proc/cpuinfo"
  mount --rbind -o ro /sys "$root/sys"
  mount -t tmpfs -o mode=1777 tmp "$root/tmp"
  mount -t tmpfs -o mode=755 dev "$root/dev"
  for node in null zero full random urandom; do
    touch "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
  done
  ln -s /proc/self/fd "$root/dev/fd"
  mkdir -m 1777 "$root/dev/shm"
  mount --bind "$work" "$root/home/pi"
  # This shell stays the first process: it can be killed with its parent (a command of another user
  # could not), everything ends with it, and Ctrl-C reaches the command, which is not the first.
  code=0
  chroot --userspec=1000:1000 "$root" /usr/bin/env -i -C /home/pi HOME=/home/pi USER=pi \
    LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin QEMU_CPU="$core" "$@" || code=$?
  exit "$code"
' "$root" "$core" "$work" "$@"

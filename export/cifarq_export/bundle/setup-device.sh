#!/bin/sh
# Set up this device from the bundle alone: no internet, no root, no pip, no ensurepip.
#
#   ./setup-device.sh [--venv DIR]
#   PYTHON=python3.12 ./setup-device.sh
#
# Makes a virtual environment, installs the bundle's wheels in it, and checks that its engines can be
# imported. `python3 edge-bench.pyz` then finds the environment by itself. Running this again does no
# harm: where all is done it says so. On failure and on Ctrl-C nothing is left behind.
#
#   --venv DIR   where the environment goes instead of .venv beside this script
#   --help       this text
#   PYTHON       the Python to use instead of python3; 3.11 or newer
#
# Exit: 0 done, or done before; 1 it failed, and a line says why; 2 the command line is wrong, or DIR
# holds something else; 130 interrupted

fail() {
    echo "Error: $*" >&2
    exit 1
}

for argument in "$@"; do
    case $argument in
    -h | --help)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    esac
done

script=$(readlink -f -- "$0") || script=$0 # the bundle lies where a link to this script leads
folder=$(CDPATH='' cd -- "$(dirname -- "$script")" && pwd -P) || exit 1
archive=$folder/edge-bench.pyz
python=${PYTHON:-python3}
command -v "$python" >/dev/null 2>&1 ||
    fail "no $python here. Install Python 3.11 or newer, or name one: PYTHON=/path/to/python3"
"$python" -c '' 2>/dev/null ||
    fail "$python does not start. Name another Python: PYTHON=/path/to/python3"
[ -f "$archive" ] && grep -qs "$(sha256sum <"$archive" | cut -c1-64)" "$folder/manifest.json" ||
    fail "$archive or manifest.json is missing or damaged. Copy the bundle again."

# One process from here on, so that Ctrl-C reaches it.
exec "$python" "$archive" --setup "$folder" "$@"

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
# Exit: 0 done, or done before
#       1 something else failed; the line says what
#       2 the command line is wrong, or DIR holds something else
#       3 no Python was found, or it does not start
#       4 Python is older than 3.11
#       5 Python is a 32-bit program
#       6 the wheels are for another Python, C library or machine
#       7 a file of the bundle is missing or damaged
#       8 not enough disk space
#       9 the environment could not be made, or a wheel not installed; or another setup is at work
#      10 no engine of the bundle can be imported
#     130 interrupted

fail() {
    code=$1
    shift
    echo "Error: $*" >&2
    exit "$code"
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
python=${PYTHON:-python3}
command -v "$python" >/dev/null 2>&1 ||
    fail 3 "no $python here. Install Python 3.11 or newer, or name one: PYTHON=/path/to/python3"
"$python" -c '' 2>/dev/null ||
    fail 3 "$python does not start. Name another Python: PYTHON=/path/to/python3"

# One process from here on, so that Ctrl-C reaches it. Old Pythons have to understand this text.
exec "$python" -c '
import sys

sys.path[:] = [path for path in sys.path if path]  # never a module of the current folder
import struct


def fail(code, line):
    sys.stderr.write("Error: " + line + "\n")
    sys.exit(code)


if sys.version_info < (3, 11):
    fail(4, sys.executable + " is Python " + sys.version.split()[0] + "; edge-bench needs 3.11 or "
        "newer. Name another one (PYTHON=python3.12), or use an operating system that has one.")
if struct.calcsize("P") < 8:
    fail(5, sys.executable + " is a 32-bit program, and no engine has 32-bit wheels. Flash a 64-bit "
        "operating system; a 64-bit kernel alone is not enough.")
archive = sys.argv[1] + "/edge-bench.pyz"
sys.path.insert(0, archive)
try:
    import edge_runtime

    if not edge_runtime.__file__.startswith(archive):  # a pip-installed one, in place of a bad zip
        raise ImportError("it cannot be read")
    from edge_runtime.setup.script import main
except Exception as error:
    fail(7, archive + " is missing or damaged (" + str(error) + "). Copy the bundle again.")
main()
' "$folder" "$@"

#!/bin/sh
# Makes .venv with pip inside. Usage: scripts/venv.sh [python]
# A fresh Debian or Ubuntu ships python3 without ensurepip: as root it is installed, otherwise the line to type is printed.
set -eu

python=${1:-python3}
venv=.venv

if ! command -v "$python" >/dev/null 2>&1; then
    echo "HeyGen Studio needs Python 3.11 or newer, and there is no $python here." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "HeyGen Studio needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Name another: make PYTHON=python3.12 run" >&2
    exit 1
fi

works() { "$venv/bin/python" -m pip --version >/dev/null 2>&1; }
make_venv() { "$python" -m venv --clear "$venv" >/dev/null 2>&1 && works; }

works && exit 0
echo "Making $venv"
make_venv && exit 0

if [ "$(id -u)" = 0 ]; then
    echo "This Python cannot make a virtual environment yet: installing python3-venv"
    sh "$(dirname "$0")/apt.sh" python3-venv && make_venv && exit 0
fi

rm -rf "$venv"
{
    echo "This Python cannot make a virtual environment (ensurepip is missing). Install it, then run make again:"
    echo "    sudo apt-get install python3-venv"
} >&2
exit 1

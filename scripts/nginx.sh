#!/bin/sh
# Makes sure that the tests have an nginx: one that is here, else, as root, Debian's.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/usr/local/sbin

command -v nginx && exit 0
sh scripts/apt.sh nginx-light >&2 && command -v nginx && exit 0
{
    echo "The tests of X-Accel-Redirect need nginx. Install it, then run them again:"
    echo "    sudo apt-get install nginx-light"
} >&2
exit 1

#!/bin/sh
# Makes sure that `make container-test` can build and run an image: by docker, else by podman, which root installs.
set -eu
cd "$(dirname "$0")/../.."

docker info >/dev/null 2>&1 && exit 0
command -v podman >/dev/null 2>&1 && command -v runc >/dev/null 2>&1 && command -v debootstrap >/dev/null 2>&1 && exit 0
echo "Installing podman, runc, buildah and debootstrap for the container's test"
sh scripts/apt.sh podman runc buildah debootstrap && exit 0
echo "The container's test needs docker or podman. Install one of them, then run it again." >&2
exit 1

#!/bin/sh
# Builds the image by whichever of docker, podman and buildah works here.
# IMAGE: its name. BASE_IMAGE: the image to build on. ENGINE: one of the three, to use no other.
# Where pip needs a certificate or an index of this machine's own (PIP_CERT, PIP_INDEX_URL), podman and buildah lend
# them to the build; nothing of them stays in the image.
set -eu
cd "$(dirname "$0")/../.."

image=${IMAGE:-heygen-studio}
works() { command -v "$1" >/dev/null 2>&1 && { [ "$1" = buildah ] || "$1" info >/dev/null 2>&1; }; }
for engine in ${ENGINE:-docker podman buildah}; do
    works "$engine" && break
    engine=
done
[ -n "$engine" ] || { echo "Building the image needs docker, podman or buildah, and none of them works here." >&2; exit 1; }

set -- --tag "$image" ${BASE_IMAGE:+--build-arg "BASE_IMAGE=$BASE_IMAGE"}
if [ "$engine" != docker ]; then
    # The OCI format has no place for the health check, docker's has.
    set -- --format docker "$@"
    if [ -n "${PIP_CERT:-}${PIP_INDEX_URL:-}" ]; then
        lent=$(mktemp -d)
        trap 'rm -rf "$lent"' EXIT
        echo "[global]" >"$lent/pip.conf"
        [ -z "${PIP_INDEX_URL:-}" ] || echo "index-url = $PIP_INDEX_URL" >>"$lent/pip.conf"
        if [ -n "${PIP_CERT:-}" ]; then
            cp "$PIP_CERT" "$lent/certificates.pem"
            echo "cert = /run/lent/certificates.pem" >>"$lent/pip.conf"
        fi
        set -- --volume "$lent:/run/lent:ro" --volume "$lent/pip.conf:/etc/pip.conf:ro" "$@"
    fi
fi
"$engine" build "$@" .
echo "Built $image"

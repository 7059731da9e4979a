#!/bin/sh
# Resolves pyproject.toml into requirements/run.txt and test.txt: for every platform, with hashes, naming no index.
# Without arguments versions move only where they must; pass --upgrade to move them all.
set -eu
cd "$(dirname "$0")/.."

# This machine's own mirrors and wheel folders must not end up in the lock.
unset PIP_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_FIND_LINKS UV_INDEX UV_EXTRA_INDEX_URL 2>/dev/null || true

tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
.venv/bin/python -m venv "$tool"
"$tool/bin/pip" --disable-pip-version-check install --quiet "uv>=0.9"

resolve() {
    "$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@"
}
resolve pyproject.toml -o requirements/run.txt "${1:---quiet}"
resolve pyproject.toml --group test -c requirements/run.txt -o requirements/test.txt "${1:---quiet}"

if grep -nE '^[^#]*(file:|https?:)|^-' requirements/*.txt; then
    echo "The lock names a place to download from; it must not." >&2
    exit 1
fi

# Installed first, so that the licences of new packages are known.
.venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/run.txt
.venv/bin/python scripts/licences.py

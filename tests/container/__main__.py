"""`make container-test`: builds the image and runs both profiles of compose.yaml from it.

The image is built on BASE_IMAGE; without one, and where this is root, on a Debian that debootstrap makes here, so that
no registry of images is needed. IMAGE names another image, and BUILD=no takes one that is already there.
"""

import os
import subprocess
import sys
import tempfile

from tests.parts.processes import ROOT

DEBIAN = "localhost/studio-debian"
MIRROR = "http://deb.debian.org/debian"
WITH = "--include=python3,python3-venv,ca-certificates"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=True, **options)


def debian_image():
    """The name of a Debian image made on this machine, by debootstrap and buildah."""
    known = subprocess.run(["buildah", "inspect", "--type", "image", DEBIAN], capture_output=True)
    if known.returncode:
        with tempfile.TemporaryDirectory(prefix="studio-debian-") as folder:
            root = f"{folder}/root"
            run("debootstrap", "--variant=minbase", WITH, "bookworm", root, MIRROR, stdout=subprocess.DEVNULL)
            subprocess.run(["umount", f"{root}/proc"], capture_output=True)  # where debootstrap left it
            container = run("buildah", "from", "scratch", stdout=subprocess.PIPE, text=True).stdout.strip()
            run("buildah", "add", "--quiet", container, root, "/")
            run("buildah", "commit", "--quiet", container, DEBIAN)
            run("buildah", "rm", container)
    return DEBIAN


def build():
    docker = subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    if not docker:
        # No daemon and, perhaps, no overlay file system or user namespaces: these work everywhere, only slower.
        os.environ.setdefault("STORAGE_DRIVER", "vfs")
        os.environ.setdefault("BUILDAH_ISOLATION", "chroot")
    if os.environ.get("BUILD") == "no":
        return
    if not docker and not os.environ.get("BASE_IMAGE") and os.geteuid() == 0:
        os.environ["BASE_IMAGE"] = debian_image()
    os.environ.setdefault("ENGINE", "docker" if docker else "buildah")
    run("sh", "scripts/container/build.sh")


if __name__ == "__main__":
    build()
    sys.exit(
        subprocess.run([sys.executable, "-m", "pytest", "-v", "tests/container/test_image.py"], cwd=ROOT).returncode
    )

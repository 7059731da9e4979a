"""Lighthouse on gallery and viewer, phone profile: `python -m tests.benchmarks.lighthouse …/lighthouse/cli/index.js`.

Lighthouse is not among the tests' packages; `npm install lighthouse` anywhere gives it. The browser is Debian's
Chromium, signed in beforehand; figures are only worth something on an idle machine.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.parts.chromium import launch_options
from tests.parts.processes import free_port
from tests.screenshots import TIMEOUT_MS, enter, lived_in_studio

CATEGORIES = "performance,accessibility,best-practices"
MEASURES = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift")


def main(lighthouse):
    with lived_in_studio() as studio, tempfile.TemporaryDirectory() as folder:
        measure(lighthouse, studio, Path(folder))


def measure(lighthouse, studio, folder):
    port, options = free_port(), launch_options()
    options["args"] = [*options["args"], f"--remote-debugging-port={port}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(str(folder / "profile"), **options)
        viewer = sign_in(browser.new_page(), studio)
        for name, path in (("gallery", "/"), ("viewer", viewer)):
            report(name, run(lighthouse, studio.url + path, port, folder / f"{name}.json"))
        browser.close()


def sign_in(page, studio):
    """Returns the path of the newest video's page."""
    page.set_default_timeout(TIMEOUT_MS)
    enter(page, studio)
    path = page.locator(".card a.open:not([data-stack])").first.get_attribute("href")
    page.close()
    return path


def run(lighthouse, address, port, output):
    flags = ["--quiet", "--output=json", f"--output-path={output}", "--disable-storage-reset", f"--port={port}"]
    command = ["node", lighthouse, address, *flags, f"--only-categories={CATEGORIES}"]
    subprocess.run(command, check=True, timeout=400, capture_output=True)
    return json.loads(output.read_text())


def report(name, found):
    scores = ", ".join(f"{key} {100 * value['score']:.0f}" for key, value in found["categories"].items())
    times = ", ".join(f"{key} {found['audits'][key]['displayValue']}" for key in MEASURES)
    print(f"{name}: {scores}; {times}")
    for error in found["audits"]["errors-in-console"].get("details", {}).get("items", []):
        print(f"  error: {error['description']}")


if __name__ == "__main__":
    main(sys.argv[1])

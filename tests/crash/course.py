"""Runs the rig as a separate process with its own database and demo server, and judges its ledgers."""

import json
import subprocess
import sys
from pathlib import Path

from tests.parts.processes import ROOT, environment
from tests.parts.standin import Standin

# Every point of the plain path; fewer of what is slow, or passes mostly through the upload, which is free.
MODELS = ("--api", "models")  # the API that repeats safely
COURSES = {
    ("kill",): 1,
    ("kill", "--frames"): 5,
    ("freeze",): 20,
    ("herd",): 1,
    ("kill", *MODELS): 1,
    ("kill", "--frames", *MODELS): 5,
    ("freeze", *MODELS): 20,
    ("herd", *MODELS): 1,
}
MAX_NEEDLESS = 0.01  # of the points


def run(folder: Path, database_url: str, mode: str, *options: str, every: int) -> dict:
    """The findings (rig.Findings) of one course, at every `every`-th point of those it has in the full run."""
    every *= COURSES[mode, *options]
    place = folder / "-".join((mode, *options))
    standin = Standin(place / "standin")
    addresses = {"HEYGEN_API_URL": standin.url, "HEYGEN_UPLOAD_URL": standin.url}
    env = environment(DATABASE_URL=database_url, STUDIO_DATA=place, HEYGEN_API_KEY="test-key", **addresses)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.crash.rig", mode, "--every", str(every), *options],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=3600,
        )
    finally:
        standin.stop()
    assert done.returncode == 0, f"The rig failed:\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def judge(findings: dict) -> list[str]:
    """Each broken promise as a sentence; empty if all were kept."""
    where = f"{findings['mode']} of {findings['api']} on {findings['database']}"
    faults = []
    if findings["doubles"]:
        faults.append(f"{where}: {findings['doubles']} generations were paid for twice.")
    if findings["lost"]:
        faults.append(f"{where}: {findings['lost']} generations do not agree with the ledger.")
    if findings["mode"].startswith("kill") and findings["needless"] > MAX_NEEDLESS * findings["points"]:
        faults.append(f"{where}: {findings['needless']} of {findings['points']} points left a needless unknown.")
    if findings["api"] == "models" and findings["unknowns"]:
        faults.append(
            f"{where}: {findings['unknowns']} outcomes are unknown, though the same key could have asked again."
        )
    return faults

"""Kills, freezes and herds on the submission path, in real processes: `python -m tests.crash`."""

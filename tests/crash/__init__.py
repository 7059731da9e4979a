"""Kills, freezes and concurrent senders on the submission path, in real processes: `python -m tests.crash`."""

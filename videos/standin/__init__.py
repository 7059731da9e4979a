"""The demo server: a local imitation of the remote APIs, in a process of its own.

It speaks HeyGen's contract over real HTTP on 127.0.0.1 and draws the videos itself, so that the studio
can be tried, and tested, without a key and without money. It imports nothing of the studio: only the
standard library, PyAV and Pillow. `server.py` says how to start it, `fault_rules.py` which faults tests can set.
"""

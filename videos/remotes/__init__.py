"""The remote APIs. Nothing outside this package knows a path, a field or a word of any of them.

`base.py` is the interface, `errors.py` the one error, `transport.py` the HTTP that all share, `registry.py` finds the
backends; then one module for each API.
"""

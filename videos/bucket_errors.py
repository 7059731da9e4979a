"""The errors of a bucket's library, which takes a tenth of a second to import: only a studio with a bucket does so.

Where nobody has imported it, nobody can raise them. They are looked up when something was raised: `except refused():`.
"""

import sys

MODULES = ("botocore.exceptions", "boto3.exceptions")
Errors = tuple[type[Exception], ...]


def named(*names: str) -> Errors:
    """Those classes, or none without the library."""
    loaded = [sys.modules[module] for module in MODULES if module in sys.modules]
    return tuple(getattr(module, name) for module in loaded for name in names if hasattr(module, name))


def refused() -> Errors:
    """What a bucket raises that cannot be reached or does not do what it is asked."""
    return named("BotoCoreError", "ClientError", "Boto3Error")

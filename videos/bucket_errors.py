"""The errors of a bucket's library, which takes a tenth of a second to import: only a studio with a bucket does so.

Without the import, nothing can raise them. They are looked up when an exception is caught: `except refused():`.
"""

import sys

MODULES = ("botocore.exceptions", "boto3.exceptions")
Errors = tuple[type[Exception], ...]


def named(*names: str) -> Errors:
    """These classes; none if the library is not imported."""
    loaded = [sys.modules[module] for module in MODULES if module in sys.modules]
    return tuple(getattr(module, name) for module in loaded for name in names if hasattr(module, name))


def refused() -> Errors:
    """The errors of a bucket that cannot be reached, or that refuses a request."""
    return named("BotoCoreError", "ClientError", "Boto3Error")

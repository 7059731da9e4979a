"""One module for each remote API that the demo server speaks: its calls and fields.

A module's CONTRACT is found automatically. It recognises calls, checks requests and writes
replies; sockets, faults, drawing and the ledger do not depend on it.
"""

from importlib import import_module
from pkgutil import iter_modules

from videos.standin.apis.base import Contract


def found() -> dict[str, Contract]:
    names = sorted(module.name for module in iter_modules(__path__) if module.name != "base")
    contracts = [import_module(f"{__name__}.{name}").CONTRACT for name in names]
    return {contract.key: contract for contract in contracts}


CONTRACTS = found()


def contract_of(request) -> tuple[Contract | None, str | None]:
    """The contract and the call that a request belongs to."""
    for contract in CONTRACTS.values():
        call = contract.call_of(request)
        if call:
            return contract, call
    return None, None

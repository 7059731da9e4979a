"""Passes one message to apprise, in a process of its own: `python push_process.py`, with JSON on its standard input.

apprise takes a third of a second and 40 MB to load all its services, and a service may take any time. So no web server
and no worker imports it, and the caller kills this process after a timeout. Addresses may contain passwords: they come
on standard input, because anybody on the machine can read arguments. Prints the result for each address, as JSON.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import apprise


def outcome(address: str, message: dict) -> str:
    service = apprise.Apprise()
    if not service.add(address):
        return "unknown"
    if message.get("only_look"):
        return "taken"
    return "taken" if service.notify(body=message["body"], title=message["title"]) else "not taken"


def main():
    message = json.load(sys.stdin)
    with ThreadPoolExecutor() as threads:
        found = list(threads.map(lambda address: outcome(address, message), message["addresses"]))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

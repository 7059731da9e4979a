"""Hands one message to apprise, in a process of its own: `python push_process.py`, with JSON on its standard input.

apprise takes a third of a second and 40 MB to load all its services, and a service may take as long as it likes. So no
web server and no worker imports it, and whoever starts this ends it after a while. Addresses may hold passwords: they
come by the input, because anybody on the machine can read arguments. Ends with 0 when every address took the message.
"""

import json
import sys

import apprise


def main() -> int:
    message = json.load(sys.stdin)
    outside = apprise.Apprise()
    known = [outside.add(address) for address in message["addresses"]]
    return 0 if outside.notify(body=message["body"], title=message["title"]) and all(known) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The container's health check: exits with 0 when /healthz answers 200. Run inside the container."""

import json
import os
import sys
import urllib.error
import urllib.request

ADDRESS = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/healthz"


def main() -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(ADDRESS, timeout=8) as reply:
            return report(json.load(reply))
    except urllib.error.HTTPError as error:
        return report(json.loads(error.read() or b"{}"))
    except (OSError, ValueError) as error:
        sys.stdout.write(f"No answer from the web server: {error}\n")
        return 1


def report(parts: dict) -> int:
    failing = [name for name, works in parts.items() if works is False and name != "ok"]
    sys.stdout.write(f"Not working: {', '.join(failing)}\n" if failing else "Everything works.\n")
    return 0 if parts.get("ok") else 1


if __name__ == "__main__":
    sys.exit(main())

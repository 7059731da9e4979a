"""The control route: how a test sets faults, counts what was paid for, and moves the clock.

POST   /control/faults     a JSON list of rules, in place of the old ones      GET: rules and counts
DELETE /control/faults     none
GET    /control/ledger     [{n, api, execution_id, video_id, at, body, input, …}], oldest first; ?api=models for one API
GET    /control/videos     {execution_id: {sha256, size, bytes_sent, status}} of every drawn video
GET    /control/assets     [{id, at, file, mime, size, sha256}], oldest first
GET    /control/requests   [{at, call, api, method, path, query, headers, key_sent, body, status}], the last 20,000,
                           oldest first; ?call=submit for one call; DELETE forgets them
POST   /control/expire     all links issued until now expire
POST   /control/finish     every execution is due now
POST   /control/clock      {"offset": seconds} or {"advance": seconds}; answers {"now", "offset"}
GET    /control/connections {"open": how many}
POST   /control/clear      no faults, no requests, no ledger, no pictures, no clock offset; a request that has come and
                           is not answered yet leaves no trace either
"""

import hashlib
import json
from collections import deque
from dataclasses import asdict

from videos.standin.api import Api, api_of
from videos.standin.contract import error
from videos.standin.fault_rules import Faults
from videos.standin.files import film
from videos.standin.wire import Reply, Request, json_reply

REMEMBERED = 20_000
BODY_SHOWN = 64 * 1024


class Control:
    """Answers the control route, and remembers every request to the server."""

    def __init__(self, api: Api, faults: Faults, connections: set):
        self._api, self._faults, self._connections = api, faults, connections
        self._requests: deque[dict] = deque(maxlen=REMEMBERED)

    async def answer(self, request: Request) -> Reply:
        """The reply to one control request; 400 for one that cannot be read."""
        name = f"_{request.method.lower()}_{request.path.removeprefix('/control/')}"
        handler = getattr(self, name, None)
        if handler is None:
            return error(404, "not_found", "There is no such control.")
        try:
            return json_reply(200, handler(request))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            return error(400, "invalid_parameter", f"{type(problem).__name__}: {problem}")

    def remember(self, call: str | None, request: Request, status: int, era: int) -> None:
        """Records a request, without its key; not one that came before all were forgotten."""
        if era != self._api.era:
            return
        headers = {name: value for name, value in request.headers.items() if name != "x-api-key"}
        self._requests.append(
            {
                "at": self._api.clock.now(),
                "call": call,
                "api": api_of(request),
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "headers": headers,
                "key_sent": bool(request.headers.get("x-api-key")),
                "body": _shown(request.body),
                "status": status,
            }
        )

    def _get_faults(self, request: Request) -> dict:
        rules = self._faults.rules
        return {"rules": [{**rule.given, "seen": rule.seen.total(), "hits": rule.hits} for rule in rules]}

    def _post_faults(self, request: Request) -> dict:
        self._faults.set(json.loads(request.body))
        return self._get_faults(request)

    def _delete_faults(self, request: Request) -> dict:
        self._faults.set([])
        return self._get_faults(request)

    def _get_ledger(self, request: Request) -> list:
        api = request.query.get("api")
        return [asdict(row) for row in self._api.ledger.executions.values() if api in (None, row.api)]

    def _get_videos(self, request: Request) -> dict:
        return {row.execution_id: self._video(row) for row in self._api.ledger.executions.values() if row.drawn}

    def _video(self, row) -> dict:
        word = self._api.status_word(row)
        if row.failure:
            return {"sha256": None, "size": None, "bytes_sent": row.bytes_sent, "status": word}
        content = film(row, self._api.render_queue.path(row))
        facts = {"sha256": content.sha256(), "size": content.size}
        return {**facts, "bytes_sent": row.bytes_sent, "status": word}

    def _get_assets(self, request: Request) -> list:
        return [asdict(asset) for asset in self._api.ledger.assets.values()]

    def _get_requests(self, request: Request) -> list:
        call = request.query.get("call")
        return [entry for entry in self._requests if call in (None, entry["call"])]

    def _delete_requests(self, request: Request) -> dict:
        self._requests.clear()
        return {}

    def _post_expire(self, request: Request) -> dict:
        self._api.links.expire_all()
        return {}

    def _post_finish(self, request: Request) -> dict:
        self._api.ledger.hasten(self._api.clock.now())
        return {}

    def _post_clock(self, request: Request) -> dict:
        asked, clock = json.loads(request.body), self._api.clock
        clock.set_offset(float(asked.get("offset", clock.offset)) + float(asked.get("advance", 0)))
        return {"now": clock.now(), "offset": clock.offset}

    def _post_clear(self, request: Request) -> dict:
        self._faults.set([])
        self._requests.clear()
        self._api.ledger.clear()
        self._api.era += 1
        self._api.clock.set_offset(0.0)
        return {}

    def _get_connections(self, request: Request) -> dict:
        return {"open": len(self._connections)}


def _shown(body: bytes) -> object:
    """A body as JSON or text; the size and hash of one that is neither, or is long."""
    if not body:
        return None
    try:
        text = body.decode() if len(body) <= BODY_SHOWN else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    try:
        return json.loads(text)
    except ValueError:
        return text

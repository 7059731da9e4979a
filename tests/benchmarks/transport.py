"""What a poll's request costs with each way to send it, without database or judgement, at a fixed rate.

`python -m tests.benchmarks.transport <polls a second> <seconds> <runs>` starts the imitated remote API, and takes the
ways by turns, each in a process of its own. The peers are what the poller had before, and what it could have.
"""

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import aiohttp
import django
import httpx

django.setup()

from tests.benchmarks.floor import HEADERS, paced  # noqa: E402
from tests.parts.processes import ROOT, environment, start, stop, wait_until  # noqa: E402
from videos.limits import POLL_CONNECTIONS  # noqa: E402
from videos.remotes import async_transport  # noqa: E402

ANSWER_SECONDS = 0.05


@asynccontextmanager
async def ours(address):
    places = asyncio.Semaphore(POLL_CONNECTIONS)
    async with async_transport.open_session() as session:

        async def fetch():
            async with places:
                await async_transport.get_async(session, address, HEADERS)

        yield fetch


@asynccontextmanager
async def bare_aiohttp(address):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=POLL_CONNECTIONS)) as session:

        async def fetch():
            async with session.get(address, headers=HEADERS) as response:
                await response.read()

        yield fetch


@asynccontextmanager
async def httpx_pool(address):
    limits = httpx.Limits(max_connections=POLL_CONNECTIONS, max_keepalive_connections=POLL_CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:
        yield partial(client.get, address, headers=HEADERS)


@asynccontextmanager
async def httpx_each(address):
    """One client with one connection for each request at a time, the most recently used first."""
    places, free, context = asyncio.Semaphore(POLL_CONNECTIONS), [], httpx.create_ssl_context(trust_env=False)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=60)

    async def fetch():
        async with places:
            client = free.pop() if free else httpx.AsyncClient(verify=context, limits=limits, trust_env=False)
            await client.get(address, headers=HEADERS)
            free.append(client)

    yield fetch


@asynccontextmanager
async def httpx_on_aiohttp(address):
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415 – not installed with the studio

    limits = httpx.Limits(max_connections=POLL_CONNECTIONS, keepalive_expiry=60)
    transport = AiohttpTransport(limits=limits, trust_env=False)
    async with httpx.AsyncClient(transport=transport, timeout=60, trust_env=False) as client:
        yield partial(client.get, address, headers=HEADERS)


WAYS = {way.__name__: way for way in (ours, bare_aiohttp, httpx_pool, httpx_each, httpx_on_aiohttp)}


async def cost(way, port, per_second, seconds):
    async with WAYS[way](f"http://127.0.0.1:{port}/v1/workflows/executions/bench") as fetch:
        return await paced(fetch, per_second, seconds)


def one(way, port, per_second, seconds):
    found = asyncio.run(cost(way, int(port), float(per_second), float(seconds)))
    print(json.dumps(found | {"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def compare(per_second, seconds, runs):
    found = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "remote"
        remote = start([sys.executable, "-m", "tests.benchmarks.remote", ANSWER_SECONDS], environment(), log)
        port = wait_until(lambda: log.read_text().strip(), 20, "the imitated remote API")
        try:
            for _ in range(int(runs)):
                for way in WAYS:
                    with suppress(subprocess.CalledProcessError):  # httpx-aiohttp is not installed
                        found[way].append(in_process(way, port, per_second, seconds))
        finally:
            stop(remote)
    for way, results in found.items():
        for name in results[0] if results else ():
            values = [result[name] for result in results]
            print(f"{way:<18}{name:<18}{statistics.median(values):>10}   {values}")


def in_process(*arguments):
    command = [sys.executable, "-m", "tests.benchmarks.transport", "one", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(done.stdout)


if __name__ == "__main__":
    one(*sys.argv[2:]) if sys.argv[1] == "one" else compare(*sys.argv[1:])

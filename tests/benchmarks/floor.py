"""The lower bound for the poller: a bare aiohttp loop that only sends GETs and reads answers, at that rate.

`… tests.benchmarks.floor <port> <in flight> <poll seconds> <seconds>` prints JSON: GETs a second, CPU s per 1,000.
"""

import asyncio
import json
import sys
import time

import aiohttp

AT_ONCE = 1024
WARM_UP = 2.0  # seconds, in which connections open
HEADERS = {"X-Api-Key": "bench"}


async def paced(fetch, per_second, seconds):
    """Awaits `fetch()` at this rate; returns the number of calls, and the CPU seconds for a thousand."""
    queue, count = asyncio.Queue(), []

    async def keep_fetching():
        while await queue.get():
            await fetch()
            count.append(1)

    fetching = [asyncio.create_task(keep_fetching()) for _ in range(AT_ONCE)]
    await ask(queue, per_second, WARM_UP)
    count.clear()
    cpu = time.process_time()
    await ask(queue, per_second, seconds)
    cpu = time.process_time() - cpu
    for task in fetching:
        task.cancel()
    await asyncio.gather(*fetching, return_exceptions=True)
    return {"per_second": round(len(count) / seconds, 1), "cpu_s_per_1000": round(1000 * cpu / max(1, len(count)), 3)}


async def ask(queue, per_second, seconds):
    """Puts so many a second into the queue, a hundredth of a second's at a time."""
    started, sent = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds:
        due = int(passed * per_second)
        for _ in range(due - sent):
            queue.put_nowait(True)
        sent = due
        await asyncio.sleep(0.01)


async def main(port, in_flight, poll_seconds, seconds):
    address = f"http://127.0.0.1:{port}/v1/workflows/executions/bench"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def fetch():
            async with session.get(address, headers=HEADERS) as response:
                await response.read()

        return await paced(fetch, in_flight / poll_seconds, seconds)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))))

"""The floor beside the poller: a bare loop over plain sockets that only sends GETs and reads answers, at that rate.

`… tests.benchmarks.floor <port> <in flight> <poll seconds> <seconds>` prints JSON: GETs a second, CPU s per 1,000.
"""

import asyncio
import json
import sys
import time

CONNECTIONS = 256
REQUEST = b"GET /v1/workflows/executions/bench HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: bench\r\n\r\n"


async def keep_asking(port, queue, count):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while await queue.get():
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        count.append(1)


async def main(port, in_flight, poll_seconds, seconds):
    queue, count = asyncio.Queue(), []
    asking = [asyncio.create_task(keep_asking(port, queue, count)) for _ in range(CONNECTIONS)]
    started, cpu, sent = time.perf_counter(), time.process_time(), 0
    while (passed := time.perf_counter() - started) < seconds:
        due = int(passed * in_flight / poll_seconds)
        for _ in range(due - sent):
            queue.put_nowait(True)
        sent = due
        await asyncio.sleep(0.01)
    cpu = time.process_time() - cpu
    for task in asking:
        task.cancel()
    return {"per_second": round(len(count) / seconds, 1), "cpu_s_per_1000": round(1000 * cpu / len(count), 2)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))))

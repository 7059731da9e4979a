"""A remote API that costs next to nothing: answers every poll with `running` after a delay, and counts.

`python -m tests.benchmarks.remote [seconds of delay]` prints its port.
"""

import asyncio
import sys

WORD = b'{"data": {"execution_id": "%s", "status": "running"}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Answer(asyncio.Protocol):
    delay = 0.0

    def connection_made(self, transport):
        self.transport = transport
        self.heard = b""

    def data_received(self, data):
        self.heard += data
        while b"\r\n\r\n" in self.heard:
            head, self.heard = self.heard.split(b"\r\n\r\n", 1)
            body = WORD % head.split(b" ", 2)[1].rpartition(b"/")[2]
            reply = HEAD % len(body) + body
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, reply)


async def main(delay):
    Answer.delay = delay
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))

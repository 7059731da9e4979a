"""Clients that fetch one file again and again: `… tests.benchmarks.downloads port path cookie ranges clients seconds`.

A process of its own, so that its cost is the same for every server. Prints how many answers came
in a second, and how many in all.
"""

import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
RANGE = 1024 * 1024


class Client:
    def __init__(self, port, path, cookie, number):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
        self.number, self.count = number, 0
        self.buffer = memoryview(bytearray(RANGE))

    def fetch(self, ranges):
        asked = ""
        if ranges:
            first = (self.number * 7 + self.count) % ranges * RANGE
            asked = f"Range: bytes={first}-{first + RANGE - 1}\r\n"
        self.sock.sendall(f"{self.head}{asked}\r\n".encode())
        got = self.sock.recv_into(self.buffer)
        head, end, rest = bytes(self.buffer[:got]).partition(b"\r\n\r\n")
        assert end and head.startswith(b"HTTP/1.1 206" if ranges else b"HTTP/1.1 200"), head[:100]
        left = int(LENGTH.search(head)[1]) - len(rest)
        while left:
            got = self.sock.recv_into(self.buffer)
            assert got, "closed within an answer"
            left -= got
        self.count += 1


def main(port, path, cookie, ranges, clients, seconds):
    everybody = [Client(port, path, cookie, number) for number in range(clients)]
    everybody[0].fetch(ranges)
    started = time.perf_counter()

    def run(client):
        while time.perf_counter() < started + seconds:
            client.fetch(ranges)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(run, everybody))
    count = sum(client.count for client in everybody)
    print(round(count / (time.perf_counter() - started), 1), count)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))

"""A non-blocking socket for one connection: receives and sends, and gives up when the other side stands still."""

import asyncio
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from contextlib import suppress

SEND_PAUSE_SECONDS = 30  # without one byte taken; players and download managers then ask again from where they are
LINGER_SECONDS = 30  # after an early refusal, at most this long
LINGER_PAUSE_SECONDS = 5
UNSENT_BYTES = 512 * 1024  # what the kernel keeps for one client that does not read
PIECE = 1024 * 1024  # of a file, between two looks at the other connections
RECEIVED_AT_ONCE = 256 * 1024
NOTHING_MORE = struct.pack("ii", 1, 0)  # SO_LINGER: what is not sent yet is dropped
MORE_FOLLOWS = getattr(socket, "MSG_MORE", 0)


class Wire:
    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.loop = asyncio.get_running_loop()
        sock.setblocking(False)
        with suppress(OSError):  # a client that has gone already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    async def receive(self, seconds: float) -> bytes:
        """What has arrived; b"" when the other side has closed. Raises TimeoutError after `seconds` of silence."""
        while True:
            with suppress(BlockingIOError):
                return self.sock.recv(RECEIVED_AT_ONCE)
            if not await self.wait(self.loop.add_reader, self.loop.remove_reader, seconds):
                raise TimeoutError

    async def send(self, data: bytes, flags: int = 0):
        """All of `data`. Raises TimeoutError when the other side takes nothing of it for half a minute."""
        left = memoryview(data)
        while left:
            try:
                left = left[self.sock.send(left, flags) :]
            except BlockingIOError:
                await self.until_writable()

    async def send_file(self, file, offset: int, count: int):
        """`count` bytes of the file from `offset` on, from the kernel's own cache."""
        end = offset + count
        while offset < end:
            try:
                sent = os.sendfile(self.sock.fileno(), file.fileno(), offset, min(end - offset, PIECE))
            except BlockingIOError:
                await self.until_writable()
                continue
            if not sent:
                raise ConnectionAbortedError("The file is shorter than was promised.")
            offset += sent
            if offset < end:
                await asyncio.sleep(0)

    async def until_writable(self):
        """A slow client is waited for as long as it takes anything at all; one that takes nothing is not."""
        unsent = self.unsent()
        while not await self.wait(self.loop.add_writer, self.loop.remove_writer, SEND_PAUSE_SECONDS):
            before, unsent = unsent, self.unsent()
            if unsent >= before:
                self.drop_unsent()
                raise TimeoutError

    async def wait(self, add: Callable, remove: Callable, seconds: float) -> bool:
        """Until the socket is ready; False when it is not within `seconds`."""
        ready = self.loop.create_future()
        add(self.sock, settle, ready, True)
        timer = self.loop.call_later(seconds, settle, ready, False)
        try:
            return await ready
        finally:
            timer.cancel()
            remove(self.sock)

    def unsent(self) -> int:
        """Bytes that the other side has not taken yet."""
        try:
            return struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, b"\0" * 4))[0]
        except OSError:
            return 0

    async def linger(self):
        """Lets a client that is still sending come to an end, so that it reads our answer and sees no broken line."""
        deadline = self.loop.time() + LINGER_SECONDS
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            while (left := deadline - self.loop.time()) > 0 and await self.receive(min(left, LINGER_PAUSE_SECONDS)):
                await asyncio.sleep(0)

    def drop_unsent(self):
        """What the kernel still holds for it goes with close(), and is not kept for a client that takes nothing."""
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOTHING_MORE)

    def close(self):
        self.sock.close()


def settle(future: asyncio.Future, value: bool):
    if not future.done():
        future.set_result(value)

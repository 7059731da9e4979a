"""A non-blocking socket for one connection: receives and sends, and gives up when the other side stalls."""

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
        self.sent = 0
        sock.setblocking(False)
        with suppress(OSError):  # a client that has gone already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    async def receive(self, seconds: float) -> bytes:
        """Bytes that have arrived; b"" if the other side has closed. Raises TimeoutError after `seconds` of silence."""
        while True:
            with suppress(BlockingIOError):
                return self.sock.recv(RECEIVED_AT_ONCE)
            if not await self.until_readable(seconds):
                raise TimeoutError

    async def send(self, data: bytes, flags: int = 0):
        """Sends all of `data`. Raises TimeoutError when the other side accepts nothing for half a minute."""
        left = memoryview(data)

        def step() -> bool:
            nonlocal left
            sent = self.sock.send(left, flags)
            self.sent += sent
            left = left[sent:]
            return not left

        if left:
            await self.push(step)

    async def send_file(self, file, offset: int, count: int):
        """Sends `count` bytes of the file from `offset` on, from the kernel's cache. Raises TimeoutError likewise."""
        end = offset + count

        def step() -> bool:
            nonlocal offset
            sent = os.sendfile(self.sock.fileno(), file.fileno(), offset, min(end - offset, PIECE))
            if not sent:
                raise ConnectionAbortedError("The file is shorter than was promised.")
            self.sent += sent
            offset += sent
            return offset == end

        if count:
            await self.push(step)

    async def push(self, step: Callable[[], bool]):
        """Calls `step`, which sends some bytes, whenever the socket accepts more, until it returns True."""
        with suppress(BlockingIOError):
            if step():
                return
        done = self.loop.create_future()
        self.loop.add_writer(self.sock, attempt, step, done)
        self.give_up_later(done)
        try:
            await done
        finally:
            self.timer.cancel()
            self.loop.remove_writer(self.sock)

    def give_up_later(self, done: asyncio.Future):
        """Waits for a slow client as long as it accepts anything at all, and not for one that accepts nothing."""
        self.timer = self.loop.call_later(SEND_PAUSE_SECONDS, self.look, done, self.taken())

    def look(self, done: asyncio.Future, before: int):
        if self.taken() > before:
            self.give_up_later(done)
        elif not done.done():
            self.drop_unsent()
            done.set_exception(TimeoutError())

    async def until_readable(self, seconds: float) -> bool:
        """False when nothing has arrived within so many seconds."""
        ready = self.loop.create_future()
        self.loop.add_reader(self.sock, settle, ready, True)
        timer = self.loop.call_later(seconds, settle, ready, False)
        try:
            return await ready
        finally:
            timer.cancel()
            self.loop.remove_reader(self.sock)

    def taken(self) -> int:
        """Grows with every byte that the other side takes: what was sent, less what the kernel still holds."""
        return self.sent - struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, b"\0" * 4))[0]

    async def linger(self):
        """Lets a client that is still sending finish, so that it reads our answer instead of a broken connection."""
        deadline = self.loop.time() + LINGER_SECONDS
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            while (left := deadline - self.loop.time()) > 0 and await self.receive(min(left, LINGER_PAUSE_SECONDS)):
                await asyncio.sleep(0)

    def drop_unsent(self):
        """Bytes that the kernel still holds are dropped with close(), not kept for a client that accepts nothing."""
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOTHING_MORE)

    def close(self):
        self.sock.close()


def attempt(step: Callable[[], bool], done: asyncio.Future):
    if done.done():
        return
    try:
        if step():
            done.set_result(None)
    except BlockingIOError:
        pass
    except OSError as error:
        done.set_exception(error)


def settle(future: asyncio.Future, value: bool):
    if not future.done():
        future.set_result(value)

"""The web process: `gunicorn --worker-class heygen_studio.web.worker.Worker`, as gunicorn.conf.py says."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from gunicorn.workers import base

from heygen_studio.web.connection import Connection, Stage
from heygen_studio.web.remembered import Permissions
from videos.limits import WEB_CONNECTIONS, WEB_STREAMS, WEB_THREADS

FILES_EACH = 3  # descriptors that one connection may need: its socket, its body or its answer
FILES_BESIDES = 300
# How long a connection may continue when the server stops: nothing is lost by a request that has not been read.
SECONDS_TO_STOP = {Stage.IDLE: 0, Stage.RECEIVING: 0, Stage.SENDING: 0.3, Stage.ANSWERING: 1}


class Worker(base.Worker):
    """Accepts connections on one event loop, and runs the application in threads."""

    def init_process(self):
        self.set_up()
        super().init_process()

    def set_up(self):
        self.max_connections = max_connections()
        self.threads = ThreadPoolExecutor(WEB_THREADS, "app")
        self.streams = ThreadPoolExecutor(WEB_STREAMS, "stream")
        self.permissions = Permissions()
        self.connections: dict[Connection, None] = {}  # oldest first
        self.is_accepting = self.is_stopping = False
        self.address = self.sockets[0].getsockname()

    def init_signals(self):
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGABRT, self.handle_abort)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)

    def run(self):
        asyncio.run(self.serve(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # not sys.exit, which would wait for threads that are still running

    async def serve(self, *signals: signal.Signals):
        """Runs until one of `signals` arrives, or the parent is gone."""
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self.report)
        for number in signals:
            self.loop.add_signal_handler(number, self.handle_exit, number, None)
        self.accept_more()
        while self.alive and self.ppid == os.getppid():
            self.notify()
            await asyncio.sleep(0.1)
        await self.stop()

    async def stop(self):
        """Gives running requests a moment to finish."""
        self.is_stopping = True
        self.accept_no_more()
        begun = self.loop.time()
        while self.connections:
            for connection in list(self.connections):
                if self.loop.time() - begun >= SECONDS_TO_STOP[connection.stage]:
                    connection.task.cancel()
            await asyncio.sleep(0.02)

    def report(self, loop, context: dict):
        self.log.error("%s", context["message"], exc_info=context.get("exception"))

    # Connections
    def accept_more(self):
        if not self.is_accepting and not self.is_stopping:
            self.is_accepting = True
            for listener in self.sockets:
                self.loop.add_reader(listener, self.accept, listener)

    def accept_no_more(self):
        if self.is_accepting:
            self.is_accepting = False
            for listener in self.sockets:
                self.loop.remove_reader(listener)

    def accept(self, listener):
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # no descriptors are left
            self.make_room()
            return
        connection = Connection(self, sock, client)
        connection.task = self.loop.create_task(connection.serve())
        connection.task.add_done_callback(lambda task: self.forget(connection))
        self.connections[connection] = None
        if len(self.connections) >= self.max_connections:
            self.make_room()

    def forget(self, connection: Connection):
        del self.connections[connection]
        with suppress(asyncio.CancelledError):
            if error := connection.task.exception():
                self.log.error("A connection failed.", exc_info=error)
        self.accept_more()

    def make_room(self):
        """Closes idle connections first; if there are none, new ones wait for one to end."""
        if not self.close_idle(max(1, self.max_connections // 20)):
            self.accept_no_more()
            self.loop.call_later(1, self.accept_more)

    def close_idle(self, count: int) -> int:
        idle = [connection for connection in self.connections if connection.stage is Stage.IDLE][:count]
        for connection in idle:
            connection.task.cancel()
        return len(idle)

    # Threads
    async def in_thread(self, function: Callable, *arguments):
        return await self.loop.run_in_executor(self.threads, function, *arguments)

    async def in_stream_thread(self, function: Callable, *arguments):
        return await self.loop.run_in_executor(self.streams, function, *arguments)


def max_connections() -> int:
    """The most connections that this process has file descriptors for, after raising its limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = WEB_CONNECTIONS * FILES_EACH + FILES_BESIDES
    if hard != resource.RLIM_INFINITY:
        allowed = min(allowed, hard)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(100, min(WEB_CONNECTIONS, (allowed - FILES_BESIDES) // FILES_EACH))

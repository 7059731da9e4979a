"""A few background processes that draw videos, so that the server never waits for one.

Each is `python -m videos.standin.draw`: a job is a JSON line on its stdin, and the answer a JSON line on its
stdout. When the server dies, even by kill -9, stdin ends, and with it the process.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from videos.standin.ledger import Execution

TRIES = 2
ROOT = Path(__file__).resolve().parents[2]


class RenderQueue:
    """A queue of drawings by due time, and `renderers` processes, which are started when first needed."""

    def __init__(self, folder: Path, renderers: int, draft: bool, weight: int):
        self._folder, self._renderers, self._draft, self._weight = folder, renderers, draft, weight
        self._queue: asyncio.PriorityQueue = asyncio.PriorityQueue()
        self._tasks: list[asyncio.Task] = []
        self._starts: list[asyncio.Task] = []

    def path(self, row: Execution) -> Path:
        """The path of an execution's drawing, once it is drawn."""
        if not self._draft:
            return self._folder / "videos" / f"{row.video_id}.mp4"
        ratio = row.input["aspect_ratio"].replace(":", "x")
        return self._folder / "drafts" / f"{ratio}-{self._weight}.mp4"

    def put(self, row: Execution) -> None:
        """Queues a drawing, unless its file already exists."""
        if self.path(row).exists():
            row.drawn = True
            return
        self._queue.put_nowait((row.ready_at, row.n, row))
        if len(self._tasks) < self._renderers:
            self._tasks.append(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        process = None
        while True:
            *_, row = await self._queue.get()
            problem, tries = None, 0
            while not self.path(row).exists() and tries < TRIES:
                if process is None or process.returncode is not None:
                    process = await self._new_process()
                problem, tries = await self._ask(process, row), tries + 1
            if problem:
                row.failure = {"code": "internal_error", "message": f"The drawing failed: {problem}"}
            row.drawn = True

    async def _new_process(self) -> asyncio.subprocess.Process:
        # A start that is cancelled halfway would never end, so it is never cancelled.
        self._starts.append(asyncio.create_task(_start()))
        return await asyncio.shield(self._starts[-1])

    async def _ask(self, process: asyncio.subprocess.Process, row: Execution) -> str | None:
        job = {"path": str(self.path(row)), "id": row.execution_id, **row.input, "frames": row.frames}
        job |= {"draft": self._draft, "weight": self._weight}
        with suppress(ConnectionError):
            process.stdin.write(json.dumps(job).encode() + b"\n")
            await process.stdin.drain()
        line = await process.stdout.readline()
        if line:
            return json.loads(line)["problem"]
        await process.wait()
        return "the drawing process ended"

    async def stop(self) -> None:
        """Ends the drawing processes at once. A half-drawn file has another name and is drawn again."""
        for task in self._tasks:
            task.cancel()
        for process in await asyncio.gather(*self._starts):
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _start() -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    environment = {name: text for name, text in os.environ.items() if not _is_secret(name)}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "videos.standin.draw"]
    return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)


def _is_secret(name: str) -> bool:
    return any(word in name for word in ("KEY", "SECRET", "PASSWORD", "TOKEN", "DATABASE"))

"""One run of a server as a child process.

The child has a process group of its own, so that Ctrl-C in a terminal reaches only our process, and replies in progress
can finish first. The child is tied to our process, so that it ends even if ours is killed. Processes that the child
leaves behind are killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 10.0  # from SIGTERM to SIGKILL
KEPT_LINES, LONGEST_KEPT = 500, 500  # lines, characters of each: vLLM prints a failure's cause far before its last line
LONGEST_LINE = 64 * 1024


class ChildProcess:
    """A child process and its output; made by `run_child`."""

    def __init__(self, process: asyncio.subprocess.Process, output: asyncio.StreamReader) -> None:
        self.pid = process.pid
        self.stop_timeout_s = STOP_TIMEOUT_S
        self._process = process
        self._output = output
        self._last_lines: deque[str] | None = deque(maxlen=KEPT_LINES)
        self._another_line = asyncio.Event()

    async def wait(self) -> int:
        """Wait for the child's end. Returns the exit status; if it is negative, the signal that ended the child."""
        return await self._process.wait()

    async def lines(self) -> AsyncIterator[str]:
        """The child's output, line by line, until no process that could print is left. Long lines come in pieces."""
        while True:
            try:
                line = await self._output.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                line = await self._output.read(error.consumed)
            except asyncio.IncompleteReadError as error:
                line = error.partial
            if not line:
                return
            yield line.decode("utf-8", errors="replace").rstrip()

    async def pass_on_output(self) -> None:
        """Read the output until no process that could print is left. Logs it at DEBUG until `forget_output`."""
        async for line in self.lines():
            if self._last_lines is not None:
                self._last_lines.append(line[:LONGEST_KEPT])
                logger.debug("[%d] %s", self.pid, line[:LONGEST_KEPT])
                self._another_line.set()

    async def printed(self, words: str) -> None:
        """Wait until a line of the output contains these words. `pass_on_output` has to run meanwhile."""
        while not any(words in line for line in self.last_lines()):
            self._another_line.clear()
            await self._another_line.wait()

    def forget_output(self) -> None:
        """Stop logging and keeping the output. Once a server has requests, its output may quote them (llama.cpp's
        does)."""
        self._last_lines = None

    def last_lines(self) -> list[str]:
        """The last lines of the output, which may show why the child did not start; empty after `forget_output`."""
        return list(self._last_lines or ())

    def kill(self) -> None:
        """Kill the child and all processes that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Send SIGTERM, wait up to `stop_timeout_s`, then kill what is left of the child and its processes."""
        try:
            if self._process.returncode is None:
                self._process.terminate()
                async with asyncio.timeout(self.stop_timeout_s):
                    await self._process.wait()
        except TimeoutError:
            logger.warning("process %d did not end within %.0f s of SIGTERM", self.pid, self.stop_timeout_s)
        finally:
            self.kill()
            await self._process.wait()


@asynccontextmanager
async def run_child(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> AsyncIterator[ChildProcess]:
    """Run `command` for the length of the block. At the end of the block the child is stopped.

    environment: its environment variables; None: those of this process.
    """
    # A pipe that we made. With asyncio's own pipe, `wait` would also wait for grandchildren that hold the pipe open.
    read_end, write_end = os.pipe()
    output = asyncio.StreamReader(limit=LONGEST_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read_end, "rb", buffering=0)
    )
    try:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "common.tether", str(os.getpid())),
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        server = ChildProcess(process, output)
        try:
            yield server
        finally:
            await server.stop()
    finally:
        transport.close()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now. If another process takes it first, the server for it ends at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""Reserves the ports of one `make run`, until it ends.

A process of the mesh listens on its port only seconds after the port was found free. In that time, another `make run`
could choose the same port. The locks are files in the system's temporary folder. The kernel releases them when
`make run` ends for any reason.
"""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout


class PortLocks:
    """The ports that this `make run` has reserved. folder: of the lock files; by default each user has one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"aitalk-ports-{os.getuid()}"
        self._locks: dict[int, FileLock] = {}

    def reserve(self, port: int) -> bool:
        """Whether the port is now reserved for this `make run`; False if another one has reserved it.

        If the folder can't be written, nothing is locked, and the answer is True.
        """
        if port in self._locks:
            return True
        lock = FileLock(self._folder / str(port))
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError:
            return True
        self._locks[port] = lock
        return True

    def reserve_free(self, port: int) -> bool:
        """Whether the port is free, and now reserved for this `make run`."""
        return is_free(port) and self.reserve(port)


def is_free(port: int) -> bool:
    """Whether a process could listen on this port of 127.0.0.1."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True

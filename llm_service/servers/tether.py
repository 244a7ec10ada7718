"""`python -m llm_service.servers.tether PARENT_PID COMMAND…` becomes COMMAND, tied to its parent.

When the parent dies, the command is told to end. The kernel keeps the promise, so it holds even if the parent is killed
by SIGKILL and can clean up nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; it survives the exec


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGTERM, not SIGKILL: a server with children of its own (vLLM) has to end those, and to free the GPU.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone already")
    os.execvp(command[0], command)  # noqa: S606  # our own supervisor's command, and no shell


if __name__ == "__main__":
    main()

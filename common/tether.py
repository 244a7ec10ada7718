"""`python -m common.tether PARENT_PID COMMAND…` becomes COMMAND, tied to its parent.

When the parent ends, the kernel (of Linux only) sends SIGTERM to the command. This works even if SIGKILL ends the
parent, which then can't clean up.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # from linux/prctl.h; the setting survives an exec


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGTERM, not SIGKILL, because a server with child processes (vLLM) has to end them and free the GPU.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone already")
    os.execvp(command[0], command)  # noqa: S606  # our own supervisor's command, and no shell


if __name__ == "__main__":
    main()

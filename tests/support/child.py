"""`python -m tests.support.child HOW`: ends well, fails, is killed, crashes or hangs, as a child process may."""

from __future__ import annotations

import os
import signal
import sys
import time


def main(how: str) -> None:
    match how:
        case "fails":
            sys.exit("a warning\nthe model mini has no weights; download them")
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hangs":
            time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1])

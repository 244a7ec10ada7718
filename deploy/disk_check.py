"""`python deploy/disk_check.py FOLDER`: ends with status 1 if the disk has too little room for the packages.

`make setup` runs it first. Without it, pip or uv would fail only after many seconds, and the Makefile's advice would be
about the network.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

NEEDED_BYTES = 1_200_000_000  # the .venv of `make setup`, with the bundled models


def main(arguments: Sequence[str]) -> int:
    """Check the disk. Returns the exit status. If there is too little room, writes to stderr how much is needed and
    left."""
    folder = Path(arguments[0]).absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free >= NEEDED_BYTES:
        return 0
    left = f"the disk of {folder} has {free / 1e6:.0f} MB left"
    print(f"can't set up: the packages need {NEEDED_BYTES / 1e9:.1f} GB, and {left}", file=sys.stderr)
    print("Make room, or set VENV to a folder on another disk; then try again", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

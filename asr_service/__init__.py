"""Speech recognition.

numpy's matrix products here are small, so more threads don't make them faster. But OpenBLAS's threads keep spinning for
tens of milliseconds after each product: they took as much CPU as the turn detection model itself. OpenBLAS reads its
number of threads from the environment when numpy is first imported. So this package sets the number before any of our
modules imports numpy.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

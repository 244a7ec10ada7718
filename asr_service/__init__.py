"""Speech recognition.

numpy's matrix products here are small. Spread over the cores they are done no sooner, and each leaves OpenBLAS' threads
spinning for tens of milliseconds: beside Smart Turn they took as much CPU as the network. OpenBLAS asks the environment
when numpy is first imported, so it is told here, before any module of ours imports it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

"""The clock of a bench run, in seconds. All times in `bench` are read from it."""

from __future__ import annotations

import time

now = time.perf_counter

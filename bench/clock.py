"""The one clock of a bench run, in seconds; every time in bench is on it."""

from __future__ import annotations

import time

now = time.perf_counter

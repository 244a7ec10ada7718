"""The clock of the simulated learners, in seconds: their microphones, what they hear and the models alone are timed by
it, so that these times can be compared."""

from __future__ import annotations

import time

now = time.perf_counter

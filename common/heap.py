"""The C library's heap, where glibc manages it; elsewhere these functions do nothing."""

from __future__ import annotations

import ctypes
import os

_M_ARENA_MAX = -8  # of glibc's malloc.h
_ARENAS = 2


def limit_arenas() -> None:
    """Have all threads share two heaps. Call it before there are threads.

    glibc gives each thread a heap of its own, up to eight for each core. Each keeps what its thread has freed, though
    Python's threads seldom allocate at the same time. MALLOC_ARENA_MAX in the environment wins.
    """
    if "MALLOC_ARENA_MAX" not in os.environ and (mallopt := _function("mallopt")):
        mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give freed memory back to the system. It takes some milliseconds."""
    if trim := _function("malloc_trim"):
        trim(0)


def _function(name: str) -> ctypes._NamedFuncPointer | None:
    found: ctypes._NamedFuncPointer | None = getattr(ctypes.CDLL(None), name, None)
    return found

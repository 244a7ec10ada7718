"""The C library's heap, where glibc manages it; elsewhere these functions do nothing."""

from __future__ import annotations

import ctypes
import os

_M_ARENA_MAX = -8  # the constant in glibc's malloc.h
_ARENAS = 2


def limit_arenas() -> None:
    """Have all threads share two heaps. Call it before threads are started.

    glibc gives each thread a heap of its own, up to eight for each core, and each heap keeps what its thread has freed.
    Two are enough, because Python's threads seldom allocate at the same time. If MALLOC_ARENA_MAX is set in the
    environment, its number is used instead.
    """
    if "MALLOC_ARENA_MAX" not in os.environ and (mallopt := _function("mallopt")):
        mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give freed memory back to the system. This takes some milliseconds."""
    if trim := _function("malloc_trim"):
        trim(0)


def _function(name: str) -> ctypes._NamedFuncPointer | None:
    found: ctypes._NamedFuncPointer | None = getattr(ctypes.CDLL(None), name, None)
    return found

"""Gives large areas of memory that hold only zeros back to the system, until something is written to them.

llama.cpp fills its KV cache with zeros when it starts: 180 MB for the bundled model's four slots. A conversation writes
only some 15 MB of its slot. An area given back reads as zeros, and takes memory again page by page as it is written, so
nothing else changes.
"""

from __future__ import annotations

import ctypes
import mmap
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

LEAST_BYTES = 16 << 20
"""Smaller areas stay as they are. Stacks and heaps have no such large areas, so no thread is writing to the
areas that are given back."""
_PIECE = 256 << 10  # bytes compared at once
_ZEROS = bytes(_PIECE)
_NO_HUGE_PAGES = 15  # MADV_NOHUGEPAGE of Linux's mman.h, which `mmap` has only if Python was built with it
_ANONYMOUS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0\s*$")


def give_back_zeros(least_bytes: int = LEAST_BYTES) -> int:
    """Give back this process's areas of zeros, each of at least `least_bytes`; returns their size in bytes.

    No other thread may write to such an area meanwhile: what it writes could be lost. Only Linux can do it.
    """
    if sys.platform != "linux":
        return 0
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    given_back = 0
    for start, end in _areas(Path("/proc/self/maps").read_text().splitlines(), least_bytes):
        for begin, stop in _runs_of_zeros(start, end, least_bytes):
            madvise(begin, stop - begin, _NO_HUGE_PAGES)  # otherwise the first byte written takes 2 MB
            if madvise(begin, stop - begin, mmap.MADV_DONTNEED) == 0:
                given_back += stop - begin
    return given_back


def _areas(maps: Iterable[str], least_bytes: int) -> list[tuple[int, int]]:
    """The private anonymous areas, (start, end), in the lines of /proc/PID/maps."""
    found = (_ANONYMOUS.match(line) for line in maps)
    areas = [(int(match[1], 16), int(match[2], 16)) for match in found if match]
    return [(start, end) for start, end in areas if end - start >= least_bytes]


def _runs_of_zeros(start: int, end: int, least_bytes: int) -> Iterator[tuple[int, int]]:
    """The parts of an area, (begin, stop), that hold only zeros."""
    begin = start
    for piece in range(start, end, _PIECE):
        size = min(_PIECE, end - piece)
        if ctypes.string_at(piece, size) != _ZEROS[:size]:
            if piece - begin >= least_bytes:
                yield begin, piece
            begin = piece + size
    if end - begin >= least_bytes:
        yield begin, end

"""Only memory that holds nothing but zeros is given back."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_service.servers.untouched_memory import give_back_zeros

MIB = 1 << 20
AREA = 48 * MIB


@pytest.fixture
def area() -> Iterator[mmap.mmap]:
    """A memory area that is completely resident, like a buffer that was filled with zeros."""
    with mmap.mmap(-1, AREA, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.write(bytes(AREA))
        yield memory


def resident_bytes() -> int:
    """The resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_zeros_take_no_memory_any_more_and_what_was_written_stays(area: mmap.mmap) -> None:
    area[20 * MIB] = 7  # divides the zeros into 20 and 28 MiB
    before = resident_bytes()

    given_back = give_back_zeros()

    assert given_back >= AREA - MIB
    assert before - resident_bytes() >= AREA - 8 * MIB  # the process itself may need a little more meanwhile
    assert area[20 * MIB] == 7
    assert area[:MIB] == bytes(MIB)
    area[3 * MIB] = 9
    assert (area[3 * MIB], area[3 * MIB + 1]) == (9, 0)


def test_small_stretches_of_zeros_stay(area: mmap.mmap) -> None:
    for place in range(0, AREA, 8 * MIB):
        area[place] = 1
    before = resident_bytes()

    give_back_zeros()

    assert before - resident_bytes() < 32 * MIB
    assert [area[place] for place in range(0, AREA, 8 * MIB)] == [1] * (AREA // (8 * MIB))

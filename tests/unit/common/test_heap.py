"""The limit on the number of heaps. It is tested in a process of its own, because it can't be removed again."""

from __future__ import annotations

from tests.support.own_process import numbers_of

PROGRAM = """
import sys, threading
import psutil
from common.heap import give_back, limit_arenas

if sys.argv[1:] == ["limited"]:
    limit_arenas()
rss = lambda: psutil.Process().memory_info().rss >> 20
ready = threading.Barrier(17)

def fill():
    small = [bytes(900) for _ in range(500)]  # more than Python's own allocator takes
    ready.wait()
    ready.wait()

threads = [threading.Thread(target=fill) for _ in range(16)]
for thread in threads:
    thread.start()
ready.wait()
maps = open("/proc/self/smaps").read()
print(sum("rw-p" in line and line.split("-")[0].endswith("000000") for line in maps.splitlines()), end=" ")
ready.wait()
kept = [bytes(5000) for _ in range(20_000)]
fence = bytes(5000)
before = rss()
del kept
give_back()
print(before - rss())
"""


def heap(*arguments: str) -> tuple[int, int]:
    """The number of heaps that sixteen threads have, and how many MB of 100 are given back."""
    heaps, freed = numbers_of(PROGRAM, *arguments)
    return heaps, freed


def test_threads_share_two_heaps_and_freed_memory_is_given_back() -> None:
    (alone, _), (shared, freed) = heap(), heap("limited")
    assert shared <= 3 < alone
    assert freed > 50

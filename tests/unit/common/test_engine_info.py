"""The memory that Describe reports."""

from __future__ import annotations

from common.engine_info import MEMORY_AGE_S, MemoryGauge, resident_memory


def test_memory_is_measured_at_intervals_however_often_it_is_asked_for() -> None:
    measured = iter((100, 200, 300))
    gauge = MemoryGauge(lambda: next(measured))
    assert [gauge.at(now) for now in (0.0, 1.0, MEMORY_AGE_S - 0.1)] == [100] * 3
    assert gauge.at(MEMORY_AGE_S) == 200
    assert gauge.at(2 * MEMORY_AGE_S - 0.1) == 200


def test_the_memory_of_this_process_is_counted() -> None:
    assert resident_memory() > 1 << 20

"""The pauses between tries grow to a limit, and are short again after a success."""

from __future__ import annotations

import itertools

from common.backoff import LONGEST_PAUSE_S, STABLE_AFTER_S, Backoff


def test_pauses_grow_to_a_limit_and_start_anew_after_a_good_time() -> None:
    backoff = Backoff()
    assert [backoff.next_pause_s() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [backoff.next_pause_s() for _ in range(2000)][-1] == LONGEST_PAUSE_S
    assert backoff.next_pause_s(STABLE_AFTER_S) == 0.5
    assert backoff.next_pause_s(STABLE_AFTER_S - 1) == 1


def test_the_first_new_try_can_come_at_once_and_chance_spreads_the_others() -> None:
    at_once = Backoff(0.1, 1.0, at_once=True, jitter=0.5)
    for _ in range(2):
        pauses = [at_once.next_pause_s() for _ in range(6)]
        assert pauses[0] == 0
        for pause, least in zip(pauses[1:], (0.1, 0.2, 0.4, 0.8, 1.0), strict=True):
            assert least <= pause <= 1.5 * least
        at_once.reset()
    assert len(set(itertools.islice(iter(Backoff(1, 1, jitter=0.5).next_pause_s, None), 20))) > 1

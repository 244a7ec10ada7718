"""Scores turn detection: how many hesitations were cut off, and the delay after complete utterances."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.turn_taking.detector import Heard
from bench.turn_taking.utterances import RATE, Utterance

# In samples: the voice after a pause is noticed about this late. A turn that ended before that counts as cut, too.
_LATE = RATE // 10


@dataclass(frozen=True)
class Score:
    """Counts of hesitations and of complete utterances; delays in ms of audio after the last voiced sample.

    cut_1000: how many of the of_1000 hesitations of at most 1,000 ms were cut. split: in how many complete utterances a
    turn ended before the speech did. eager_wasted: the share of the eager ends of turns that no end of a turn followed.
    """

    cut_1000: int
    of_1000: int
    cut_1500: int
    of_1500: int
    complete: int
    split: int
    delay_median: float
    delay_p95: float
    delay_hesitant_median: float
    eager_median: float
    eager_wasted: float

    def as_row(self) -> dict[str, Any]:
        """The score as a row for JSON."""
        return asdict(self)


def score(utterances: Iterable[Utterance], detect: Callable[[Utterance], Heard]) -> Score:
    """The score of `detect` on all utterances."""
    found = [(utterance, detect(utterance)) for utterance in utterances]
    hesitant = [(u, heard) for u, heard in found if u.pause]
    complete = [(u, heard) for u, heard in found if not u.pause]
    short = [(u, heard) for u, heard in hesitant if u.pause_ms <= 1_000]
    delays = [_after(u, heard.ends) for u, heard in complete]
    eagers = sum(len(heard.eagers) for _, heard in found)
    ends = sum(min(len(heard.ends), len(heard.eagers)) for _, heard in found)
    return Score(
        cut_1000=sum(is_cut(u, heard) for u, heard in short),
        of_1000=len(short),
        cut_1500=sum(is_cut(u, heard) for u, heard in hesitant),
        of_1500=len(hesitant),
        complete=len(complete),
        split=sum(any(end <= u.end for end in heard.ends) for u, heard in complete),
        delay_median=_ms(np.median(delays)),
        delay_p95=_ms(np.percentile(delays, 95)),
        delay_hesitant_median=_ms(np.median([_after(u, heard.ends) for u, heard in hesitant])),
        eager_median=_ms(np.median([_after(u, heard.eagers or heard.ends) for u, heard in complete])),
        eager_wasted=round(1 - ends / eagers, 3) if eagers else 0.0,
    )


def is_cut(utterance: Utterance, heard: Heard) -> bool:
    """Whether a turn ended while the speaker was thinking, or within _LATE after that."""
    begin, end = utterance.pause or (0, 0)
    return any(begin < position <= end + _LATE for position in heard.ends)


def _after(utterance: Utterance, positions: list[int]) -> float:
    """Samples from the last voiced sample to the first of `positions` after it. A turn that never ended counts as 5
    s."""
    later = [position - utterance.end for position in positions if position > utterance.end]
    return float(later[0] if later else 5 * RATE)


def _ms(samples: Any) -> float:
    return round(float(samples) * 1000 / RATE)

"""Measures how fluently the learner spoke, from the audio and the word times, without any model.

The measures are the usual ones of utterance fluency (Skehan, 2003; Tavakoli & Skehan, 2005). Speed: speech rate and
articulation rate. Breakdown: silent pauses of at least 0.25 s, and fillers. Two more suit a dialogue: share of talk and
response time. Rates are "pruned": hesitation sounds are not words. Typed turns do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from gateway.analysis.document import Fillers, Fluency, Pauses
from gateway.analysis.fillers import fillers_of
from gateway.analysis.times import pauses_of, seconds, spoken_s
from gateway.analysis.words import Lexicon
from gateway.history import LearnerTurn, PartnerTurn, Turn

_MIN_SPEAKING_S = 1.0  # a rate over less speech says nothing


def measure_fluency(turns: Sequence[Turn], lexicon: Lexicon) -> Fluency:
    """The numbers over all spoken turns of the learner. See `document.Fluency` for units."""
    spoken = [turn for turn in turns if isinstance(turn, LearnerTurn) and not turn.typed]
    words = sum(word_count(turn.text, lexicon) for turn in spoken)
    speaking_s = sum(map(spoken_s, spoken))
    return Fluency(
        turns=len(spoken),
        words=words,
        speaking_time_s=round(speaking_s, 2),
        words_per_minute=_per_minute(words, speaking_s),
        articulation_rate_wpm=_articulation_rate(spoken, lexicon),
        mean_words_per_turn=round(words / len(spoken), 1) if spoken else None,
        pauses=_measure_pauses(spoken),
        fillers=_count_fillers(spoken, words, lexicon),
        share_of_talk=_share_of_talk(turns, speaking_s),
        mean_response_time_s=_mean_response_time_s(turns),
    )


def word_count(text: str, lexicon: Lexicon) -> int:
    """How many words `text` has, hesitation sounds left out."""
    return len(spoken_words(text, lexicon))


def spoken_words(text: str, lexicon: Lexicon) -> list[str]:
    """The words of `text` without hesitation sounds."""
    fillers = fillers_of(lexicon.language)
    return [word for word in lexicon.words(text) if fillers.sound(word) is None]


def _per_minute(count: int, duration_s: float) -> float | None:
    return round(count * 60 / duration_s, 1) if duration_s >= _MIN_SPEAKING_S else None


def _articulation_rate(spoken: Sequence[LearnerTurn], lexicon: Lexicon) -> float | None:
    timed = [turn for turn in spoken if turn.words]
    silent_s = sum(pause.duration_s for turn in timed for pause in pauses_of(turn))
    return _per_minute(sum(word_count(turn.text, lexicon) for turn in timed), sum(map(spoken_s, timed)) - silent_s)


def _measure_pauses(spoken: Sequence[LearnerTurn]) -> Pauses | None:
    timed = [turn for turn in spoken if turn.words]
    if not timed:
        return None
    lengths = [pause.duration_s for turn in timed for pause in pauses_of(turn)]
    return Pauses(
        count=len(lengths),
        total_s=round(sum(lengths), 2),
        mean_s=round(sum(lengths) / len(lengths), 2) if lengths else None,
        longest_s=round(max(lengths), 2) if lengths else None,
        per_minute=_per_minute(len(lengths), sum(map(spoken_s, timed))),
    )


def _count_fillers(spoken: Sequence[LearnerTurn], words: int, lexicon: Lexicon) -> Fillers | None:
    """None if there are none in the transcript: most recognisers leave fillers out, so we can't tell whether some were
    said."""
    fillers = fillers_of(lexicon.language)
    found: Counter[str] = Counter()
    for turn in spoken:
        found.update(sound for word in lexicon.words(turn.text) if (sound := fillers.sound(word)) is not None)
        found.update(fillers.set_off(turn.text))
    if not found:
        return None
    return Fillers(
        count=found.total(),
        per_100_words=round(found.total() * 100 / words, 1) if words else None,
        by_filler=dict(found.most_common()),
    )


def _share_of_talk(turns: Sequence[Turn], learner_s: float) -> float | None:
    """None if the learner did not speak."""
    if learner_s == 0:
        return None
    partner_s = sum(spoken_s(turn) for turn in turns if isinstance(turn, PartnerTurn))
    return round(learner_s / (learner_s + partner_s), 3)


def _mean_response_time_s(turns: Sequence[Turn]) -> float | None:
    gaps_s = [
        gap_s
        for before, after in pairwise(turns)
        if isinstance(before, PartnerTurn) and not before.interrupted
        if isinstance(after, LearnerTurn) and not after.typed
        if (gap_s := seconds(after.started_s) - seconds(before.started_s) - spoken_s(before)) >= 0
    ]
    return round(sum(gaps_s) / len(gaps_s), 2) if gaps_s else None

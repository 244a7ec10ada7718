"""Measures fluency, vocabulary and timeline of a conversation.

`measure` keeps the processor busy, so call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.analysis.document import Fluency, Part, TimelineTurn, Vocabulary
from gateway.analysis.fluency import measure_fluency
from gateway.analysis.remarks import Remark
from gateway.analysis.sentences import counted
from gateway.analysis.timeline import timeline_turn
from gateway.analysis.vocabulary import measure_vocabulary
from gateway.analysis.words import Lexicon, load_lexicon
from gateway.history import Level, Turn


@dataclass(frozen=True, slots=True)
class Measurement:
    """unavailable: the parts that could not be measured, and why."""

    lexicon: Lexicon
    fluency: Fluency
    vocabulary: Vocabulary
    timeline: tuple[TimelineTurn, ...]
    unavailable: dict[Part, Remark]

    def facts(self) -> list[str]:
        """The facts that a teacher would want to know first, one sentence each."""
        fluency, vocabulary = self.fluency, self.vocabulary
        unit = vocabulary.unit
        facts = [f"The learner said {counted(vocabulary.words, unit)}, {vocabulary.distinct_words} different ones."]
        if fluency.words_per_minute is not None:
            facts.append(f"Speed: {fluency.words_per_minute:.0f} {unit}s per minute.")
        if fluency.pauses is not None and fluency.pauses.longest_s is not None:
            facts.append(f"Pauses: {fluency.pauses.count}, the longest {fluency.pauses.longest_s:.1f} seconds.")
        if fluency.fillers is not None:
            facts.append(f"Fillers such as {next(iter(fluency.fillers.by_filler))}: {fluency.fillers.count}.")
        return facts


def measure(turns: Sequence[Turn], level: Level, language: str) -> Measurement:
    """Measure a conversation. The first use of a language loads its word list, which keeps the processor busy for half
    a second."""
    lexicon = load_lexicon(language)
    vocabulary = measure_vocabulary(turns, lexicon, level)
    unavailable: dict[Part, Remark] = {}
    if lexicon.rarity_unknown_because is not None:
        unavailable["rarity"] = lexicon.rarity_unknown_because
    fluency = measure_fluency(turns, lexicon)
    if fluency.words and fluency.fillers is None:
        unavailable["fillers"] = Remark("no_fillers")
    return Measurement(
        lexicon=lexicon,
        fluency=fluency,
        vocabulary=vocabulary,
        timeline=tuple(timeline_turn(turn, lexicon) for turn in turns),
        unavailable=unavailable,
    )

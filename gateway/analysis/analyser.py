"""Makes an analysis: measures at once, then lets the language model write the rest part by part.

1. Measure everything that can be measured. This runs in a thread, because it keeps the processor busy and may load
   wordfreq. The result is the first document. Its `pending` names the parts that are still to be written.
2. Let the language model write the rest (`analysis_writer`). Each step gives another document.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

from gateway.analysis.analysis_writer import AnalysisWriter, Stage
from gateway.analysis.answers import Clock
from gateway.analysis.cefr import estimate_cefr
from gateway.analysis.document import Analysis, Conversation, Goals, Grammar, Told
from gateway.analysis.goals import measure_goals
from gateway.analysis.grammar import Corrections
from gateway.analysis.measurement import Measurement, measure
from gateway.analysis.times import seconds
from gateway.history import LearnerTurn, Level, PartnerTurn, SessionScenario, Turn
from gateway.ports import Llm

log = logging.getLogger(__name__)

TIMEOUT_S = 180.0


async def analyse(
    turns: Sequence[Turn],
    *,
    level: Level,
    language: str,
    duration_s: float,
    llm: Llm,
    scenario: SessionScenario | None = None,
    native_language: str = "",
    timeout_s: float = TIMEOUT_S,
) -> AsyncIterator[Stage]:
    """The analysis as a series of growing documents: first the measured parts, then more and more. The last one has
    nothing `pending`.

    turns: in the order in which they were spoken. language: a BCP-47 tag. duration_s: of the whole conversation.
    scenario: which of its tasks the learner did is part of the analysis; without one, `goals` is None. native_language:
    the learner's; the rules that correct give their reasons in it; empty if unknown. timeout_s: for all of the language
    model's work. Measuring comes first and takes well under a second, once wordfreq is loaded. A failure of the
    language model is not raised: the parts that it should write are then empty, with a reason.
    """
    measured = await asyncio.to_thread(measure, tuple(turns), level, language)
    corrections = Corrections(turns, measured.lexicon, native_language)
    goals = await asyncio.to_thread(measure_goals, tuple(turns), scenario) if scenario else None
    draft = _first_document(_conversation(turns, level, language, duration_s), measured, corrections.grammar(), goals)
    writer = AnalysisWriter(tuple(turns), llm, measured, corrections, scenario, draft, Clock(timeout_s))
    yield writer.stage()
    async for stage in writer.write():
        yield stage
    log.info(
        "analysis of %d turns, %d words: language model %.2f s, unavailable: %s",
        len(turns),
        measured.vocabulary.words,
        writer.clock.elapsed_s,
        ", ".join(writer.draft.unavailable) or "nothing",
    )


def _first_document(
    conversation: Conversation, measured: Measurement, grammar: Grammar, goals: Goals | None
) -> Analysis:
    """What was measured; the language model's parts are `pending`."""
    return Analysis(
        conversation=conversation,
        summary=None,
        cefr=estimate_cefr(measured.fluency, measured.vocabulary, grammar, conversation.language, None)[0],
        fluency=measured.fluency,
        vocabulary=measured.vocabulary,
        grammar=grammar,
        next_steps=(),
        goals=goals,
        timeline=measured.timeline,
        unavailable=dict(measured.unavailable),
        unavailable_codes={part: Told.of(because) for part, because in measured.unavailable.items()},
        pending=("grammar", "cefr", "summary", "next_steps", "meanings", *(("goals",) if goals else ())),
    )


def _conversation(turns: Sequence[Turn], level: Level, language: str, duration_s: float) -> Conversation:
    learner = [turn for turn in turns if isinstance(turn, LearnerTurn)]
    partner = [turn for turn in turns if isinstance(turn, PartnerTurn)]
    return Conversation(
        language=language,
        level=level,
        duration_s=round(seconds(duration_s), 2),
        learner_turns=len(learner),
        typed_turns=sum(turn.typed for turn in learner),
        partner_turns=len(partner),
        interruptions=sum(turn.interrupted for turn in partner),
    )

"""How an analysis comes about: measure, ask the language model twice, put it together.

1. Measure everything that can be measured, in a thread: it takes the processor, and wordfreq may have to be loaded.
2. Ask for corrections of the learner's last words; keep those that can be checked.
3. Ask for a summary and next steps, with the measured facts and the corrections at hand.
4. In a scenario, ask which of its tasks the learner did; it stands beside what was measured.
5. Estimate the CEFR level from the measurements and the corrections.

Steps 2 to 4 come one after the other, so that one analysis takes one slot of the language model at a time. Whatever
goes wrong in them is written down under `unavailable`; the measured parts are always there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from gateway.analysis.answers import NoAnswerError
from gateway.analysis.cefr import estimate_cefr
from gateway.analysis.document import Analysis, Conversation
from gateway.analysis.feedback import NO_FEEDBACK, advise
from gateway.analysis.goals import ask_opinions, goal_facts, measure_goals
from gateway.analysis.grammar import NOTHING_CHECKED, correct
from gateway.analysis.measurement import measure
from gateway.analysis.times import seconds
from gateway.history import LearnerTurn, Level, PartnerTurn, SessionScenario, Turn
from gateway.ports import Llm

log = logging.getLogger(__name__)


async def analyse(
    turns: Sequence[Turn],
    *,
    level: Level,
    language: str,
    duration_s: float,
    llm: Llm,
    scenario: SessionScenario | None = None,
    timeout_s: float = 60,
) -> Analysis:
    """How the conversation went.

    turns: in the order in which they were spoken. language: a BCP-47 tag. duration_s: of the whole conversation.
    scenario: whose tasks are looked for; None: `goals` is None.
    timeout_s: for the language model, in all; measuring comes on top (well under a second, once wordfreq is loaded).
    No failure of the language model is raised: the parts that it would have written are then empty, with a reason.
    """
    measured = await asyncio.to_thread(measure, tuple(turns), level, language)
    goals = await asyncio.to_thread(measure_goals, tuple(turns), scenario) if scenario else None
    unavailable = dict(measured.unavailable)
    asked_at = time.monotonic()

    try:
        grammar = await correct(turns, measured.lexicon, llm, level=level, timeout_s=timeout_s / 2)
    except NoAnswerError as error:
        grammar = NOTHING_CHECKED
        unavailable["grammar"] = error.reason

    facts = measured.facts() + (goal_facts(goals) if goals else [])
    facts += [f"Mistake: {one.original} → {one.corrected}" for one in grammar.corrections]
    left_s = timeout_s - (time.monotonic() - asked_at)
    reason = "The language model wrote nothing usable here. A larger model does better."
    try:
        feedback = await advise(turns, facts, llm, level=level, language=language, timeout_s=left_s)
    except NoAnswerError as error:
        feedback = NO_FEEDBACK
        reason = error.reason
    if feedback.summary is None:
        unavailable["summary"] = reason
    if not feedback.next_steps:
        unavailable["next_steps"] = reason

    if goals and scenario:
        left_s = timeout_s - (time.monotonic() - asked_at)
        try:
            goals = await ask_opinions(goals, turns, scenario, llm, timeout_s=left_s)
        except NoAnswerError as error:
            unavailable["goals"] = error.reason

    log.info(
        "analysis of %d turns, %d words: language model %.2f s, unavailable: %s",
        len(turns),
        measured.vocabulary.words,
        time.monotonic() - asked_at,
        ", ".join(unavailable) or "nothing",
    )
    return Analysis(
        conversation=_conversation(turns, level, language, duration_s),
        summary=feedback.summary,
        cefr=estimate_cefr(measured.fluency, measured.vocabulary, grammar, language, feedback.impression),
        fluency=measured.fluency,
        vocabulary=measured.vocabulary,
        grammar=grammar,
        next_steps=feedback.next_steps,
        goals=goals,
        timeline=measured.timeline,
        unavailable=unavailable,
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

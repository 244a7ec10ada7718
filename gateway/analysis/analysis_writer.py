"""The parts of an analysis that the language model writes, one after the other.

1. Corrections of everything the learner said, in pieces; only credible ones are kept. Then a reason for each.
2. A note on each piece of a long conversation except the last, then a summary and next steps. Then the CEFR level is
   estimated, since the corrections and the model's impression are known by then.
3. The meanings of the words worth learning.
4. In a scenario, the model's opinion of which tasks the learner did.

The writer asks one question at a time, so that an analysis takes only one slot of the language model. The parts that
fail are listed under `unavailable`. A small model (`Llm.is_small`) is only asked for corrections, and only if it was
trained to correct.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from gateway.analysis.answers import Clock, NoAnswerError
from gateway.analysis.cefr import estimate_cefr
from gateway.analysis.document import Analysis, Grammar, Part, Told
from gateway.analysis.explanations import define, explain
from gateway.analysis.feedback import NO_FEEDBACK, Feedback, advise, take_notes
from gateway.analysis.goals import ask_opinions, goal_facts
from gateway.analysis.grammar import Corrections, can_be_asked
from gateway.analysis.measurement import Measurement
from gateway.analysis.remarks import Remark
from gateway.history import SessionScenario, Turn
from gateway.ports import Llm

# The deadline of each part, as a share of the total time. Time that a part does not use goes to the next ones.
CORRECTIONS_UNTIL = 0.5
REASONS_UNTIL = 0.6
NOTES_UNTIL = 0.7
FEEDBACK_UNTIL = 0.85
MEANINGS_UNTIL = 0.93
# After this many unusable answers in a row the model is not asked for more corrections.
HOPELESS = 2


@dataclass(frozen=True, slots=True)
class Stage:
    """The analysis so far. `done` of `total` steps are completed."""

    analysis: Analysis
    done: int
    total: int


class AnalysisWriter:
    """Adds the written parts to `draft`, the measured document whose `pending` names them."""

    def __init__(
        self,
        turns: tuple[Turn, ...],
        llm: Llm,
        measured: Measurement,
        corrections: Corrections,
        scenario: SessionScenario | None,
        draft: Analysis,
        clock: Clock,
    ) -> None:
        self.draft = draft
        self.clock = clock
        self._turns = turns
        self._llm = llm
        self._measured = measured
        self._corrections = corrections
        self._scenario = scenario
        self._level = draft.conversation.level
        self._language = draft.conversation.language
        self._done = 0
        self._pieces = corrections.pieces if can_be_asked(llm, self._language) else []
        self._why_unchecked = self._reason_before_asking()
        self._total = len(self._pieces) + (1 if llm.is_small else 4 if scenario else 3)

    def stage(self) -> Stage:
        """The analysis so far."""
        return Stage(self.draft, self._done, self._total)

    async def write(self) -> AsyncIterator[Stage]:
        """Write all parts. The draft is complete after the last one."""
        async for stage in self._correct():
            yield stage
        if self._llm.is_small:
            self._leave_to_a_larger_model()
            yield self._advance(*self.draft.pending)
            return
        await self._explain()
        yield self._advance("grammar")
        await self._advise()
        yield self._advance("cefr", "summary", "next_steps")
        await self._define()
        yield self._advance("meanings")
        if self._scenario:
            await self._judge_goals(self._scenario)
            yield self._advance("goals")

    def _reason_before_asking(self) -> Remark:
        """Why there are no corrections by the model, if none of its answers is usable."""
        if not self._corrections.pieces:
            return Remark("nothing_to_correct")
        return Remark("unusable") if self._pieces else Remark("too_small_for_mistakes")

    async def _correct(self) -> AsyncIterator[Stage]:
        """Let the model correct what the learner said, piece by piece."""
        unusable = 0
        for piece in self._pieces:
            try:
                await self._corrections.check(piece, self._llm, timeout_s=self.clock.left_s(CORRECTIONS_UNTIL))
                unusable = 0
            except NoAnswerError as error:
                self._why_unchecked = error.reason
                unusable += 1
                if not error.may_go_on or unusable == HOPELESS:
                    break
            yield self._advance(grammar=self._corrections.grammar())
        self._done = len(self._pieces)

    def _leave_to_a_larger_model(self) -> None:
        """Leave the other written parts empty, with a reason: a small model's texts here are worse than none."""
        self._take_grammar()
        self._miss("summary", Remark("too_small_for_feedback"))
        self._miss("next_steps", Remark("too_small_for_feedback"))
        self._estimate_level(NO_FEEDBACK)
        if self.draft.vocabulary.words_to_learn:
            self._miss("meanings", Remark("too_small_for_meanings"))
        if self._scenario:
            self._miss("goals", Remark("too_small_for_opinion"))

    def _advance(self, *parts: Part, **changes: object) -> Stage:
        """Complete one step; `parts` are no longer pending."""
        self._done = min(self._done + 1, self._total)
        self._change(pending=tuple(part for part in self.draft.pending if part not in parts), **changes)
        return self.stage()

    def _change(self, **changes: object) -> None:
        self.draft = self.draft.model_copy(update=changes)

    def _miss(self, part: Part, because: Remark) -> None:
        codes = self.draft.unavailable_codes | {part: Told.of(because)}
        self._change(unavailable=self.draft.unavailable | {part: because}, unavailable_codes=codes)

    def _take_grammar(self) -> Grammar:
        """Add the corrections to the draft; if the model checked nothing, with the reason."""
        grammar = self._corrections.grammar()
        if not grammar.words_checked:
            self._miss("grammar", self._why_unchecked)
        self._change(grammar=grammar)
        return grammar

    async def _explain(self) -> None:
        """Add the corrections, and the reasons for them."""
        grammar = self._take_grammar()
        try:
            left_s = self.clock.left_s(REASONS_UNTIL)
            explained = await explain(grammar, self._llm, level=self._level, language=self._language, timeout_s=left_s)
        except NoAnswerError:
            return  # the corrections stay without reasons
        self._change(grammar=explained)

    async def _advise(self) -> None:
        facts = self._measured.facts() + (goal_facts(self.draft.goals) if self.draft.goals else [])
        facts += [f"Mistake: {one.original} → {one.corrected}" for one in self.draft.grammar.corrections]
        feedback, reason = NO_FEEDBACK, Remark("unusable")
        try:
            feedback = await advise(
                self._turns,
                facts,
                self._llm,
                level=self._level,
                language=self._language,
                notes=await self._notes(),
                timeout_s=self.clock.left_s(FEEDBACK_UNTIL),
            )
        except NoAnswerError as error:
            reason = error.reason
        if feedback.summary is None:
            self._miss("summary", reason)
        if not feedback.next_steps:
            self._miss("next_steps", reason)
        self._change(summary=feedback.summary, next_steps=feedback.next_steps)
        self._estimate_level(feedback)

    async def _notes(self) -> list[str]:
        left_s = self.clock.left_s(NOTES_UNTIL)
        return await take_notes(self._turns, self._llm, language=self._language, timeout_s=left_s)

    def _estimate_level(self, feedback: Feedback) -> None:
        draft = self.draft
        cefr, because = estimate_cefr(
            draft.fluency, draft.vocabulary, draft.grammar, self._language, feedback.impression
        )
        self._change(cefr=cefr)
        if because:
            self._miss("cefr", because)

    async def _define(self) -> None:
        vocabulary = self.draft.vocabulary
        if not vocabulary.words_to_learn:
            return
        try:
            words = await define(
                vocabulary.words_to_learn,
                self._measured.lexicon,
                self._llm,
                level=self._level,
                timeout_s=self.clock.left_s(MEANINGS_UNTIL),
            )
        except NoAnswerError as error:
            self._miss("meanings", error.reason)
        else:
            self._change(vocabulary=vocabulary.model_copy(update={"words_to_learn": words}))

    async def _judge_goals(self, scenario: SessionScenario) -> None:
        goals = self.draft.goals
        if goals is None:
            return
        try:
            judged = await ask_opinions(goals, self._turns, scenario, self._llm, timeout_s=self.clock.left_s())
        except NoAnswerError as error:
            self._miss("goals", error.reason)
        else:
            self._change(goals=judged)

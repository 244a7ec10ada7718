"""Corrections during the conversation: what the learner said is checked while the partner answers.

Rules find some mistakes without the model. Then the model is asked, unless it is small and was not trained for this. It
is asked only while it is idle, with a lower priority than any learner's reply. A check that gives way to a reply is
tried again while the partner speaks the next time. Only the latest turns wait for a check, so that a busy machine drops
checks instead of falling behind. The same tests as in the analysis decide which corrections are believed (see
`gateway.analysis.grammar`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from gateway import metrics
from gateway.analysis.answers import NoAnswerError
from gateway.analysis.document import Correction, Grammar
from gateway.analysis.explanations import explain
from gateway.analysis.grammar import (
    Sentence,
    can_be_asked,
    edits,
    of_both,
    pieces_of,
    rewrite,
    rule_corrections,
    sentences_said,
    with_reasons,
)
from gateway.analysis.trained_corrections import is_trained_for
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn
from gateway.outbox import Outbox
from gateway.ports import Llm
from gateway.protocol import CorrectionMessage
from gateway.reply.idle_work import until_idle

# How many of the learner's latest turns may wait for their check.
LATEST_TURNS = 3
# How often a turn's check is tried at most. If the last try also gives way or fails, the check is dropped.
MOST_TRIES = 4
ANSWER_TIMEOUT_S = 30.0


class CorrectionLane:
    """Sends the corrections of one conversation to the learner. A resumed session checks its latest turns again."""

    def __init__(self, llm: Llm, record: ConversationRecord, outbox: Outbox) -> None:
        self._llm = llm
        self._record = record
        self._outbox = outbox
        self._ruled: set[str] = set()  # turns that the rules have checked
        self._done: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._rewritten: dict[str, str | None] = {}  # what the model has written for sentences of waiting turns
        self._told: set[tuple[str, str, str]] = set()  # turn, original, corrected

    async def run(self) -> None:
        """Check the learner's latest turns (a job of `IdleWork`)."""
        if self._record.state.corrections == "at the end":
            return
        waiting = [
            turn for turn in self._record.turns if isinstance(turn, LearnerTurn) and turn.turn_id not in self._done
        ]
        for turn in waiting[:-LATEST_TURNS]:
            self._settle(turn, "dropped")
        for turn in waiting[-LATEST_TURNS:]:
            await self._apply_rules(turn)
        if not self._asks_model:
            return
        for turn in reversed(waiting[-LATEST_TURNS:]):
            await self._check(turn)

    async def recheck(self, turn: LearnerTurn) -> None:
        """The words of this turn have changed: apply the rules at once, and have the model check it again. The learner
        gets no correction twice."""
        if self._record.state.corrections != "at the end":
            self._ruled.discard(turn.turn_id)
            self._done.discard(turn.turn_id)
            await self._apply_rules(turn)

    async def _apply_rules(self, turn: LearnerTurn) -> None:
        if turn.turn_id in self._ruled:
            return
        self._ruled.add(turn.turn_id)
        await self._tell(self._by_rule(turn))
        if not self._asks_model:
            self._settle(turn, "checked")

    @property
    def _asks_model(self) -> bool:
        return can_be_asked(self._llm, self._record.state.language)

    async def _check(self, turn: LearnerTurn) -> None:
        """Have the model check a turn. If the check gives way or fails, the turn goes on waiting, unless this was the
        last try."""
        self._tries[turn.turn_id] += 1
        is_last_try = self._tries[turn.turn_id] >= MOST_TRIES  # a cancelled try counts, too
        try:
            corrections = await self._by_model(turn)
        except NoAnswerError as error:
            if error.may_go_on or is_last_try:
                self._settle(turn, "unusable" if error.may_go_on else "dropped")
            return
        self._settle(turn, "checked")
        await self._tell(corrections)

    def _settle(self, turn: LearnerTurn, outcome: str) -> None:
        self._done.add(turn.turn_id)
        self._rewritten.clear()
        metrics.CORRECTED_TURNS.labels(outcome).inc()

    async def _tell(self, corrections: Sequence[Correction]) -> None:
        for one in corrections:
            what = (one.turn_id, one.original, one.corrected)
            if what in self._told:
                continue
            self._told.add(what)
            metrics.CORRECTIONS.labels(one.by).inc()
            await self._outbox.send(CorrectionMessage.model_validate(one.model_dump()))

    def _by_rule(self, turn: LearnerTurn) -> list[Correction]:
        language, native = self._record.state.language, self._record.state.native_language
        return [one for sentence in sentences_said([turn]) for one in rule_corrections(sentence, language, native)]

    async def _by_model(self, turn: LearnerTurn) -> Sequence[Correction]:
        """The model's corrections that no rule has made, with reasons if there are any. Raises NoAnswerError."""
        sentences = sentences_said([turn])
        for numbers in self._questions(sentences):
            texts = [sentences[number].text for number in numbers]
            if not self._rewritten.keys() >= {*texts}:  # else an earlier try has got this far
                await until_idle(self._llm)
                self._rewritten |= zip(texts, await self._rewrite(texts), strict=True)
        found = [one for sentence in sentences for one in self._corrections_of(sentence)]
        return await self._explained(found) if found else ()

    def _questions(self, sentences: Sequence[Sentence]) -> list[list[int]]:
        """The numbers of the sentences of each question to the model."""
        pieces = pieces_of(sentences)
        if is_trained_for(self._llm, self._record.state.language):
            return [[number] for piece in pieces for number in piece]
        return pieces

    async def _rewrite(self, texts: Sequence[str]) -> list[str | None]:
        language = self._record.state.language
        return await rewrite(texts, self._llm, language=language, timeout_s=ANSWER_TIMEOUT_S, gives_way=True)

    def _corrections_of(self, sentence: Sentence) -> list[Correction]:
        """The corrections by the model that no rule makes."""
        text = self._rewritten.get(sentence.text)
        if text is None:
            return []
        language = self._record.state.language
        both = of_both(rule_corrections(sentence, language), list(edits(sentence, text)), text, language)
        return [one for one in both if one.by == "model"]

    async def _explained(self, corrections: Sequence[Correction]) -> Sequence[Correction]:
        """The corrections with the model's reasons. A beginner gets them in their own language, if it is known. A small
        model writes no reasons; a comparison of the words gives them where it can."""
        state = self._record.state
        if self._llm.is_small:
            return await asyncio.to_thread(with_reasons, corrections, state.native_language)
        grammar = Grammar(corrections=tuple(corrections), words_checked=0, corrections_per_100_words=None)
        told_in = state.native_language if state.level == "beginner" else ""
        await until_idle(self._llm)
        try:
            grammar = await explain(
                grammar,
                self._llm,
                level=state.level,
                language=state.language,
                told_in=told_in,
                timeout_s=ANSWER_TIMEOUT_S,
                gives_way=True,
            )
        except NoAnswerError:
            return corrections  # without reasons
        return grammar.corrections

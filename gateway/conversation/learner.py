"""The data kept of a learner between conversations.

This is the length of their usual pause and, if they agreed, a record of progress (`gateway.progress`).

A learner is identified by the subject of their JSON Web Token or, without a token, by an id that their client made up.
Nothing is kept of a learner who has neither. If the store can't be reached, nothing is remembered, and the conversation
goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from common.errors import InvalidInputError, ServiceError, UnavailableError
from gateway import metrics
from gateway.analysis import Analysis
from gateway.history import Turn
from gateway.ports import LearnerRecords, UsualPauses
from gateway.progress.measuring import entry_of, words_used

logger = logging.getLogger(__name__)

PRACTICE_WORDS = 4
"""How many words that are due for review get into one conversation, at most."""
KEPT_WITHIN_S = 3.0
"""The longest time that the analysis waits until the conversation is in the record."""


def learner_name(subject: str, made_up: str = "") -> str:
    """The name under which a learner's data is kept. subject: of their token. made_up: the id that their client made
    up, used if there is no subject.

    A prefix for each kind prevents a made-up id from being taken for a subject.
    """
    return f"sub:{subject}" if subject else f"own:{made_up}"


class Learner:
    """The learner of one conversation. subject: of their token; empty if there is none."""

    def __init__(self, pauses: UsualPauses, records: LearnerRecords, subject: str = "") -> None:
        self._pauses = pauses
        self._records = records
        self._has_subject = bool(subject)
        self._name = learner_name(subject) if subject else ""
        self._record_id = ""  # empty: the learner has not agreed to a record
        self._agreed_name = ""  # the learner whose record this conversation has begun or continued
        self._spoken_record_id = ""  # the record that is kept for long, as its learner has said something
        self.usual_pause_ms = 0
        """How long they usually paused in earlier conversations; 0 if unknown."""

    def take_made_up_id(self, made_up: str) -> None:
        """Take the id that the learner's client has made up. Has no effect if there is a subject."""
        if not self._has_subject:
            self._name = learner_name("", made_up)

    async def recall(self) -> None:
        """Load the usual pause from the store."""
        if self._name:
            try:
                self.usual_pause_ms = await self._pauses.usual_pause_ms(self._name)
            except ServiceError as error:
                logger.info("the learner's usual pause is not known: %s", error)

    async def remember(self, usual_pause_ms: int) -> None:
        """Keep the usual pause for the next conversation. 0: this conversation was too short to measure it, so the
        stored pause stays. If the learner has erased their data, nothing is kept."""
        usual_pause_ms = usual_pause_ms or self.usual_pause_ms
        if self._name and usual_pause_ms:
            try:
                if await self.may_be_stored():
                    await self._pauses.keep_usual_pause(self._name, usual_pause_ms)
            except ServiceError as error:
                logger.info("the learner's usual pause is not kept: %s", error)

    # --- the record of progress, with consent -----------------------------------------------------

    async def agree(self, session_id: str) -> None:
        """The learner agrees to a record of progress, to which this session then belongs.

        Raises InvalidInputError if the learner has no name, if this conversation belongs to another learner's record,
        or if this gateway keeps no records; UnavailableError if the store can't be reached.
        """
        if not self._name:
            raise InvalidInputError(
                "`keep_progress` needs to know whose progress it is: send `learner` too, or log in with a JSON Web "
                "Token; nothing is kept of this conversation"
            )
        if self._agreed_name not in ("", self._name):
            raise InvalidInputError(
                "this conversation belongs to the record of another `learner`; open another connection"
            )
        self._agreed_name = self._name
        try:
            self._record_id = await self._records.agree(self._name, session_id)
        except ServiceError as error:
            logger.warning("a learner's progress can't be kept now: %s", error)
            raise UnavailableError(
                "your progress can't be kept in this conversation; the conversation goes on", code="not_saved"
            ) from error
        if not self._record_id:
            raise InvalidInputError("this server keeps no progress (PROGRESS_TTL_S is 0); the conversation goes on")

    async def keep_for_long(self) -> None:
        """The learner has said or typed something: keep their record for long, if they have agreed to one."""
        if self._record_id in ("", self._spoken_record_id):
            return
        record_id = self._record_id
        try:
            await self._records.keep_for_long(self._name, record_id)
        except ServiceError as error:  # the next turn tries it again
            logger.info("a learner's record does not know yet that they have spoken: %s", error)
        else:
            self._spoken_record_id = record_id

    def disagree(self) -> None:
        """The learner doesn't agree, or no longer agrees: nothing of this conversation is added to their record."""
        self._record_id = ""

    async def words_due(self, language: str) -> list[str]:
        """Some of the learner's words that are due, for this conversation."""
        try:
            return await self._records.words_due(self._name, language, PRACTICE_WORDS)
        except ServiceError as error:
            logger.info("the learner's words are not known: %s", error)
            return []

    async def may_be_stored(self) -> bool:
        """Whether their data may be stored. False once they have erased their record."""
        return not self._record_id or await self._records.is_kept(self._name, self._record_id)

    async def keep(self, analysis: Analysis, session_id: str, turns: Sequence[Turn]) -> None:
        """Add the conversation to the learner's record, if they have agreed to one. If they said nothing, nothing is
        kept."""
        if not self._record_id or not analysis.conversation.learner_turns:
            return
        language = analysis.conversation.language
        try:
            async with asyncio.timeout(KEPT_WITHIN_S):
                words = await asyncio.to_thread(words_used, tuple(turns), language)
                entry = entry_of(analysis, datetime.now(UTC))
                await self._records.add_conversation(self._name, self._record_id, session_id, entry, words)
        except (ServiceError, TimeoutError) as error:
            metrics.PROGRESS_KEPT.labels("failed").inc()
            logger.warning("session %s: the learner's progress is not kept: %s", session_id, error or "too slow")
        else:
            metrics.PROGRESS_KEPT.labels("kept").inc()

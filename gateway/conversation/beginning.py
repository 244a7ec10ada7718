"""The beginning of a conversation: everything that its first message, `start`, asks for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from common.errors import SequenceError
from common.ids import session_renamed
from gateway.audio import AudioInput
from gateway.conversation.hearing import Hearing
from gateway.conversation.learner import Learner
from gateway.outbox import Outbox
from gateway.protocol import Resumed, Start
from gateway.record import ConversationRecord

logger = logging.getLogger(__name__)


class Beginning:
    """`announce` a `start` when it arrives, and have it `perform`ed in its turn among the session's events.

    on_resumed: told the session's id when a `start` has resumed an earlier session.
    """

    def __init__(
        self,
        *,
        record: ConversationRecord,
        outbox: Outbox,
        audio: AudioInput,
        hearing: Hearing,
        learner: Learner,
        gateway_id: str,
        on_resumed: Callable[[str], Awaitable[None]] | None,
    ) -> None:
        self._record = record
        self._outbox = outbox
        self._audio = audio
        self._hearing = hearing
        self._learner = learner
        self._gateway_id = gateway_id
        self._on_resumed = on_resumed
        self._has_resumed = False
        self._is_closed = False

    def close(self) -> None:
        """The learner has said or typed something: from now on, a `start` comes too late."""
        self._is_closed = True

    def announce(self, start: Start) -> None:
        """Prepare for the audio that follows `start`. Raises SequenceError or AudioError; drop the message then."""
        if self._is_closed:
            raise SequenceError("`start` must come first, before audio and text; this one was ignored")
        self._audio.announce(start.audio.encoding, start.audio.sample_rate)

    async def perform(self, start: Start, tasks: asyncio.TaskGroup) -> None:
        """Resume the session that `start` names, if any, and take over its choices. Raises ServiceError."""
        if start.session_id is not None or start.resume_token is not None:
            await self._resume(start.session_id or "", start.resume_token or "")
        if start.learner is not None:
            self._learner.is_called(start.learner)
            tasks.create_task(self.recall_learner())
        wanted = {"level": start.level, "language": start.language, "voice": start.voice}
        await self._record.change(**{name: value for name, value in wanted.items() if value is not None})
        self._hearing.patience_changed()

    async def recall_learner(self) -> None:
        """Load what is known of the learner from earlier conversations. A task, as this one need not wait for it."""
        await self._learner.recall()
        self._hearing.patience_changed()

    async def _resume(self, session_id: str, resume_token: str) -> None:
        if self._has_resumed:
            raise SequenceError("this connection has resumed a session already; connect anew for another one")
        await self._record.resume(session_id, resume_token, self._gateway_id)
        self._has_resumed = True
        state, turns = self._record.state, len(self._record.turns)
        session_renamed(state.session_id)
        if self._on_resumed:
            await self._on_resumed(state.session_id)
        logger.info("session %s resumed with %d turns", state.session_id, turns)
        await self._outbox.send(Resumed(session_id=state.session_id, turns=turns, level=state.level))

"""What one conversation leaves for the next one of the same learner: how long they usually pause, and nothing else.

Who it is says the subject of a JSON Web Token; where there is none, an id that the learner's client has made up. A
store that is away costs the memory, not the conversation.
"""

from __future__ import annotations

import logging

from common.errors import ServiceError
from gateway.ports import SessionStore

logger = logging.getLogger(__name__)


class Learner:
    """Whom a conversation is with, as earlier ones knew them. subject: of their token; empty: none."""

    def __init__(self, store: SessionStore, subject: str = "") -> None:
        self._store = store
        self._has_subject = bool(subject)
        self._name = f"sub:{subject}" if subject else ""  # nobody can take a subject's name by making up an id
        self.usual_pause_ms = 0
        """In earlier conversations; 0: unknown."""

    def is_called(self, made_up: str) -> None:
        """The id that the learner's client gives; a token's subject counts instead."""
        if not self._has_subject:
            self._name = f"own:{made_up}"

    async def recall(self) -> None:
        """Learn from the store what earlier conversations have left."""
        if self._name:
            try:
                self.usual_pause_ms = await self._store.usual_pause_ms(self._name)
            except ServiceError as error:
                logger.info("the learner's usual pause is not known: %s", error)

    async def remember(self, usual_pause_ms: int) -> None:
        """Leave it for the next conversation; 0: this one was too short to tell, and what was known is kept on."""
        usual_pause_ms = usual_pause_ms or self.usual_pause_ms
        if self._name and usual_pause_ms:
            try:
                await self._store.keep_usual_pause(self._name, usual_pause_ms)
            except ServiceError as error:
                logger.info("the learner's usual pause is not kept: %s", error)

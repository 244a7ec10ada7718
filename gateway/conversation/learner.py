"""The data kept of a learner between conversations: how long they usually pause, and nothing else.

A learner is known by the subject of their JSON Web Token or, without a token, by an id that their client made up. If
the store can't be reached, nothing is remembered, and the conversation goes on.
"""

from __future__ import annotations

import logging

from common.errors import ServiceError
from gateway.ports import SessionStore

logger = logging.getLogger(__name__)


class Learner:
    """The learner of one conversation. subject: of their token; empty if there is none."""

    def __init__(self, store: SessionStore, subject: str = "") -> None:
        self._store = store
        self._has_subject = bool(subject)
        self._name = f"sub:{subject}" if subject else ""  # a made-up id can't be a subject's name
        self.usual_pause_ms = 0
        """How long they usually paused in earlier conversations; 0 if unknown."""

    def is_called(self, made_up: str) -> None:
        """Take the id that the learner's client has made up. This has no effect if there is a subject."""
        if not self._has_subject:
            self._name = f"own:{made_up}"

    async def recall(self) -> None:
        """Load the usual pause from the store."""
        if self._name:
            try:
                self.usual_pause_ms = await self._store.usual_pause_ms(self._name)
            except ServiceError as error:
                logger.info("the learner's usual pause is not known: %s", error)

    async def remember(self, usual_pause_ms: int) -> None:
        """Keep the usual pause for the next conversation. 0: this one was too short to tell, so the known pause
        stays."""
        usual_pause_ms = usual_pause_ms or self.usual_pause_ms
        if self._name and usual_pause_ms:
            try:
                await self._store.keep_usual_pause(self._name, usual_pause_ms)
            except ServiceError as error:
                logger.info("the learner's usual pause is not kept: %s", error)

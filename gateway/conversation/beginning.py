"""The beginning of a conversation: carries out its first message, `start`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, get_args

from common.errors import InvalidInputError, SequenceError
from common.ids import session_renamed
from common.languages import base
from gateway import metrics
from gateway.audio import AudioInput
from gateway.conversation.hearing import Hearing
from gateway.conversation.learner import Learner
from gateway.conversation_record import ConversationRecord
from gateway.history import SessionState
from gateway.languages.checks import check_language, check_pair
from gateway.languages.names import standard_tag
from gateway.outbox import Outbox
from gateway.ports import Languages
from gateway.protocol import Resumed, Start
from gateway.scenarios import Library
from gateway.tools import Tool, ToolChoice, ToolMode, check_tools

logger = logging.getLogger(__name__)


class Beginning:
    """`announce` a `start` when it arrives, then `perform` it when the session's inbox delivers it.

    scenarios: the ones that a `start` can name. languages: those that the model servers know. on_resumed: called with
    the session's id when a `start` has resumed an earlier session.
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
        scenarios: Library,
        languages: Languages,
        on_resumed: Callable[[str], Awaitable[None]] | None,
    ) -> None:
        self._record = record
        self._outbox = outbox
        self._audio = audio
        self._hearing = hearing
        self._learner = learner
        self._gateway_id = gateway_id
        self._scenarios = scenarios
        self._languages = languages
        self._on_resumed = on_resumed
        self._has_resumed = False
        self._is_closed = False

    def close(self) -> None:
        """The learner has said or typed something: from now on, a `start` comes too late."""
        self._is_closed = True

    def announce(self, start: Start) -> None:
        """Prepare for the audio that follows `start`. If this raises SequenceError or AudioError, drop the message."""
        if self._is_closed:
            raise SequenceError("`start` must come first, before audio and text; this one was ignored")
        self._audio.announce(start.audio.encoding, start.audio.sample_rate)

    async def perform(self, start: Start, tasks: asyncio.TaskGroup) -> None:
        """Resume the session that `start` names, if any, and take over the choices in `start`. Raises ServiceError.

        The choices that can't be used are named in one error, after all others have taken effect.
        """
        if start.session_id is not None or start.resume_token is not None:
            await self._resume(start.session_id or "", start.resume_token or "")
        if start.learner is not None:
            self._learner.take_made_up_id(start.learner)
            tasks.create_task(self.recall_learner())
        refused = await self._take_over(start)
        if start.keep_progress:
            await self._keep_progress()
        elif start.keep_progress is False:
            self._learner.disagree()
        if len(refused) == 1:
            raise refused[0]
        if refused:
            raise InvalidInputError("; ".join(error.message for error in refused))

    async def _take_over(self, start: Start) -> list[InvalidInputError]:
        """Take over the choices of `start`, one after the other. Returns an error for each that can't be used."""
        refused: list[InvalidInputError] = []
        wanted = {
            "level": start.level,
            "voice": start.voice,
            "partner_begins": start.partner_begins,
            "confirms_tools": start.confirms_tools,
            "corrections": start.corrections,
        }
        await self._record.change(**{name: value for name, value in wanted.items() if value is not None})
        self._hearing.patience_changed()
        try:
            await self._take_language(start.language)
        except InvalidInputError as error:
            refused.append(error)
            start = start.model_copy(update={"language": None, "native_language": None})
        for take in (self._take_subject, self._take_native_language, self._take_tools):
            try:
                await take(start)
            except InvalidInputError as error:
                refused.append(error)
        return refused

    async def _take_language(self, tag: str | None) -> None:
        language = None if tag is None else standard_tag(tag)
        if language not in {None, self._record.state.language}:
            check_language(language, await self._languages.languages())
            await self._record.change(language=language)

    async def _take_subject(self, start: Start) -> None:
        subject = subject_of(start, self._record.state, self._scenarios)
        await self._take_language(subject.pop("language", None))
        await self._record.change(**subject)
        for kind in ("scenario", "instructions"):
            if subject.get(kind):
                metrics.SUBJECTS.labels(kind).inc()

    async def _take_native_language(self, start: Start) -> None:
        await self._record.change(**native_language_of(start, self._record.state))

    async def _take_tools(self, start: Start) -> None:
        await self._record.change(**tools_of(start, self._record.state))

    async def _keep_progress(self) -> None:
        """The learner agrees to a record of progress. If nothing was said yet, the partner is to use the
        learner's due words."""
        await self._learner.agree(self._record.state.session_id)
        if self._record.turns:
            await self._learner.keep_for_long()
        else:
            words = await self._learner.words_due(self._record.state.language)
            await self._record.change(practice_words=tuple(words))

    async def recall_learner(self) -> None:
        """Load the learner's usual pause from earlier conversations. Run it as a task: the conversation need not wait
        for it."""
        await self._learner.recall()
        self._hearing.patience_changed()

    async def _resume(self, session_id: str, resume_token: str) -> None:
        if self._has_resumed:
            raise SequenceError(
                "this connection has resumed a session already; open another connection for another session"
            )
        await self._record.resume(session_id, resume_token, self._gateway_id)
        self._has_resumed = True
        state, turns = self._record.state, len(self._record.turns)
        session_renamed(state.session_id)
        if self._on_resumed:
            await self._on_resumed(state.session_id)
        logger.info("session %s resumed with %d turns", state.session_id, turns)
        scenario = state.scenario.id if state.scenario else None
        await self._outbox.send(Resumed(session_id=state.session_id, turns=turns, level=state.level, scenario=scenario))


def native_language_of(start: Start, state: SessionState) -> dict[str, object]:
    """The change of `state` for the learner's own language. Raises InvalidInputError.

    An empty tag makes it unknown. So does a `start` without a tag if the native language from an earlier `start` is the
    one that is practised now.
    """
    if start.native_language is None:
        is_practised = state.native_language and base(state.native_language) == base(state.language)
        return {"native_language": ""} if is_practised else {}
    native = standard_tag(start.native_language)
    if native:
        check_pair(state.language, native)
    return {"native_language": native}


def tools_of(start: Start, state: SessionState) -> dict[str, object]:
    """The changes of `state` for the tools in `start`. Raises InvalidInputError."""
    if start.tools is None and start.tool_choice is None:
        return {}
    use = state.tools if start.tools is None else [Tool.model_validate(one.model_dump()) for one in start.tools]
    wanted = start.tool_choice or "auto"
    is_mode = wanted in get_args(ToolMode)
    choice = ToolChoice.model_validate({"mode": wanted} if is_mode else {"mode": "required", "name": wanted})
    check_tools(use, choice)
    return {"tools": tuple(use), "tool_choice": choice}


def subject_of(start: Start, state: SessionState, scenarios: Library) -> dict[str, Any]:
    """The changes of `state` for the scenario or the instructions that `start` names. Raises InvalidInputError.

    If the session already has the scenario that `start` names, it stays, even if this gateway doesn't know it.
    """
    if start.scenario and start.instructions:
        raise InvalidInputError("`start` has both `scenario` and `instructions`, so neither is used; send one of them")
    if start.instructions is not None:
        return {"instructions": start.instructions.strip(), "scenario": None}
    if start.scenario is None or (state.scenario and state.scenario.id == start.scenario):
        return {}
    if (found := scenarios.scenarios.get(start.scenario)) is None:
        raise InvalidInputError(
            f"there is no scenario {start.scenario!r}, so none is used; GET /scenarios lists the scenarios"
        )
    language = standard_tag(start.language or found.language)
    if base(language) != base(found.language):
        raise InvalidInputError(
            f"the scenario {found.id} is written in {found.language!r}, not in {language!r}, so it is not used; "
            "choose another one, or leave `language` out"
        )
    return {"scenario": found.for_session(), "instructions": "", "language": language}

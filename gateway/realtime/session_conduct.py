"""Translates the settings of a Realtime session into those of the conversation."""

from __future__ import annotations

from common.errors import InvalidInputError
from common.speech import MIN_SPEED
from gateway.conversation.conduct import Conduct
from gateway.languages.checks import check_heard, check_language
from gateway.languages.names import standard_tag
from gateway.ports import KnownLanguages, Patience
from gateway.realtime.errors import ClientError
from gateway.realtime.session_config import SessionConfig
from gateway.realtime.tools import tool_use
from gateway.reply.request import Delivery

# If the client ends the turns, recognition still divides the audio at silences of this length.
CUT_SILENCE_MS = 800


def conduct_of(config: SessionConfig) -> Conduct:
    """The conversation's rules for these settings."""
    detection = config.audio.input.turn_detection
    delivery = Delivery(config.has_speech, speed_of(config), config.max_tokens)
    if detection is None:
        patience = Patience(end_silence_ms=CUT_SILENCE_MS)
        return Conduct(
            detects_turns=False, answers_turns=False, patience=patience, awaits_results=False, delivery=delivery
        )
    return Conduct(
        answers_turns=detection.create_response and config.type == "realtime",
        is_interruptible=detection.interrupt_response,
        patience=detection.patience,
        awaits_results=False,
        delivery=delivery,
    )


def state_changes(config: SessionConfig) -> dict[str, object]:
    """The part of these settings that is stored with the session."""
    use = tool_use(config.tools, config.tool_choice, parallel=config.parallel_tool_calls, param="session")
    changes: dict[str, object] = {
        "voice": config.audio.output.voice,
        "tools": use.tools,
        "tool_choice": use.choice,
        "parallel_calls": use.parallel,
    }
    if config.instructions is not None:
        changes |= {"instructions": config.instructions.strip(), "is_plain": True}
    if language := language_of(config):
        changes["language"] = language
    return changes


def language_of(config: SessionConfig) -> str | None:
    """The language that the client expects the learner to speak."""
    transcription = config.audio.input.transcription
    return standard_tag(transcription.language) if transcription and transcription.language else None


def check_language_of(config: SessionConfig, known: KnownLanguages) -> None:
    """Raise ClientError if this gateway can't hold a session in its language. A transcription session needs no
    voice."""
    language = language_of(config)
    if language is None:
        return
    check = check_heard if config.type == "transcription" else check_language
    try:
        check(language, known)
    except InvalidInputError as error:
        raise ClientError(str(error), param="session.audio.input.transcription.language") from error


def speed_of(config: SessionConfig) -> float:
    """The speed of the voice, within the limits of the synthesis."""
    return max(config.audio.output.speed, MIN_SPEED)

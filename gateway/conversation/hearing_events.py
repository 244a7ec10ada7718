"""What `Hearing` delivers."""

from __future__ import annotations

from dataclasses import dataclass

from common.errors import ServiceError
from gateway.ports import AsrEvent


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of recognition. Its sample positions count from the start of the current stream."""

    event: AsrEvent


@dataclass(frozen=True, slots=True)
class VoiceLasts:
    """A voice has lasted for INTERRUPT_AFTER_MS without a long pause, so it is more than a cough."""


@dataclass(frozen=True, slots=True)
class HearingIsSlow:
    """Recognition takes no audio at present. The gateway keeps what the learner says."""

    error: ServiceError


@dataclass(frozen=True, slots=True)
class HearingFailed:
    """Recognition failed, and the open turn, if any, is lost. Delivered again for each utterance that nobody hears."""

    error: ServiceError


@dataclass(frozen=True, slots=True)
class AudioRefused:
    """The decoder found the learner's audio broken."""

    error: ServiceError


@dataclass(frozen=True, slots=True)
class HearingEnded:
    """The audio was finished and everything in it has been reported."""


@dataclass(frozen=True, slots=True)
class TurnCut:
    """The client has cut the audio, and all events before the cut have arrived. keep, turn_id: as in `StreamCut`."""

    keep: bool
    turn_id: str = ""


HearingEvent = Heard | VoiceLasts | HearingIsSlow | HearingFailed | AudioRefused | TurnCut | HearingEnded

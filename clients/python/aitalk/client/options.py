"""What a client chooses for a conversation, and what it keeps to resume it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Encoding = Literal["auto", "pcm_s16le", "webm", "ogg", "mp4", "aac", "flac", "wav"]
Level = Literal["beginner", "intermediate", "advanced"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """The format of the learner's audio. `auto`: any container, recognised by its first bytes.

    sample_rate: of raw PCM (`pcm_s16le`, 16-bit little-endian mono), 8000 to 48000 Hz.
    """

    encoding: Encoding = "auto"
    sample_rate: int = 16_000


@dataclass(frozen=True, slots=True)
class Tool:
    """A function of your application that the partner may call. parameters: a JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


PCM_16_KHZ = AudioFormat("pcm_s16le", 16_000)


@dataclass(frozen=True, slots=True)
class Options:
    """The fields of `start`. None: the gateway chooses; in a resumed conversation, the earlier value stays.

    learner: an id of 16 to 64 letters, digits, `_` or `-` that stays the same for a person. scenario: an id from
    `Gateway.scenarios()`. instructions: who the partner is, in your own words; not together with a scenario.
    tools: a `ToolCall` asks you to run one. tool_choice: `auto`, `none`, `required` or a tool's name. confirms_tools:
    you ask the learner about a `ToolCall` with `confirm`. native_language: the learner's own, as a BCP-47 tag.
    corrections: when the learner is corrected; with `beside` and `aloud`, each `Correction` comes during the
    conversation. keep_progress: the learner agrees that the server keeps their progress.
    """

    audio: AudioFormat = PCM_16_KHZ
    level: Level | None = None
    voice: str | None = None
    language: str | None = None
    learner: str | None = None
    scenario: str | None = None
    instructions: str | None = None
    partner_begins: bool | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: str | None = None
    confirms_tools: bool | None = None
    native_language: str | None = None
    corrections: Literal["aloud", "beside", "at the end"] | None = None
    keep_progress: bool | None = None

    def message(self, resume: SessionKey | None) -> Mapping[str, Any]:
        """The `start` message. resume: the conversation to go on with; None: a new one begins."""
        chosen = {name: value for name, value in asdict(self).items() if value is not None}
        return {"type": "start", **chosen, **(asdict(resume) if resume else {})}


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What resumes a conversation. resume_token is a secret."""

    session_id: str
    resume_token: str = field(repr=False)

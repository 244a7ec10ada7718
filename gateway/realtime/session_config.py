"""The session object of the Realtime API: its settings, and how a `session.update` changes them.

A field that an update leaves out keeps its value. Some fields are accepted without effect. docs/realtime.md has a table
of all fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from common.speech import EAGER_SILENCE_MS, LONGEST_SILENCE_MS, MIN_SPEED
from common.tools import MAX_TOOLS
from gateway.ports import Patience
from gateway.realtime.audio import PCM_RATE_HZ, Format
from gateway.realtime.errors import ClientError
from gateway.realtime.tools import Choice, FunctionTool, refuse_mcp, tool_use

# The factor of patience for each `eagerness`.
EAGERNESS = {"low": 2.0, "medium": 1.0, "auto": 1.0, "high": 0.6}
MAX_INSTRUCTIONS = 100_000
"""The most characters of instructions to the partner."""
Name = Annotated[str, Field(max_length=256)]
# The session's own fields that are accepted without effect, and the values that the session reports for them.
WITHOUT_EFFECT: dict[str, Any] = {
    "reasoning": None,
    "tracing": None,
    "truncation": "auto",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AudioFormatConfig(_Part):
    """The format of the input or the output."""

    type: Format = "audio/pcm"
    rate: Literal[24_000, 8_000] | None = None

    def shown(self) -> dict[str, Any]:
        """The object that the session reports."""
        return {"type": self.type} | ({"rate": PCM_RATE_HZ} if self.type == "audio/pcm" else {})


class TranscriptionConfig(_Part):
    """The transcription of the learner's words. Without it, the client gets no words. Only the language has an effect,
    because recognition uses its own model."""

    model: Name | None = None
    language: str | None = Field(None, max_length=35)
    languages: list[Name] | None = Field(None, max_length=100, fail_fast=True)
    prompt: str | None = Field(None, max_length=10_000)
    keywords: list[Name] | None = Field(None, max_length=1000, fail_fast=True)
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None

    def shown(self) -> dict[str, Any]:
        """The object that the session reports."""
        return {"model": self.model, "language": self.language, "prompt": None}


class ServerVad(_Part):
    """A turn ends after a silence of fixed length."""

    type: Literal["server_vad"]
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: int | None = Field(None, ge=5_000, le=30_000)
    silence_duration_ms: int = Field(500, ge=0)
    prefix_padding_ms: int | None = None
    threshold: float | None = Field(None, ge=0, le=1)

    def shown(self) -> dict[str, Any]:
        """The object that the session reports. Recognition has a threshold and a padding of its own."""
        held = self.patience.end_silence_ms
        return self.model_dump() | {"silence_duration_ms": held, "prefix_padding_ms": 300, "threshold": 0.5}

    @property
    def patience(self) -> Patience:
        """The setting for recognition, within the range that it accepts."""
        return Patience(end_silence_ms=min(max(self.silence_duration_ms, EAGER_SILENCE_MS), LONGEST_SILENCE_MS))


class SemanticVad(_Part):
    """A turn ends when the audio and the words show that the learner is done."""

    type: Literal["semantic_vad"]
    create_response: bool = True
    interrupt_response: bool = True
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"

    idle_timeout_ms: None = Field(None, exclude=True)

    def shown(self) -> dict[str, Any]:
        """The object that the session reports."""
        return self.model_dump()

    @property
    def patience(self) -> Patience:
        """The setting for recognition."""
        return Patience(factor=EAGERNESS[self.eagerness])


TurnDetection = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class NoiseReduction(_Part):
    """Accepted without effect: the recogniser was trained with noisy speech."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class AudioInputConfig(_Part):
    """The learner's audio."""

    format: AudioFormatConfig = AudioFormatConfig()
    noise_reduction: NoiseReduction | None = None
    transcription: TranscriptionConfig | None = None
    turn_detection: TurnDetection | None = SemanticVad(type="semantic_vad")

    def shown(self) -> dict[str, Any]:
        """The object that the session reports."""
        return {
            "format": self.format.shown(),
            "noise_reduction": None,
            "transcription": self.transcription.shown() if self.transcription else None,
            "turn_detection": self.turn_detection.shown() if self.turn_detection else None,
        }


class VoiceId(_Part):
    """A voice as a JSON object."""

    id: Name


class AudioOutputConfig(_Part):
    """The partner's audio."""

    format: AudioFormatConfig = AudioFormatConfig()
    voice: Name = ""
    speed: float = Field(1.0, ge=0.25, le=1.5)

    @field_validator("voice", mode="before")
    @classmethod
    def _name(cls, voice: object) -> object:
        return voice["id"] if isinstance(voice, dict) and set(voice) == {"id"} else voice

    def shown(self) -> dict[str, Any]:
        """The object that the session reports."""
        return {"format": self.format.shown(), "voice": self.voice, "speed": max(self.speed, MIN_SPEED)}


class AudioConfig(_Part):
    """Both directions."""

    input: AudioInputConfig = AudioInputConfig()
    output: AudioOutputConfig = AudioOutputConfig()


class SessionConfig(_Part):
    """The settings of a session. model: the name that the client uses for this server's models.

    instructions: None until the client sends some. reasoning, tracing, truncation: without effect, and not kept.
    `transcription` sessions have no output and no responses.
    """

    type: Literal["realtime", "transcription"] = "realtime"
    model: Name | None = None
    instructions: str | None = Field(None, max_length=MAX_INSTRUCTIONS)
    output_modalities: tuple[Literal["text", "audio"]] = ("audio",)
    audio: AudioConfig = AudioConfig()
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] = "inf"
    include: tuple[Literal["item.input_audio_transcription.logprobs"], ...] | None = Field(
        None, max_length=10, fail_fast=True
    )
    tools: tuple[FunctionTool, ...] = Field((), max_length=MAX_TOOLS, fail_fast=True)
    prompt: None = None
    tool_choice: Choice = "auto"
    reasoning: dict[str, Any] | None = Field(None, exclude=True)
    parallel_tool_calls: bool | None = None
    tracing: Literal["auto"] | dict[str, Any] | None = Field(None, exclude=True)
    truncation: Literal["auto", "disabled"] | dict[str, Any] = Field("auto", exclude=True)

    @property
    def has_speech(self) -> bool:
        """Whether responses are spoken."""
        return self.output_modalities == ("audio",)

    @property
    def max_tokens(self) -> int | None:
        """The longest response in tokens; None: as long as the server allows."""
        return None if self.max_output_tokens == "inf" else self.max_output_tokens

    def changes(self) -> dict[str, Any]:
        """The settings that differ from the defaults, for `updated`."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def shown(self, session_id: str, *, instructions: str, max_tokens: int) -> dict[str, Any]:
        """The session object of `session.created` and `session.updated`.

        instructions: used until the client sends its own. max_tokens: the longest response that the server allows.
        """
        audio_in = self.audio.input.shown()
        kept = {"id": session_id, "type": self.type, "include": list(self.include) if self.include else None}
        if self.type == "transcription":
            return kept | {"object": "realtime.transcription_session", "audio": {"input": audio_in}}
        return {
            **kept,
            "object": "realtime.session",
            "model": self.model,
            "instructions": instructions if self.instructions is None else self.instructions,
            "output_modalities": list(self.output_modalities),
            "audio": {"input": audio_in, "output": self.audio.output.shown()},
            "max_output_tokens": min(self.max_tokens or max_tokens, max_tokens),
            "tools": [tool.model_dump(exclude_none=True) for tool in self.tools],
            "tool_choice": self.tool_choice if isinstance(self.tool_choice, str) else self.tool_choice.model_dump(),
            "parallel_tool_calls": self.parallel_tool_calls,
            "prompt": None,
            **WITHOUT_EFFECT,
        }


def updated(config: SessionConfig, update: Mapping[str, Any]) -> SessionConfig:
    """`config` with the fields of a `session.update`. Raises ClientError if a field is invalid; then no field changes.

    A transcription session keeps its type, because OpenAI's JavaScript client sends `type: realtime` for every session.
    """
    if config.type == "transcription":
        update = {**update, "type": "transcription"}
    refuse_mcp(update, "session")
    if update.get("prompt"):
        raise ClientError(
            "stored prompts can't be used here; send their text as `instructions`",
            code="unsupported_parameter",
            param="session.prompt",
        )
    try:
        found = SessionConfig.model_validate(_merged(config.model_dump(), update))
    except ValidationError as invalid:
        raise client_error(invalid, "session") from None
    tool_use(found.tools, found.tool_choice, parallel=found.parallel_tool_calls, param="session")
    return found


def client_error(invalid: ValidationError, root: str = "", *, tag: str = "") -> ClientError:
    """The first error in a client's JSON.

    root: the path of the JSON within the event. tag: the event's type; pydantic begins the path of a field with it, and
    the error leaves it out.
    """
    error = invalid.errors(include_url=False, include_input=False)[0]
    tags = {tag, "server_vad", "semantic_vad", "int", "literal['inf']"}
    param = ".".join(filter(None, [root, *(str(part) for part in error["loc"] if part not in tags)])) or None
    match error["type"]:
        case "extra_forbidden":
            return ClientError(f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param)
        case "missing":
            return ClientError(
                f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param
            )
        case _:
            return ClientError(f"Invalid value for '{param}': {error['msg']}.", param=param)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`new` merged into `old`, object by object. An object of another `type` replaces the old object completely."""
    merged = dict(old)
    for name, value in new.items():
        before = merged.get(name)
        is_changed = isinstance(before, Mapping) and isinstance(value, Mapping) and _is_alike(before, value)
        merged[name] = _merged(before or {}, value) if is_changed else value
    return merged


def _is_alike(before: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return bool(before.get("type") == value.get("type", before.get("type")))

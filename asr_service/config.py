"""Settings of the speech recognition service, read once in `__main__`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from asr_service.turn_taking.endpointing import Endpointing
from common.errors import InvalidInputError
from common.settings import ModelServerSettings
from common.speech import LONGEST_SILENCE_MS, MAX_TURN_MS, MIN_TURN_MS

_ENDPOINTING = Endpointing()


class AsrSettings(ModelServerSettings):
    """Each field is the environment variable of that name in capitals."""

    asr_port: int = Field(50051, ge=0, le=65535, description="gRPC port of speech recognition. 0: any free port.")
    asr_model_name: str = Field(
        "",
        description="Speech recognition model: `openai/whisper-*`, `Systran/*`, `distil-whisper/*`, `kyutai/stt-*`, "
        "or a local folder. Empty: the bundled Whisper tiny.en.",
    )
    asr_model_revision: str = Field(
        "", description="Branch, tag or commit of the model's repository. Empty: the newest at the first download."
    )
    asr_fallback_model_name: str = Field(
        "", description="Whisper model to use if the chosen model cannot run here. Empty: the bundled one."
    )
    asr_probe_timeout_s: float = Field(
        300.0,
        gt=0,
        description="Seconds that `kyutai/stt-*` may take to load and decode once, when it is tried at the start.",
    )
    asr_sample_rate: int = Field(
        16_000,
        description="Sample rate of the model in Hz; always 16000. Clients may send any rate from 8,000 to 48,000 Hz.",
    )
    asr_device: str = Field(
        "",
        pattern=r"^(auto|cpu|cuda(:\d+)?)?$",  # auto: as if empty
        description="`cpu`, `cuda` or `cuda:N`. Empty: a GPU if there is one.",
    )
    asr_dtype: Literal[
        "float16", "bfloat16", "float32", "int8", "int8_float16", "int8_bfloat16", "int8_float32", "int16"
    ] = Field("float16", description="Number type of the weights. A device that doesn't support it uses a similar one.")
    asr_max_streams: int = Field(
        16, ge=1, description="Streams that are recognised at once; further ones are refused as busy."
    )
    asr_threads: int = Field(1, ge=1, description="Decodes, or batches of decodes, that run at once.")
    asr_max_batch: int = Field(
        0, ge=0, le=64, description="Decodes of several streams in one batch, at most. 0: 8 on a GPU, 1 on a CPU."
    )
    asr_text_model: str = Field(
        "",
        description="GGUF file of the language model that judges, at a pause, whether a sentence could end there "
        "(English, Spanish, French, Italian, Portuguese). Empty: the bundled SmolLM2. `none`: no such model; more "
        "turns then end too late or too soon.",
    )
    asr_eager_silence_ms: int = Field(
        _ENDPOINTING.eager_silence_ms,
        ge=1,
        description="Silence after which a turn may be reported as probably over, so that the reply can begin early.",
    )
    asr_min_silence_ms: int = Field(
        _ENDPOINTING.min_silence_ms, ge=1, description="Silence that ends a turn when the learner is clearly done."
    )
    asr_max_silence_ms: int = Field(
        _ENDPOINTING.max_silence_ms,
        ge=1,
        le=LONGEST_SILENCE_MS,
        description="Silence that ends a turn when the learner is clearly not done.",
    )
    asr_end_silence_ms: int = Field(
        _ENDPOINTING.end_silence_ms,
        ge=0,
        description="Fixed silence that ends every turn, whatever `ASR_MIN_SILENCE_MS` and `ASR_MAX_SILENCE_MS` are; "
        "no model is asked. 0: off.",
    )
    asr_max_turn_ms: int = Field(
        _ENDPOINTING.max_turn_ms,
        ge=MIN_TURN_MS,
        le=MAX_TURN_MS,
        description="Length at which a turn is closed even if the learner goes on.",
    )
    asr_verbatim: Literal["off", "fillers", "words"] = Field(
        "fillers",
        description="What to look for in the audio of each English turn afterwards, because recognition leaves it out: "
        "`fillers` (hesitation sounds), `words` (hesitation sounds and mistakes), or `off` (nothing). A turn is "
        "skipped if recognition stays busy after it.",
    )
    asr_partial_interval_ms: int = Field(600, ge=100, description="Least audio between two partial transcripts.")

    @property
    def text_model(self) -> Path | Literal["none"] | None:
        """ASR_TEXT_MODEL; None: the bundled one."""
        if self.asr_text_model == "none":
            return "none"
        return Path(self.asr_text_model) if self.asr_text_model else None

    @property
    def endpointing(self) -> Endpointing:
        """When a turn ends, unless the client says otherwise."""
        return Endpointing(
            eager_silence_ms=self.asr_eager_silence_ms,
            end_silence_ms=self.asr_end_silence_ms,
            max_turn_ms=self.asr_max_turn_ms,
            min_silence_ms=self.asr_min_silence_ms,
            max_silence_ms=self.asr_max_silence_ms,
        )

    @model_validator(mode="after")
    def _consistent(self) -> AsrSettings:
        try:
            self.endpointing.check(lambda name: f"ASR_{name.upper()}")
        except InvalidInputError as error:
            raise ValueError(error.message) from error
        if self.asr_sample_rate != 16_000:
            raise ValueError(
                f"ASR_SAMPLE_RATE is {self.asr_sample_rate}, but the models here work at 16000 Hz; leave it at 16000 "
                "(clients may send any rate, it is converted)"
            )
        return self

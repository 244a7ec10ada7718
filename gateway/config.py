"""The gateway's settings. Each is described here, in env.example and in the README; a test compares the three."""

from __future__ import annotations

from pydantic import Field, SecretStr

from common.settings import ProcessSettings


class GatewaySettings(ProcessSettings):
    """Read from the environment and `.env`."""

    host: str = Field("0.0.0.0", description="Address on which the gateway listens.")  # noqa: S104
    port: int = Field(8000, ge=0, le=65535, description="Port of the gateway: the page, HTTP and WebSocket.")
    cors_origins: str = Field(
        "http://localhost:3000",
        description="Origins, separated by commas, whose pages may call the gateway and open its WebSocket; "
        "`*` allows all. The gateway's own page always may.",
    )
    asr_address: str = Field("127.0.0.1:50051", description="host:port of the speech recognition service.")
    llm_address: str = Field("127.0.0.1:50052", description="host:port of the language model service.")
    tts_address: str = Field("127.0.0.1:50053", description="host:port of the speech synthesis service.")
    asr_replicas: str = Field(
        "",
        description="host:port pairs, separated by commas, behind whose names are all recognition replicas, if "
        "`ASR_ADDRESS` is a proxy; their slots are counted.",
    )
    llm_replicas: str = Field("", description="Likewise for `LLM_ADDRESS`.")
    tts_replicas: str = Field("", description="Likewise for `TTS_ADDRESS`.")
    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Redis (or Valkey) for session state. `make run` starts a Valkey of its own if it is not set.",
    )
    session_ttl_s: int = Field(
        7 * 24 * 3600, gt=0, description="Seconds for which a conversation is kept after its last change."
    )
    idle_timeout_s: float = Field(
        600.0,
        gt=0,
        description="A connection on which nothing was said for so many seconds is closed; it can be resumed.",
    )
    interrupt_after_ms: int = Field(
        700, ge=100, le=5000, description="A voice over the partner's that lasts so long interrupts it, words or not."
    )
    speculation_max_occupancy: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Share of the busiest model server's slots in use above which replies are begun only at the end of "
        "a turn, no longer in the pause before; 0: never before.",
    )
    max_frame_bytes: int = Field(
        1024 * 1024, gt=0, description="Greatest size of one WebSocket message; a larger one is refused."
    )
    admission_max_sessions: int = Field(
        0,
        ge=0,
        description="Conversations at once at all gateways together; 0: as many as the model servers' slots allow.",
    )
    admission_learners_per_llm_slot: float = Field(
        4.0, gt=0, description="Learners let in for each slot of the language model, which each uses part of the time."
    )
    admission_learners_per_tts_slot: float = Field(
        2.0, gt=0, description="Learners let in for each slot of the synthesis. Of recognition each needs one."
    )
    admission_queue_max: int = Field(
        100, ge=0, description="Learners who may wait for a place; more are told to come back later."
    )
    admission_max_wait_s: float = Field(
        300.0, gt=0, description="Seconds after which a learner who waits is told to come back later."
    )
    admission_grace_s: float = Field(
        15.0, ge=0, description="Seconds for which the place of a learner whose connection broke is kept."
    )
    gateway_drain_timeout_s: float = Field(
        20.0,
        ge=0,
        description="On SIGTERM, seconds that turns in progress may take before their learners are handed over to "
        "another gateway.",
    )
    asr_sample_rate: int = Field(
        16000, ge=16000, le=16000, description="Samples per second of the audio that recognition gets; 16000 for now."
    )
    tts_sample_rate: int = Field(24000, ge=8000, le=48000, description="Samples per second of the partner's audio.")
    llm_max_tokens: int = Field(256, ge=1, description="Greatest length of a reply, in tokens.")
    history_max_chars: int = Field(
        6000, ge=200, description="How much of the conversation the model is reminded of, in characters."
    )
    audio_debug: bool = Field(
        False,
        description="Save what each session sent as `audio_debug/<session-id>.wav` under the system's temporary "
        "folder. That is a recording of people: for debugging only.",
    )

    @property
    def allowed_origins(self) -> list[str]:
        """CORS_ORIGINS as a list."""
        return [origin.strip().rstrip("/") for origin in self.cors_origins.split(",") if origin.strip()]

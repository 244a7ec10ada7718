"""The gateway's settings. Each is described here, in env.example and in the README; a test compares the three."""

from __future__ import annotations

import re

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
    learner_ttl_s: int = Field(
        90 * 24 * 3600,
        ge=0,
        description="Seconds for which a learner's usual pause is kept for the next conversation; 0: not at all.",
    )
    idle_timeout_s: float = Field(
        600.0,
        gt=0,
        description="A connection on which nothing was said for so many seconds is closed; it can be resumed.",
    )
    interrupt_after_ms: int = Field(
        1000, ge=100, le=5000, description="A voice over the partner's that lasts so long interrupts it, words or not."
    )
    speculation_max_occupancy: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Share of the language model's or the synthesis's slots in use above which replies are begun only "
        "at the end of a turn, no longer in the pause before; 0: never before.",
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
    auth_tokens: SecretStr = Field(
        SecretStr(""),
        description="Tokens, separated by commas, of which each lets a client in; letters, digits and `._~+-`, at "
        "least 16 of them. Production needs these or a JWT key.",
    )
    jwt_secret: SecretStr = Field(SecretStr(""), description="Secret by which JSON Web Tokens are signed (HS256).")
    jwt_public_key: str = Field(
        "", description="PEM of the public key of whoever signs JSON Web Tokens (RS256, ES256, EdDSA)."
    )
    jwt_audience: str = Field("", description="`aud` that a JSON Web Token must have; empty: any.")
    jwt_issuer: str = Field("", description="`iss` that a JSON Web Token must have; empty: any.")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Bearer token of `/metrics` alone; empty: the same tokens as everything else."
    )
    client_max_connections: int = Field(
        100, ge=1, description="WebSockets that one client (token, JWT subject or address) may have at this gateway."
    )
    client_messages_per_s: float = Field(
        200.0, gt=0, description="Messages a second on one WebSocket; ten times as many at once."
    )
    client_bytes_per_s: float = Field(
        500_000.0, gt=0, description="Bytes a second on one WebSocket; ten times as many at once."
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
    def tokens(self) -> list[str]:
        """AUTH_TOKENS as a list."""
        return [token.strip() for token in self.auth_tokens.get_secret_value().split(",") if token.strip()]

    def check_protection(self) -> None:
        """Raises ValueError, which never holds a token, if this gateway must not be run so."""
        if any(not re.fullmatch(r"[A-Za-z0-9._~+-]{16,}", token) for token in self.tokens):
            raise ValueError("AUTH_TOKENS: each token needs at least 16 letters, digits or . _ ~ + -")
        if 0 < len(self.jwt_secret.get_secret_value().encode()) < 32:
            raise ValueError("JWT_SECRET: at least 32 bytes, or it can be guessed")
        if self.jwt_secret.get_secret_value() and self.jwt_public_key:
            raise ValueError("set JWT_SECRET or JWT_PUBLIC_KEY, not both")
        is_protected = bool(self.tokens or self.jwt_secret.get_secret_value() or self.jwt_public_key)
        if self.environment == "production" and not is_protected:
            raise ValueError("in production it needs AUTH_TOKENS, JWT_SECRET or JWT_PUBLIC_KEY")

    @property
    def allowed_origins(self) -> list[str]:
        """CORS_ORIGINS as a list."""
        return [origin.strip().rstrip("/") for origin in self.cors_origins.split(",") if origin.strip()]

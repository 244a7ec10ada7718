"""The gateway's settings. docs/settings.md and env.example are written from these descriptions."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from common.addresses import target
from common.settings import ProcessSettings
from common.speech import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from gateway.config.jwt_keys import algorithm_of
from gateway.config.mcp_servers import McpServer, read_servers

_HOST = r"[^/,:@\s]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?"
REDIS_URL = re.compile(
    rf"(unix://\S+|rediss?://([^/\s]*@)?({_HOST})?(/\d*)?(\?\S*)?"
    rf"|rediss?\+sentinel://([^/\s]*@)?({_HOST})(,({_HOST}))*/[^/\s]+(/\d+)?)"
)
"""The forms of REDIS_URL; `gateway.clients.redis_client` opens it."""


class GatewaySettings(ProcessSettings):
    """Read from the environment and `.env`."""

    host: str = Field("0.0.0.0", description="Address on which the gateway listens. `::`: IPv6 and IPv4.")  # noqa: S104
    port: int = Field(8000, ge=0, le=65535, description="Port of the gateway: page, HTTP and WebSocket.")
    cors_origins: str = Field(
        "http://localhost:3000",
        description="Origins, separated by commas, whose pages may use the gateway. `*` allows all. The gateway's own "
        "page is always allowed. In production the default is none.",
    )
    allowed_hosts: str = Field(
        "",
        description="Host names, separated by commas, under which the gateway's page may be opened if no log-in is "
        "needed. Addresses and local names (`mybox`, `mybox.local`) are always allowed. `*` allows all.",
    )
    asr_address: str = Field("127.0.0.1:50051", description="host:port of speech recognition.")
    llm_address: str = Field("127.0.0.1:50052", description="host:port of the language model service.")
    tts_address: str = Field("127.0.0.1:50053", description="host:port of speech synthesis.")
    asr_replicas: str = Field(
        "",
        description="host:port pairs, separated by commas. If `ASR_ADDRESS` is a proxy, list the replicas behind it, "
        "so that their slots are counted.",
    )
    llm_replicas: str = Field("", description="Like `ASR_REPLICAS`, for a proxy at `LLM_ADDRESS`.")
    tts_replicas: str = Field("", description="Like `ASR_REPLICAS`, for a proxy at `TTS_ADDRESS`.")
    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Redis or Valkey for session state: `redis://`, `rediss://`, `unix://`, or Sentinels: "
        "`redis+sentinel://host:26379,host:26379/master/0`. If it is unset, `make run` starts a Valkey of its own.",
    )
    session_ttl_s: int = Field(
        7 * 24 * 3600, gt=0, description="Seconds that a conversation is kept after its last change."
    )
    learner_ttl_s: int = Field(
        90 * 24 * 3600,
        ge=0,
        description="Seconds that a learner's usual pause is kept for the next conversation. 0: it is not kept.",
    )
    progress_ttl_s: int = Field(
        365 * 24 * 3600,
        ge=0,
        description="Seconds that the record of a learner who agreed to one is kept after its last change "
        "([progress](progress.md)). 0: no records are kept.",
    )
    idle_timeout_s: float = Field(
        600.0,
        gt=0,
        description="Seconds without speech or messages after which a connection is closed. The session can be "
        "resumed.",
    )
    interrupt_after_ms: int = Field(
        1000,
        ge=100,
        le=5000,
        description="Milliseconds of a learner's voice that interrupt the partner even if no words are recognised.",
    )
    echo_cancellation: bool = Field(
        True,
        description="Remove the partner's voice from the learner's microphone, for loudspeakers without an echo "
        "canceller. It costs little if there is no echo (`docs/turn-taking.md`).",
    )
    help_after_s: float = Field(
        12.0,
        ge=0,
        description="Seconds of silence after which the partner offers help, once per turn. The time is longer for "
        "beginners and for learners with long pauses. 0: never.",
    )
    tool_timeout_s: float = Field(
        30.0,
        gt=0,
        le=600,
        description="Seconds that a client may take for the result of a tool that the partner calls. After that, the "
        "partner goes on without the result.",
    )
    mcp_servers: SecretStr = Field(
        SecretStr(""),
        description="MCP servers whose tools the partner may use, as a JSON list "
        "(`docs/operations.md#tools-of-mcp-servers`). Empty: none.",
    )
    speculation_max_occupancy: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Replies begin early, in a pause, only while less than this share of the slots is in use, both of "
        "the language model and of synthesis. 0: replies never begin early.",
    )
    max_frame_bytes: int = Field(
        1024 * 1024, gt=0, description="Largest WebSocket message in bytes; larger ones are refused."
    )
    admission_max_sessions: int = Field(
        0,
        ge=0,
        description="Conversations at once on all gateways together. 0: as many as the model servers' slots allow.",
    )
    admission_learners_per_llm_slot: float = Field(
        4.0,
        gt=0,
        description="Learners admitted per slot of the language model. Several can share a slot, because each learner "
        "uses it only part of the time.",
    )
    admission_learners_per_tts_slot: float = Field(
        2.0, gt=0, description="Learners admitted per slot of synthesis. Recognition always takes one slot per learner."
    )
    admission_queue_max: int = Field(
        100, ge=0, description="Learners who may wait in the queue; further ones are told to come back later."
    )
    admission_max_wait_s: float = Field(
        300.0, gt=0, description="Seconds after which a waiting learner is told to come back later."
    )
    admission_grace_s: float = Field(
        15.0, ge=0, description="Seconds that a learner's seat is kept after the connection broke."
    )
    gateway_drain_timeout_s: float = Field(
        20.0,
        ge=0,
        description="Seconds that turns in progress may take after SIGTERM, before their learners are handed over to "
        "another gateway.",
    )
    upload_max_bytes: int = Field(
        512 * 1024 * 1024,
        gt=0,
        description="Largest recording in bytes that `/v1/audio/transcriptions` and `/v1/audio/translations` accept.",
    )
    upload_max_audio_s: float = Field(
        7200.0,
        gt=0,
        description="Longest recording in seconds that `/v1/audio/transcriptions` and `/v1/audio/translations` accept.",
    )
    upload_timeout_s: float = Field(600.0, gt=0, description="Seconds that the upload of a recording may take.")
    upload_max_at_once: int = Field(
        8,
        ge=1,
        description="Recordings that one gateway takes at once; further ones are refused as busy. Each is in the "
        "system's temporary folder (`TMPDIR`) until it is transcribed.",
    )
    auth_tokens: SecretStr = Field(
        SecretStr(""),
        description="Log-in tokens, separated by commas; each admits a client, and has at least 16 letters, digits or "
        "`._~+-`. Production requires `AUTH_TOKENS`, `JWT_SECRET`, `JWT_PUBLIC_KEY` or `JWT_JWKS_URL`.",
    )
    jwt_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret that signs JSON Web Tokens (HS256). Use it for nothing else, because whoever has it can "
        "make tokens for every learner.",
    )
    jwt_public_key: str = Field(
        "",
        description="PEM public key of the issuer of JSON Web Tokens (RS256, ES256, EdDSA). In production this needs "
        "`JWT_AUDIENCE` and `JWT_ISSUER`.",
    )
    jwt_jwks_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="URL at which the issuer of JSON Web Tokens publishes its current public keys (JWKS). In "
        "production this needs `https`, `JWT_AUDIENCE` and `JWT_ISSUER`.",
    )
    jwt_audience: str = Field("", description="Required `aud` of a JSON Web Token. Empty: any.")
    jwt_issuer: str = Field("", description="Required `iss` of a JSON Web Token. Empty: any.")
    jwt_leeway_s: float = Field(
        10.0,
        ge=0,
        le=300,
        description="Seconds by which the clocks of the gateway and of the issuer of JSON Web Tokens may differ.",
    )
    forwarded_allow_ips: str = Field(
        "127.0.0.1",
        description="Addresses or networks, separated by commas, of the proxies whose `X-Forwarded-For` names the "
        "client's address. `*` trusts every address; use it only if nothing but a proxy can reach the gateway.",
    )
    root_path: str = Field(
        "",
        pattern=r"^(/[\w.~-]+)*$",
        description="Path under which a proxy serves the gateway, for example `/talk`, if the proxy leaves the path in "
        "the requests. Empty: there is no such path, or the proxy removes it.",
    )
    client_max_connections: int = Field(
        100,
        ge=1,
        description="Connections that one client (token, JWT subject or address) may have open, at all gateways "
        "together: WebSockets, and running requests to `/v1` and `/learner`.",
    )
    client_connections_per_min: int = Field(
        600,
        ge=0,
        description="WebSockets that one client may open per minute, at all gateways together. 0: any number.",
    )
    client_daily_minutes: float = Field(
        0.0,
        ge=0,
        le=24 * 60,
        description="Minutes per day (UTC) that one client may converse, at all gateways together; the client is told "
        "two minutes before the end. 0: any number. Meant for JSON Web Tokens, which name one learner each.",
    )
    client_messages_per_s: float = Field(
        200.0, gt=0, description="Messages per second on one WebSocket; bursts may be ten times as large."
    )
    client_bytes_per_s: float = Field(
        500_000.0, gt=0, description="Bytes per second on one WebSocket; bursts may be ten times as large."
    )
    asr_sample_rate: int = Field(
        16000,
        ge=16000,
        le=16000,
        description="Sample rate of the model in Hz; always 16000. Clients may send any rate from 8,000 to 48,000 Hz.",
    )
    tts_sample_rate: int = Field(
        24000, ge=MIN_SAMPLE_RATE_HZ, le=MAX_SAMPLE_RATE_HZ, description="Sample rate of the partner's audio in Hz."
    )
    llm_max_tokens: int = Field(256, ge=1, description="Upper limit for the partner's replies, in tokens.")
    history_max_chars: int = Field(
        6000,
        ge=200,
        description="How much of the conversation the language model sees, counted in Latin letters. A Cyrillic "
        "letter counts as 2.5, a Chinese or Thai character as 4, because they take more tokens. Of this, a model of "
        "less than 500 million parameters sees only the last 4 to 8 exchanges.",
    )
    scenarios_dir: Path | None = Field(
        None,
        description="Folder with scenarios of your own, one YAML file each (`docs/scenarios.md`). A file with "
        "the id of a bundled scenario replaces that scenario. Empty: only the bundled scenarios.",
    )
    audio_debug: bool = Field(
        False,
        description="Save each learner's audio as `audio_debug/<session-id>.wav` in the system's temporary folder. "
        "These are recordings of people: use it for debugging only.",
    )

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _addresses(cls, proxies: str) -> str:
        for one in proxies.split(","):
            if one.strip() not in ("*", ""):
                ipaddress.ip_network(one.strip(), strict=False)  # the error's message says what is wrong
        return proxies

    @field_validator("asr_address", "llm_address", "tts_address")
    @classmethod
    def _usable_address(cls, address: str) -> str:
        return target(address)

    @field_validator("asr_replicas", "llm_replicas", "tts_replicas")
    @classmethod
    def _usable_addresses(cls, addresses: str) -> str:
        return ",".join(target(one) for one in addresses.split(",") if one.strip())

    @field_validator("redis_url")
    @classmethod
    def _usable_redis_url(cls, url: SecretStr) -> SecretStr:
        """The error's message does not contain the URL, which may hold a password."""
        form = REDIS_URL.fullmatch(url.get_secret_value())
        if form is None:
            raise ValueError(
                "REDIS_URL must be redis://host:6379/0, rediss://…, unix:///path, or, with Sentinels, "
                "redis+sentinel://host:26379,host:26379/master/0; a Redis Cluster can't be used"
            )
        return url

    @field_validator("mcp_servers")
    @classmethod
    def _usable_mcp_servers(cls, servers: SecretStr) -> SecretStr:
        """The error's message does not contain the value, which may hold tokens."""
        read_servers(servers.get_secret_value())
        return servers

    @property
    def mcp(self) -> tuple[McpServer, ...]:
        """The servers in MCP_SERVERS."""
        return read_servers(self.mcp_servers.get_secret_value())

    @property
    def tokens(self) -> list[str]:
        """AUTH_TOKENS as a list."""
        return [token.strip() for token in self.auth_tokens.get_secret_value().split(",") if token.strip()]

    def check_protection(self) -> None:
        """Raises ValueError if a gateway must not run with these settings. The message never contains a token."""
        if any(not re.fullmatch(r"[A-Za-z0-9._~+-]{16,}", token) for token in self.tokens):
            raise ValueError("AUTH_TOKENS: each token needs at least 16 letters, digits or . _ ~ + -")
        if 0 < len(self.jwt_secret.get_secret_value().encode()) < 32:
            raise ValueError("JWT_SECRET: it needs at least 32 bytes, or it can be guessed")
        if sum(map(bool, (self.jwt_secret.get_secret_value(), self.jwt_public_key, self.jwt_jwks_url))) > 1:
            raise ValueError("set only one of JWT_SECRET, JWT_PUBLIC_KEY and JWT_JWKS_URL")
        if self.jwt_public_key:
            algorithm_of(self.jwt_public_key)
        if self.environment == "production":
            if not self.needs_log_in:
                raise ValueError("in production it needs AUTH_TOKENS, JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL")
            # JWT_SECRET needs no audience or issuer: whoever has the secret can write any of them into a token.
            name = "JWT_JWKS_URL" if self.jwt_jwks_url else "JWT_PUBLIC_KEY" if self.jwt_public_key else ""
            if name and not (self.jwt_audience and self.jwt_issuer):
                raise ValueError(
                    f"in production {name} needs JWT_AUDIENCE and JWT_ISSUER: an issuer's keys "
                    "also sign tokens for others"
                )
            if self.jwt_jwks_url.startswith("http:"):
                raise ValueError("in production JWT_JWKS_URL needs https, or its keys could be replaced on their way")

    def warnings(self) -> list[str]:
        """Warnings about settings that are allowed, but risky in production."""
        addresses = (self.asr_address, self.llm_address, self.tts_address)
        is_open = not (self.service_token.get_secret_value() or self.grpc_tls_ca or self.grpc_tls_cert)
        away = [one for one in addresses if not one.startswith(("127.", "localhost:", "[::1]"))]
        if self.environment == "production" and is_open and away:
            return [f"calls to {', '.join(away)} carry no token and no TLS; set SERVICE_TOKEN or GRPC_TLS_CA"]
        return []

    @property
    def needs_log_in(self) -> bool:
        """Whether clients need a token."""
        return bool(self.tokens or self.jwt_secret.get_secret_value() or self.jwt_public_key or self.jwt_jwks_url)

    @property
    def allowed_origins(self) -> list[str]:
        """CORS_ORIGINS as a list. Its default is for developers of pages, so in production the default is none."""
        if self.environment == "production" and "cors_origins" not in self.model_fields_set:
            return []
        return [origin.strip().rstrip("/") for origin in self.cors_origins.split(",") if origin.strip()]

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """ALLOWED_HOSTS in lower case; None: all."""
        names = tuple(name.strip().lower() for name in self.allowed_hosts.split(",") if name.strip())
        return None if "*" in names else names

"""Settings that every process has: built once in `__main__`, frozen, passed down. Nothing else reads os.environ."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ProcessSettings(BaseSettings):
    """Read from the environment, then from `.env`; an empty value means the default."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    environment: Literal["development", "production"] = Field(
        "development", description="`development` or `production`."
    )
    debug: bool = Field(False, description="Interactive API docs at `/docs`, and a log line for each HTTP request.")
    service_token: SecretStr = Field(
        SecretStr(""), description="Shared token that the gateway sends and the model servers ask for; empty: none."
    )
    grpc_tls_cert: Path | None = Field(
        None, description="PEM file of this process's certificate for gRPC; empty: plain text."
    )
    grpc_tls_key: Path | None = Field(None, description="PEM file of the key of `GRPC_TLS_CERT`.")
    grpc_tls_ca: Path | None = Field(
        None,
        description="PEM file of the authority whose certificates are trusted; a model server then asks for client "
        "certificates.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")
    log_format: Literal["text", "json"] = Field(
        "text", description="`text` for people, `json` for a log store: one object a line, with the ids of its work."
    )
    otel_exporter_otlp_endpoint: str = Field(
        "", description="OpenTelemetry collector that takes traces over gRPC, `http://host:4317`; empty: no traces."
    )
    otel_traces_sampler_arg: float = Field(
        1.0, ge=0, le=1, description="Share of turns that are traced; the same for all processes."
    )


class ModelServerSettings(ProcessSettings):
    """Settings that the three model servers share."""

    grpc_host: str = Field("127.0.0.1", description="Address on which the model servers listen.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of a model server's Prometheus `/metrics`; 0: none.")
    drain_timeout_s: float = Field(
        30.0, ge=0, description="On SIGTERM, seconds that calls in progress may take to finish."
    )
    models_cache_dir: Path = Field(
        Path("./models"),
        description="Where downloaded model weights are kept; unset, with `HF_HOME` set: in the latter's `hub`.",
    )
    hf_home: Path | None = Field(
        None, description="Hugging Face's own folder. It and `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` are honoured."
    )
    preload_models: bool = Field(
        True,
        description="Load the model at the start; false: with the first request, which then waits for it, while the "
        "service counts as ready.",
    )
    enable_memory_efficient_loading: bool = Field(
        True,
        description="On one machine (by a lock in `MODELS_CACHE_DIR`) load models one after the other, so that the "
        "peak is one model's; and without a second copy of the weights, where the engine can.",
    )
    load_timeout_s: float = Field(
        1_800.0,
        ge=0,
        description="Seconds that a model may take to load, its download included, before the service gives up; 0: any "
        "time.",
    )
    trust_remote_code: bool = Field(False, description="Let a model's repository run code that it brings along.")

    @model_validator(mode="before")
    @classmethod
    def _cache_of_hugging_face(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Who has a cache of Hugging Face's has it used."""
        if values.get("hf_home") and "models_cache_dir" not in values:
            return values | {"models_cache_dir": Path(values["hf_home"]).expanduser() / "hub"}
        return values

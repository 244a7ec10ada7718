"""Settings that every process has: built once in `__main__`, frozen, passed down. Nothing else reads os.environ."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
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


class ModelServerSettings(ProcessSettings):
    """Settings that the three model servers share."""

    grpc_host: str = Field("127.0.0.1", description="Address on which the model servers listen.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of a model server's Prometheus `/metrics`; 0: none.")
    drain_timeout_s: float = Field(
        30.0, ge=0, description="On SIGTERM, seconds that calls in progress may take to finish."
    )
    models_cache_dir: Path = Field(Path("./models"), description="Where downloaded model weights are kept.")
    preload_models: bool = Field(
        True, description="Load the model at the start; false: with the first request, which then waits for it."
    )
    enable_memory_efficient_loading: bool = Field(
        True, description="Load models one after the other and without a second copy of the weights in memory."
    )
    trust_remote_code: bool = Field(False, description="Let a model's repository run code that it brings along.")

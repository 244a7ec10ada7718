"""Settings that every process has.

`__main__` builds them once and passes them down. No other module reads settings from os.environ.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ProcessSettings(BaseSettings):
    """Read from the environment; what is unset there, from `.env`. An empty value counts as unset."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    environment: Literal["development", "production"] = Field(
        "development",
        description="`development` or `production`. In production the gateway refuses to start without log-in tokens, "
        "a JWT key or the address of an issuer's keys, and a model server that other machines can reach refuses to "
        "start without `SERVICE_TOKEN` or mTLS.",
    )
    debug: bool = Field(False, description="Serve interactive API docs at `/docs`, and log each HTTP request.")
    service_token: SecretStr = Field(
        SecretStr(""),
        description="Token that the gateway sends to the model servers and that they require. Empty: no token.",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="The only bearer token that `/metrics` accepts, at the gateway and at `METRICS_PORT`. Empty: in "
        "production no process serves `/metrics`; in development the gateway's `/metrics` accepts the tokens of the "
        "gateway's other routes, and a model server's needs none.",
    )
    grpc_tls_cert: Path | None = Field(
        None, description="PEM file with this process's certificate for gRPC. Empty: gRPC without TLS."
    )
    grpc_tls_key: Path | None = Field(None, description="PEM file with the private key of `GRPC_TLS_CERT`.")
    grpc_tls_ca: Path | None = Field(
        None,
        description="PEM file with the certificate authority to trust. A model server that has one requires client "
        "certificates (mTLS).",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`."
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="`text` for people, or `json` for a log store: one object per line, with session, turn and trace "
        "ids.",
    )
    otel_exporter_otlp_endpoint: str = Field(
        "",
        description="OpenTelemetry collector that receives traces over gRPC, for example `http://host:4317`. Empty: "
        "no traces.",
    )
    otel_traces_sampler_arg: float = Field(
        1.0, ge=0, le=1, description="Share of turns that are traced, from 0 to 1. Use the same value in all processes."
    )

    @property
    def serves_metrics(self) -> bool:
        """Whether `/metrics` is served: in production only if METRICS_TOKEN is set."""
        return self.environment == "development" or bool(self.metrics_token.get_secret_value())


class ModelServerSettings(ProcessSettings):
    """Settings that the three model servers share."""

    grpc_host: str = Field("127.0.0.1", description="Address on which the model servers listen. `::`: IPv6 and IPv4.")
    grpc_reflection: bool | None = Field(
        None,
        description="Answer gRPC reflection, so that tools like grpcurl can list methods. Empty: only in development.",
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of a model server's Prometheus `/metrics`. 0: no metrics port."
    )
    drain_timeout_s: float = Field(
        30.0, ge=0, description="Seconds that calls in progress may take to finish after SIGTERM."
    )
    models_cache_dir: Path = Field(
        Path("./models"),
        description="Folder for downloaded model weights. If it is unset and `HF_HOME` is set: the folder `hub` in "
        "`HF_HOME`.",
    )
    hf_home: Path | None = Field(
        None,
        description="Hugging Face's own folder. `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` work as usual, too.",
    )
    preload_models: bool = Field(
        True,
        description="Load the model at the start. False: report ready at once, and load the model at the first "
        "request, which then waits for it.",
    )
    enable_memory_efficient_loading: bool = Field(
        True,
        description="Keep peak memory low: load the models of one machine one after the other, and without a second "
        "copy of the weights if the engine can do that. A lock in `MODELS_CACHE_DIR` makes the model "
        "servers wait for one another.",
    )
    load_timeout_s: float = Field(
        1_800.0,
        ge=0,
        description="Seconds that a model may take to load, download included, before the service gives up. 0: no "
        "limit.",
    )
    trust_remote_code: bool = Field(False, description="Allow code from a model's repository to run.")

    @property
    def has_reflection(self) -> bool:
        """Whether gRPC reflection is answered."""
        return self.environment == "development" if self.grpc_reflection is None else self.grpc_reflection

    @model_validator(mode="before")
    @classmethod
    def _cache_of_hugging_face(cls, values: dict[str, Any]) -> dict[str, Any]:
        """If HF_HOME is set and MODELS_CACHE_DIR isn't, use Hugging Face's own cache."""
        if values.get("hf_home") and "models_cache_dir" not in values:
            return values | {"models_cache_dir": Path(values["hf_home"]).expanduser() / "hub"}
        return values


_SECRET = re.compile(r"(?<!MAX_)TOKENS?$|SECRET$|API_KEY$|PASSWORD$|^REDIS_URL$|^MCP_SERVERS$")
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")  # the user and password in a URL


def problems_in(invalid: ValidationError) -> list[str]:
    """A sentence for each wrong setting. It contains the given value, unless the setting is a secret."""
    problems = []
    for error in invalid.errors(include_url=False):
        message = error["msg"].removeprefix("Value error, ")
        if not error["loc"]:  # the error concerns several settings together; its message names them
            problems.append(message)
            continue
        name, given = str(error["loc"][0]).upper(), _PASSWORD.sub("…@", str(error["input"]))
        if name.endswith("_PORT") and given.startswith("tcp://"):
            message = f"Kubernetes sets this for a Service named {name[:-5].lower()}; set enableServiceLinks: false"
        problems.append(f"{name}: {message}" if is_secret(name) else f"{name}={given}: {message}")
    return problems


def is_secret(name: str) -> bool:
    """Whether the value of the setting `name` must not be shown."""
    return _SECRET.search(name) is not None

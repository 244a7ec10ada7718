"""Settings of `make run` itself. docs/settings.md and env.example are written from these descriptions."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RunSettings(BaseSettings):
    """Settings of `make run` itself."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    profile: str = Field(
        "",
        description="File of `deploy/profiles` whose settings become the defaults of `make run`: `cpu`, `laptop`, "
        "`languages`, `low-vram`, `standard` or `high-vram`. Empty: the bundled models.",
    )
    asr_environment: str = Field(
        "",
        description="Python environment of recognition: the name of a lock in `deploy/locks` (for example "
        "`asr-cuda`), or a folder, whose path must contain a `/`. Empty: `.venv`.",
    )
    llm_environment: str = Field("", description="Like `ASR_ENVIRONMENT`, for the language model (for example `vllm`).")
    tts_environment: str = Field(
        "", description="Like `ASR_ENVIRONMENT`, for synthesis (for example `tts-coqui` or `tts-kyutai`)."
    )

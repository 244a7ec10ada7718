"""What `make run` itself is told; its table in the README and env.example are written from here."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RunSettings(BaseSettings):
    """Settings of `make run` itself."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    profile: str = Field(
        "",
        description="A file of `deploy/profiles` whose settings are the defaults of `make run`: `cpu`, `low-vram`, "
        "`standard`, `high-vram`; empty: the bundled models.",
    )
    asr_environment: str = Field(
        "",
        description="Python environment of recognition: the name of a lock in `deploy/locks` (`asr-cuda`), or a folder "
        "with a `/` in its name; empty: `.venv`.",
    )
    llm_environment: str = Field("", description="The same for the language model (`vllm`).")
    tts_environment: str = Field("", description="The same for synthesis (`tts-coqui`, `tts-kyutai`, …).")

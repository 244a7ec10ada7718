"""The programs that build images and run the compose file: Docker if its engine runs, otherwise Debian's buildah and
podman."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("gateway", "asr", "llm", "tts")
VERSION = "0.1.0"

# For containers within a sandbox: the runtime that works there, and the limits that the sandbox allows.
CONTAINERS_CONF = """\
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
"""


@dataclass(frozen=True)
class Engine:
    """Commands of one container engine. `env` is added to the environment of each."""

    build: tuple[str, ...]
    compose: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def build_image(self, service: str) -> None:
        """Build the image `aitalk/<service>`."""
        arguments = ["--build-arg", f"SERVICE={service}", "-t", f"aitalk/{service}:{VERSION}", "."]
        self.run([*self.build, "-f", "deploy/docker/Dockerfile", *arguments])

    def compose_run(self, *arguments: str) -> None:
        """Run a command on the compose file's `cpu` profile: `up -d`, `down`, `logs` …"""
        self.run([*self.compose, "--profile", "cpu", *arguments])

    def run(self, command: list[str]) -> None:
        """Run the command in the repository's root. Ends this program if the command fails."""
        print("→", " ".join(command), flush=True)
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **self.env}, check=False)
        if done.returncode:
            sys.exit(f"{command[0]} failed with status {done.returncode}")


def docker() -> Engine | None:
    """Docker, if its engine answers."""
    if not shutil.which("docker"):
        return None
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return None
    return Engine(build=("docker", "build"), compose=("docker", "compose"))


def podman(conf: Path) -> Engine:
    """buildah and podman, with podman-compose of this environment; writes their settings to `conf`."""
    conf.write_text(CONTAINERS_CONF)
    return Engine(
        build=("buildah", "bud", "--isolation", "chroot", "--layers", "--format", "docker"),
        compose=(str(Path(sys.executable).parent / "podman-compose"), "--no-ansi"),
        env={"CONTAINERS_CONF": str(conf)},
    )

"""`python -m deploy.mesh`: the whole mesh on one machine, as `make run` starts it.

The processes are those of the Procfile. The gateway takes PORT; the others get free ports, unless their address is set
(ASR_ADDRESS, LLM_ADDRESS, TTS_ADDRESS, REDIS_URL): then that one runs elsewhere and is not started here. METRICS_PORT
is that of recognition; the language model has the next one, and synthesis the one after. When one process ends, all do;
Ctrl-C ends them all.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from honcho.environ import parse_procfile
from honcho.manager import Manager

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Part:
    """A process that others find by an address. port: the setting it listens by; address: the one others find it by."""

    name: str
    port: str
    address: str
    form: str


PARTS = (
    Part("redis", "VALKEY_PORT", "REDIS_URL", "redis://127.0.0.1:{}/0"),
    Part("asr", "ASR_PORT", "ASR_ADDRESS", "127.0.0.1:{}"),
    Part("llm", "LLM_PORT", "LLM_ADDRESS", "127.0.0.1:{}"),
    Part("tts", "TTS_PORT", "TTS_ADDRESS", "127.0.0.1:{}"),
)
METERED = ("asr", "llm", "tts")


def main() -> int:
    """Run until Ctrl-C, SIGTERM, or the end of one process; returns the exit status."""
    environment = {name: value for name, value in dotenv_values(".env").items() if value} | dict(os.environ)
    commands = parse_procfile((ROOT / "Procfile").read_text()).processes
    elsewhere, settings = plan(environment)
    manager = Manager()
    for name, command in commands.items():
        if name not in elsewhere:
            own = {"METRICS_PORT": metrics_port(name, environment), "PATH": _path(environment)}
            manager.add_process(name, command, env=environment | settings | own)
    manager.loop()
    return int(manager.returncode or 0)


def plan(environment: dict[str, str]) -> tuple[set[str], dict[str, str]]:
    """Which processes run elsewhere, and the settings by which those started here find one another."""
    elsewhere = {part.name for part in PARTS if environment.get(part.address)}
    here = [part for part in PARTS if part.name not in elsewhere]
    settings = {"METRICS_PORT": "0"}
    if not environment.get("DRAIN_TIMEOUT_S"):
        settings["DRAIN_TIMEOUT_S"] = "3"
    if not environment.get("GATEWAY_DRAIN_TIMEOUT_S"):
        settings["GATEWAY_DRAIN_TIMEOUT_S"] = "3"
    for part, port in zip(here, free_ports(len(here)), strict=True):
        wanted = environment.get(part.port)
        number = wanted if wanted and wanted != "0" else str(port)
        settings |= {part.port: number, part.address: part.form.format(number)}
    return elsewhere, settings


def metrics_port(name: str, environment: dict[str, str]) -> str:
    """One port can't serve three processes: they count on from METRICS_PORT."""
    first = int(environment.get("METRICS_PORT") or 0)
    return str(first + METERED.index(name)) if first and name in METERED else "0"


def free_ports(count: int) -> list[int]:
    """So many different ports of loopback that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _path(environment: dict[str, str]) -> str:
    """PATH with this Python's folder first, so that the Procfile's `python` is this one."""
    return f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"


if __name__ == "__main__":
    sys.exit(main())

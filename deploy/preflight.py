"""The checks of `make run` before it installs, downloads or loads anything, so that it reports a mistake within
seconds.

names of settings  →  their values  →  GPU of the profile  →  ports that are free  →  Valkey's folder
"""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from asr_service.config import AsrSettings
from common import unknown_settings
from common.addresses import join, listen
from common.errors import InvalidInputError
from common.security import Security
from common.settings import ModelServerSettings, ProcessSettings, problems_in
from deploy import data_folder
from deploy.configuration import settings_from
from deploy.port_locks import PortLocks
from deploy.settings import RunSettings
from deploy.valkey import ValkeySettings
from gateway.config import GatewaySettings
from llm_service.config import LlmSettings
from tts_service.config import TtsSettings

SETTINGS: Mapping[str, type[BaseSettings]] = {
    "redis": ValkeySettings,
    "asr": AsrSettings,
    "llm": LlmSettings,
    "tts": TtsSettings,
    "gateway": GatewaySettings,
}
_NEXT_PORTS = 50


class CannotStartError(ValueError):
    """With these settings, or on this machine, the mesh can't start. The message has a line for each problem.

    warnings: what else is wrong, but would not keep the mesh from starting.
    """

    def __init__(self, message: str, warnings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.warnings = warnings


def check_settings(environment: Mapping[str, str], processes: set[str]) -> list[str]:
    """Check the names and values of all settings. Returns warnings about names that nobody reads.

    environment: the settings, including those of `.env` and the profile. processes: those that start here. Raises
    CannotStartError.
    """
    problems: list[str] = []
    warnings: list[str] = []
    classes: list[type[BaseSettings]] = [RunSettings, *(cls for name, cls in SETTINGS.items() if name in processes)]
    for cls in classes:
        try:
            settings = settings_from(cls, environment)
            if isinstance(settings, GatewaySettings):
                settings.check_protection()
            if isinstance(settings, ProcessSettings):
                security = Security.of(settings)
                if isinstance(settings, ModelServerSettings):
                    security.check_server(settings)
            _check_models(settings)
        except ValidationError as invalid:
            problems += problems_in(invalid)
        except InvalidInputError as unknown:
            problems.append(unknown.message)
        except ValueError as error:
            problems.append(str(error))
    try:
        warnings = unknown_settings.check(
            os.environ,
            {".env": dotenv_values(".env"), "the command line": _given_to_make(environment.get("MAKEFLAGS", ""))},
            is_production=environment.get("ENVIRONMENT", "").lower() == "production",
        )
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise CannotStartError("\n".join(dict.fromkeys(problems)), warnings)
    return warnings


def _check_models(settings: BaseSettings) -> None:
    """Raises InvalidInputError for a model that no engine of recognition or synthesis runs."""
    if isinstance(settings, AsrSettings) and settings.asr_model_name:
        from asr_service.engines import choose_engine as engine_of_recognition  # imports numpy

        engine_of_recognition(settings.asr_model_name)
    if isinstance(settings, TtsSettings) and settings.tts_model_name:
        from tts_service.engines import choose_engine, fallbacks_of

        for model in (settings.tts_model_name, *fallbacks_of(settings.tts_model_name, settings.tts_fallbacks)):
            choose_engine(model)


def _given_to_make(flags: str) -> dict[str, str]:
    """The variables on the command line of `make`, from its variable MAKEFLAGS: `s -- PORT=80 ARGS=`."""
    _, _, variables = f" {flags}".partition(" -- ")
    return {name: value for name, is_one, value in (one.partition("=") for one in shlex.split(variables)) if is_one}


def check_machine(variables: Mapping[str, Mapping[str, str]], locks: PortLocks) -> None:
    """Check that ports are free and that Valkey may use its folder. Raises CannotStartError.

    variables: the environment variables of each process that starts here. locks: reserve the ports.
    """
    ports = [*_ports(variables)]
    problems = [problem for host, port, setting in ports if (problem := _port_problem(host, port, setting, locks))]
    problems += _ports_given_twice(ports)
    if redis := variables.get("redis"):
        problem = data_folder.problem_with(settings_from(ValkeySettings, redis).valkey_data_dir)
        problems += [problem] if problem else []
    if problems:
        raise CannotStartError("\n".join(problems))


def _ports(variables: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, int, str]]:
    """Address, port and setting of each port that will be listened on."""
    for name, values in variables.items():
        setting = {"gateway": "PORT", "redis": "VALKEY_PORT"}.get(name, f"{name.upper()}_PORT")
        host = {"gateway": values.get("HOST") or "0.0.0.0", "redis": "127.0.0.1"}.get(name)  # noqa: S104
        host = host or values.get("GRPC_HOST") or "127.0.0.1"
        yield host, int(values[setting]), setting
        if int(values.get("METRICS_PORT") or 0):
            yield host, int(values["METRICS_PORT"]), "METRICS_PORT"


def _ports_given_twice(ports: Sequence[tuple[str, int, str]]) -> Iterator[str]:
    """The ports that two settings name, since two processes can't listen on one port. If another process had the
    gateway's port, its answers would pass the gateway's health check."""
    settings: dict[int, str] = {}
    for _, port, setting in ports:
        first = settings.setdefault(port, setting)
        if first != setting:
            counted = (
                " (METRICS_PORT is counted up for each model server)" if "METRICS_PORT" in (first, setting) else ""
            )
            yield f"port {port} is needed for {first} and for {setting}{counted}; change one of them"


def _port_problem(host: str, port: int, setting: str, locks: PortLocks) -> str:
    """Why a process can't listen on that port; empty if it can. The port is then reserved."""
    try:
        _try(host, port)
    except PermissionError:
        return f"{setting}={port} needs more privileges; choose a port from 1024 on: `make run {setting}=8000`"
    except OSError as error:
        if (error.errno or 0) < 0:  # an error of getaddrinfo
            return f"{host} is not an address of this machine; see HOST and GRPC_HOST"
        if error.errno != errno.EADDRINUSE:
            why = os.strerror(error.errno or 0)
            return f"nothing can listen on {join(host, port)} ({why}); see {setting}, HOST and GRPC_HOST"
        return f"port {port} is taken{_by(port)}; stop what uses it, or {_another(host, port, setting)}"
    if not locks.reserve(port):
        return f"port {port} is reserved by another `make run`; stop that one, or {_another(host, port, setting)}"
    return ""


def _another(host: str, port: int, setting: str) -> str:
    """How to take one of the next ports, if one of them is free."""
    for one in range(port + 1, min(port + _NEXT_PORTS, 65536)):
        with suppress(OSError):
            _try(host, one)
            if PortLocks().reserve(one):  # only for now
                return f"run `make run {setting}={one}`"
    return f"set {setting} to a free port"


def _try(host: str, port: int) -> None:
    """Raise OSError if a process can't listen on that port."""
    for one in listen(host, port):
        one.close()


def _by(port: int) -> str:
    """The program that listens on `port`, if this user may see it."""
    import psutil  # slow, and needed only if something is wrong

    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                return f" by {psutil.Process(one.pid).name()} (process {one.pid})"
    except psutil.Error:
        pass
    return ""

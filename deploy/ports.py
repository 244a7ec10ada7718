"""The ports of `make run`: the processes that listen on one, free ports, and why a process can't listen on its port.

`deploy.first_check` uses this module before any package is installed, so it imports only the standard library.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from common.addresses import join, listen

_NEXT_PORTS = 50


@dataclass(frozen=True)
class Part:
    """A process that others connect to. port: the setting for its port. address: the setting from which others learn
    its address."""

    name: str
    port: str
    default_port: int
    address: str
    form: str


PARTS = (
    Part("redis", "VALKEY_PORT", 6379, "REDIS_URL", "redis://127.0.0.1:{}/0"),
    Part("asr", "ASR_PORT", 50051, "ASR_ADDRESS", "127.0.0.1:{}"),
    Part("llm", "LLM_PORT", 50052, "LLM_ADDRESS", "127.0.0.1:{}"),
    Part("tts", "TTS_PORT", 50053, "TTS_ADDRESS", "127.0.0.1:{}"),
)


def here(environment: Mapping[str, str]) -> set[str]:
    """The names of the processes that run on this machine."""
    return {"gateway", *(part.name for part in PARTS if not environment.get(part.address))}


def port_setting(name: str) -> str:
    """The setting for the port of the process `name`."""
    return next((part.port for part in PARTS if part.name == name), "PORT")


def free_ports(count: int) -> list[int]:
    """`count` different ports of 127.0.0.1 that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def port_problems(
    variables: Mapping[str, Mapping[str, str]], reserve: Callable[[int], bool] = lambda _: True
) -> list[str]:
    """A sentence for each port that can't be listened on, or that two settings name.

    variables: the environment variables of each process that starts here. reserve: keeps a port for this `make run`;
    False if another one has reserved it.
    """
    ports = [*_ports(variables)]
    problems = [problem for host, port, setting in ports if (problem := _problem(host, port, setting, reserve))]
    return [*problems, *_ports_given_twice(ports)]


def _ports(variables: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, int, str]]:
    """Address, port and setting of each port that will be listened on."""
    for name, values in variables.items():
        setting = port_setting(name)
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


def _problem(host: str, port: int, setting: str, reserve: Callable[[int], bool]) -> str:
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
        return f"port {port} is taken{_by(port)}; stop what uses it, or {_another(host, port, setting, reserve)}"
    if not reserve(port):
        another = _another(host, port, setting, reserve)
        return f"port {port} is reserved by another `make run`; stop that one, or {another}"
    return ""


def _another(host: str, port: int, setting: str, reserve: Callable[[int], bool]) -> str:
    """How to take one of the next ports, if one of them is free."""
    for one in range(port + 1, min(port + _NEXT_PORTS, 65536)):
        with suppress(OSError):
            _try(host, one)
            if reserve(one):  # only for now, because this `make run` ends
                return f"run `make run {setting}={one}`"
    return f"set {setting} to a free port"


def _try(host: str, port: int) -> None:
    """Raise OSError if a process can't listen on that port."""
    for one in listen(host, port):
        one.close()


def _by(port: int) -> str:
    """The program that listens on `port`, if this user may see it."""
    try:
        import psutil  # slow, and needed only if something is wrong
    except ImportError:  # nothing is installed yet
        return ""
    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                return f" by {psutil.Process(one.pid).name()} (process {one.pid})"
    except psutil.Error:
        pass
    return ""

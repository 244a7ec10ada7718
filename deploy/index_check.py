"""`python deploy/index_check.py`: ends with status 1 if pip can reach none of the places that it gets packages from.

`make setup` runs it first, because without a network, pip takes many seconds to fail. The check needs no package except
pip. If it can't decide, it lets the set-up go on, and pip itself reports any failure.
"""

from __future__ import annotations

import socket
import sys
import time
import urllib.request
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import url2pathname

WITHIN_S = 3.0  # after this time it says that it waits, and what to do
LONGEST_S = 20.0  # a network that drops packets gives no answer, and pip would wait for minutes
WHAT_TO_DO = "Behind a proxy, set HTTPS_PROXY. With a mirror, set PIP_INDEX_URL and UV_DEFAULT_INDEX. Then try again"
FIRST_PACKAGE = "uv"  # the only one that pip installs


def main() -> int:
    """Check the network. Returns the exit status, and writes to stderr why no place can be reached."""
    try:
        places = _places()
    except Exception as error:  # it imports parts of pip that are not public
        print(f"(the network was not checked: {error})", file=sys.stderr)
        return 0
    if any(_is_here(place) for place in places):
        return 0
    remote = {_endpoint(place) for place in places if urlsplit(place).hostname}
    why = _why_unreachable(remote)
    if why:
        print(
            f"can't set up: the package index can't be reached ({'; '.join(why)}). Is there a network?", file=sys.stderr
        )
        print(WHAT_TO_DO, file=sys.stderr)
    return 1 if why else 0


def _places() -> list[str]:
    """The URLs and folders from pip's options, environment variables and configuration files."""
    import ensurepip  # Debian has it in a package of its own

    wheels = Path(ensurepip.__file__).parent / "_bundled"
    sys.path += map(str, wheels.glob("pip-*.whl"))  # in case this Python has no pip
    from pip._internal.commands import create_command  # type: ignore[import-not-found,unused-ignore]

    options, _ = create_command("install").parser.parse_args([FIRST_PACKAGE])
    return [*([] if options.no_index else [options.index_url, *options.extra_index_urls]), *options.find_links]


def _is_here(place: str) -> bool:
    """Whether `place` is a folder with FIRST_PACKAGE."""
    url = urlsplit(place)
    folder = Path(url2pathname(url.path)) if url.scheme == "file" else Path(place)
    return (folder / FIRST_PACKAGE).is_dir() or any(folder.glob(f"{FIRST_PACKAGE}-*"))


def _endpoint(place: str) -> tuple[str, int]:
    """The host and port to connect to: those of the place, or of the proxy to it."""
    url = urlsplit(place)
    proxy = urllib.request.getproxies().get(url.scheme)
    if proxy and not urllib.request.proxy_bypass(url.hostname or ""):
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


def _why_unreachable(endpoints: set[tuple[str, int]]) -> list[str]:
    """Why each endpoint can't be reached; an empty list if at least one can."""
    answers: Queue[tuple[str, str]] = Queue()
    silent = {f"{host}:{port}" for host, port in endpoints}
    for at in endpoints:
        Thread(target=lambda at=at: answers.put(_try(*at)), daemon=True).start()
    reasons: list[str] = []
    deadline = time.monotonic() + WITHIN_S
    is_patient = False
    while silent:
        try:
            place, reason = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            if is_patient:
                return [*reasons, *(f"{place}: no answer within {LONGEST_S:g} s" for place in sorted(silent))]
            names = ", ".join(sorted(silent))
            told = (
                f"no answer from the package index ({names}) within {WITHIN_S:g} s; waiting for up to {LONGEST_S:g} s"
            )
            print(f"{told}. Is there a network?\n{WHAT_TO_DO}", file=sys.stderr, flush=True)
            is_patient = True
            deadline += LONGEST_S - WITHIN_S
            continue
        if not reason:
            return []
        silent.discard(place)
        reasons.append(f"{place}: {reason}")
    return reasons


def _try(host: str, port: int) -> tuple[str, str]:
    """The endpoint, and why it can't be reached; empty if it can."""
    try:
        socket.create_connection((host, port), timeout=60).close()
    except OSError as error:
        return f"{host}:{port}", error.strerror or str(error)
    return f"{host}:{port}", ""


if __name__ == "__main__":
    sys.exit(main())

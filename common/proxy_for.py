"""Which proxy the environment names for a server: HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, unless NO_PROXY covers its
host.

httpx 0.28 reads these itself. But in NO_PROXY it knows neither networks (10.0.0.0/8) nor `*.name`. For IPv6 in brackets
and for IPv6 networks it raises InvalidURL, so that no request can be made at all. Clusters set such values.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, proxies: Mapping[str, str] | None = None) -> str | None:
    """The URL of the proxy for `url`, or None. proxies: by scheme, as urllib finds them in the environment."""
    found = getproxies_environment() if proxies is None else proxies
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    if any(_covers(entry.strip(), host, port) for entry in found.get("no", "").split(",")):
        return None
    proxy = found.get(parts.scheme) or found.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY means this host: `*`, an address or network, or a name and all names below it."""
    if entry in ("", "*"):
        return entry == "*"
    with suppress(ValueError):
        return _is_in(host, ip_network(entry.strip("[]"), strict=False))
    try:
        wanted = urlsplit(f"//{entry}")  # the entry may have a port
        name, of_port = wanted.hostname or "", wanted.port
    except ValueError:
        return False
    name = name.removeprefix("*").removeprefix(".")
    return of_port in (None, port) and bool(name) and (host == name or host.endswith(f".{name}"))


def _is_in(host: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(host) in network
    except ValueError:
        return False  # a name

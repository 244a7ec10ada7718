"""How the processes authenticate each other: by a shared token, by TLS certificates, by both, or not at all."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from common.settings import ModelServerSettings, ProcessSettings

_HEADER = "authorization"


@dataclass(frozen=True)
class Security:
    """The credentials that a process presents, and those that it accepts.

    token: in the metadata of every call; a client sends it, a server requires it. cert, key: this process's own, PEM.
    ca: the authority that it trusts, PEM. TLS is on if there is a `ca` or a `cert`. A server with a `ca` requires
    client certificates (mTLS).
    """

    token: str = ""
    cert: bytes | None = None
    key: bytes | None = None
    ca: bytes | None = None

    @classmethod
    def of(cls, settings: ProcessSettings) -> Security:
        """Read the files that the settings name. Raises ValueError if one can't be read, or if only one of cert
        and key is set."""
        cert, key, ca = (_read(path) for path in (settings.grpc_tls_cert, settings.grpc_tls_key, settings.grpc_tls_ca))
        if (cert is None) != (key is None):
            raise ValueError("GRPC_TLS_CERT and GRPC_TLS_KEY belong together: set both or none")
        return cls(settings.service_token.get_secret_value(), cert, key, ca)

    @property
    def has_tls(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.cert or self.ca)

    def server_credentials(self) -> grpc.ServerCredentials | None:
        """TLS credentials of a server; None for plain text. Raises ValueError if there is a `ca` but no certificate."""
        if not self.has_tls:
            return None
        if self.cert is None or self.key is None:
            raise ValueError("a server needs GRPC_TLS_CERT and GRPC_TLS_KEY in addition to GRPC_TLS_CA")
        return grpc.ssl_server_credentials(
            [(self.key, self.cert)], root_certificates=self.ca, require_client_auth=self.ca is not None
        )

    def check_server(self, settings: ModelServerSettings) -> None:
        """Raises ValueError if a model server in production asks other machines for neither token nor certificate."""
        is_open = not (self.token or self.ca)
        if settings.environment == "production" and is_open and not _is_loopback(settings.grpc_host):
            raise ValueError(
                f"in production it needs SERVICE_TOKEN or GRPC_TLS_CA, because it listens on {settings.grpc_host},"
                " where others can reach it"
            )

    def open(self, address: str, options: list[tuple[str, Any]]) -> grpc.aio.Channel:
        """A channel that sends the token and uses TLS, as configured."""
        if self.has_tls:
            credentials = grpc.ssl_channel_credentials(self.ca, self.key, self.cert)
            channel = grpc.aio.secure_channel(address, credentials, options=options)
        else:
            channel = grpc.aio.insecure_channel(address, options=options)
        if not self.token:
            return channel
        return _Tokened(channel, (_HEADER, f"Bearer {self.token}"))  # type: ignore[return-value]

    def admits(self, metadata: Any) -> bool:
        """Whether a call with this metadata may be served. Compares the token in constant time."""
        given = next((str(value) for name, value in metadata or () if name == _HEADER), "")
        return not self.token or hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode())


def _is_loopback(host: str) -> bool:
    return host.strip("[]") in ("localhost", "::1") or host.startswith("127.")


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"the certificate file {path} can't be read ({error.strerror}); see GRPC_TLS_*") from None


class _Tokened:
    """A channel that adds an entry to the metadata of every call.

    gRPC's call credentials would need TLS. gRPC's interceptors would put a queue between a stream and its writer.
    """

    def __init__(self, channel: grpc.aio.Channel, entry: tuple[str, str]) -> None:
        self._channel = channel
        self._entry = entry

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._channel, name)
        if name not in {"unary_unary", "unary_stream", "stream_unary", "stream_stream"}:
            return found
        return lambda *args, **kwargs: self._with_entry(found(*args, **kwargs))

    def _with_entry(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def calling(*args: Any, metadata: Any = None, **kwargs: Any) -> Any:
            return call(*args, metadata=(*(metadata or ()), self._entry), **kwargs)

        return calling

    async def __aenter__(self) -> _Tokened:
        await self._channel.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self._channel.__aexit__(*exception)

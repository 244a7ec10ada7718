"""The names and certificates of model servers, servers without TLS, and a server that is away, on real sockets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from common.errors import UnavailableError
from llm_service.openai_api.server_api import ServerApi

BODY = b'{"data": [{"id": "m"}]}'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a self-signed certificate for `localhost` and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: Any) -> None: ...


class _Server(HTTPServer):
    def handle_error(self, *_: Any) -> None: ...  # a client that doesn't trust the certificate disconnects


@contextmanager
def serving(certificate: Path | None) -> Iterator[int]:
    """Run a server that lists one model. Yields its port."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def with_dots(look_up: Callable[..., Any]) -> Callable[..., Any]:
    """`look_up` that also accepts names with a final dot, as DNS does; /etc/hosts alone doesn't."""

    def look_up_without(name: str | bytes, *more: Any, **by: Any) -> Any:
        return look_up((name if isinstance(name, str) else name.decode()).rstrip("."), *more, **by)

    return look_up_without


async def models(url: str) -> list[str]:
    api = ServerApi(url, api_key="", request_timeout_s=10, trust_env=True, transport=None)
    try:
        return [model.id for model in await api.models() or ()]
    finally:
        await api.close()


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LOCALHOST"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_with_a_final_dot_or_capitals(
    scheme: str, host: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(socket, "getaddrinfo", with_dots(socket.getaddrinfo))
    with serving(certificate if scheme == "https" else None) as port:
        assert await models(f"{scheme}://{host}:{port}/v1") == ["m"]


async def test_a_certificate_that_is_not_trusted_is_named(certificate: Path) -> None:
    refused = pytest.raises(UnavailableError, match=r"not trusted here \(.+\); SSL_CERT_FILE")
    with serving(certificate) as port, refused:
        await models(f"https://localhost:{port}/v1")


async def test_tls_to_a_server_without_it_is_named() -> None:
    with serving(None) as port, pytest.raises(UnavailableError, match="does not speak TLS"):
        await models(f"https://localhost:{port}/v1")


async def test_a_name_that_nobody_knows_is_named() -> None:
    """RFC 6761 reserves `.invalid`, so nobody knows this name. The error also says what to do about
    `host.docker.internal`, which is unknown on Linux unless Docker is configured for it (`host-gateway`)."""
    with pytest.raises(UnavailableError, match=r"name is not known here.*host-gateway"):
        await models("http://llm.invalid:1/v1")


async def test_a_server_that_is_away_is_tried_again() -> None:
    with serving(None) as port:
        assert port
    with pytest.raises(UnavailableError, match="can't be reached; try again"):
        await models(f"http://localhost:{port}/v1")

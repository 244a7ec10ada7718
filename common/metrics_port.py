"""A model server's own port for Prometheus, which METRICS_TOKEN protects if it is set."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable
from wsgiref.simple_server import WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import start_http_server

from common.settings import ModelServerSettings

logger = logging.getLogger(__name__)


def serve_metrics(settings: ModelServerSettings) -> WSGIServer | None:
    """Serve `/metrics` on METRICS_PORT in a thread of its own. Returns None if the port is 0 or stays closed."""
    if not settings.metrics_port:
        return None
    if not settings.serves_metrics:
        logger.warning("METRICS_PORT stays closed: in production it needs METRICS_TOKEN")
        return None
    server, _ = start_http_server(settings.metrics_port, settings.grpc_host.strip("[]"))
    if token := settings.metrics_token.get_secret_value():
        app = server.get_app()  # served without the token until now, but nothing has been measured yet
        assert app is not None  # noqa: S101
        server.set_app(_guarded(app, token))
    return server


def _guarded(app: WSGIApplication, token: str) -> WSGIApplication:
    """The application, which now answers 401 to requests without the token."""
    expected = f"Bearer {token}".encode()

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if hmac.compare_digest(environ.get("HTTP_AUTHORIZATION", "").encode(), expected):
            return app(environ, start_response)
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Type", "text/plain")])
        return [b"/metrics needs METRICS_TOKEN: send `Authorization: Bearer ...`\n"]

    return guarded

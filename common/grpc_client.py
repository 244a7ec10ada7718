"""Channels to the model servers."""

from __future__ import annotations

from typing import Any

import grpc

from common.security import Security

MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # a unary Recognize of ten minutes at 48 kHz

SHARED_OPTIONS = [  # of channels and servers alike
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Keep flow-control windows at 64 KiB: else they grow to megabytes, and a server goes on making speech for a client
    # that has long stopped reading.
    ("grpc.http2.bdp_probe", 0),
]

_OPTIONS = [
    *SHARED_OPTIONS,
    # What a server may send that was not yet asked for: a third of a second of speech at 24 kHz. gRPC's 64 KiB would be
    # another second of it made for nothing at each interruption. A longer message comes whole all the same.
    ("grpc.http2.lookahead_bytes", 16 * 1024),
    ("grpc.lb_policy_name", "round_robin"),
    # Notice a server that vanished without closing its connection.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # Come back quickly to a server that restarts.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


def open_channel(address: str, security: Security | None = None, *, name: str = "") -> grpc.aio.Channel:
    """A channel to `host:port` (or any gRPC target); close it, or use it as an async context manager.

    name: the host that its certificate must name, if not the one in `address`.
    """
    options: list[tuple[str, Any]] = [*_OPTIONS]
    if name:
        options.append(("grpc.ssl_target_name_override", name))
    return (security or Security()).open(address, options)

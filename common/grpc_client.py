"""Channels to the model servers."""

from __future__ import annotations

from typing import Any

import grpc

from common.security import Security

MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # a unary Recognize of ten minutes at 48 kHz

SHARED_OPTIONS = [  # for channels and servers
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Keeps flow-control windows at 64 KiB. Otherwise they would grow to megabytes, and a server would go on making
    # speech for a client that stopped reading long ago.
    ("grpc.http2.bdp_probe", 0),
]

_OPTIONS = [
    *SHARED_OPTIONS,
    # How much a server may send before the client reads: a third of a second of speech at 24 kHz. With gRPC's 64 KiB,
    # each interruption would waste another second of speech. Longer messages still arrive whole.
    ("grpc.http2.lookahead_bytes", 16 * 1024),
    ("grpc.lb_policy_name", "round_robin"),
    # The model servers are ours, so no proxy of the environment (http_proxy) is used for them.
    ("grpc.enable_http_proxy", 0),
    # Notice a server that disappeared without closing its connection.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),  # otherwise the time-out is a minute, despite the line above
    # Reconnect quickly to a server that restarts.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Ask DNS again soon if a server can't be reached, because a container that restarts gets another address. By
    # default gRPC keeps the old address for 30 s.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
]


def open_channel(address: str, security: Security | None = None, *, name: str = "") -> grpc.aio.Channel:
    """A channel to `host:port` (or any gRPC target). Close it, or use it as an async context manager.

    name: the host that the server's certificate must name, if it differs from the host in `address`.
    """
    options: list[tuple[str, Any]] = [*_OPTIONS]
    if name:
        options.append(("grpc.ssl_target_name_override", name))
    return (security or Security()).open(address, options)

"""Why no connection to a model server could be made, in words for the operator."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator


def why_unreachable(error: BaseException) -> str:
    """What is wrong with the server's name, certificate or TLS, if that caused this error; otherwise, that the server
    can't be reached."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return (
                    f"the model server's certificate is not trusted here ({cause.verify_message}); SSL_CERT_FILE may "
                    "name a file with its authority"
                )
            case ssl.SSLError():
                return "the model server does not speak TLS on that port; LLM_BASE_URL may have to begin with http://"
            case socket.gaierror():
                return (
                    "the model server's name is not known here; see LLM_BASE_URL (in a container on Linux, "
                    "host.docker.internal needs `extra_hosts: host.docker.internal:host-gateway`)"
                )
    return "the model server can't be reached; try again in a few seconds"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

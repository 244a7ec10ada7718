#!/usr/bin/env bash
# Finding: if a gRPC server ends a call with a long message, the client gets RESOURCE_EXHAUSTED in place of the server's
# status code and message, and takes the server for overloaded.
#
# Version: grpcio 1.85.1, CPython 3.11, Linux x86-64.
# Expected: a status of any length arrives with its code; a message that is too long is cut.
# Seen: the message travels in HTTP/2 trailers, which by default may have 8 KiB (soft) to 16 KiB (hard). A message of
#   20,000 characters arrives as RESOURCE_EXHAUSTED "received metadata size exceeds …". So does a message of 6,000
#   letters "ä", because each of them takes six characters in trailers.
# Who is hurt: speech and model servers that quote the request in an error ("no voice '…' here; there are: …"). Clients
#   usually take RESOURCE_EXHAUSTED for "no free slot". They try again and again, and tell people to wait.
# Valid input: one unary call on a loopback server that answers INVALID_ARGUMENT. Fails unless the short message arrives
#   with its code and the two long ones with RESOURCE_EXHAUSTED.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc


def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, request.decode())


handler = grpc.method_handlers_generic_handler("voice.Voices", {"Choose": grpc.unary_unary_rpc_method_handler(refuse)})
server = grpc.server(ThreadPoolExecutor(1))
server.add_generic_rpc_handlers((handler,))
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def answer(message: str) -> grpc.StatusCode:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary("/voice.Voices/Choose")(message.encode(), timeout=10)
        except grpc.RpcError as error:
            print(f"{len(message)} characters: {error.code().name}, {(error.details() or '')[:70]!r}")
            return error.code()
    return grpc.StatusCode.OK


seen = [answer(message) for message in ("no voice 'eve' here", "x" * 20_000, "ä" * 6_000)]
server.stop(None)
wanted = [grpc.StatusCode.INVALID_ARGUMENT, *[grpc.StatusCode.RESOURCE_EXHAUSTED] * 2]
sys.exit(0 if seen == wanted else 1)
PYTHON

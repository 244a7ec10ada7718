"""A Hugging Face hub on loopback, for HF_ENDPOINT. It has one repository, serves plain HTTP with ranges, and can fail
on demand."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0ffee" * 6 + "c0de"
CHUNK = 64 * 1024


@dataclass
class Hub:
    """What the server has and what it did. cut_after: numbers of bytes of the weights after which a connection breaks,
    once each. stall_after: the number of bytes of the weights after which the server sends nothing more. `served`: file
    → bytes sent. `requests`: methods and paths."""

    files: Mapping[str, bytes]
    cut_after: list[int] = field(default_factory=list)
    stall_after: int | None = None
    served: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def is_large(self, name: str) -> bool:
        """Whether the file is in LFS, as weights are on real hubs."""
        return name.endswith((".bin", ".safetensors", ".gguf"))

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.files[name]).hexdigest()

    def etag(self, name: str) -> str:
        content = self.files[name]
        return (
            self.sha256(name)
            if self.is_large(name)
            else hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        )

    def sibling(self, name: str) -> dict[str, object]:
        """The file as model_info lists it."""
        lfs = {"lfs": {"size": len(self.files[name]), "sha256": self.sha256(name), "pointerSize": 130}}
        large = lfs if self.is_large(name) else {}
        return {"rfilename": name, "size": len(self.files[name]), "blobId": self.etag(name)[:40], **large}

    def entry(self, name: str) -> dict[str, object]:
        """The file as the tree lists it."""
        lfs = {"lfs": {"size": len(self.files[name]), "oid": self.sha256(name), "pointerSize": 130}}
        large = lfs if self.is_large(name) else {}
        return {"type": "file", "path": name, "size": len(self.files[name]), "oid": self.etag(name)[:40], **large}


@contextmanager
def running_hub(files: Mapping[str, bytes], model_id: str) -> Iterator[Hub]:
    """Serve `files` as the repository `model_id` on a free port of loopback."""
    hub = Hub(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub, "model_id": model_id}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    model_id: str
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionError):  # tests kill clients in the middle of a request
            super().handle()

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        self.hub.requests.append(f"{self.command} {path}")
        if re.fullmatch(rf"/api/models/{self.model_id}(/revision/(main|{COMMIT}))?", path):
            self._json(
                {
                    "id": self.model_id,
                    "modelId": self.model_id,
                    "sha": COMMIT,
                    "siblings": [*map(self.hub.sibling, self.hub.files)],
                }
            )
        elif path.startswith(f"/api/models/{self.model_id}/tree/"):
            self._json([*map(self.hub.entry, self.hub.files)])
        elif (name := path.rpartition("/")[2]) in self.hub.files and path.startswith(f"/{self.model_id}/resolve/"):
            self._file(name, with_body=with_body)
        else:
            self._json({"error": "Repository not found"}, 404, [("X-Error-Code", "RepoNotFound")])

    def _json(self, value: object, status: int = 200, headers: list[tuple[str, str]] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for header in [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *(headers or ())]:
            self.send_header(*header)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _file(self, name: str, *, with_body: bool) -> None:
        content = self.hub.files[name]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.send_header("ETag", f'"{self.hub.etag(name)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if with_body:
            self._send(name, content[begin:])

    def _send(self, name: str, body: bytes) -> None:
        limit = self.hub.cut_after.pop(0) if self.hub.is_large(name) and self.hub.cut_after else len(body)
        for at in range(0, min(limit, len(body)), CHUNK):
            if (
                self.hub.is_large(name)
                and self.hub.stall_after is not None
                and self.hub.served.get(name, 0) >= self.hub.stall_after
            ):
                self.hub.stalled.set()
                self.hub.closing.wait(30)
                break
            chunk = body[at : min(at + CHUNK, limit)]
            self.wfile.write(chunk)
            self.hub.served[name] = self.hub.served.get(name, 0) + len(chunk)
        if limit < len(body):
            self.close_connection = True
            self.connection.close()

    def log_message(self, *_: object) -> None:
        """Log nothing."""

"""A model server for benches: it writes the same long story in every reply, so that a reply is long enough for a
measurement and is the same in every run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.openai_server import END, chunk

STORY = (
    "Once there was a dragon who lived on a hill above a small village. Every morning he watched the people open their "
    "windows and light their fires. He wanted to visit them, but he was afraid that they would run away. One winter "
    "the snow was so deep that nobody could leave the houses. The dragon flew down and breathed on the street until "
    "the snow was gone. An old woman came out first and gave him a bowl of soup. After that he sat in the market every "
    "Sunday, and the children climbed on his back and asked him for stories about the sea."
)
"""It takes about half a minute to speak."""
_MODEL = "story"


class _StoryTeller(BaseHTTPRequestHandler):
    """The parts of the OpenAI API that `llm_service` asks for."""

    def do_GET(self) -> None:
        self._answer("application/json", json.dumps({"data": [{"id": _MODEL}]}))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        events = [*(chunk({"content": f"{word} "}) for word in STORY.split()), *END]
        self._answer("text/event-stream", "".join(f"data: {event}\n\n" for event in events))

    def _answer(self, kind: str, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # an interrupted reply is not read to its end
            self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        """Print nothing."""


@contextmanager
def story_server() -> Iterator[dict[str, str]]:
    """Run the server for the length of the block. Yields the settings with which a mesh uses it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _StoryTeller) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield {"LLM_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1", "LLM_MODEL_NAME": _MODEL}
        finally:
            server.shutdown()
            serving.join()

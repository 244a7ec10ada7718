"""A stub gateway for the page. It speaks the real protocol. Its partner is scripted, and the partner's speech is tones.

    python -m tests.support.page_stub [port]      to look at the page while working on it

It answers each turn with the next line of `LINES`. It checks each message of the page against gateway/protocol, and
keeps them all. Tests drive it: they wait for a message, send one, or drop the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway import protocol
from gateway.analysis.word_frequency import look_up
from gateway.http_api.routes import CLIENT, WEB
from gateway.scenarios import load_library
from tests.support.memory_learners import MemoryLearners
from tests.support.page_analysis import sample_analysis

TAP = Path(__file__).with_name("page_tap.js")
# The strictest policy that the gateway could send; the page must work under it.
CONTENT_SECURITY_POLICY = "default-src 'self'; media-src 'self' blob:"
_LIBRARY = load_library()
LINES = (
    "Hello! It is good to hear you. What did you do at the weekend?",
    "That sounds lovely. Who did you go with, and what did you like best about it?",
    "I see. If you could go back tomorrow, what would you do differently?",
)
HINTS = ("I went to the sea with my sister.", "I stayed at home and read a book.")
LEARNER_LINE = "Last weekend I go to the sea with my sister"
RATE_HZ = 24000
WORD_MS = 320
FRAME_MS = 40
LOUD_RMS = 300
LATENCY_MS = {"eager": 310.0, "first_token": 402.5, "first_audio_made": 566.0, "end_of_turn": 640.2,
              "first_audio_sent": 641.0, "first_audio_played": 733.8}  # fmt: skip

Message = TypeVar("Message", bound=protocol.ClientMessage)


def tone(milliseconds: float, *, hz: float = 440.0, rate_hz: int = RATE_HZ) -> bytes:
    """A sine at half of full scale, 16-bit little-endian mono PCM."""
    time = np.arange(round(milliseconds * rate_hz / 1000)) / rate_hz
    return (0.5 * 32767 * np.sin(2 * np.pi * hz * time)).astype("<i2").tobytes()


@dataclass
class Reply:
    """One turn of the partner."""

    turn_id: str
    text: str
    played_ms: float = 0.0
    over: bool = False

    @property
    def words(self) -> list[protocol.CaptionWord]:
        return [
            protocol.CaptionWord(text=word, start_ms=i * WORD_MS, end_ms=(i + 1) * WORD_MS)
            for i, word in enumerate(self.text.split())
        ]

    @property
    def total_ms(self) -> int:
        return len(self.words) * WORD_MS

    @property
    def heard_text(self) -> str:
        return " ".join(word.text for word in self.words if (word.start_ms + word.end_ms) / 2 <= self.played_ms)


@dataclass
class Client:
    """One connection of the page."""

    socket: WebSocket
    session_id: str
    resume_token: str
    messages: list[protocol.AnyClientMessage] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    def of_type(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def audio(self) -> bytes:
        """The audio that the page has sent. A chatty stub forgets it with each turn that it hears."""
        return b"".join(self.frames)

    async def until(self, condition: Callable[[Client], bool]) -> None:
        """Wait until the condition holds for this connection."""
        while not condition(self):
            self.changed.clear()
            await self.changed.wait()

    async def message(self, kind: type[Message], count: int = 1) -> Message:
        """Wait for the count-th message of a kind."""
        await self.until(lambda client: len(client.of_type(kind)) >= count)
        return self.of_type(kind)[count - 1]

    async def send(self, *messages: protocol.AnyServerMessage) -> None:
        for message in messages:
            await self.socket.send_text(message.model_dump_json(exclude_none=True))

    async def welcome(self) -> None:
        await self.send(protocol.Connected(session_id=self.session_id, resume_token=self.resume_token))

    async def hear(self, text: str) -> None:
        """Send transcripts of the learner's words as they are spoken."""
        words = text.split()
        await self.send(protocol.SpeechStartedMessage())
        for i in range(1, len(words) + 1):
            await self.send(protocol.TranscriptMessage(text=" ".join(words[:i]), is_final=False))
            await asyncio.sleep(0.03)
        await self.send(protocol.SpeechStoppedMessage(), protocol.TranscriptMessage(text=f"{text}.", is_final=True))

    async def say(self, text: str) -> Reply:
        """Speak: send text, captions and sound. The sound is sent much faster than it plays."""
        reply = Reply(secrets.token_hex(4), text)
        self.replies.append(reply)
        for delta in text.split(" "):
            piece = delta if text.startswith(delta) else f" {delta}"
            await self.send(protocol.AiText(text=piece, is_complete=False, turn_id=reply.turn_id))
        await self.send(
            protocol.AiAudioStart(sample_rate=RATE_HZ, turn_id=reply.turn_id),
            protocol.Captions(turn_id=reply.turn_id, words=tuple(reply.words)),
        )
        pcm = tone(reply.total_ms)
        step = 2 * RATE_HZ * FRAME_MS // 1000
        for start in range(0, len(pcm), step):
            await self.socket.send_bytes(pcm[start : start + step])
        await self.send(protocol.AiText(text="", is_complete=True, turn_id=reply.turn_id))
        return reply

    async def interrupt(self) -> None:
        """Stop speaking, as when the learner interrupts."""
        for reply in self.replies:
            if not reply.over:
                reply.over = True
                await self.send(protocol.Interrupted(turn_id=reply.turn_id, heard_text=reply.heard_text))

    async def drop(self, code: int = 1012) -> None:
        await self.socket.close(code)

    async def played(self, message: protocol.Playback) -> None:
        """Note how much of a reply was played. When all of it was played, the turn is complete."""
        for reply in self.replies:
            if reply.turn_id == message.turn_id and not reply.over:
                reply.played_ms = message.played_ms
                if reply.played_ms >= reply.total_ms:
                    reply.over = True
                    await self.send(protocol.TurnComplete(turn_id=reply.turn_id, latency_ms=LATENCY_MS))


class PageStub:
    """The server. chatty: whether it answers turns by itself; otherwise only the test makes it speak."""

    def __init__(self, *, chatty: bool = True) -> None:
        self.chatty = chatty
        self.ready = True
        self.fallbacks: dict[str, str] = {}
        self.voices = {"Joe": "en-US"}  # name → language
        self.not_heard: set[str] = set()  # languages that have a voice, but that recognition doesn't know
        self.library = _LIBRARY
        self.scenarios_known = True  # False: /scenarios lists none
        self.full = False  # nobody is let in until the test calls Client.welcome
        self.hangs = False  # whether it leaves pings unanswered
        self.clients: list[Client] = []
        self.sessions: dict[str, str] = {}
        self.arrived = asyncio.Event()
        self.learners = MemoryLearners()
        # The words of the recordings that the page sends, one recording after the other, each word with the confidence
        # in it. If none are left, recognition can't be reached.
        self.recognised: list[list[tuple[str, float]]] = []
        self.slips: list[list[dict[str, object]]] = []  # of these recordings; none if there are no more
        self.recordings: list[bytes] = []  # those that the page has sent
        self.expected: list[str] = []  # the sentences that their speaker was to say
        self.read_aloud: list[Mapping[str, object]] = []  # the page's requests to read a text aloud
        self.url = ""
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/ready", self._readiness),
                Route("/voices", self._voices),
                Route("/words", self._words),
                Route("/scenarios", self._scenarios),
                Route("/v1/audio/transcriptions", self._transcribe, methods=["POST"]),
                Route("/v1/audio/speech", self._read_aloud, methods=["POST"]),
                Route("/stub/tap.js", self._tap),
                Mount("/clients/js", StaticFiles(directory=CLIENT.parent)),
                Mount("/static/aitalk", StaticFiles(directory=CLIENT)),
                Mount("/static", StaticFiles(directory=WEB)),
                WebSocketRoute("/ws/conversation", self._converse),
                Mount("/", self.learners.app),
            ]
        )

    async def arrival(self, number: int = 1) -> Client:
        """Wait for the page's connection of that number."""
        while len(self.clients) < number:
            self.arrived.clear()
            await self.arrived.wait()
        return self.clients[number - 1]

    async def client(self, number: int = 1) -> Client:
        """Like `arrival`, but also waits for the page's `start`."""
        client = await self.arrival(number)
        await client.message(protocol.Start)
        return client

    async def _page(self, _request: Request) -> Response:
        return FileResponse(WEB / "index.html", headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})

    async def _tap(self, _request: Request) -> Response:
        return FileResponse(TAP)

    async def _readiness(self, _request: Request) -> Response:
        services = {"asr": True, "llm": self.ready, "tts": True}
        status = "ready" if self.ready else "not_ready"
        content = {"status": status, "services": services, "fallbacks": self.fallbacks}
        return JSONResponse(content, status_code=200 if self.ready else 503)

    async def _voices(self, _request: Request) -> Response:
        voices = [
            {"id": f"{language[:2]}-{name}", "name": name, "language": language, "sample_rate": 22050}
            for name, language in self.voices.items()
        ]
        languages = [language for language in dict.fromkeys(self.voices.values()) if language not in self.not_heard]
        return JSONResponse({"voices": voices, "default": voices[0]["id"], "languages": languages})

    async def _words(self, request: Request) -> Response:
        found = await asyncio.to_thread(look_up, request.query_params["text"], request.query_params["language"])
        return JSONResponse(found.model_dump(mode="json"))

    async def _scenarios(self, _request: Request) -> Response:
        cards = [scenario.card() for scenario in self.library.at(None)]
        return JSONResponse({"scenarios": cards if self.scenarios_known else []})

    async def _transcribe(self, request: Request) -> Response:
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            assert (form["response_format"], form["timestamp_granularities[]"]) == ("verbose_json", "word")
            self.expected.append(str(form["expected_text"]))
            self.recordings.append(await file.read())
        if not self.recognised:
            return JSONResponse({"error": {"message": "away"}}, status_code=503)
        step = WORD_MS / 1000
        words = [
            {"word": word, "start": i * step, "end": (i + 1) * step, "confidence": confidence}
            for i, (word, confidence) in enumerate(self.recognised.pop(0))
        ]
        slips = self.slips.pop(0) if self.slips else []
        return JSONResponse({"text": " ".join(str(each["word"]) for each in words), "words": words, "slips": slips})

    async def _read_aloud(self, request: Request) -> Response:
        self.read_aloud.append(body := await request.json())
        return Response(tone(WORD_MS * len(body["input"].split())), media_type="audio/pcm")

    async def _converse(self, websocket: WebSocket) -> None:
        await websocket.accept("aitalk" if "sec-websocket-protocol" in websocket.headers else None)
        client = Client(websocket, secrets.token_hex(6), secrets.token_hex(6))
        if not self.full:
            await client.welcome()
        self.clients.append(client)
        self.arrived.set()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await self._take(client, await websocket.receive())
        client.gone = True
        client.changed.set()

    async def _take(self, client: Client, event: Mapping[str, object]) -> None:
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        text, data = event.get("text"), event.get("bytes")
        if isinstance(text, str):
            message = protocol.CLIENT_MESSAGE.validate_json(text)
            client.messages.append(message)
            client.changed.set()
            await self._answer(client, message)
        elif isinstance(data, bytes):
            client.frames.append(data)
            client.changed.set()
            if self.chatty:
                await self._listen(client, data)

    async def _answer(self, client: Client, message: protocol.AnyClientMessage) -> None:
        match message:
            case protocol.Start(session_id=session_id, resume_token=token):
                await self._start(client, session_id, token)
            case protocol.Ping() if not self.hangs:
                await client.send(protocol.Pong())
            case protocol.Playback():
                await client.played(message)
            case protocol.Interrupt():
                await client.interrupt()
            case protocol.Hint() if self.chatty:
                await client.send(protocol.HintMessage(sentences=HINTS))
            case protocol.Text() if self.chatty:
                await client.interrupt()
                await client.say(LINES[len(client.replies) % len(LINES)])
            case protocol.EndConversation() if self.chatty:
                await client.interrupt()
                await client.send(protocol.AnalysisMessage(data=sample_analysis()))
                await client.socket.close(1000)

    async def _start(self, client: Client, session_id: str | None, token: str | None) -> None:
        if session_id is None:
            self.sessions[client.session_id] = client.resume_token
        elif self.sessions.get(session_id) == token:
            await client.send(protocol.Resumed(session_id=session_id, turns=2, level="intermediate"))
        else:
            await client.send(
                protocol.ErrorMessage(message="the session is not known", code="session_not_found", retryable=False)
            )

    async def _listen(self, client: Client, data: bytes) -> None:
        """Once half a second of loud frames has come, treat them as a turn of the learner. For PCM only."""
        start = client.of_type(protocol.Start)[0]
        if start.audio.encoding != "pcm_s16le" or any(not reply.over for reply in client.replies):
            return
        loud = [frame for frame in client.frames if np.sqrt(np.mean(np.frombuffer(frame, "<i2") ** 2.0)) > LOUD_RMS]
        if len(loud) > 25:
            client.frames.clear()
            await client.hear(LEARNER_LINE)
            await client.say(LINES[len(client.replies) % len(LINES)])


@contextlib.asynccontextmanager
async def serve_page(stub: PageStub, port: int = 0) -> AsyncIterator[PageStub]:
    """Serve on this port of loopback (0: a free one); `stub.url` becomes the page's address."""
    listener = socket.create_server(("127.0.0.1", port))
    stub.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    config = uvicorn.Config(stub.app, log_level="error", ws="websockets-sansio", lifespan="off")
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        try:
            yield stub
        finally:
            server.should_exit = True
            await serving


async def main(port: int) -> None:
    async with serve_page(PageStub(), port) as stub:
        print(f"the page: {stub.url}")
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8765))

"""A local server with edge-tts's protocol, which sends a humming voice as MP3; and a connector to it.

GET …/voices/list → JSON · WebSocket …/edge/v1: speech.config, ssml → turn.start, audio.metadata and audio …, turn.end
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import unescape

import aiohttp
import av
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.support.tts import settings
from tts_service.engines.edge import EdgeTts
from tts_service.text.words import written_words

VOICES = ("en-US-AriaNeural", "en-US-EmmaMultilingualNeural", "de-DE-KatjaNeural")
RATE = 24_000
_LEAD_S, _TAIL_S = 0.1, 0.8  # silence, as the real server sends it
_LETTER_S, _PAUSE_S, _SENTENCE_PAUSE_S = 0.06, 0.03, 0.4


class LocalConnector(aiohttp.TCPConnector):
    """Connects to 127.0.0.1:port without TLS, whatever address it is asked for."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        req.url = req.url.with_scheme("ws").with_host("127.0.0.1").with_port(self._port)
        return await super().connect(req, traces, timeout)


class EdgeServer:
    """status: the HTTP status of its answers; unless it is OK, there are no voices and no speech. mute: it answers no
    text. garbage: it sends bytes that are no audio. cut: it closes the connection in the middle of a reply."""

    def __init__(self) -> None:
        self.port = 0
        self.status = HTTPStatus.OK
        self.mute = self.garbage = self.cut = False
        self.ssml: list[str] = []
        self.closed = threading.Event()
        self.sent = 0

    def engine(self, model_name: str = "edge-tts/en-US-AriaNeural", **options: Any) -> EdgeTts:
        return EdgeTts(
            settings(),
            model_name,
            **{"connector": lambda: LocalConnector(self.port), "silent_timeout_s": 60, **options},
        )

    def http(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.status != HTTPStatus.OK:
            return connection.respond(self.status, "no\n")
        if "/voices/list" in request.path:
            body = json.dumps([{"ShortName": voice} for voice in VOICES]).encode()
            return Response(200, "OK", Headers({"Content-Length": str(len(body))}), body)
        return None

    async def talk(self, connection: ServerConnection) -> None:
        try:
            assert '"wordBoundaryEnabled":"true"' in str(await connection.recv())
            self.ssml.append(str(await connection.recv()))
            if self.mute:
                await connection.wait_closed()
            await self._answer(connection, self.ssml[-1])
        except ConnectionClosed:
            pass
        finally:
            await connection.wait_closed()
            self.closed.set()

    async def _answer(self, connection: ServerConnection, ssml: str) -> None:
        found = re.search(r"rate='([+-]\d+)%'.*?>(.*)</prosody>", ssml, re.DOTALL)
        assert found
        audio, timed = await asyncio.to_thread(_spoken, unescape(found[2]), 1 + int(found[1]) / 100)
        words = list(timed)
        await connection.send("X-RequestId:1\r\nPath:turn.start\r\n\r\n{}")
        data = b"no MP3 at all" * 99 if self.garbage else audio
        for begin in range(0, len(data), 720):  # 0.12 s
            while words and words[0][0] <= (begin + 720) / 6000 + 0.3:  # words are sent a little ahead of their sound
                await connection.send(_metadata(*words.pop(0)))
            header = b"X-RequestId:1\r\nContent-Type:audio/mpeg\r\nPath:audio\r\n"
            await connection.send(len(header).to_bytes(2, "big") + header + data[begin : begin + 720])
            self.sent += 1
            if self.cut and begin > len(data) // 2:
                await connection.close(1011)
        await connection.send("X-RequestId:1\r\nPath:turn.end\r\n\r\n{}")


@contextmanager
def edge_server() -> Iterator[EdgeServer]:
    """Serve on a free port, in a thread of its own, because the engine blocks the thread that calls it."""
    server = EdgeServer()
    started, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        async with serve(server.talk, "127.0.0.1", 0, process_request=server.http, compression=None) as listening:
            server.port = listening.sockets[0].getsockname()[1]
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def _metadata(start_s: float, length_s: float, word: str) -> str:
    data = {"Offset": round(start_s * 1e7), "Duration": round(length_s * 1e7), "text": {"Text": word}}
    return f"Path:audio.metadata\r\n\r\n{json.dumps({'Metadata': [{'Type': 'WordBoundary', 'Data': data}]})}"


def _spoken(text: str, speed: float) -> tuple[bytes, tuple[tuple[float, float, str], ...]]:
    """MP3 of `text`, and (start, length, word) for each word, in seconds and without punctuation, as the real server
    sends them.

    The voice hums each word, with a pause after it that is longer at the end of a sentence.
    """
    sound, words, at = [_silence(_LEAD_S)], [], _LEAD_S
    for start, end in written_words(text):
        said = re.search(r"\w.*\w|\w", text[start:end])
        assert said
        length = _LETTER_S * min(len(said[0]) + 1, 20) / speed
        pause = (_SENTENCE_PAUSE_S if text[end - 1 : end + 1].strip()[-1:] in ".!?" else _PAUSE_S) / speed
        words.append((at, length, said[0]))
        sound += [_hum(length), _silence(pause)]
        at += length + pause
    return _mp3(np.concatenate([*sound, _silence(_TAIL_S)])), tuple(words)


def _silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def _hum(seconds: float) -> NDArray[np.float32]:
    """A tone of 150 Hz that fades in and out."""
    time = np.arange(round(seconds * RATE), dtype=np.float32) / RATE
    hum = 0.4 * np.sin(2 * np.pi * 150 * time) * np.sqrt(np.sin(np.pi * time / seconds))
    return np.asarray(hum, np.float32)


def _mp3(pcm: NDArray[np.float32]) -> bytes:
    encoder: Any = av.CodecContext.create("libmp3lame", "w")
    encoder.sample_rate, encoder.format, encoder.layout, encoder.bit_rate = RATE, "fltp", "mono", 48_000
    encoder.open()
    packets = []
    for begin in range(0, len(pcm), encoder.frame_size):
        frame = av.AudioFrame.from_ndarray(pcm[None, begin : begin + encoder.frame_size], "fltp", "mono")
        frame.sample_rate, frame.pts = RATE, begin
        packets += encoder.encode(frame)
    return b"".join(bytes(packet) for packet in [*packets, *encoder.encode(None)])

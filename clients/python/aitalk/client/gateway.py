"""The gateway's HTTP routes: `Gateway`, and `AsyncGateway` for asyncio."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx
from aitalk.client.address import DEFAULT_URL, http_url
from aitalk.client.errors import BusyError, ProtocolError, RefusedError, ServerAwayError, UnauthorizedError

SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
TranscriptFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]
StreamedFormat = Literal["text", "srt", "vtt"]
Progress = Callable[[int], None]
CONNECT_S = 10.0
ANSWER_S = 900.0  # a long recording is answered late


@dataclass(frozen=True, slots=True)
class TranscriptPiece:
    """A part of a transcript. recognised_s: how much of the recording is recognised so far. duration_s: the recording's
    length. Either is None if it is unknown."""

    text: str
    recognised_s: float | None = None
    duration_s: float | None = None


class Gateway:
    """The routes of one gateway. Close it, or use it with `with`.

    A call that fails raises ServerAwayError, UnauthorizedError, BusyError, RefusedError or ProtocolError.
    """

    def __init__(self, url: str = DEFAULT_URL, *, token: str | None = None) -> None:
        self._url = http_url(url)
        self._token = token
        self._http = httpx.Client(**_settings(self._url, token))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def scenarios(self, level: str | None = None) -> list[dict[str, Any]]:
        """The scenarios, the easiest first. level: only those for this level, of `Options` or of the CEFR."""
        return _listed(self._get("/scenarios", {"level": level} if level else {}), "scenarios")

    def voices(self) -> list[dict[str, Any]]:
        """The voices of the partner, the default first."""
        return _listed(self._get("/voices", {}), "voices")

    def speak(
        self, text: str, *, voice: str = "alloy", audio_format: SpeechFormat = "mp3", speed: float = 1.0
    ) -> Iterator[bytes]:
        """The text read aloud: an audio file in pieces, as the speech is made."""
        request = self._http.build_request("POST", "/v1/audio/speech", json=_speech(text, voice, audio_format, speed))
        with self._answer(request, stream=True) as response:
            yield from response.iter_bytes()

    def transcribe(
        self,
        path: Path,
        *,
        answer_format: TranscriptFormat = "text",
        language: str = "",
        uploaded: Progress | None = None,
    ) -> str:
        """What is said in a recording. uploaded: called with the number of bytes sent so far."""
        with _Upload(path, uploaded) as file:
            request = self._transcription(file, path, {"response_format": answer_format, "language": language})
            with self._answer(request) as response:
                return response.text

    def transcribe_streaming(
        self,
        path: Path,
        *,
        answer_format: StreamedFormat = "text",
        language: str = "",
        uploaded: Progress | None = None,
    ) -> Iterator[TranscriptPiece]:
        """What is said in a recording, in pieces. Join the texts without anything between them."""
        with _Upload(path, uploaded) as file:
            fields = {"stream": "true", "response_format": answer_format, "language": language}
            request = self._transcription(file, path, fields)
            with self._answer(request, stream=True) as response:
                for line in response.iter_lines():
                    yield from _delta(line)

    def _transcription(self, file: io.FileIO, path: Path, fields: Mapping[str, str]) -> httpx.Request:
        data = {"model": "default", **fields}
        return self._http.build_request(
            "POST", "/v1/audio/transcriptions", data=data, files={"file": (path.name, file)}
        )

    def _get(self, path: str, query: Mapping[str, str]) -> Any:
        with self._answer(self._http.build_request("GET", path, params=query)) as response:
            return response.json()

    @contextmanager
    def _answer(self, request: httpx.Request, *, stream: bool = False) -> Iterator[httpx.Response]:
        try:
            response = self._http.send(request, stream=stream)
            try:
                if response.is_error:
                    response.read()
                _check(response, self._url, self._token)
                yield response
            finally:
                response.close()
        except httpx.TransportError as error:
            raise ServerAwayError.at(self._url, error) from error


class AsyncGateway:
    """The routes of one gateway, like `Gateway`."""

    def __init__(self, url: str = DEFAULT_URL, *, token: str | None = None) -> None:
        self._url = http_url(url)
        self._token = token
        self._http = httpx.AsyncClient(**_settings(self._url, token))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def scenarios(self, level: str | None = None) -> list[dict[str, Any]]:
        """The scenarios, the easiest first."""
        return _listed(await self._get("/scenarios", {"level": level} if level else {}), "scenarios")

    async def voices(self) -> list[dict[str, Any]]:
        """The voices of the partner, the default first."""
        return _listed(await self._get("/voices", {}), "voices")

    async def speak(
        self, text: str, *, voice: str = "alloy", audio_format: SpeechFormat = "mp3", speed: float = 1.0
    ) -> AsyncIterator[bytes]:
        """The text read aloud, as a file in pieces."""
        request = self._http.build_request("POST", "/v1/audio/speech", json=_speech(text, voice, audio_format, speed))
        async with self._answer(request, stream=True) as response:
            async for piece in response.aiter_bytes():
                yield piece

    async def transcribe(
        self,
        path: Path,
        *,
        answer_format: TranscriptFormat = "text",
        language: str = "",
        uploaded: Progress | None = None,
    ) -> str:
        """What is said in a recording."""
        with _Upload(path, uploaded) as file:
            request = self._transcription(file, path, {"response_format": answer_format, "language": language})
            async with self._answer(request) as response:
                return response.text

    async def transcribe_streaming(
        self,
        path: Path,
        *,
        answer_format: StreamedFormat = "text",
        language: str = "",
        uploaded: Progress | None = None,
    ) -> AsyncIterator[TranscriptPiece]:
        """What is said in a recording, in pieces."""
        with _Upload(path, uploaded) as file:
            fields = {"stream": "true", "response_format": answer_format, "language": language}
            async with self._answer(self._transcription(file, path, fields), stream=True) as response:
                async for line in response.aiter_lines():
                    for piece in _delta(line):
                        yield piece

    def _transcription(self, file: io.FileIO, path: Path, fields: Mapping[str, str]) -> httpx.Request:
        data = {"model": "default", **fields}
        return self._http.build_request(
            "POST", "/v1/audio/transcriptions", data=data, files={"file": (path.name, file)}
        )

    async def _get(self, path: str, query: Mapping[str, str]) -> Any:
        async with self._answer(self._http.build_request("GET", path, params=query)) as response:
            return response.json()

    @asynccontextmanager
    async def _answer(self, request: httpx.Request, *, stream: bool = False) -> AsyncIterator[httpx.Response]:
        try:
            response = await self._http.send(request, stream=stream)
            try:
                if response.is_error:
                    await response.aread()
                _check(response, self._url, self._token)
                yield response
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise ServerAwayError.at(self._url, error) from error


def _settings(url: str, token: str | None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return {"base_url": url, "headers": headers, "timeout": httpx.Timeout(ANSWER_S, connect=CONNECT_S)}


def _speech(text: str, voice: str, audio_format: SpeechFormat, speed: float) -> dict[str, Any]:
    return {"model": "default", "input": text, "voice": voice, "response_format": audio_format, "speed": speed}


def _delta(line: str) -> Iterator[TranscriptPiece]:
    """The piece in a line of the event stream. Raises RefusedError for an `error` event."""
    if not line.startswith("data: {"):
        return
    event = json.loads(line.removeprefix("data: "))
    if error := event.get("error"):
        raise RefusedError(f"the transcription failed: {error.get('message', error)}", code=str(error.get("code", "")))
    if event.get("type") == "transcript.text.delta":
        yield TranscriptPiece(event["delta"], event.get("recognised_s"), event.get("duration_s"))


def _listed(answer: Any, name: str) -> list[dict[str, Any]]:
    try:
        return list(answer[name])
    except (LookupError, TypeError) as error:
        raise ProtocolError(f"the gateway's answer has no list of {name}: is the address that of AI-Talk?") from error


def _check(response: httpx.Response, url: str, token: str | None) -> None:
    """Raises the error that the status stands for."""
    if response.is_success:
        return
    message, code = _error_in(response)
    match response.status_code:
        case 401 | 403:
            raise UnauthorizedError.at(url, with_token=token is not None)
        case 429:
            raise BusyError(f"{message}. Try again in a moment.")
        case 404:
            raise ServerAwayError.at(url, f"it has no {response.request.url.path}")
        case status:
            raise RefusedError(message, status=status, code=code)


def _error_in(response: httpx.Response) -> tuple[str, str]:
    """The message and the code of an error, in OpenAI's shape or another one."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    match answer:
        case {"error": {"message": str(message), **more}}:
            return message, str(more.get("code") or "")
        case {"message": str(message)}:
            return message, ""
        case {"detail": [{"msg": str(message), "loc": [*_, where]}, *_]}:
            return f"{where}: {message}", ""
        case _:
            return f"HTTP status {response.status_code}", ""


class _Upload(io.FileIO):
    """A file that tells how much of it has been read."""

    def __init__(self, path: Path, told: Progress | None) -> None:
        super().__init__(path)
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        if self._told and data:
            self._told(self.tell())
        return data

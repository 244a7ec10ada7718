"""edge-tts: Microsoft Edge's read-aloud voices, over the network. Every text is sent to a third party.

The service streams MP3 and the time of each word. It is unofficial: it may refuse, change or disappear.
https://github.com/rany2/edge-tts
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import aiohttp
import edge_tts
from edge_tts.constants import DEFAULT_VOICE
from edge_tts.exceptions import EdgeTTSException
from edge_tts.typing import TTSChunk, Voice

from common.engine_info import EngineDescription
from common.errors import EngineError, UnavailableError
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice
from tts_service.engines.edge_speech import EdgeSpeech
from tts_service.engines.edge_voices import KNOWN_VOICES

logger = logging.getLogger(__name__)

SAMPLE_RATE = 24_000  # the rate of the MP3 that the package requests
_CONNECT_TIMEOUT_S = 5
_SILENT_TIMEOUT_S = 10
_ADVICE = "; try again, or choose another voice model (TTS_MODEL_NAME)"

T = TypeVar("T")


class EdgeTts:
    """The edge-tts engine.

    model_name: a voice's id ("en-US-AriaNeural"), with or without "edge-tts/" before it; "" for the package's
    default. connector: makes an aiohttp connector for each call; None: aiohttp's own. silent_timeout_s: how long the
    service may send nothing.
    """

    def __init__(
        self,
        settings: TtsSettings,
        model_name: str,
        *,
        connector: Callable[[], aiohttp.BaseConnector] | None = None,
        silent_timeout_s: float = _SILENT_TIMEOUT_S,
    ) -> None:
        self._silent_timeout_s = silent_timeout_s
        self._voice = model_name.removeprefix("edge-tts/") or DEFAULT_VOICE
        self._connector = connector
        self._voices: list[EngineVoice] = []

    def load(self) -> None:
        """Get the list of voices. Raises EngineError if the chosen one is not in it."""
        logger.warning("edge-tts: every text that is spoken is sent to Microsoft's servers, a third party")
        found = {voice.id: voice for voice in self._list_voices()}
        if self._voice not in found:
            alike = ", ".join(sorted(name for name in found if name[:2] == self._voice[:2])[:12])
            examples = f", e.g. {alike}" if alike else ""
            raise EngineError(f"edge-tts has no voice {self._voice}; choose another for TTS_MODEL_NAME{examples}")
        self._voices = [found.pop(self._voice), *found.values()]

    def describe(self) -> EngineDescription:
        languages = tuple(dict.fromkeys(voice.language for voice in self._voices))
        return EngineDescription("edge-tts", self._voice, "remote", languages=languages)

    def voices(self) -> Sequence[EngineVoice]:
        return self._voices

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """Pieces that end between words, as they arrive. `language` is ignored, because each voice has its own.

        Closing the iterator closes the socket.

        Raises UnavailableError without a network, EngineError if the service refuses.
        """
        speech = EdgeSpeech(text, SAMPLE_RATE)
        with asyncio.Runner() as runner:  # its loop runs only while the next message is awaited
            messages = self._messages(text, voice.id, speed)
            try:
                while (message := runner.run(_explained(_next(messages, self._silent_timeout_s)))) is not None:
                    if message["type"] == "audio":
                        speech.add_mp3(message["data"])
                    else:
                        speech.add_word(message["text"], message["offset"] / 1e7, message["duration"] / 1e7)
                    if (piece := speech.piece()) is not None:
                        yield piece
                yield speech.finish()
            finally:
                runner.run(messages.aclose())

    def close(self) -> None:
        self._voices = []

    async def _messages(self, text: str, voice_id: str, speed: float) -> AsyncGenerator[TTSChunk, None]:
        call = edge_tts.Communicate(
            text,
            voice_id,
            rate=f"{round((speed - 1) * 100):+d}%",
            boundary="WordBoundary",
            connector=self._connector() if self._connector else None,
            connect_timeout=_CONNECT_TIMEOUT_S,
        )
        async with aclosing(call.stream()) as messages:
            async for message in messages:
                yield message

    async def _told_voices(self) -> list[Voice]:
        return await edge_tts.list_voices(connector=self._connector() if self._connector else None)

    def _list_voices(self) -> list[EngineVoice]:
        """The voices that the service offers now; if it can't be asked, those in `edge_voices.py`."""
        try:
            told = asyncio.run(_explained(self._told_voices(), advice=""))
        except (EngineError, UnavailableError) as error:
            logger.warning("%s; using the list of voices in this release", error)
            return [_voice(name) for name in KNOWN_VOICES]
        return [_voice(voice["ShortName"]) for voice in told]


def _voice(short_name: str) -> EngineVoice:
    """The voice with the id `short_name`, such as "en-US-AriaNeural"."""
    language, _, name = short_name.rpartition("-")
    return EngineVoice(short_name, name.removesuffix("Neural"), language, SAMPLE_RATE)


async def _next(messages: AsyncIterator[TTSChunk], timeout_s: float) -> TTSChunk | None:
    async with asyncio.timeout(timeout_s):  # the package's own time limit doesn't apply to a WebSocket
        return await anext(messages, None)


async def _explained(work: Coroutine[Any, Any, T], advice: str = _ADVICE) -> T:
    """The result of `work`. Turns the package's errors into ours, which end with `advice`."""
    try:
        return await work
    except aiohttp.WSServerHandshakeError as error:
        raise _refused(error.status, advice) from error
    except aiohttp.ClientResponseError as error:
        raise _refused(error.status, advice) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        said = str(error) or type(error).__name__
        raise UnavailableError(f"edge-tts: Microsoft's server can't be reached ({said}){advice}") from error
    except EdgeTTSException as error:
        raise EngineError(f"edge-tts: {type(error).__name__}: {error}{advice}") from error


def _refused(status: int, advice: str) -> EngineError:
    hint = "; is the clock right, and the package edge-tts up to date?" if status == 403 else advice
    return EngineError(f"edge-tts: Microsoft's server refused with HTTP {status}{hint}")

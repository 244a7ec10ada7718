"""The learner's audio on its way to recognition: in pieces, and without the partner's voice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from common.errors import ServiceError
from common.pcm import BYTES_PER_SAMPLE, VOICE_WINDOW_S
from gateway import metrics
from gateway.audio import AudioError, AudioInput, DecodedAudio, Gathering, Quiet, StreamCut
from gateway.conversation.hearing_events import AudioRefused
from gateway.echo import EchoGuard

# Audio that has queued up is taken in pieces of this many windows, 0.38 s. The echo guard cleans such a piece without
# a wait.
PIECE_WINDOWS = 12
# When no audio has come for this long, the gathered audio goes to recognition, as the microphone may be off.
GAP_S = 0.4


class LearnerAudio:
    """One learner's audio, of which `next` returns piece after piece.

    gathering: decides which audio waits for more. samples: how many samples `next` has returned, without the silence
    that it filled in. window_samples: the length of recognition's window. on_audio: gets each decoded piece of audio.
    deliver: told of broken audio. turn_is_open: whether the learner is in the middle of a turn. echo: removes the
    partner's voice.
    """

    def __init__(
        self,
        audio: AudioInput,
        *,
        window_samples: int,
        on_audio: Callable[[DecodedAudio], None],
        deliver: Callable[[AudioRefused], Awaitable[None]],
        turn_is_open: Callable[[], bool],
        echo: EchoGuard | None,
    ) -> None:
        self.gathering = audio.plain.gathering = Gathering(window_samples)
        audio.quiet.after_s = GAP_S
        self.samples = 0
        self._audio = audio
        self._window_bytes = window_samples * BYTES_PER_SAMPLE
        self._piece_bytes = PIECE_WINDOWS * self._window_bytes
        self._on_audio = on_audio
        self._deliver = deliver
        self._turn_is_open = turn_is_open
        self._echo = echo
        self._rest = b""  # audio that has come, and that `next` has not returned yet
        self._put_back: StreamCut | Quiet | None = None  # came after audio that the echo guard had held back

    async def next(self) -> bytes | StreamCut:
        """The next piece of the learner's audio, or a StreamCut; empty when the audio is finished.

        Broken audio is reported and skipped.

        If the microphone was switched off during a turn, the result is silence for the time that has passed. Without
        that silence, the turn would never end.

        This is not an async generator, because an async generator that is cancelled while it waits can't be resumed.
        The caller may be cancelled at any time, so audio stays in `_rest` until nothing more has to be waited for.
        """
        while True:
            while self._rest:
                if len(self._rest) > self._piece_bytes:  # let other tasks run: to clean all of it may take long
                    await asyncio.sleep(0)
                if pcm := await self._next_piece():
                    return self._counted(pcm)
            item = await self._next_item()
            if self._echo and isinstance(item, StreamCut | Quiet | None) and (held := self._echo.flush()):
                self._put_back = item
                return self._counted(held)
            if item is None:
                return b""
            if isinstance(item, ServiceError):
                await self._deliver(AudioRefused(item))
            elif isinstance(item, Quiet):
                if self._turn_is_open():
                    metrics.FILLED_SECONDS.inc(item.seconds)
                    return bytes(round(item.seconds / VOICE_WINDOW_S) * self._window_bytes)
            elif isinstance(item, StreamCut):
                return item
            elif item.pcm:
                self._on_audio(item)
                self._rest = item.pcm

    async def _next_item(self) -> DecodedAudio | AudioError | StreamCut | Quiet | None:
        item, self._put_back = self._put_back, None
        return item or await anext(self._audio, None)

    async def _next_piece(self) -> bytes:
        """Take the next piece of `_rest`. The result may be empty."""
        piece, self._rest = self._rest[: self._piece_bytes], self._rest[self._piece_bytes :]
        return await self._echo.clean(piece) if self._echo else piece

    def _counted(self, pcm: bytes) -> bytes:
        self.samples += len(pcm) // BYTES_PER_SAMPLE
        return pcm

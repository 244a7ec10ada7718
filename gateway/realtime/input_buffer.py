"""The audio that a Realtime client appends, on its way to the session."""

from __future__ import annotations

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio import AudioInput
from gateway.realtime.audio import AudioDecoder, Format


class InputBuffer:
    """The `input_audio_buffer` of one connection. audio_type: the format of the appended audio, as in the settings."""

    def __init__(self, audio: AudioInput, audio_type: Format) -> None:
        self._audio = audio
        self._appended = 0  # samples over the whole connection
        self._uncommitted = 0  # samples since the client last ended a turn or cleared the buffer
        self.use(audio_type)

    @property
    def appended_ms(self) -> float:
        """How much audio was appended over the whole connection."""
        return self._appended / self._audio.sample_rate_hz * 1000

    @property
    def uncommitted_ms(self) -> float:
        """How much audio was appended since the client last ended a turn or cleared the buffer."""
        return self._uncommitted / self._audio.sample_rate_hz * 1000

    def use(self, audio_type: Format) -> None:
        """The audio that follows has this format."""
        self._decoder = AudioDecoder(audio_type, self._audio.sample_rate_hz)

    async def append(self, data: bytes) -> None:
        """Take audio. Waits while the session is behind."""
        if pcm := self._decoder.push(data):
            self._appended += len(pcm) // BYTES_PER_SAMPLE
            self._uncommitted += len(pcm) // BYTES_PER_SAMPLE
            await self._audio.feed(pcm)

    async def commit(self, turn_id: str = "") -> None:
        """The client ends the turn. turn_id: for the turn; empty: recognition makes one."""
        self._uncommitted = 0
        await self._audio.cut(turn_id=turn_id)

    async def clear(self) -> None:
        """Drop the audio since the last turn."""
        await self._audio.cut(keep=False)
        self._uncommitted = 0

"""One session's audio input: frames from the socket in, PCM and errors out.

    async with AudioInput(sample_rate_hz=16000) as audio:
        audio.announce("pcm_s16le", 48000)      # only if `start` says so
        await audio.feed(frame)                 # task 1, for each binary frame
        await audio.finish()
        async for item in audio:                # task 2
            match item:
                case DecodedAudio(): …
                case Quiet(seconds): …          # only if `quiet.after_s` is set
                case StreamCut(): …             # where `cut` was called
                case AudioError(): …            # tell the client; the session goes on

`feed` raises the errors that a frame shows at once. Errors that the decoder finds later come out in their place among
the audio. In both cases a broken stream is reported once, and dropped up to the next frame that begins with a header.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.decoded_queue import ClosedQueueError, DecodedQueue
from gateway.audio.decoder import Decoder
from gateway.audio.errors import AudioError
from gateway.audio.plain_audio import PlainAudio
from gateway.audio.quiet_watch import QuietWatch
from gateway.audio.stream_detector import StreamDetector
from gateway.audio.types import DecodedAudio, Quiet, StreamCut, StreamKind


class AudioInput(AsyncIterator["DecodedAudio | AudioError | StreamCut | Quiet"]):
    """Decodes what one session sends. One task feeds, another iterates; both run in the event loop in which the
    AudioInput was made.

    sample_rate_hz: the rate of the PCM that comes out. encoding: "auto" or a StreamKind, as in the `start` message.
    pcm_sample_rate_hz: the rate of raw PCM that comes in.

    plain: the way for PCM that needs no decoding. quiet: notices that no audio comes. Then the audio that `plain` has
    gathered comes out, and Quiet as well if the pause is too long to be explained by the client's slices or a stalled
    network (`Cadence`). Set `plain.gathering` and `quiet.after_s` before the first audio. on_quiet: called whenever
    nothing was fed for `quiet.after_s`.
    """

    def __init__(self, *, sample_rate_hz: int, encoding: str = "auto", pcm_sample_rate_hz: int = 16_000) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.on_quiet: Callable[[], None] = lambda: None
        self._detector = StreamDetector(encoding, pcm_sample_rate_hz)
        self._decoded = DecodedQueue()
        self._decoder = Decoder(self._decoded, sample_rate_hz)
        self.quiet = QuietWatch(self._on_gap)
        self.plain = PlainAudio(self._decoded, self.quiet, sample_rate_hz)
        self._has_come = self._finished = False
        self._latest: DecodedAudio | None = None

    @property
    def codec(self) -> str | None:
        """The codec of the latest audio that came out, e.g. "opus/webm"."""
        return self._latest.codec if self._latest else None

    @property
    def source_sample_rate_hz(self) -> int | None:
        """The rate of the latest audio that came out, before resampling."""
        return self._latest.source_sample_rate_hz if self._latest else None

    def announce(self, encoding: str, pcm_sample_rate_hz: int = 16_000) -> None:
        """Take the format that a `start` message names. Raises AudioError if audio is being decoded already, or if
        that format can't be decoded.

        A `start` may also come after audio that was refused because its format had not been announced.
        """
        self._detector.announce(encoding, pcm_sample_rate_hz)

    async def feed(self, data: bytes) -> None:
        """Take a frame, cut anywhere. Once a frame has had data, empty frames have no effect.

        Waits while this session's decoder, or the task that iterates, is behind.

        Raises AudioError. Then it drops only this frame or, if the frame began a stream, that stream.
        """
        if self._finished:
            raise AudioError("audio came after the end of the conversation", code="audio_after_end")
        if not data and self._has_come:
            return  # recorders hand out empty slices, too
        if not data:
            raise AudioError("an audio frame of 0 bytes; send it only when there is audio", code="empty_audio")
        self._has_come = True
        self.quiet.begin_slice()
        detected = self._detector.take(data)
        if detected.begins:
            self._begin(detected.begins)
        if detected.data and self.plain.has_begun:
            await self.plain.feed(detected.data)
        elif detected.data:
            await self._decoder.put(detected.data)
        if detected.error:
            raise detected.error

    async def cut(self, *, keep: bool = True, turn_id: str = "") -> None:
        """Have a StreamCut come out after the audio so far. Only for PCM at `sample_rate_hz`, which needs no
        decoding."""
        if not self._finished:
            await self.plain.send_rest()
            await self._decoded.send(StreamCut(keep, turn_id))

    async def finish(self) -> None:
        """End of input: the remaining audio comes out, then the iteration ends.

        Raises AudioError (truncated_audio) if too few bytes came to tell their format.
        """
        if self._finished:
            return
        self._finished = True
        await self.plain.finish()
        self._decoder.finish()
        self._detector.finish()

    async def close(self) -> None:
        """Drop the queued audio and end the thread. May be called in any state, and more than once."""
        self._finished = True
        self.quiet.stop()
        self._decoded.close()
        await self._decoder.close()

    async def __aenter__(self) -> AudioInput:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def __anext__(self) -> DecodedAudio | AudioError | StreamCut | Quiet:
        try:
            item = await self._decoded.receive()
        except ClosedQueueError:
            raise StopAsyncIteration from None
        if isinstance(item, DecodedAudio):
            self._latest = item
            if not self.plain.has_begun:
                self.quiet.heard(len(item.pcm) / BYTES_PER_SAMPLE / self.sample_rate_hz)
        return item

    def _begin(self, kind: StreamKind) -> None:
        pcm_sample_rate_hz = self._detector.pcm_sample_rate_hz
        if kind is StreamKind.PCM and pcm_sample_rate_hz == self.sample_rate_hz:
            self.plain.has_begun = True
        else:
            self._decoder.begin(kind, pcm_sample_rate_hz)

    def _on_gap(self) -> None:
        """Let the gathered audio out, because a microphone that was switched off sends nothing to complete it."""
        self.on_quiet()
        if self._decoded.has_room and not self._finished:  # without room the listener is behind, and has audio to take
            self.plain.send_rest_now()
            if silence_s := self.quiet.take_silence_s():
                self._decoded.tell_quiet(silence_s)

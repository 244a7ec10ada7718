"""One session's audio input: frames from the socket in, PCM and errors out.

    async with AudioInput(sample_rate_hz=16000) as audio:
        audio.announce("pcm_s16le", 48000)      # only if `start` says so
        await audio.feed(frame)                 # task 1, for each binary frame
        await audio.finish()
        async for item in audio:                # task 2
            match item:
                case DecodedAudio(): …
                case Quiet(seconds): …          # only if `quiet_after_s` is set
                case StreamCut(): …             # where `cut` was called
                case AudioError(): …            # tell the client; the session goes on

`feed` raises the errors that a frame shows at once. Errors that the decoder finds later come out in their place among
the audio. In both cases a broken stream is reported once, and dropped up to the next frame that begins with a header.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.adts import decode_adts
from gateway.audio.cadence import Cadence
from gateway.audio.container import decode_mp4, decode_ogg, decode_webm
from gateway.audio.decoded_queue import ClosedQueueError, DecodedQueue
from gateway.audio.decoder import Decoder
from gateway.audio.errors import AudioError
from gateway.audio.flac import decode_flac
from gateway.audio.gathering import Gathering
from gateway.audio.pcm import decode_pcm
from gateway.audio.quiet_timer import QuietTimer
from gateway.audio.stream_detector import StreamDetector
from gateway.audio.types import DecodedAudio, Quiet, StreamCut, StreamDecoder, StreamKind
from gateway.audio.wav import decode_wav

PLAIN = StreamKind.PCM.value


class AudioInput(AsyncIterator["DecodedAudio | AudioError | StreamCut | Quiet"]):
    """Decodes what one session sends. One task feeds, another iterates; both run in the event loop that made it.

    sample_rate_hz: the rate of the PCM that comes out. encoding: "auto" or a StreamKind, as in the `start` message.
    pcm_sample_rate_hz: the rate of raw PCM that comes in.

    Set these attributes before the first audio. gathering: decides when PCM that needs no decoding comes out. Without
    it, each frame comes out at once. quiet_after_s: each time that nothing was fed for this long, the gathered audio
    comes out. Quiet comes out as well if the pause is too long to be explained by the client's slices or a stalled
    network (`Cadence`). on_quiet: called whenever nothing was fed for `quiet_after_s`.
    """

    def __init__(self, *, sample_rate_hz: int, encoding: str = "auto", pcm_sample_rate_hz: int = 16_000) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.gathering: Gathering | None = None
        self.quiet_after_s: float | None = None
        self.on_quiet: Callable[[], None] = lambda: None
        self._detector = StreamDetector(encoding, pcm_sample_rate_hz)
        self._decoded = DecodedQueue()
        self._decoder = Decoder(self._decoded, self._decoders, sample_rate_hz)
        self._quiet_timer: QuietTimer | None = None
        self._cadence = Cadence()
        self._told_quiet_s = 0.0  # how much of the present silence was reported
        self._is_plain = False  # PCM at the right rate, which needs no decoder
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

    @property
    def missing_bytes(self) -> int:
        """How many more bytes must be fed before they are useful; 1 if every byte is useful."""
        return self.gathering.missing_bytes if self.gathering and self._is_plain else 1

    def announce(self, encoding: str, pcm_sample_rate_hz: int = 16_000) -> None:
        """Take the format that a `start` message names. Raises AudioError if audio is being decoded already, or can't
        be decoded.

        A `start` may also come after audio that was refused because its format had not been announced.
        """
        self._detector.announce(encoding, pcm_sample_rate_hz)

    async def feed(self, data: bytes) -> None:
        """Take a frame, cut anywhere. An empty frame after the first one has no effect.

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
        self._begin_slice()
        detected = self._detector.take(data)
        if detected.begins:
            self._begin(detected.begins)
        if detected.data and self._is_plain:
            self._heard(detected.data)
            await self._pass_on(self.gathering.add(detected.data) if self.gathering else detected.data)
        elif detected.data:
            await self._decoder.put(detected.data)
        if detected.error:
            raise detected.error

    def takes_at_once(self, frames: Iterable[bytes]) -> bool:
        """Whether `feed` would neither wait nor raise for any of these frames. Only for PCM that needs no decoding."""
        if not self._is_plain or self._finished or not self._decoded.has_room:
            return False
        for data in frames:  # noqa: SIM110 - a generator costs more than what it looks at
            if not data or len(data) % BYTES_PER_SAMPLE:
                return False
        return True

    def feed_at_once(self, data: bytes) -> None:
        """As `feed`, for frames that `takes_at_once` accepts, joined."""
        self._begin_slice()
        self._heard(data)
        if pcm := self.gathering.add(data) if self.gathering else data:
            self._decoded.send_now(self._plain(pcm))

    async def cut(self, *, keep: bool = True, turn_id: str = "") -> None:
        """Have a StreamCut come out after the audio so far. Only for PCM at this rate, which needs no decoding."""
        if not self._finished:
            if self.gathering:
                await self._pass_on(self.gathering.rest())
            await self._decoded.send(StreamCut(keep, turn_id))

    async def finish(self) -> None:
        """End of input: the decoder's remaining audio comes out, then the iteration ends.

        Raises AudioError (truncated_audio) if all the audio together is too short to be recognised.
        """
        if self._finished:
            return
        self._finished = True
        if self.gathering:
            await self._pass_on(self.gathering.rest())
        self._decoder.finish()
        self._detector.finish()

    async def close(self) -> None:
        """Drop the queued audio and end the thread. May be called in any state, and more than once."""
        self._finished = True
        if self._quiet_timer:
            self._quiet_timer.stop()
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
            if not self._is_plain:
                self._heard(item.pcm)
        return item

    def _begin(self, kind: StreamKind) -> None:
        if kind is StreamKind.PCM and self._detector.pcm_sample_rate_hz == self.sample_rate_hz:
            self._is_plain = True
        else:
            self._decoder.begin(kind)

    def _decoders(self) -> Mapping[StreamKind, StreamDecoder]:
        """The decoders. Call it with the first stream, when the rate of raw PCM is known."""
        rate_hz = self._detector.pcm_sample_rate_hz
        return {
            StreamKind.WEBM: decode_webm,
            StreamKind.OGG: decode_ogg,
            StreamKind.MP4: decode_mp4,
            StreamKind.AAC: decode_adts,
            StreamKind.FLAC: decode_flac,
            StreamKind.WAV: decode_wav,
            StreamKind.PCM: partial(decode_pcm, source_sample_rate_hz=rate_hz),
        }

    def _begin_slice(self) -> None:
        if self._quiet_timer is None and self.quiet_after_s:
            self._quiet_timer = QuietTimer(self.quiet_after_s, self._tell_quiet)
        if self._quiet_timer:
            self._quiet_timer.fed()
        self._cadence.begin_slice()
        self._told_quiet_s = 0.0

    def _heard(self, pcm: bytes) -> None:
        self._cadence.heard(len(pcm) / BYTES_PER_SAMPLE / self.sample_rate_hz)

    def _tell_quiet(self, seconds: float) -> None:
        """Let the gathered audio out, because a microphone that was switched off sends nothing to complete it."""
        self.on_quiet()
        if self._decoded.has_room and not self._finished:  # without room, audio is still waiting to be taken
            if self.gathering and (rest := self.gathering.rest()):
                self._decoded.send_now(self._plain(rest))
            if seconds > self._cadence.patience_s:
                self._decoded.tell_quiet(seconds - self._told_quiet_s)
                self._told_quiet_s = seconds

    async def _pass_on(self, pcm: bytes) -> None:
        if pcm:
            await self._decoded.send(self._plain(pcm))

    def _plain(self, pcm: bytes) -> DecodedAudio:
        return DecodedAudio(pcm, PLAIN, self.sample_rate_hz)

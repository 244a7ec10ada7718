"""One session's audio input: frames from the socket in, PCM and errors out.

    async with AudioInput(sample_rate_hz=16000) as audio:
        audio.announce("pcm_s16le", 48000)      # only if `start` says so
        await audio.feed(frame)                 # task 1, for each binary frame
        await audio.finish()
        async for item in audio:                # task 2
            match item:
                case DecodedAudio(): …
                case Quiet(): …                 # only if `quiet_after_s` is set
                case AudioError(): …            # tell the client; the session goes on

Errors that a frame shows at once are raised by `feed`; those that the decoder finds later come out in their place
among the audio. Either way a broken stream is reported once, and dropped up to the next frame that begins with a
header.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.container import decode_ogg, decode_webm
from gateway.audio.decoded_queue import ClosedQueueError, DecodedQueue
from gateway.audio.encoded_queue import EncodedQueue
from gateway.audio.errors import AudioError
from gateway.audio.gathering import Gathering
from gateway.audio.pcm import decode_pcm
from gateway.audio.sniff import ACCEPTED, sniff, starts_stream
from gateway.audio.types import DecodedAudio, Quiet, StreamDecoder, StreamKind
from gateway.audio.wav import decode_wav
from gateway.audio.worker import DecoderThread

TIMER_S = 0.002  # an event loop's timers count milliseconds
MIN_PCM_RATE_HZ, MAX_PCM_RATE_HZ = 8_000, 48_000
PLAIN = StreamKind.PCM.value
INBOX_BYTES = 512 * 1024  # half a minute of MediaRecorder's Opus; one frame more may be queued


class AudioInput(AsyncIterator["DecodedAudio | AudioError | Quiet"]):
    """Decodes what one session sends. One task feeds, another iterates; made and used in one event loop.

    sample_rate_hz: of the PCM that comes out. encoding: "auto", "webm", "ogg", "wav" or "pcm_s16le", as in the `start`
    message; pcm_sample_rate_hz is for the last alone.

    `gathering`, set before the first audio: PCM that needs no decoding comes out when that says so. A listener to whom
    not all is of use at once is woken the fewer times.
    `quiet_after_s`, set before the first audio: when nothing has been fed for so long, what is gathered comes out, and
    then Quiet; again and again. A timer of one's own around each item would cost more than to receive it. `on_quiet` is
    called then, too.
    """

    def __init__(self, *, sample_rate_hz: int, encoding: str = "auto", pcm_sample_rate_hz: int = 16_000) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.gathering: Gathering | None = None
        self.quiet_after_s: float | None = None
        self.on_quiet: Callable[[], None] = lambda: None
        self._looking: asyncio.TimerHandle | None = None
        self._fed_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._thread_ended = asyncio.Event()
        self._encoded = EncodedQueue(capacity_bytes=INBOX_BYTES, on_room=self._tell_room)
        self._decoded = DecodedQueue()
        self._thread: DecoderThread | None = None
        self._head: bytes | None  # the first bytes of a stream not yet known; None within a stream
        self._lost: bool  # there is none, and that was reported: drop what comes until one begins
        self._begun = False
        self._finished = False
        self._latest: DecodedAudio | None = None
        self.announce(encoding, pcm_sample_rate_hz)

    @property
    def codec(self) -> str | None:
        """Of the latest audio that came out, e.g. "opus/webm"."""
        return self._latest.codec if self._latest else None

    @property
    def source_sample_rate_hz(self) -> int | None:
        """Of the latest audio that came out, before resampling."""
        return self._latest.source_sample_rate_hz if self._latest else None

    # --- in

    def announce(self, encoding: str, pcm_sample_rate_hz: int = 16_000) -> None:
        """What a `start` message says. Raises AudioError once audio is being decoded, or if it can't be decoded.

        After audio that was no good because it was not announced, it may still come, and all is well.
        """
        if self._begun:
            raise AudioError("`start` came after the first audio; send it first", code="announced_too_late")
        if encoding != "auto" and encoding not in set(StreamKind):
            raise AudioError(f"unknown audio encoding {encoding!r}; {ACCEPTED}", code="unsupported_audio")
        if not MIN_PCM_RATE_HZ <= pcm_sample_rate_hz <= MAX_PCM_RATE_HZ:
            raise AudioError(
                f"raw PCM at {pcm_sample_rate_hz} Hz; use {MIN_PCM_RATE_HZ} to {MAX_PCM_RATE_HZ} Hz",
                code="unsupported_audio",
            )
        self._announced = None if encoding == "auto" else StreamKind(encoding)
        self._pcm_sample_rate_hz = pcm_sample_rate_hz
        self._head, self._lost = b"", False

    async def feed(self, data: bytes) -> None:
        """Take a frame, cut anywhere. Waits while this session's decoder or listener is behind.

        Raises AudioError: the frame, and it alone, is dropped; if it began a stream, so is that stream.
        """
        if self._finished:
            raise AudioError("audio came after the end of the conversation", code="audio_after_end")
        if not data:
            raise AudioError("an audio frame of 0 bytes; send it only when there is audio", code="empty_audio")
        self._watch()
        if self._announced is StreamKind.PCM:
            await self._feed_pcm(data)
        else:
            await self._feed_container(data)

    def takes_now(self, frames: Iterable[bytes]) -> bool:
        """Whether `feed_now` may be called: audio has begun that needs no decoding, and `feed` would neither wait nor
        complain.
        """
        if not self._begun or self._thread or self._finished or not self._decoded.has_room:
            return False
        for data in frames:  # noqa: SIM110 - a generator costs more than what it looks at
            if not data or len(data) % BYTES_PER_SAMPLE:
                return False
        return True

    def feed_now(self, frames: Iterable[bytes]) -> int:
        """As `feed`, of what `takes_now`, at once. Returns how many more bytes are to come to be of use."""
        self._watch()
        if due := self._gathered(b"".join(frames)):
            self._decoded.send_now(self._plain(due))
        return self.gathering.missing_bytes if self.gathering else 1

    async def finish(self) -> None:
        """End of input: what the decoder still holds comes out, then the iteration ends.

        Raises AudioError (truncated_audio) if all that came is too short to be recognised.
        """
        if self._finished:
            return
        self._finished = True
        if self.gathering:
            await self._pass_on(self.gathering.rest())
        self._encoded.finish()
        if self._thread is None:
            self._decoded.end()
        if self._head and not self._lost:
            raise AudioError(
                f"the audio ended after {len(self._head)} bytes, too few to know its format", code="truncated_audio"
            )

    async def _feed_pcm(self, data: bytes) -> None:
        if self._lost:
            return
        if not self._begun and (kind := starts_stream(data)):
            self._lost = True  # what follows would be heard as noise
            raise self._not_announced(kind)
        if len(data) % BYTES_PER_SAMPLE:
            raise AudioError(
                f"a frame of raw PCM has {len(data)} bytes; 16-bit samples need an even number", code="odd_length_audio"
            )
        if self._pcm_sample_rate_hz == self.sample_rate_hz:
            self._begun = True
            await self._pass_on(self._gathered(data))
            return
        if not self._begun:
            self._begin(StreamKind.PCM)
        await self._put(data)

    def _watch(self) -> None:
        self._fed_s = self._loop.time()
        if self._looking is None and self.quiet_after_s:
            self._looking = self._loop.call_later(self.quiet_after_s, self._look)

    def _look(self) -> None:
        """Whether the microphone is quiet. One that was switched off completes no stretch: what it left comes out."""
        assert self.quiet_after_s is not None  # noqa: S101
        if self._finished:
            self.on_quiet()
            return
        left_s = self._fed_s + self.quiet_after_s - self._loop.time()
        if left_s <= TIMER_S:
            self.on_quiet()
            if self._decoded.has_room:  # else the listener is behind: to it, there is audio
                if self.gathering and (rest := self.gathering.rest()):
                    self._decoded.send_now(self._plain(rest))
                self._decoded.tell_quiet()
            left_s = self.quiet_after_s
        self._looking = self._loop.call_later(left_s, self._look)

    def _gathered(self, data: bytes) -> bytes:
        return self.gathering.add(data) if self.gathering else data

    async def _pass_on(self, pcm: bytes) -> None:
        if pcm:
            await self._decoded.send(self._plain(pcm))

    def _plain(self, pcm: bytes) -> DecodedAudio:
        return DecodedAudio(pcm, PLAIN, self.sample_rate_hz)

    async def _feed_container(self, data: bytes) -> None:
        if self._head is None:
            kind = starts_stream(data)
            if kind and self._announced in (None, kind):  # the client started its recorder anew
                self._begin(kind)
            await self._put(data)
        else:
            begun, error = self._find_stream(data)
            if begun:
                await self._put(begun)
            if error:
                raise error

    def _find_stream(self, data: bytes) -> tuple[bytes, AudioError | None]:
        """Begin the stream that begins with what came so far, or with this frame: (its bytes, what to complain of)."""
        held, self._head = self._head or b"", b""
        begun, error = b"", None
        for head in (held + data, data) if held else (data,):
            try:
                kind = self._recognise(head)
            except AudioError as wrong:
                error = error or wrong
                continue
            if kind:
                self._head, begun = None, head
                self._begin(kind)
            else:
                self._head = head
            break
        told, self._lost = self._lost, not begun and (self._lost or error is not None)
        return begun, None if told else error

    def _recognise(self, head: bytes) -> StreamKind | None:
        kind = sniff(head)
        if kind and self._announced not in (None, kind):
            raise self._not_announced(kind)
        return kind

    def _not_announced(self, kind: StreamKind) -> AudioError:
        return AudioError(
            f"`start` announced {self._announced}, but the audio begins as {kind}; send `start` with what it is",
            code="wrong_encoding",
        )

    def _begin(self, kind: StreamKind) -> None:
        self._begun = True
        self._encoded.begin(kind)
        if self._thread is None:
            decoders: dict[StreamKind, StreamDecoder] = {
                StreamKind.WEBM: decode_webm,
                StreamKind.OGG: decode_ogg,
                StreamKind.WAV: decode_wav,
                StreamKind.PCM: partial(decode_pcm, source_sample_rate_hz=self._pcm_sample_rate_hz),
            }
            self._thread = DecoderThread(
                self._encoded, self._decoded, decoders, self.sample_rate_hz, self._on_thread_end
            )

    async def _put(self, data: bytes) -> None:
        self._encoded.put(data)
        while self._encoded.full:
            self._room.clear()
            if self._encoded.full:  # still, now that a change can't be missed
                await self._room.wait()

    def _tell_room(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._room.set)

    def _on_thread_end(self) -> None:
        self._encoded.close()  # if it was a bug: nobody waits for room that never comes
        self._decoded.end()
        self._room.set()
        self._thread_ended.set()

    # --- out

    async def __anext__(self) -> DecodedAudio | AudioError | Quiet:
        try:
            item = await self._decoded.receive()
        except ClosedQueueError:
            raise StopAsyncIteration from None
        if isinstance(item, DecodedAudio):
            self._latest = item
        return item

    # --- end

    async def close(self) -> None:
        """From any state, more than once if need be: drops what is on its way and ends the thread."""
        self._finished = True
        if self._looking is not None:
            self._looking.cancel()
        self._encoded.close()
        self._decoded.close()
        self._room.set()
        if self._thread is not None:
            await self._thread_ended.wait()
            self._thread.join()

    async def __aenter__(self) -> AudioInput:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

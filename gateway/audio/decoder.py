"""Decodes one session's encoded audio in a thread of its own, which starts with the first stream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial

from gateway.audio.adts import decode_adts
from gateway.audio.container import decode_mp4, decode_ogg, decode_webm
from gateway.audio.decoded_queue import DecodedQueue
from gateway.audio.decoder_thread import DecoderThread
from gateway.audio.encoded_queue import EncodedQueue
from gateway.audio.flac import decode_flac
from gateway.audio.pcm import decode_pcm
from gateway.audio.types import StreamDecoder, StreamKind
from gateway.audio.wav import decode_wav

INBOX_BYTES = 512 * 1024  # half a minute of MediaRecorder's Opus; the frame that fills the queue may exceed it


def decoders_for(pcm_sample_rate_hz: int) -> Mapping[StreamKind, StreamDecoder]:
    """The decoder of each format. pcm_sample_rate_hz: the rate of raw PCM."""
    return {
        StreamKind.WEBM: decode_webm,
        StreamKind.OGG: decode_ogg,
        StreamKind.MP4: decode_mp4,
        StreamKind.AAC: decode_adts,
        StreamKind.FLAC: decode_flac,
        StreamKind.WAV: decode_wav,
        StreamKind.PCM: partial(decode_pcm, source_sample_rate_hz=pcm_sample_rate_hz),
    }


class Decoder:
    """The event loop's side of the DecoderThread. The thread puts the decoded audio into `decoded`; when the thread has
    ended, so does that queue."""

    def __init__(self, decoded: DecodedQueue, sample_rate_hz: int) -> None:
        self._decoded = decoded
        self._sample_rate_hz = sample_rate_hz
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._thread_ended = asyncio.Event()
        self._encoded = EncodedQueue(capacity_bytes=INBOX_BYTES, on_room=self._tell_room)
        self._thread: DecoderThread | None = None

    def begin(self, kind: StreamKind, pcm_sample_rate_hz: int) -> None:
        """A new stream follows. pcm_sample_rate_hz: the rate of raw PCM; only the value given for the first stream
        counts."""
        self._encoded.begin(kind)
        if self._thread is None:
            decoders = decoders_for(pcm_sample_rate_hz)
            self._thread = DecoderThread(
                self._encoded, self._decoded, decoders, self._sample_rate_hz, self._on_thread_end
            )

    async def put(self, data: bytes) -> None:
        """Take bytes of the stream that has begun. Waits while the thread is behind."""
        self._encoded.put(data)
        while self._encoded.full:
            self._room.clear()
            if self._encoded.full:  # check again, now that no change can be missed
                await self._room.wait()

    def finish(self) -> None:
        """No more bytes follow: `decoded` ends when everything is decoded."""
        self._encoded.finish()
        if self._thread is None:
            self._decoded.end()

    async def close(self) -> None:
        """Drop the queued bytes and end the thread. Close `decoded` first: the thread may be waiting for room there."""
        self._encoded.close()
        self._room.set()
        if self._thread is not None:
            await self._thread_ended.wait()
            self._thread.join()

    def _tell_room(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._room.set)

    def _on_thread_end(self) -> None:
        self._encoded.close()  # after a bug, so that nobody waits for room that never comes
        self._decoded.end()
        self._room.set()
        self._thread_ended.set()

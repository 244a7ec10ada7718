"""The thread that decodes one session's audio, stream after stream."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping

from gateway.audio.decoded_queue import ClosedQueueError, DecodedQueue
from gateway.audio.encoded_queue import EncodedQueue
from gateway.audio.errors import AudioError
from gateway.audio.types import StreamDecoder, StreamKind


class DecoderThread:
    """Decodes until the encoded bytes end or the decoded queue is closed; then calls `on_end` in the event loop.

    Each session has its own thread, so that no stream waits for another. A broken stream is reported once and dropped
    up to the beginning of the next one. The thread is a daemon: a process that ends does not wait for a silent
    microphone.
    """

    def __init__(
        self,
        encoded: EncodedQueue,
        decoded: DecodedQueue,
        decoders: Mapping[StreamKind, StreamDecoder],
        sample_rate_hz: int,
        on_end: Callable[[], None],
    ) -> None:
        self._encoded = encoded
        self._decoded = decoded
        self._decoders = decoders
        self._sample_rate_hz = sample_rate_hz
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="audio-decoder", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Call this only after `on_end` was called, when the thread has nothing left to do."""
        self._thread.join()

    def _run(self) -> None:
        try:
            while kind := self._encoded.next_stream():
                self._decode(kind)
        except ClosedQueueError:
            pass
        except Exception as error:  # a bug: the session's reader raises it
            with contextlib.suppress(ClosedQueueError):
                self._decoded.post_bug(error)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                self._loop.call_soon_threadsafe(self._on_end)

    def _decode(self, kind: StreamKind) -> None:
        try:
            for audio in self._decoders[kind](self._encoded, self._sample_rate_hz):
                if audio.pcm:
                    self._decoded.post(audio)
        except AudioError as error:
            self._decoded.post(error)

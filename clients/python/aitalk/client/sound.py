"""The microphone and the speaker, with `sounddevice` (PortAudio): `pip install 'aitalk[audio]'`.

A conversation uses sound through `SoundCard`, so that you can write another implementation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aitalk.client.errors import MissingPackageError, SoundError

MICROPHONE_RATES_HZ = (16_000, 48_000, 44_100)  # the first one that the device supports
FRAME_S = 0.04
FRAMES_AHEAD = 50  # two seconds; then the oldest are dropped


class Microphone(Protocol):
    """An open microphone. rate_hz: of its frames of 16-bit mono PCM."""

    @property
    def rate_hz(self) -> int:
        """Samples per second."""
        ...

    def frames(self) -> AsyncIterator[bytes]:
        """What the microphone records, until it is closed."""
        ...


class Speaker(Protocol):
    """An open speaker. latency_s: from the moment it takes samples until they are heard."""

    @property
    def latency_s(self) -> float:
        """Seconds."""
        ...


class SoundCard(Protocol):
    """Opens the microphone and the speaker. Both methods raise SoundError if that fails."""

    def microphone(self) -> AbstractContextManager[Microphone]:
        """Open the microphone. Call it within the event loop that reads it."""
        ...

    def speaker(self, rate_hz: int, take: Callable[[int], bytes]) -> AbstractContextManager[Speaker]:
        """Open the speaker. take(n) returns the next n samples of 16-bit mono PCM; another thread calls it."""
        ...


class PortAudio:
    """The computer's own devices. input_device, output_device: names or numbers, as `python -m sounddevice` lists them.

    Raises MissingPackageError without `sounddevice`, SoundError without PortAudio.
    """

    def __init__(self, input_device: str | int | None = None, output_device: str | int | None = None) -> None:
        try:
            import sounddevice
        except ImportError as error:
            raise MissingPackageError.of("sounddevice", "audio") from error
        except OSError as error:
            raise SoundError(
                "the PortAudio library is missing, so there is no sound. Install it (Debian and Ubuntu: "
                "apt-get install libportaudio2), or type instead: aitalk talk --text"
            ) from error
        self._library: Any = sounddevice
        self._input, self._output = input_device, output_device

    def microphone(self) -> AbstractContextManager[Microphone]:
        """Open the microphone at the first of MICROPHONE_RATES_HZ that it supports. The gateway accepts all of them."""
        for rate_hz in MICROPHONE_RATES_HZ:
            try:
                self._library.check_input_settings(device=self._input, channels=1, dtype="int16", samplerate=rate_hz)
            except (self._library.PortAudioError, ValueError) as error:
                failed = error
            else:
                return _Recording(self._library, self._input, rate_hz)
        raise SoundError(f"no microphone can be used ({failed}). {_ADVICE}") from failed

    def speaker(self, rate_hz: int, take: Callable[[int], bytes]) -> AbstractContextManager[Speaker]:
        """Open the speaker."""
        return _Playing(self._library, self._output, rate_hz, take)


_ADVICE = "Plug one in or choose another device (--microphone, --speaker), or type instead: aitalk talk --text"


class _Recording:
    def __init__(self, library: Any, device: str | int | None, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue(FRAMES_AHEAD)
        self._loop = asyncio.get_running_loop()
        try:
            self._stream = library.RawInputStream(
                samplerate=rate_hz,
                blocksize=round(rate_hz * FRAME_S),
                device=device,
                channels=1,
                dtype="int16",
                callback=self._recorded,
                finished_callback=self._ended,
            )
            self._stream.start()
        except (library.PortAudioError, ValueError) as error:
            raise SoundError(f"the microphone can't be used ({error}). {_ADVICE}") from error

    def __enter__(self) -> _Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _recorded(self, data: Any, frames: int, time: Any, status: Any) -> None:
        self._loop.call_soon_threadsafe(self._keep, bytes(data))

    def _ended(self) -> None:
        self._loop.call_soon_threadsafe(self._keep, None)

    def _keep(self, frame: bytes | None) -> None:
        if self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(frame)

    async def frames(self) -> AsyncIterator[bytes]:
        while (frame := await self._frames.get()) is not None:
            yield frame


class _Playing:
    def __init__(self, library: Any, device: str | int | None, rate_hz: int, take: Callable[[int], bytes]) -> None:
        self._take = take
        try:
            self._stream = library.RawOutputStream(
                samplerate=rate_hz, device=device, channels=1, dtype="int16", latency="low", callback=self._wanted
            )
            self._stream.start()
        except (library.PortAudioError, ValueError) as error:
            raise SoundError(f"the speaker can't be used ({error}). {_ADVICE}") from error

    @property
    def latency_s(self) -> float:
        return float(self._stream.latency)

    def __enter__(self) -> _Playing:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _wanted(self, out: Any, frames: int, time: Any, status: Any) -> None:
        out[:] = self._take(frames)

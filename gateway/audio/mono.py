"""Converts the frames that libav decodes to 16-bit mono PCM at one rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any, cast

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.filter import Graph

BLOCK = 800  # a channel is chosen after each block of this many samples: 50 ms at 16 kHz
# if the mean has less than this share of the louder channel's energy (10 dB less), the channels cancel out
_CANCELLED = 0.1
_UNHEARD = 0.001  # a channel with less than this share of the loudest channel's energy (30 dB less) is not used
_FADE = 0.8  # the energies so far are multiplied by this after each block


class MonoResampler:
    """Converts one stream of `channels` channels. Give it each frame, and None at the end."""

    def __init__(self, channels: int, sample_rate_hz: int) -> None:
        self._layout = "stereo" if channels == 2 else "mono"
        self._rate_hz = sample_rate_hz
        self._graph: Graph | None = None
        self._downmix = Downmix() if channels == 2 else None

    def resample(self, frame: av.AudioFrame | None) -> bytes:
        """16-bit little-endian mono PCM."""
        pcm = b"".join(out.to_ndarray().tobytes() for out in self._convert(frame))
        return pcm if self._downmix is None else self._downmix.mix(np.frombuffer(pcm, "<i2").reshape(-1, 2))

    def _convert(self, frame: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        """The same as av.AudioResampler, which would start a thread for each core, up to 15, and never use them."""
        if self._graph is None:
            if frame is None:
                return
            self._graph = _graph(frame, self._layout, self._rate_hz)
        self._graph.push(frame)
        with suppress(EOFError, av.error.BlockingIOError):
            while True:
                yield cast(av.AudioFrame, self._graph.pull())


def _graph(frame: av.AudioFrame, layout: str, sample_rate_hz: int) -> Graph:
    """A filter graph from frames like this one to 16-bit samples."""
    graph = Graph()
    graph.threads = 1
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate,
        format=frame.format.name,
        layout=frame.layout.name,
        time_base=frame.time_base or Fraction(1, frame.sample_rate),
    )
    form = graph.add("aformat", f"sample_fmts=s16:sample_rates={sample_rate_hz}:channel_layouts={layout}")
    graph.link_nodes(source, form, graph.add("abuffersink")).configure()
    return graph


class Downmix:
    """The mean of two channels, unless they cancel each other out: then the louder one alone.

    Some stereo microphones have one channel inverted, so their mean is silence. The result does not depend on how the
    samples are cut into frames.
    """

    def __init__(self) -> None:
        self._filled = 0  # samples of the current block
        self._energies = np.zeros(3)  # energies of the left channel, the right channel, and the mean
        self._channel = 2  # index in the same order

    def mix(self, stereo: npt.NDArray[np.int16]) -> bytes:
        """16-bit little-endian mono PCM. stereo: an array of the shape (samples, 2)."""
        out, at = [], 0
        while at < len(stereo):
            part = stereo[at : at + BLOCK - self._filled].astype(np.int32)
            at += len(part)
            three = np.column_stack([part, (part[:, 0] + part[:, 1]) >> 1])
            out.append(three[:, self._channel].astype("<i2").tobytes())
            self._energies += np.square(three.astype(np.float64)).sum(axis=0)
            self._filled = (self._filled + len(part)) % BLOCK
            if not self._filled:
                self._decide()
        return b"".join(out)

    def _decide(self) -> None:
        loudest = int(self._energies[:2].argmax())
        is_cancelled = self._energies[2] < _CANCELLED * self._energies[loudest]
        self._channel = loudest if is_cancelled else 2
        self._energies *= _FADE


class ChannelChoice:
    """Chooses one of more than two channels: the first that is at most 30 dB softer than the loudest.

    The first channel of a microphone array has the processed sound, and the last has what the loudspeaker plays.
    Audio interfaces have a channel for each socket, most of them silent. So the mean of all channels would be wrong.
    """

    def __init__(self, channels: int) -> None:
        self._energies = np.zeros(channels)
        self._filled = 0  # samples of the current block
        self._channel = 0

    def pick(self, samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The chosen channel. samples: an array of the shape (samples, channels), of any type."""
        out, at = [], 0
        while at < len(samples):
            part = samples[at : at + BLOCK - self._filled]
            at += len(part)
            out.append(part[:, self._channel])
            self._energies += np.square(part.astype(np.float64)).sum(axis=0)
            self._filled = (self._filled + len(part)) % BLOCK
            if not self._filled:
                is_heard = self._energies >= _UNHEARD * self._energies.max()
                self._channel = int(is_heard.argmax())
                self._energies *= _FADE
        return np.concatenate(out)

"""Makes streamed speech slower or faster at the same pitch, for engines whose model can't do this.

Uses FFmpeg's `atempo` (waveform-similarity overlap-add) through PyAV. https://ffmpeg.org/ffmpeg-filters.html#atempo
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Tempo:
    """Takes and gives float32 mono samples at `sample_rate_hz`. speed: 0.5 to 2; at 1 the samples stay as they are."""

    def __init__(self, sample_rate_hz: int, speed: float) -> None:
        self._rate = sample_rate_hz
        self._samples = 0
        self._graph: Any = self._open(speed) if speed != 1.0 else None

    def _open(self, speed: float) -> Any:  # PyAV is imported only when needed
        from av.filter import Graph

        graph = Graph()
        source = graph.add_abuffer(
            sample_rate=self._rate, format="flt", layout="mono", time_base=Fraction(1, self._rate)
        )
        graph.link_nodes(source, graph.add("atempo", str(speed)), graph.add("abuffersink")).configure()
        return graph

    def push(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take `pcm`. Returns the samples that are ready; the rest comes with later calls."""
        if self._graph is None or not pcm.size:
            return pcm
        from av import AudioFrame

        frame = AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._samples, Fraction(1, self._rate)
        self._samples += pcm.size
        self._graph.push(frame)
        return self._pull()

    def finish(self) -> NDArray[np.float32]:
        """The remaining samples."""
        if self._graph is None:
            return np.zeros(0, np.float32)
        self._graph.push(None)
        return self._pull()

    def _pull(self) -> NDArray[np.float32]:
        from av.error import BlockingIOError, EOFError  # noqa: A004

        parts = [np.zeros(0, np.float32)]
        while True:
            try:
                parts.append(self._graph.pull().to_ndarray()[0])
            except (BlockingIOError, EOFError):
                return np.concatenate(parts)

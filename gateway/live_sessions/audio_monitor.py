"""Shows the operator a session's audio: metrics, `[AUDIO DIAG]` lines and, if wanted, a recording."""

from __future__ import annotations

from dataclasses import replace

from common.pcm import BYTES_PER_SAMPLE
from gateway import metrics
from gateway.audio import AudioDiagnostics, DebugRecorder, DecodedAudio

# Audio is examined a second at a time, since examining each frame would cost more than receiving it.
LOOK_EVERY_S = 1.0


class AudioMonitor:
    """Follows one session's decoded audio. save: also write it to a file (AUDIO_DEBUG).

    The session's id comes with the audio, because a resumed session gets its old id back before its first audio.
    """

    def __init__(self, sample_rate_hz: int, *, save: bool) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._save = save
        self._diagnostics: AudioDiagnostics | None = None
        self._recorder: DebugRecorder | None = None
        self._pending = bytearray()
        self._latest: DecodedAudio | None = None

    def add(self, session_id: str, audio: DecodedAudio) -> None:
        """Take the next piece of audio."""
        if self._diagnostics is None:
            self._diagnostics = AudioDiagnostics(session_id, self._sample_rate_hz)
            self._recorder = DebugRecorder(session_id, self._sample_rate_hz) if self._save else None
        if self._latest and _source(self._latest) != _source(audio):
            self._look()
        self._pending += audio.pcm
        self._latest = audio
        if len(self._pending) >= LOOK_EVERY_S * self._sample_rate_hz * BYTES_PER_SAMPLE:
            self._look()

    def close(self) -> None:
        """The session is over: log the summary and end the recording."""
        self._look()
        if self._diagnostics:
            self._diagnostics.summarize()
        if self._recorder:
            self._recorder.close()

    def _look(self) -> None:
        """Examine the audio that has come since the last time."""
        pcm, self._pending = bytes(self._pending), bytearray()
        if not (pcm and self._latest and self._diagnostics):
            return
        metrics.AUDIO_SECONDS.inc(len(pcm) / BYTES_PER_SAMPLE / self._sample_rate_hz)
        self._diagnostics.add(replace(self._latest, pcm=pcm))
        if self._recorder:
            self._recorder.write(pcm)


def _source(audio: DecodedAudio) -> tuple[str, int]:
    return audio.codec, audio.source_sample_rate_hz

"""With AUDIO_DEBUG, keeps the audio of each session as `audio_debug/<session-id>.wav` in the temporary folder."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import wave
from pathlib import Path

from common.pcm import BYTES_PER_SAMPLE

logger = logging.getLogger(__name__)

_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PART_S = 1  # at most this much audio is lost if the process dies


def debug_folder() -> Path:
    """Where recordings are kept."""
    return Path(tempfile.gettempdir()) / "audio_debug"


class DebugRecorder:
    """Writes 16-bit mono PCM, a second at a time. The header is written each time, so the file is always valid.

    It raises no errors: an error is logged once and ends the recording. A session that comes back gets a further file,
    `<session-id>-2.wav`, then `-3` and so on. Only the owner of the process can read the files.
    """

    def __init__(self, session_id: str, sample_rate_hz: int, folder: Path | None = None) -> None:
        self.path: Path | None = None
        self._wave: wave.Wave_write | None = None
        self._pending = bytearray()
        self._part_bytes = _PART_S * sample_rate_hz * BYTES_PER_SAMPLE
        try:
            self._open(session_id, sample_rate_hz, folder or debug_folder())
        except (OSError, ValueError) as error:
            logger.warning("no debug recording: %s", error)

    def write(self, pcm: bytes) -> None:
        """Add PCM to the recording."""
        if self._wave is None:
            return
        self._pending += pcm
        if len(self._pending) >= self._part_bytes:
            self._write_part()

    def close(self) -> None:
        """Write the rest and close the file."""
        if self._wave is None:
            return
        self._write_part()
        if self._wave is not None:
            self._give_up()

    def _open(self, session_id: str, sample_rate_hz: int, folder: Path) -> None:
        if not _SAFE_NAME.fullmatch(session_id):
            raise ValueError("the session's id can't be used as a file name")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path, descriptor = _create(folder, session_id)
        self._file = os.fdopen(descriptor, "wb")
        self._wave = wave.open(self._file, "wb")  # noqa: SIM115 - closed in _give_up
        self._wave.setparams((1, BYTES_PER_SAMPLE, sample_rate_hz, 0, "NONE", ""))
        logger.warning("debug: the learner's voice is recorded in %s", self.path)

    def _write_part(self) -> None:
        if self._wave is None:
            return
        try:
            self._wave.writeframes(bytes(self._pending))  # patches the header too
            self._file.flush()
        except (OSError, wave.Error) as error:
            logger.warning("debug recording %s ends here: %s", self.path, error)
            self._give_up()
        self._pending.clear()

    def _give_up(self) -> None:
        writer, self._wave = self._wave, None
        with contextlib.suppress(OSError, wave.Error):
            if writer is not None:
                writer.close()
        with contextlib.suppress(OSError):
            self._file.close()


def _create(folder: Path, name: str) -> tuple[Path, int]:
    """A new file. It never opens an existing one or follows a link."""
    for number in range(1, 1000):
        path = folder / (f"{name}.wav" if number == 1 else f"{name}-{number}.wav")
        with contextlib.suppress(FileExistsError):
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    raise FileExistsError(f"{folder} holds 999 recordings of one session")

"""Decodes a whole recording, in any common container, from a seekable file. Blocks, so use it in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.pcm import FrameConverter
from gateway.openai_api.answers import ParameterError
from gateway.openai_api.cutter import RATE_HZ

# Without this list, libav would also read playlists, which name other files and addresses.
CONTAINERS = "mp3,mov,mp4,matroska,webm,ogg,wav,w64,flac,aac,aiff,mpeg,amr"
OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
ACCEPTED = "send mp3, mp4, m4a, webm, ogg, wav, flac, aac or aiff"
MAX_BAD_PACKETS = 50  # in a row; fewer bad packets are heard as a click


def decode(file: BinaryIO, max_s: float) -> Iterator[bytes]:
    """The sound, as 16-bit mono PCM at RATE_HZ, in blocks of less than a second. Raises ParameterError.

    max_s: a longer recording is refused.
    """
    left = int(max_s * RATE_HZ) * BYTES_PER_SAMPLE
    try:
        with av.open(file, "r", options=OPTIONS, metadata_errors="replace") as container:
            for pcm in _blocks(container):
                left -= len(pcm)
                if left < 0:
                    raise ParameterError(
                        f"the recording is longer than {max_s:g} s; send it in parts", "file", code="recording_too_long"
                    )
                yield pcm
    except av.error.FFmpegError as error:
        raise _unreadable(f"can't be read ({error.strerror})") from error


def stated_length_s(file: BinaryIO) -> float | None:
    """The length in seconds that the container states, which may be wrong; None if it states none, or if it is
    unreadable."""
    file.seek(0)
    try:
        with av.open(file, "r", options=OPTIONS, metadata_errors="replace") as container:
            return container.duration / av.time_base if container.duration else None
    except av.error.FFmpegError:
        return None


def _blocks(container: InputContainer) -> Iterator[bytes]:
    if not container.streams.audio:
        raise _unreadable("has no sound in it")
    track: AudioStream = container.streams.audio[0]
    if track.codec_context is None:
        raise _unreadable("contains sound of an unknown codec")
    converter = FrameConverter(RATE_HZ)
    bad, is_heard = 0, False
    for packet in container.demux(track):
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            bad += 1
            if bad == MAX_BAD_PACKETS:
                raise _unreadable(f"is damaged ({error.strerror})") from error
            continue
        for frame in frames:
            bad, is_heard = 0, True
            yield converter.push(frame)
    if not is_heard:
        raise _unreadable("has no sound in it")
    yield converter.flush()


def _unreadable(why: str) -> ParameterError:
    return ParameterError(f"the file {why}; {ACCEPTED}", "file", code="invalid_file")

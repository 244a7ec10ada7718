"""The errors in audio that a learner's client sends."""

from __future__ import annotations

from typing import Literal

from common.errors import InvalidInputError

AudioErrorCode = Literal[
    "empty_audio",  # a frame of 0 bytes before any audio
    "odd_length_audio",  # a frame of raw PCM that ends within a sample
    "unsupported_audio",  # a container, codec or format that we can't decode
    "wrong_encoding",  # another format than `start` announced
    "announced_too_late",  # `start` after the first audio
    "audio_after_end",  # a frame after the end of input
    "no_audio_track",  # a container without sound
    "corrupt_audio",  # bytes that break the container or the codec
    "truncated_audio",  # a stream that ends in the middle of a block or sample, or before any sound
    "audio_stalled",  # many bytes and no sound
]


class AudioError(InvalidInputError):
    """The audio can't be used as it is. The session goes on; the audio decoded before stays valid."""

    code: str

    def __init__(self, message: str, *, code: AudioErrorCode) -> None:
        super().__init__(message, code=code)

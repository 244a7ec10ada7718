"""Has libav decode packets, and turns the result into PCM at the wanted rate. A bad packet is tolerated: the learner's
sound has a click there. MAX_BAD_PACKETS in a row are an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import av
import av.error

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.errors import AudioError
from gateway.audio.pcm import FrameConverter
from gateway.audio.types import DecodedAudio

MAX_BAD_PACKETS = 10  # in a row


def sound_of(
    packets: Iterable[Callable[[], list[av.AudioFrame]]],
    codec: str,
    source_rate_hz: Callable[[], int],
    sample_rate_hz: int,
    silence_before: Callable[[av.AudioFrame], float] = lambda _: 0.0,
) -> Iterator[DecodedAudio]:
    """The sound of a stream.

    packets: calling one decodes it. codec: as in DecodedAudio. silence_before: called for each frame; returns how many
    seconds of silence come before it.

    Raises AudioError (corrupt_audio) after MAX_BAD_PACKETS bad packets in a row.
    """
    converter = FrameConverter(sample_rate_hz)
    bad = 0
    for decode in packets:
        try:
            frames = decode()
        except av.error.FFmpegError as error:
            bad += 1
            if bad == MAX_BAD_PACKETS:
                raise AudioError(
                    f"{bad} packets in a row can't be decoded as {codec}; start a new recording", code="corrupt_audio"
                ) from error
            continue
        for frame in frames:
            bad = 0
            silence = bytes(round(silence_before(frame) * sample_rate_hz) * BYTES_PER_SAMPLE)
            if pcm := silence + converter.push(frame):
                yield DecodedAudio(pcm, codec, source_rate_hz())
    if pcm := converter.flush():
        yield DecodedAudio(pcm, codec, source_rate_hz())

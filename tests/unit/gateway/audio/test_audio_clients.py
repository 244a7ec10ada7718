"""What other programs send: recordings that they made (recordings/record.sh), odd timestamps, and audio that stalls.

Sources: janus-gateway 515 and 3486 (Opus with DTX: packets left out, a first timestamp that isn't 0), sfu 26 (like
janus-gateway 515), speaches 493 and ffmpeg-python 118 (a WAV from a pipe has no size), opus-recorder 29 (chained Ogg),
twilio media-streams 126 and openai-realtime-api-beta 18 (µ-law), all on GitHub.
"""

from __future__ import annotations

import asyncio
import struct
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import looptime
import numpy as np
import pytest

from gateway.audio import AudioInput, DecodedAudio, Quiet
from gateway.audio.container import LONGEST_GAP_S
from tests.support.audio import Samples, chirp, cut, hear, likeness, ogg, resampled, webm

RECORDINGS = Path(__file__).parent / "recordings"
CHIRP = resampled(chirp(1.0), 48_000, 16_000)
PAUSED = np.concatenate([CHIRP[:8000], np.zeros(16_000, np.int16), CHIRP[8000:]])
# The tone of Firefox's fake microphone (`fake: true`).
FIREFOX_TONE = (10_000 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)).astype(np.int16)


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [
        ("ffmpeg-5.1.wav", "pcm_s16le/wav", CHIRP),
        ("ffmpeg-5.1-alaw.wav", "pcm_alaw/wav", CHIRP),
        ("ffmpeg-5.1.webm", "opus/webm", CHIRP),
        ("ffmpeg-5.1-cues-first.webm", "opus/webm", CHIRP),
        ("ffmpeg-5.1.aac", "aac/aac", CHIRP),
        ("sox-14.4.wav", "pcm_s16le/wav", CHIRP),
        ("sox-14.4-mulaw.wav", "pcm_mulaw/wav", CHIRP),
        ("gstreamer-1.22.wav", "pcm_s16le/wav", CHIRP),
        ("gstreamer-1.22.webm", "opus/webm", CHIRP),
        ("gstreamer-1.22-dtx.webm", "opus/webm", PAUSED),
        ("gstreamer-1.22-dtx.ogg", "opus/ogg", PAUSED),
        ("opusenc-0.1.10.ogg", "opus/ogg", CHIRP),
        ("firefox-153.webm", "opus/webm", FIREFOX_TONE),
        ("firefox-153.ogg", "opus/ogg", FIREFOX_TONE),
    ],
)
async def test_recordings_of_real_programs_decode_to_what_they_recorded(name: str, codec: str, sound: Samples) -> None:
    data = (RECORDINGS / name).read_bytes()
    heard = await hear(cut(data, 700))
    assert (heard.errors, heard.codec) == ([], codec)
    assert likeness(heard.samples, sound) > 0.97
    seconds = 1.48 if sound is FIREFOX_TONE else len(sound) / 16_000
    assert len(heard.samples) / 16_000 == pytest.approx(seconds, abs=0.05)
    assert (await hear([data])).pcm == heard.pcm


def webm_at(timestamps_s: list[float]) -> bytes:
    """Opus in WebM: pieces of 0.5 s of a chirp, each of which begins at one of the timestamps."""
    pipe = _Pipe()
    with av.open(pipe, "w", format="webm", options={"live": "1"}) as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        sound = chirp(0.5 * len(timestamps_s))
        for at in range(0, len(sound), 960):
            frame = av.AudioFrame.from_ndarray(sound[at : at + 960].reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, at, Fraction(1, 48_000)
            for packet in stream.encode(frame):
                piece, within = divmod((packet.pts or 0) + 312, 24_000)  # libopus's delay is 312 samples
                packet.pts = packet.dts = round(timestamps_s[piece] * 48_000) + within
                container.mux(packet)
    return bytes(pipe.data)


class _Pipe:
    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


@pytest.mark.parametrize(
    ("timestamps_s", "silence_s"),
    [
        pytest.param([3600.0, 3600.5], 0.0, id="begins after an hour, as a recorder on a shared clock"),
        pytest.param([89_478.0, 89_478.5], 0.0, id="begins where RTP's 32 bits at 48 kHz end"),
        pytest.param([0.0, 1.5], 1.0, id="one second left out"),
        pytest.param([0.0, 7200.0], LONGEST_GAP_S, id="a clock that was set forward"),
        pytest.param([0.0, 0.5003], 0.0, id="a clock that drifts"),
    ],
)
async def test_timestamps_tell_of_pauses_and_their_origin_means_nothing(
    timestamps_s: list[float], silence_s: float
) -> None:
    heard = await hear(cut(webm_at(timestamps_s), 700))
    assert not heard.errors
    assert len(heard.samples) / 16_000 == pytest.approx(0.5 * len(timestamps_s) + silence_s, abs=0.05)
    assert likeness(heard.samples[:7500], CHIRP[:8000]) > 0.97


def with_positions_of_zero(data: bytes) -> bytes:
    """Ogg whose pages all have the position 0, like those of a program that does not count samples."""
    out, at = bytearray(), 0
    while at < len(data):
        end = at + 27 + data[at + 26] + sum(data[at + 27 : at + 27 + data[at + 26]])
        page = bytearray(data[at:end])
        page[6:14], page[22:26] = bytes(8), bytes(4)
        crc = 0
        for byte in page:
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1) ^ (0x104C11DB7 if crc & 0x80000000 else 0)
        page[22:26] = struct.pack("<I", crc)
        out += page
        at = end
    return bytes(out)


async def test_ogg_whose_pages_count_no_samples() -> None:
    heard = await hear(cut(with_positions_of_zero(ogg(chirp(0.5))), 700))
    assert not heard.errors
    assert likeness(heard.samples, CHIRP[:8000]) > 0.97


@pytest.mark.parametrize("frame_bytes", [700, 1 << 20])
async def test_chained_ogg_is_one_sound_after_the_other(frame_bytes: int) -> None:
    one = ogg(chirp(1.0))
    heard = await hear(cut(one + one, frame_bytes))
    assert not heard.errors
    assert likeness(heard.samples, np.concatenate([CHIRP, CHIRP])) > 0.97


async def test_a_recorder_that_begins_anew_may_change_format_and_rate() -> None:
    """A headset is plugged in: the page starts another MediaRecorder."""
    heard = await hear([webm(chirp(0.5)), ogg(chirp(0.5, 24_000), 24_000), webm(chirp(0.5, 16_000), 16_000)])
    assert not heard.errors
    assert len(heard.samples) / 16_000 == pytest.approx(1.5, abs=0.08)


def fed(pieces: list[tuple[float, bytes]], until_s: float) -> tuple[float, float]:
    """Feed raw PCM in virtual time. Returns the seconds of audio and the seconds of Quiet that come out. pieces: (time
    of arrival in s, bytes)."""

    async def run() -> tuple[float, float]:
        heard_s = quiet_s = 0.0
        async with AudioInput(sample_rate_hz=16_000, encoding="pcm_s16le") as audio, asyncio.TaskGroup() as tasks:
            audio.quiet.after_s = 0.4

            async def feed() -> None:
                begun_s = asyncio.get_running_loop().time()
                for at_s, data in pieces:
                    await asyncio.sleep(begun_s + at_s - asyncio.get_running_loop().time())
                    await audio.feed(data)
                await asyncio.sleep(begun_s + until_s - asyncio.get_running_loop().time())
                await audio.finish()

            tasks.create_task(feed())
            async for item in audio:
                if isinstance(item, DecodedAudio):
                    heard_s += len(item.pcm) / 32_000
                elif isinstance(item, Quiet):
                    quiet_s += item.seconds
        return heard_s, quiet_s

    with asyncio.Runner(loop_factory=partial(looptime.new_event_loop, noop_cycles=1)) as runner:
        return runner.run(run())


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_sound_card_whose_clock_drifts_is_never_silent(ppm: int) -> None:
    """In ten minutes the sound card gives 0.12 s more or less audio than the server's clock counts."""
    slice_s = 0.5
    pieces = [(at * slice_s * (1 + ppm / 1e6), bytes(16_000)) for at in range(1200)]
    assert fed(pieces, 600.2) == (600.0, 0.0)


def test_a_tab_in_the_background_that_sends_twenty_seconds_at_once_is_heard_whole() -> None:
    """After a while, Chromium runs a background tab's timers only once a minute. So the audio comes late, when its
    absence was already reported as silence."""
    slices = [(at / 50, bytes(640)) for at in range(100)]
    heard_s, quiet_s = fed([*slices, (22.0, bytes(640_000)), (22.02, bytes(640))], 22.1)
    assert heard_s == pytest.approx(2 + 20 + 0.02)
    assert 19.5 <= quiet_s <= 20.1

"""Bytes that are no audio, and streams that break: each is reported once, and the session goes on with the next good
stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.audio import AudioError, AudioInput, DecodedAudio
from gateway.audio.adts import ADTS_HEADER_BYTES
from gateway.audio.container import MAX_SILENT_BYTES
from tests.support.audio import (
    adts,
    chirp,
    cut,
    flac,
    hear,
    hear_now,
    mp4,
    mp4_with_its_index_last,
    ogg,
    video_webm,
    wav,
    webm,
)

GOOD = {
    "webm": webm(chirp(0.5), frame_ms=60),
    "ogg": ogg(chirp(0.5)),
    "mp4": mp4(chirp(0.5)),
    "wav": wav(chirp(0.5, 8_000), 8_000),
}
PCM = {name: hear_now([data]).pcm for name, data in GOOD.items()}
GARBAGE = np.random.default_rng(1).bytes(3000)

names = pytest.mark.parametrize("name", GOOD)


@names
@settings(deadline=None, max_examples=30)
@given(part=st.floats(min_value=0.0, max_value=0.999), size=st.integers(min_value=100, max_value=4000))
def test_a_truncated_stream_gives_the_audio_before_the_cut_and_the_next_is_whole(
    name: str, part: float, size: int
) -> None:
    data = GOOD[name][: max(12, int(len(GOOD[name]) * part))]
    heard = hear_now([*cut(data, size), *cut(GOOD[name], size)])
    assert set(heard.codes) <= {"truncated_audio"}
    assert len(heard.codes) <= 1  # a cut between two blocks is no error
    assert heard.pcm.endswith(PCM[name])
    before = heard.pcm[: -len(PCM[name])]
    surely = max(0, len(before) - 200)  # the last samples may differ: the resampler lacked the input after them
    assert before[:surely] == PCM[name][:surely]


@names
async def test_half_of_a_stream_is_half_of_the_sound(name: str) -> None:
    data = GOOD[name]
    heard = await hear([data[: len(data) // 2]])
    assert heard.codes == ["truncated_audio"]
    assert 0.3 < len(heard.pcm) / len(PCM[name]) < 0.7


def _is_told_from_aac(junk: list[bytes]) -> bool:
    """Whether the junk can't end with the beginning of an ADTS header (AAC), which the good stream might complete."""
    return b"\xff" not in b"".join(junk)[1 - ADTS_HEADER_BYTES :]


@names
@settings(deadline=None, max_examples=40)
@given(junk=st.lists(st.binary(min_size=1, max_size=300), max_size=8).filter(_is_told_from_aac))
@example(junk=[b"\x1a", b"\x45", b"\xdf\xa3"])
@example(junk=[b"Ogg", b"S\0\2"])
@example(junk=[b"RIFF", b"1234WAVE", b"data\xff\xff\xff\xff", b"12345678"])
def test_random_bytes_are_told_once_and_forgotten(name: str, junk: list[bytes]) -> None:
    heard = hear_now([*junk, *cut(GOOD[name], 500)])
    assert len(heard.codes) <= 1 + sum(frame.startswith((b"\x1aE", b"Ogg", b"RIFF")) for frame in junk)
    assert heard.pcm.endswith(PCM[name])


@pytest.mark.parametrize("name", ["webm", "ogg", "mp4"])
@settings(deadline=None, max_examples=40)
@given(
    part=st.floats(min_value=0.0, max_value=1.0),
    junk=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5),
)
def test_random_bytes_within_a_stream_end_it(name: str, part: float, junk: list[bytes]) -> None:
    data = GOOD[name][: max(12, int(len(GOOD[name]) * part))]
    heard = hear_now([data, *junk, *cut(GOOD[name], 500)])
    assert set(heard.codes) <= {"corrupt_audio", "truncated_audio"}
    assert heard.pcm.endswith(PCM[name])


@pytest.mark.parametrize("name", ["webm", "ogg", "mp4"])
async def test_garbage_after_a_good_start_is_reported_once_however_long_it_goes_on(name: str) -> None:
    heard = await hear([GOOD[name], *[GARBAGE] * 20, GOOD[name], *[GARBAGE] * 20])
    assert heard.codes == ["corrupt_audio", "corrupt_audio"]
    assert heard.pcm == PCM[name] * 2


async def test_blocks_that_are_no_opus() -> None:
    block = b"\xa3\x86\x81\0\0\x80\xff\x3f"  # a SimpleBlock of track 1 with 63 frames of 20 ms: more than Opus allows
    one_bad = await hear([GOOD["webm"] + block])
    assert not one_bad.errors
    assert one_bad.pcm == PCM["webm"]
    all_bad = await hear([GOOD["webm"], *[block] * 100, GOOD["webm"]])
    assert all_bad.codes == ["corrupt_audio"]
    assert "opus/webm" in all_bad.errors[0].message
    assert all_bad.pcm.endswith(PCM["webm"])


@names
async def test_a_header_and_nothing_else(name: str) -> None:
    size = {"webm": 60, "ogg": 100, "mp4": 100, "wav": 30}[name]
    heard = await hear([GOOD[name][:size]])
    assert heard.codes == ["truncated_audio"]
    assert not heard.pcm


async def test_no_audio_at_all_is_no_error() -> None:
    heard = await hear([])
    assert not heard.errors
    assert not heard.pcm


async def test_unknown_formats_are_refused_with_what_is_accepted_instead() -> None:
    heard = await hear([b"MThd\0\0\0\6\0\1", *[GARBAGE] * 10])
    assert heard.codes == ["unsupported_audio"]
    assert all(
        word in heard.errors[0].message for word in ("WebM", "Ogg", "MP4", "AAC", "FLAC", "WAV", "pcm_s16le", "start")
    )


async def test_too_little_to_be_known() -> None:
    assert (await hear([b"\x1aE"])).codes == ["truncated_audio"]


async def test_it_is_refused_as_soon_as_it_can_be_nothing() -> None:
    async with AudioInput(sample_rate_hz=16_000) as audio:
        await audio.feed(b"RIFF")
        await audio.feed(b"1234")
        with pytest.raises(AudioError, match="no known format"):
            await audio.feed(b"AVI ")


@names
async def test_empty_frames_lose_nothing(name: str) -> None:
    """Firefox sends empty slices while it fills a page of Ogg. An empty frame is an error only at the beginning."""
    heard = await hear([b"", GOOD[name][:700], b"", GOOD[name][700:], b""])
    assert heard.codes == ["empty_audio"]
    assert heard.pcm == PCM[name]


async def test_raw_pcm_of_odd_length_loses_that_frame_alone() -> None:
    heard = await hear([b"\1\2", b"abc", b"\3\4"], encoding="pcm_s16le")
    assert heard.codes == ["odd_length_audio"]
    assert heard.pcm == b"\1\2\3\4"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        pytest.param(video_webm(), "no_audio_track", "microphone", id="video only"),
        pytest.param(ogg(chirp(0.5), codec="flac"), "unsupported_audio", "flac", id="flac"),
        pytest.param(mp4_with_its_index_last(chirp(0.5)), "corrupt_audio", "fragmented", id="mp4 with its index last"),
        pytest.param(mp4(chirp(0.5), codec="flac"), "unsupported_audio", "AAC or Opus", id="flac in mp4"),
        pytest.param(adts(chirp(0.5)) + GARBAGE, "corrupt_audio", "AAC", id="aac and garbage"),
        pytest.param(adts(chirp(0.5))[:-3], "truncated_audio", "AAC", id="a frame of aac that is cut off"),
        pytest.param(wav(chirp(0.1, 16_000), 1_000), "unsupported_audio", "1000 Hz", id="wav at 1 kHz"),
        pytest.param(wav(chirp(0.1, 16_000), channels=9), "unsupported_audio", "9 channels", id="nine channels"),
        pytest.param(b"RIFF\x10\0\0\0WAVEdata\xff\0\0\0" + bytes(300), "corrupt_audio", "fmt", id="wav with no format"),
        pytest.param(b"RIFF\x10\0\0\0WAVE\1\2\3\4\5\6\7\x7f" + bytes(300), "corrupt_audio", "chunk", id="no chunk"),
    ],
)
async def test_containers_of_something_else(data: bytes, code: str, words: str) -> None:
    heard = await hear([data, GOOD["webm"]])
    assert heard.codes == [code]
    assert words in heard.errors[0].message
    assert heard.pcm.endswith(PCM["webm"])


@pytest.mark.parametrize("first", [b"\xff\xf1\x50\x80\x00\x1f\xfc\0", b"\xff\xf1"])
async def test_raw_pcm_that_looks_like_aac_is_raw_pcm(first: bytes) -> None:
    heard = await hear([first, bytes(320)], encoding="pcm_s16le")
    assert not heard.errors
    assert heard.pcm == first + bytes(320)


async def test_damaged_flac_is_told_or_heard_as_a_click() -> None:
    data = flac(chirp(1.0))
    heard = await hear([data[:2000], GARBAGE, data[2000:], GOOD["webm"]])
    assert set(heard.codes) <= {"corrupt_audio"}
    assert heard.pcm.endswith(PCM["webm"])


async def test_a_container_that_makes_no_sound_for_long_is_given_up() -> None:
    void = b"\xec\x40\xff" + bytes(255)  # a Void element of 255 bytes
    voids = void * 200
    heard = await hear([GOOD["webm"], *[voids] * (MAX_SILENT_BYTES // len(voids) + 2), GOOD["ogg"]])
    assert heard.codes == ["audio_stalled"]
    assert heard.pcm == PCM["webm"] + PCM["ogg"]


async def test_start_must_come_before_audio() -> None:
    async with AudioInput(sample_rate_hz=16_000) as audio:
        await audio.feed(GOOD["webm"])
        with pytest.raises(AudioError, match="first"):
            audio.announce("pcm_s16le", 16_000)


async def test_start_may_come_after_audio_that_was_refused() -> None:
    async with AudioInput(sample_rate_hz=16_000) as audio:
        with pytest.raises(AudioError, match="no known format"):
            await audio.feed(b"\1\2" * 100)
        audio.announce("pcm_s16le", 16_000)
        await audio.feed(b"\1\2" * 100)
        item = await anext(audio)
        assert isinstance(item, DecodedAudio)
        assert item.pcm == b"\1\2" * 100


@pytest.mark.parametrize("rate_hz", [7_999, 48_001, 0, -1])
async def test_absurd_rates_of_raw_pcm(rate_hz: int) -> None:
    async with AudioInput(sample_rate_hz=16_000) as audio:
        with pytest.raises(AudioError, match="8000 to 48000"):
            audio.announce("pcm_s16le", rate_hz)


@pytest.mark.parametrize("encoding", ["pcm_s16le", "ogg"])
async def test_another_format_than_announced(encoding: str) -> None:
    heard = await hear(cut(GOOD["webm"], 500), encoding=encoding)
    assert heard.codes == ["wrong_encoding"]
    assert not heard.pcm


async def test_nothing_is_taken_after_the_end() -> None:
    async with AudioInput(sample_rate_hz=16_000) as audio:
        await audio.finish()
        with pytest.raises(AudioError, match="after the end"):
            await audio.feed(GOOD["webm"])


async def test_sound_goes_on_when_its_form_changes() -> None:
    heard = await hear([adts(chirp(0.5)) + adts(chirp(0.5, 44_100), 44_100, channels=2)])
    assert not heard.errors
    assert len(heard.samples) == pytest.approx(16_000, abs=1_600)

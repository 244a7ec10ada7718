"""Transcriptions for clients of OpenAI's API: the official client, a real socket, real files, a fake recogniser."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import BusyError, InvalidInputError
from gateway.openai_api.answers import ParameterError
from gateway.openai_api.cutter import RATE_HZ
from gateway.openai_api.encoders import create_encoder
from gateway.openai_api.recording import decode
from tests.support.audio import chirp, mp4, mp4_with_its_index_last, ogg, wav, webm
from tests.support.fakes import FakeRecordings
from tests.support.gateway import TestGateway
from tests.support.openai_api import connected

SECOND = chirp(1.0, 24_000)


def encoded(form: Any) -> bytes:
    encoder = create_encoder(form, 24_000)
    return encoder.push(SECOND.tobytes()) + encoder.finish()


@cache
def files() -> dict[str, bytes]:
    """A second of sound in every container."""
    others = {
        "m4a": mp4_with_its_index_last(SECOND, 24_000),
        "mp4": mp4(SECOND, 24_000),
        "webm": webm(SECOND, 24_000),
        "ogg": ogg(SECOND, 24_000),
    }
    return {form: encoded(form) for form in ("mp3", "opus", "aac", "flac", "wav")} | others


def long_wav(seconds: float) -> bytes:
    """Sound with a silence of half a second after each 10 s."""
    rate = 8_000
    sound = np.tile(np.concatenate([chirp(10.0, rate), np.zeros(rate // 2, np.int16)]), int(seconds // 10.5) + 1)
    return wav(sound[: int(seconds * rate)], rate)


def files_on_disk() -> int:
    """The number of deleted files that this process has open, apart from pytest's. The gateway deletes an upload's file
    as soon as the file is open."""
    return _deleted() - PYTESTS


def _deleted() -> int:
    links = [one.readlink() for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return sum("(deleted)" in str(link) for link in links)


PYTESTS = _deleted()


async def transcribe(client: openai.AsyncOpenAI, data: bytes = b"", **fields: Any) -> Any:
    file = ("speech.bin", data or wav(SECOND, 24_000))
    return await client.audio.transcriptions.create(model="whisper-1", file=file, **fields)


async def test_every_container_is_taken() -> None:
    gateway = TestGateway()
    async with connected(gateway) as client:
        for name, data in files().items():
            answer = await transcribe(client, data)
            assert answer.text == "Hello there.", name
            assert answer.usage.seconds == pytest.approx(1.0, abs=0.15), name
    assert gateway.services.recordings.lengths == pytest.approx([RATE_HZ] * len(files()), abs=0.15 * RATE_HZ)
    assert files_on_disk() == 0


async def test_every_form_of_the_answer() -> None:
    async with connected(TestGateway()) as client:
        assert await transcribe(client, response_format="text") == "Hello there.\n"
        assert await transcribe(client, response_format="srt") == "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n"
        assert "00:00:00.000 --> 00:00:01.000\nHello there." in await transcribe(client, response_format="vtt")
        verbose = await transcribe(
            client, response_format="verbose_json", timestamp_granularities=["word", "segment"], language="en"
        )
        assert (verbose.language, verbose.duration, verbose.text) == ("en", 1.0, "Hello there.")
        words = [(one.word, one.start, one.end, one.confidence) for one in verbose.words]
        assert words == [("Hello", 0.0, 0.5, 0.9), ("there.", 0.5, 1.0, 0.9)]
        assert [(one.start, one.end, one.text) for one in verbose.segments] == [(0.0, 1.0, "Hello there.")]


async def test_the_slips_of_an_expected_sentence() -> None:
    async with connected(TestGateway()) as client:

        async def slips(**options: Any) -> Any:
            answer = await transcribe(client, response_format="verbose_json", **options)
            return answer.model_dump().get("slips")

        assert await slips() is None
        assert await slips(extra_body={"expected_text": "hello there"}) == [{"word": 1, "expected": "θ", "heard": "s"}]
        assert await slips(data=long_wav(63.0), extra_body={"expected_text": "hello there"}) == []  # no single sentence


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the client's own warning about this route
async def test_a_translation_is_into_english_or_refused() -> None:
    gateway = TestGateway()
    recordings = gateway.services.recordings
    recordings.language = "fr"
    async with connected(gateway) as client:
        file = ("speech.wav", wav(SECOND, 24_000))
        answer = await client.audio.translations.create(model="whisper-1", file=file, response_format="verbose_json")
        assert (answer.text, answer.language, answer.duration) == ("Hello there.", "en", 1.0)
        assert recordings.asked == [("", True)]
        recordings.errors = [InvalidInputError("ASR: the model knows English only and can't translate")]
        with pytest.raises(openai.BadRequestError, match="knows English only"):
            await client.audio.translations.create(model="whisper-1", file=file)


async def test_a_long_recording_is_recognised_in_pieces_cut_where_it_is_silent() -> None:
    gateway = TestGateway()
    async with connected(gateway) as client:
        answer = await transcribe(
            client, long_wav(63.0), response_format="verbose_json", language="en", timestamp_granularities=["word"]
        )
    lengths = gateway.services.recordings.lengths
    assert answer.duration == pytest.approx(63.0, abs=0.01)
    assert sum(lengths) == pytest.approx(63.0 * RATE_HZ, abs=100)
    ends = np.cumsum(lengths)[:-1] / RATE_HZ
    assert all(10.0 <= end % 10.5 <= 10.5 for end in ends), ends
    assert [one.start for one in answer.words[::2]] == pytest.approx([0, *ends], abs=0.01)
    assert set(gateway.services.recordings.asked) == {("en", False)}


async def test_a_piece_is_recognised_with_the_words_of_the_piece_before_it() -> None:
    gateway = TestGateway()
    async with connected(gateway) as client:
        await transcribe(client, long_wav(63.0), prompt="Marco and Ana.")
        gateway.services.recordings.says = ""
        await transcribe(client, long_wav(40.0))
    assert gateway.services.recordings.contexts == ["Marco and Ana.", "Hello there.", "Hello there.", "", ""]


async def test_a_streamed_answer_comes_piece_by_piece() -> None:
    gateway = TestGateway()
    async with connected(gateway) as client:
        stream = await transcribe(client, long_wav(40.0), stream=True)
        events = [event async for event in stream]
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == "Hello there. Hello there."


@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
async def test_the_parts_of_a_streamed_answer_make_the_whole(response_format: str) -> None:
    async with connected(TestGateway()) as client:
        whole = await transcribe(client, long_wav(40.0), response_format=response_format)
        stream = await transcribe(client, long_wav(40.0), response_format=response_format, stream=True)
        *parts, done = [event async for event in stream]
    assert len(parts) == 2
    assert "".join(part.delta for part in parts) == done.text
    assert done.text.strip() == str(whole).strip()
    assert [part.duration_s for part in parts] == [40.0, 40.0]
    assert 10 < parts[0].recognised_s < parts[1].recognised_s <= 40.0


async def test_an_answer_with_all_fields_is_not_streamed() -> None:
    async with connected(TestGateway()) as client:
        with pytest.raises(openai.BadRequestError, match="can't be streamed"):
            await transcribe(client, long_wav(1.0), response_format="verbose_json", stream=True)


async def test_a_stream_that_fails_ends_with_an_error() -> None:
    gateway = TestGateway()
    gateway.services.recordings = _FailsLater()
    async with connected(gateway) as client:
        stream = await transcribe(client, long_wav(40.0), stream=True)
        with pytest.raises(openai.APIError, match="no more"):
            async for _ in stream:
                pass


class _FailsLater(FakeRecordings):
    async def recognize(self, pcm: bytes, **options: Any) -> Any:
        if self.lengths:
            raise InvalidInputError("no more")
        return await super().recognize(pcm, **options)


async def test_a_client_that_leaves_ends_the_recognition() -> None:
    gateway = TestGateway()
    recordings = gateway.services.recordings
    async with connected(gateway) as client:
        recordings.delay_s = 60.0
        with pytest.raises(openai.APITimeoutError):
            await transcribe(client, long_wav(60.0), timeout=0.5)
        recordings.delay_s = 0.2
        stream = await transcribe(client, long_wav(200.0), stream=True)
        await anext(aiter(stream))
        await stream.close()
        async with asyncio.timeout(5):
            while recordings.open_calls or files_on_disk():
                await asyncio.sleep(0.01)
    assert len(recordings.lengths) < 6


async def test_an_upload_that_breaks_off_frees_everything() -> None:
    gateway = TestGateway()
    begun = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        yield bytes(3 << 20)
        begun.set()
        await asyncio.sleep(60)

    async with connected(gateway, upload_max_at_once=1) as client, httpx.AsyncClient() as http:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        sending = asyncio.create_task(
            http.post(f"{gateway.http}/v1/audio/transcriptions", content=half(), headers=headers)
        )
        await begun.wait()
        async with asyncio.timeout(5):
            while not files_on_disk():
                await asyncio.sleep(0.01)
        with pytest.raises(openai.RateLimitError, match="too many files"):
            await transcribe(client)
        sending.cancel()
        async with asyncio.timeout(5):
            while files_on_disk():
                await asyncio.sleep(0.01)
        assert (await transcribe(client)).text == "Hello there."


async def test_an_upload_is_bounded_in_size_and_time() -> None:
    gateway = TestGateway()
    async with connected(gateway, upload_max_bytes=30_000, upload_timeout_s=0.3) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await transcribe(client, long_wav(60.0))
        assert caught.value.status_code == 413
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert files_on_disk() == 0


async def test_a_file_that_is_not_a_recording_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav(SECOND, 24_000))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()
    concatenation = f"ffconcat version 1.0\nfile {secret}\n".encode()
    gateway = TestGateway()
    async with connected(gateway, upload_max_audio_s=30.0) as client:
        for data in (b"not a recording" * 100, playlist, concatenation, wav(SECOND, 24_000)[:44], long_wav(40.0)):
            with pytest.raises(openai.BadRequestError) as caught:
                await transcribe(client, data)
            assert caught.value.param == "file", data[:20]
        wrong: dict[str, Any] = {"response_format": "diarized_json", "temperature": 3, "include": ["logprobs"]}
        for param, value in wrong.items():
            with pytest.raises(openai.BadRequestError) as caught:
                await transcribe(client, b"", **{param: value})
            assert str(caught.value.param).startswith(param)


@given(
    st.sampled_from(sorted(files())),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=20),
    st.floats(0.01, 1),
)
def test_a_damaged_recording_is_heard_in_part_or_refused(
    name: str, wrong: list[tuple[float, int]], part: float
) -> None:
    data = bytearray(files()[name])
    for place, value in wrong:
        data[int(place * (len(data) - 1))] = value
    with suppress(ParameterError):
        for pcm in decode(io.BytesIO(bytes(data[: int(part * len(data)) + 1])), 60.0):
            assert len(pcm) % 2 == 0


async def test_forms_that_can_not_be_read_are_errors_in_openais_shape() -> None:
    gateway = TestGateway()
    async with gateway.running(), httpx.AsyncClient() as http:
        url = f"{gateway.http}/v1/audio/transcriptions"
        for answer in (
            await http.post(url, data={"model": "whisper-1"}),
            await http.post(url, json={"model": "whisper-1"}),
            await http.post(url, files={"file": ("a.wav", b"")}, data={"model": "whisper-1"}),
            await http.post(url, files={"file": ("a.wav", wav(SECOND, 24_000))}),
            await http.post(url, content=b"--y", headers={"Content-Type": "multipart/form-data; boundary=x"}),
            await http.post(url, content=b"--y", headers={"Content-Type": "multipart/form-data"}),
        ):
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_recording_waits_while_learners_have_all_slots() -> None:
    gateway = TestGateway()
    gateway.services.recordings.errors = [BusyError("full", retry_after_s=0.01) for _ in range(5)]
    async with connected(gateway) as client:
        assert (await transcribe(client)).text == "Hello there."

"""What the real model understands of real and synthetic speech, over real gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import grpc
import numpy as np
import pytest
import pytest_asyncio
from aitalk.asr.v1 import asr_pb2 as pb

from asr_service.audio import pcm_to_float, resample
from tests.support.asr import (
    BECKETT_WORDS,
    FINISH,
    LEARNER_LINES,
    AsrServer,
    Pcm,
    asr_server,
    asr_settings,
    audio,
    beckett_path,
    chunked,
    config,
    kinds,
    read_wav,
    silence,
    spoken,
    stream,
    turns,
    whole_text,
)
from tests.support.transcription import bundled_whisper, word_error_rate

pytestmark = pytest.mark.asyncio(loop_scope="module")

TURN = ["speech_started", "eager_end_of_turn", "end_of_turn"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[AsrServer]:
    async with asr_server(asr_settings()) as running:
        yield running


def directly(pcm: Pcm, rate: int) -> str:
    segments, _ = bundled_whisper().transcribe(resample(pcm_to_float(pcm.tobytes()), rate))
    return "".join(segment.text for segment in segments)


@pytest.fixture(scope="module")
def beckett_wer() -> float:
    """The word error rate of faster-whisper itself on the recording of a person."""
    return word_error_rate(BECKETT_WORDS, directly(*read_wav(beckett_path())))


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_person_is_understood_as_well_as_by_faster_whisper(
    server: AsrServer, beckett_wer: float, seed: int
) -> None:
    pcm, rate = read_wav(beckett_path())
    events = await stream(server, [config(rate, language="en"), *chunked(pcm, seed=seed), FINISH])
    assert word_error_rate(BECKETT_WORDS, whole_text(events)) <= beckett_wer + 0.02


async def test_learners_lines_at_any_rate_are_understood_as_well_as_by_faster_whisper(server: AsrServer) -> None:
    streamed, direct = [], []
    for seed, (line, rate) in enumerate(zip(LEARNER_LINES, (8_000, 22_050, 44_100, 48_000), strict=True)):
        pcm = np.concatenate([silence(0.5, rate), spoken(line, rate), silence(1.0, rate)])
        events = await stream(server, [config(rate), *chunked(pcm, seed=seed), FINISH])
        assert kinds(events) == TURN
        streamed.append(whole_text(events))
        direct.append(directly(pcm, rate))
    said = " ".join(LEARNER_LINES)
    assert word_error_rate(said, " ".join(streamed)) <= word_error_rate(said, " ".join(direct)) + 0.02


async def test_times_are_in_order_within_the_turn_and_where_the_voice_was(server: AsrServer) -> None:
    rate = 24_000
    line = spoken(LEARNER_LINES[0], rate)
    pcm = np.concatenate([silence(2.0, rate), line, silence(1.5, rate)])
    events = await stream(server, [config(rate), *chunked(pcm, seed=3), FINISH])
    (end,) = turns(events)
    turn = end.transcript
    assert " ".join(word.text for word in turn.words) == turn.text
    times = [sample for word in turn.words for sample in (word.start_sample, word.end_sample)]
    assert times == sorted(times)
    assert turn.start_sample <= times[0]
    assert times[-1] <= turn.end_sample
    assert all(0 < word.confidence <= 1 for word in turn.words)
    tolerance = 0.25 * rate
    assert events[0].speech_started.start_sample == turn.start_sample == pytest.approx(2.0 * rate, abs=tolerance)
    assert turn.end_sample == pytest.approx(2.0 * rate + len(line), abs=tolerance)


async def test_a_pause_in_mid_sentence_is_no_end(server: AsrServer) -> None:
    endpointing = pb.Endpointing(eager_silence_ms=250, end_silence_ms=1_000)
    pcm = np.concatenate(
        [spoken("Yesterday I went to the market"), silence(0.6), spoken("with my older sister."), silence(1.5)]
    )
    events = await stream(server, [config(endpointing=endpointing), *chunked(pcm, seed=4), FINISH])
    assert kinds(events) == ["speech_started", "eager_end_of_turn", "turn_resumed", *TURN[1:]]
    eager = [event.eager_end_of_turn.transcript for event in events if event.HasField("eager_end_of_turn")]
    (end,) = turns(events)
    assert word_error_rate("yesterday I went to the market", eager[0].text) <= 0.2
    assert word_error_rate("yesterday I went to the market with my older sister", end.transcript.text) <= 0.2
    assert eager[-1] == end.transcript
    assert end.reason == pb.END_REASON_SILENCE


async def test_two_utterances_are_two_turns(server: AsrServer) -> None:
    pcm = np.concatenate([spoken(LEARNER_LINES[1]), silence(1.5), spoken(LEARNER_LINES[3]), silence(1.5)])
    events = await stream(server, [config(), *chunked(pcm, seed=5), FINISH])
    assert kinds(events) == TURN * 2
    first, second = turns(events)
    assert first.transcript.end_sample < second.transcript.start_sample
    assert word_error_rate(LEARNER_LINES[1], first.transcript.text) <= 0.2
    assert word_error_rate(LEARNER_LINES[3], second.transcript.text) <= 0.2


async def test_partials_grow_into_the_final_text(server: AsrServer) -> None:
    text = " ".join(LEARNER_LINES[:2])
    pcm = np.concatenate([spoken(text), silence(1.5)])
    pieces = [audio(pcm[begin : begin + 3200]) for begin in range(0, len(pcm), 3200)]
    endpointing = pb.Endpointing(eager_silence_ms=900, end_silence_ms=1_000)
    events = await stream(server, [config(endpointing=endpointing), *pieces, FINISH], pause_s=0.1)
    partials = [event.partial for event in events if event.HasField("partial")]
    assert len(partials) >= 2
    for earlier, later in pairwise(partials):
        assert later.stable_text.startswith(earlier.stable_text)
        assert later.end_sample > earlier.end_sample
    assert any(partial.stable_text for partial in partials)
    first_word = partials[0].unstable_text.lower().split()[0]
    assert first_word.strip(".,") == whole_text(events).lower().split()[0].strip(".,")


async def test_partials_can_be_turned_off(server: AsrServer) -> None:
    events = await stream(
        server, [config(disable_partials=True), *chunked(spoken(LEARNER_LINES[0]), seed=6), FINISH], pause_s=0.02
    )
    assert kinds(events) == [str(event.WhichOneof("event")) for event in events] == ["speech_started", "end_of_turn"]
    assert turns(events)[0].reason == pb.END_REASON_FINISHED


async def test_finish_in_mid_speech_answers_what_was_heard(server: AsrServer) -> None:
    pcm = spoken("I have been learning English for two years.", 44_100)
    events = await stream(server, [config(44_100), audio(pcm), FINISH])
    (end,) = turns(events)
    assert end.reason == pb.END_REASON_FINISHED
    assert word_error_rate("I have been learning English for two years", end.transcript.text) <= 0.2
    assert end.transcript.end_sample <= len(pcm) + 44_100 // 20  # silence fills up the last window


async def test_ten_minutes_of_silence_then_speech(server: AsrServer) -> None:
    rate = 8_000
    minutes = [audio(silence(60, rate)) for _ in range(10)]
    speech = np.concatenate([spoken(LEARNER_LINES[1], rate), silence(1.5, rate)])
    events = await stream(server, [config(rate), *minutes, *chunked(speech, seed=7), FINISH])
    assert kinds(events) == TURN
    assert turns(events)[0].transcript.start_sample == pytest.approx(600 * rate, abs=rate)


async def test_noise_and_clicks_have_no_words(server: AsrServer) -> None:
    random = np.random.default_rng(1)
    hiss = random.normal(0, 1_000, 16_000 * 5).astype(np.int16)
    clicks = silence(5)
    clicks[::8_000] = 30_000
    events = await stream(server, [config(), *chunked(np.concatenate([hiss, clicks]), seed=8), FINISH])
    assert whole_text(events).strip() == ""
    assert "eager_end_of_turn" not in kinds(events)


async def test_a_speaker_who_never_stops_is_answered_in_turns(server: AsrServer) -> None:
    pcm = spoken(" and ".join(line.rstrip(".?") for line in LEARNER_LINES))
    endpointing = pb.Endpointing(eager_silence_ms=1_500, end_silence_ms=2_000, max_turn_ms=3_000)
    events = await stream(server, [config(endpointing=endpointing), *chunked(pcm, seed=9), FINISH])
    ends = turns(events)
    assert kinds(events) == ["speech_started", "end_of_turn"] * len(ends)
    assert len(ends) >= len(pcm) // (3 * 16_000)
    assert {end.reason for end in ends[:-1]} == {pb.END_REASON_MAX_LENGTH}
    for earlier, later in pairwise(ends):
        assert earlier.transcript.end_sample <= later.transcript.start_sample
    # Turns that are cut at any place lose a word here and there, but no sentence.
    assert word_error_rate(" and ".join(LEARNER_LINES), whole_text(events)) <= 0.4


async def test_new_endpointing_counts_from_the_next_pause(server: AsrServer) -> None:
    patient = pb.StreamingRecognizeRequest(endpointing=pb.Endpointing(eager_silence_ms=1_800, end_silence_ms=2_000))
    line = np.concatenate([spoken(LEARNER_LINES[1]), silence(1.2)])
    requests = [config(), *chunked(line, seed=10), patient, *chunked(line, seed=11), audio(line), FINISH]
    events = await stream(server, requests)
    assert kinds(events) == [*TURN, "speech_started", "end_of_turn"]
    assert turns(events)[1].reason == pb.END_REASON_FINISHED


async def test_a_language_that_the_model_does_not_know_is_no_error(server: AsrServer) -> None:
    pcm = np.concatenate([spoken(LEARNER_LINES[1]), silence(1.0)])
    events = await stream(server, [config(language="tlh-Latn"), audio(pcm), FINISH])
    assert word_error_rate(LEARNER_LINES[1], whole_text(events)) <= 0.2


async def test_a_model_that_knows_english_only_refuses_to_translate(server: AsrServer) -> None:
    request = pb.RecognizeRequest(audio=bytes(32_000), sample_rate_hz=16_000, translate=True)
    with pytest.raises(grpc.aio.AioRpcError, match="knows English only") as caught:
        await server.stub.Recognize(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_whole_recording(server: AsrServer) -> None:
    rate = 48_000
    pcm = np.concatenate([silence(1, rate), spoken(" ".join(LEARNER_LINES), rate), silence(20, rate)])
    answer = await server.stub.Recognize(pb.RecognizeRequest(audio=pcm.tobytes(), sample_rate_hz=rate))
    transcript = answer.transcript
    assert len(pcm) > 30 * rate
    assert word_error_rate(" ".join(LEARNER_LINES), transcript.text) <= 0.1
    times = [sample for word in transcript.words for sample in (word.start_sample, word.end_sample)]
    assert times == sorted(times)
    assert rate * 0.5 < transcript.start_sample == times[0]
    assert times[-1] == transcript.end_sample < len(pcm) - 18 * rate
    assert transcript.language == "en"


async def test_a_recording_of_an_expected_sentence_has_its_slips(server: AsrServer) -> None:
    pcm = spoken("Turn light after the school.").tobytes()
    request = pb.RecognizeRequest(audio=pcm, sample_rate_hz=16_000, expected_text="Turn right after the school.")
    answer = await server.stub.Recognize(request)
    assert [(slip.word, slip.expected, slip.heard) for slip in answer.slips] == [(1, "ɹ", "l")]
    request.expected_text = ""
    assert not (await server.stub.Recognize(request)).slips

"""The bench of the Realtime API: what its client sends, and its table."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import numpy as np

from bench.clock import now
from bench.figures import OURS, Conversations
from bench.learner import LISTEN_S, Learner
from bench.listening import Answer, Event, ReplyHeard, ReplyOver
from bench.realtime import COMPARISON, REALTIME, REALTIME_RATE_HZ, Realtime
from bench.utterances import RATE_HZ


def sine(rate_hz: int, seconds: float) -> np.ndarray:
    return 10_000 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate_hz)) / rate_hz)


def test_the_microphones_frames_become_the_same_sound_at_24_khz() -> None:
    client, frame = Realtime(), RATE_HZ // 50
    pcm = sine(RATE_HZ, 0.2).astype("<i2").tobytes()
    events = [json.loads(client.encoded(pcm[at : at + 2 * frame])) for at in range(0, len(pcm), 2 * frame)]
    assert {event["type"] for event in events} == {"input_audio_buffer.append"}
    sent = np.frombuffer(b"".join(base64.b64decode(event["audio"]) for event in events), "<i2")
    expected = sine(REALTIME_RATE_HZ, 0.2)
    assert 0 <= len(expected) - len(sent) <= REALTIME_RATE_HZ // 500  # the resampler may hold back 2 ms
    settled = slice(100, len(sent))
    assert np.abs(sent[settled] - expected[settled]).max() < 200


def read(client: Realtime, kind: str, at_s: float, **event: object) -> Event | None:
    return client.read(json.dumps({"type": kind, **event}), at_s)


def test_an_interruption_cancels_what_is_not_done_and_truncates_what_still_plays() -> None:
    client = Realtime()
    read(client, "response.created", 1.0)
    audio = base64.b64encode(np.full(2 * REALTIME_RATE_HZ, 9_000, "<i2").tobytes()).decode()
    assert read(client, "response.output_audio.delta", 1.0, item_id="item", delta=audio) == ReplyHeard(1.0)
    assert json.loads(client.interrupt(1.5)) == {"type": "response.cancel"}
    assert read(client, "response.done", 1.2) == ReplyOver(1.2)
    assert client.ear.left_s(1.5) == 1.5
    assert json.loads(client.interrupt(1.5)) == {
        "type": "conversation.item.truncate",
        "item_id": "item",
        "content_index": 0,
        "audio_end_ms": 500,
    }
    assert read(client, "conversation.item.truncated", 1.6) == ReplyOver(1.6)
    assert client.ear.left_s(3.5) == 0.0


def test_the_table_gives_the_ratio_of_the_medians_of_all_answers_and_of_each_run() -> None:
    def measured(run: int, system: str, *latencies: float | None) -> Conversations:
        answers = tuple(Answer("one", latency, cut=False, premature=False) for latency in latencies)
        return Conversations(run=run, learners=1, system=system, answers=answers, errors=())

    text = COMPARISON.table(
        [
            measured(0, OURS, 0.5, 0.5),
            measured(0, REALTIME, 0.6, None),
            measured(1, REALTIME, 0.5, 0.5),
            measured(1, OURS, 0.5, 0.5),
        ]
    )
    assert text.splitlines()[-1] == "Realtime API ÷ AI-Talk: 1.000 (each run: 1.200, 1.000)"
    assert "| Realtime API | 0.500 | 0.590 | 0 | 0 | 1 |" in text


class Line:
    """A socket that records the types of the messages sent, and answers each with `conversation.item.truncated`."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.learner: Learner | None = None

    async def send(self, message: str) -> None:
        self.sent.append(json.loads(message)["type"])
        assert self.learner
        self.learner.take(json.dumps({"type": "conversation.item.truncated"}), now())


async def stop_reply(*, audio_s: float, heard_ago_s: float) -> tuple[list[str], float]:
    """Let the learner stop a reply whose audio was all sent at once, `heard_ago_s` ago. Returns the types of the
    messages that the client sends, and the seconds of audio that are still to be played."""
    client, line = Realtime(), Line()
    line.learner = learner = Learner(cast(Any, line), client, seed=1)
    at_s = now() - heard_ago_s
    audio = base64.b64encode(np.full(round(audio_s * REALTIME_RATE_HZ), 9_000, "<i2").tobytes()).decode()
    learner.take(json.dumps({"type": "response.output_audio.delta", "item_id": "item", "delta": audio}), at_s)
    learner.take(json.dumps({"type": "response.done"}), at_s)
    await learner.stop_reply(0)
    return line.sent, client.ear.left_s(now())


async def test_the_learner_hears_the_end_of_a_reply_that_was_all_sent() -> None:
    assert await stop_reply(audio_s=0.1, heard_ago_s=0.0) == ([], 0.0)


async def test_the_learner_interrupts_a_long_reply_though_all_of_it_was_sent() -> None:
    sent, left_s = await stop_reply(audio_s=LISTEN_S + 60, heard_ago_s=LISTEN_S + 1)
    assert sent == ["conversation.item.truncate"]
    assert left_s > 0

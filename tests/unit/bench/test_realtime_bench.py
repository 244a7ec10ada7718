"""The bench of the Realtime API: what its client sends, and its table."""

from __future__ import annotations

import base64
import json

import numpy as np

from bench.figures import OURS, Conversations
from bench.listening import Answer
from bench.realtime import REALTIME, REALTIME_RATE_HZ, Realtime, table
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
    assert len(sent) == len(expected)
    # Each frame's interpolation begins at the last sample of the frame before, one sample at 16 kHz earlier.
    delay = REALTIME_RATE_HZ / RATE_HZ
    late = np.interp(np.arange(len(expected)) + 1 - delay, np.arange(len(expected)), expected)
    assert np.abs(sent[2:] - late[2:]).max() < 200


def test_the_table_gives_the_ratio_of_the_medians_of_all_answers_and_of_each_run() -> None:
    def measured(run: int, system: str, *latencies: float | None) -> Conversations:
        answers = tuple(Answer("one", latency, cut=False, premature=False) for latency in latencies)
        return Conversations(run=run, learners=1, system=system, answers=answers, errors=())

    text = table(
        [
            measured(0, OURS, 0.5, 0.5),
            measured(0, REALTIME, 0.6, None),
            measured(1, REALTIME, 0.5, 0.5),
            measured(1, OURS, 0.5, 0.5),
        ]
    )
    assert text.splitlines()[-1] == "Realtime API ÷ AI-Talk: 1.000 (each run: 1.200, 1.000)"
    assert "| Realtime API | 0.500 | 0.590 | 0 | 0 | 1 |" in text

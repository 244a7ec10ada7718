"""For tests of endpointing: windows of speech probabilities, and the events that follow from them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from asr_service.turn_taking.decisions import DecisionOrQuestion, VoiceContinued, VoicePaused
from asr_service.turn_taking.endpointer import Endpointer
from asr_service.turn_taking.endpointing import Endpointing

WINDOW, RATE = 512, 16_000  # 32 ms
# SETTINGS: a fixed silence ends a turn. ASKING: the turn model is asked.
SETTINGS = Endpointing(eager_silence_ms=320, end_silence_ms=640, max_turn_ms=6_400)  # 10, 20 and 200 windows
ASKING = Endpointing(eager_silence_ms=192, min_silence_ms=256, max_silence_ms=1_600)  # 6, 8 and 50 windows
VOICE, SILENCE, BETWEEN = 0.9, 0.1, 0.4

runs = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.4, 0.5, 1.0]), st.integers(1, 60)), max_size=30)


def machine(settings: Endpointing = SETTINGS) -> Endpointer:
    return Endpointer(settings, window=WINDOW, rate_hz=RATE)


def told(decisions: Sequence[DecisionOrQuestion]) -> list[DecisionOrQuestion]:
    return [d for d in decisions if not isinstance(d, VoicePaused | VoiceContinued)]


def at(window: int) -> int:
    return window * WINDOW

"""Random conversations in virtual time: whatever happens, nothing more is heard of a turn that is over."""

from __future__ import annotations

import asyncio
from functools import partial

import looptime
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.history import PartnerTurn
from gateway.ports import SpeechStarted
from gateway.protocol import (
    AiAudioStart,
    AiText,
    Captions,
    CaptionWord,
    Interrupt,
    Interrupted,
    Playback,
    SetLevel,
    TurnComplete,
)
from tests.support.conversation import Conversation, at, eager, end, text

actions = st.lists(
    st.one_of(
        st.floats(0, 1.5),
        st.sampled_from(["speak", "text", "interrupt", "level", "played"]),
    ),
    max_size=12,
)


@given(happening=actions, seed=st.integers(0, 3))
@settings(settings.get_profile("interleavings"))
def test_after_interrupted_nothing_of_that_turn_follows_and_every_reply_ends(
    happening: list[float | str], seed: int
) -> None:
    talk = Conversation()
    talk.llm.reply = ["One, ", "two, ", "three, ", "four, ", "five."][: seed + 2]
    for turn in range(8):
        talk.asr.script += [
            (at(turn + 0.2), SpeechStarted(at(turn))),
            (at(turn + 0.5), eager(f"turn {turn}")),
            (at(turn + 0.8), end(f"turn {turn}")),
        ]

    reported: set[str] = set()

    async def converse() -> None:
        async with talk.running():
            for action in happening:
                match action:
                    case float():
                        await asyncio.sleep(action)
                    case "speak":
                        await talk.speak(0.6)
                    case "text":
                        await talk.post(text("hello"))
                    case "interrupt":
                        await talk.post(Interrupt(type="interrupt"))
                    case "level":
                        await talk.post(SetLevel(type="set_level", level="beginner"))
                    case _:
                        for begun in talk.of(AiAudioStart)[-1:]:
                            reported.add(begun.turn_id)
                            await talk.post(Playback(type="playback", turn_id=begun.turn_id, played_ms=500))
            await asyncio.sleep(10)
            assert talk.llm.open_streams == talk.tts.open_streams == 0

    with asyncio.Runner(loop_factory=partial(looptime.new_event_loop, noop_cycles=1)) as runner:
        runner.run(converse())
    _check_turns(talk, reported)


def _heard_by_a_player(talk: Conversation, turn_id: str, slack_ms: float) -> str:
    """The words of which at least half was played when `interrupted` came. The player plays audio as soon as it
    comes."""
    playing_id, played_s, sent_s, last_s = "", 0.0, 0.0, 0.0
    words: list[CaptionWord] = []
    for now_s, message in talk.got:
        if playing_id == turn_id:
            played_s, last_s = min(sent_s, played_s + now_s - last_s), now_s
        match message:
            case AiAudioStart():
                playing_id, last_s = message.turn_id, now_s
            case Captions() if message.turn_id == turn_id:
                words += message.words
            case bytes() if playing_id == turn_id:
                sent_s += len(message) / 2 / 24_000
            case Interrupted() if message.turn_id == turn_id:
                break
    heard = [word.text for word in words if (word.start_ms + word.end_ms) / 2 <= played_s * 1000 + slack_ms]
    return " ".join(heard)


def _check_turns(talk: Conversation, reported: set[str]) -> None:
    over: set[str] = set()
    begun: list[str] = []
    for _, message in talk.got:
        match message:
            case AiText(turn_id=turn_id) | AiAudioStart(turn_id=turn_id) | Captions(turn_id=turn_id):
                assert turn_id not in over
                begun.append(turn_id)
            case Interrupted(turn_id=turn_id) | TurnComplete(turn_id=turn_id):
                assert turn_id not in over
                over.add(turn_id)
            case bytes():
                assert begun[-1] not in over
    assert set(begun) <= over
    kept = [t for t in talk.store.sessions[talk.connected.session_id][2] if isinstance(t, PartnerTurn)]
    heard = {m.turn_id: m.heard_text for m in talk.of(Interrupted)}
    for turn_id, heard_text in heard.items():
        if turn_id not in reported:
            assert heard_text in {_heard_by_a_player(talk, turn_id, slack_ms) for slack_ms in (-1, 0, 1)}
    for turn in kept:
        if turn.turn_id in heard:
            assert turn.text == heard[turn.turn_id]
        assert turn.generated_text.startswith(turn.text)  # `text` is shorter if the player stopped reporting

"""Parts of the command `aitalk` that need no gateway."""

from __future__ import annotations

import asyncio
import io
import stat
from pathlib import Path

import pytest
from aitalk.client import AsyncConversation
from aitalk.client.cli.dialogue import Dialogue, UnheardOutput
from aitalk.client.cli.main import main
from aitalk.client.cli.report import report
from aitalk.client.cli.screen import BARS, Screen, meter
from aitalk.client.events import (
    AiText,
    Audio,
    Captions,
    CaptionWord,
    Connected,
    ConnectionLost,
    Error,
    Event,
    Interrupted,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TurnComplete,
)
from aitalk.client.kept_sessions import MOST, KeptSession, KeptSessions
from aitalk.client.playback import Heard
from rich.console import Console


def session(session_id: str, about: str = "") -> KeptSession:
    return KeptSession(session_id, "secret", "http://localhost:8000", "", about)


def test_conversations_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    kept = KeptSessions(tmp_path / "new" / "sessions.json")
    assert list(kept) == []
    kept.keep(session("one", "coffee"))
    kept.keep(session("two"))
    kept.keep(session("one", "coffee"))
    assert {one.session_id for one in kept} == {"one", "two"}
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    found = kept.find("on")
    assert found
    assert found.key.resume_token == "secret"
    assert "secret" not in repr(found)
    kept.forget("one")
    assert kept.find("one") is None
    assert kept.find("last")


def test_a_conversation_is_listed_under_what_was_said_first(tmp_path: Path) -> None:
    kept = KeptSessions(tmp_path / "sessions.json")
    kept.keep(session("one", "a coffee, please"))
    kept.keep(session("one", "thank you"))
    assert [one.about for one in kept] == ["a coffee, please"]


def test_the_oldest_conversations_are_forgotten(tmp_path: Path) -> None:
    kept = KeptSessions(tmp_path / "sessions.json")
    for number in range(MOST + 5):
        kept.keep(session(f"number {number}"))
    assert len(list(kept)) == MOST
    assert kept.find(f"number {MOST + 4}")


def test_a_damaged_file_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "sessions.json").write_text("[{")
    assert list(KeptSessions(tmp_path / "sessions.json")) == []


def test_the_learners_id_stays(tmp_path: Path) -> None:
    kept = KeptSessions(tmp_path / "sessions.json")
    assert kept.learner_id() == kept.learner_id()
    assert len(kept.learner_id()) >= 16


def test_the_meter_is_empty_in_silence_and_full_when_it_is_loud() -> None:
    assert meter([0, 0.001, 0.004, 0.5, 1]) == BARS[0] * 2 + BARS[1] + BARS[-1] * 2
    heights = [BARS.index(meter([level / 1000])) for level in range(1000)]
    assert heights == sorted(heights)


def a_dialogue() -> tuple[Dialogue, Console]:
    console = Console(file=io.StringIO(), width=200)
    return Dialogue(AsyncConversation("http://nowhere"), Screen(console, live=True), UnheardOutput()), console


def shown(*events: Event) -> str:
    """The text that these events show on the terminal."""

    async def listen() -> str:
        dialogue, console = a_dialogue()
        for event in events:
            dialogue._heard(event)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    return asyncio.run(listen())


def test_a_conversation_on_the_terminal() -> None:
    text = shown(
        Connected("one", "secret"),
        SpeechStarted(),
        Transcript("Hello", is_final=False),
        SpeechStopped(),
        Transcript("Hello there.", is_final=True),
        AiText("Good ", is_complete=False, turn_id="a"),
        AiText("morning!", is_complete=True, turn_id="a"),
        TurnComplete("a", {}),
        Transcript("", is_final=True),
        AiText("And now, a long story.", is_complete=False, turn_id="b"),
        Interrupted("b", "And now,"),
        AiText("", is_complete=True, turn_id="c"),
        Interrupted("c", ""),
        ConnectionLost("the connection broke", 0.5),
        Error("say it again [now]", "busy", retryable=True),
    )
    assert text.splitlines() == [
        "You: Hello there.",
        "Partner: Good morning!",
        "Partner: And now, …",
        "the connection broke; connecting again in 0.5 s",
        "say it again [now]",
    ]


async def test_it_is_the_learners_turn_when_no_reply_is_due() -> None:
    dialogue, _ = a_dialogue()
    dialogue.partner_begins = True
    dialogue._heard(Connected("one", "secret"))
    assert not dialogue.idle.is_set()
    dialogue._heard(Error("it takes long", "slow", retryable=True))
    assert not dialogue.idle.is_set()
    dialogue._heard(TurnComplete("a", {}))
    assert dialogue.idle.is_set()


async def test_words_are_shown_when_they_have_been_heard() -> None:
    dialogue, _ = a_dialogue()
    dialogue._heard(Captions("a", (CaptionWord("Good", 0, 200), CaptionWord("morning", 200, 500))))
    dialogue.show_heard(Heard("a", 100))
    assert dialogue.screen.partner_says == "Good"
    dialogue.show_heard(Heard("a", 300))
    assert dialogue.screen.partner_says == "Good morning"


def test_audio_that_is_not_heard_counts_as_played() -> None:
    output = UnheardOutput()
    assert output.heard() is None
    output.push(Audio("a", 1000, bytes(200)))
    output.push(Audio("a", 1000, bytes(200)))
    assert output.heard() == Heard("a", 200)
    output.push(Audio("b", 1000, bytes(100)))
    assert output.heard() == Heard("b", 50)


def test_the_report_has_what_the_analysis_has() -> None:
    analysis = {
        "conversation": {"learner_turns": 3, "duration_s": 90},
        "fluency": {"words_per_minute": 101.4},
        "cefr": {"estimate": "B1"},
        "summary": "We talked about coffee.",
        "goals": {"tasks": [{"text": "Order", "measured": True, "opinion": None}]},
        "grammar": {"corrections": [{"original": "I goed", "corrected": "I went", "why": "irregular"}]},
        "vocabulary": {"words_to_learn": [{"word": "brew", "meaning": None}]},
        "next_steps": ["Speak more."],
        "unavailable": {"next_steps": "too small"},
    }
    assert list(report(analysis)) == [
        "your turns: 3, in 1.5 minutes",
        "speed: 101 words a minute",
        "level: about B1",
        "summary: We talked about coffee.",
        "done: Order",
        "better: I goed → I went (irregular)",
        "word: brew",
        "next: Speak more.",
        "no next steps: too small",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["transcribe", "nowhere.mp3"], "nowhere.mp3: there is no such file"),
        (["say", "Hello", "-o", "hello.doc"], "the ending names no format"),
        (["scenarios", "--url", "http://127.0.0.1:1"], "Is AI-Talk running there"),
        (["talk", "--text", "--url", "ftp://there"], "no address of a gateway"),
        (["talk", "--text", "--resume", "nothing"], "`aitalk sessions` lists them"),
        (["sessions", "--forget", "nothing"], "`aitalk sessions` lists them"),
    ],
)
def test_errors_say_what_to_do(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match=said) as ended:
        main(arguments)
    assert str(ended.value.code).startswith("aitalk: ")

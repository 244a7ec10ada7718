"""Shows the events of a conversation in the terminal: lines on the screen, sound from the speaker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from aitalk.client.cli.screen import Screen
from aitalk.client.conversation import AsyncConversation
from aitalk.client.events import (
    AiAudioStart,
    AiText,
    Analysis,
    AnalysisProgress,
    Audio,
    Captions,
    CaptionWord,
    Connected,
    ConnectionLost,
    Correction,
    Error,
    Event,
    Hint,
    Interrupted,
    Queued,
    Resumed,
    SpeechStarted,
    SpeechStopped,
    TimeLeft,
    Transcript,
    TurnComplete,
)
from aitalk.client.playback import SAMPLE_BYTES, Heard, PlaybackBuffer
from aitalk.client.sound import SoundCard

SLOW = "slow"  # the code of an error that only announces a late reply


class Output(Protocol):
    """Where the partner's speech goes."""

    def begin(self, rate_hz: int) -> None:
        """Audio at this rate follows."""
        ...

    def push(self, audio: Audio) -> None:
        """A piece of this audio."""
        ...

    def duck(self, softly: bool) -> None:
        """Play softly, or at full volume again."""
        ...

    def flush(self) -> None:
        """Silence now."""
        ...

    def heard(self) -> Heard | None:
        """How much of the current turn was heard."""
        ...


class SpokenOutput:
    """The speaker, which opens with the first reply."""

    def __init__(self, card: SoundCard) -> None:
        self._card = card
        self._buffer = PlaybackBuffer()
        self._rate_hz = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._open.close()

    def begin(self, rate_hz: int) -> None:
        """Open the speaker, unless it is open at this rate."""
        if rate_hz != self._rate_hz:
            self._open.close()
            speaker = self._open.enter_context(self._card.speaker(rate_hz, self._buffer.take))
            self._buffer.latency_s, self._rate_hz = speaker.latency_s, rate_hz

    def push(self, audio: Audio) -> None:
        """Play the piece after the earlier ones."""
        self._buffer.push(audio)

    def duck(self, softly: bool) -> None:
        """Play softly, or at full volume again."""
        self._buffer.duck(softly)

    def flush(self) -> None:
        """Silence now."""
        self._buffer.flush()

    def heard(self) -> Heard | None:
        """How much of the current turn was heard."""
        return self._buffer.heard()


class UnheardOutput:
    """No sound: the learner reads, so everything counts as heard as soon as it comes."""

    def __init__(self) -> None:
        self._heard: Heard | None = None

    def begin(self, rate_hz: int) -> None:
        """Nothing to open."""

    def push(self, audio: Audio) -> None:
        """Count the piece as heard."""
        before = self._heard.played_ms if self._heard and self._heard.turn_id == audio.turn_id else 0.0
        self._heard = Heard(audio.turn_id, before + 1000 * len(audio.pcm) / SAMPLE_BYTES / audio.sample_rate)

    def duck(self, softly: bool) -> None:
        """There is no sound."""

    def flush(self) -> None:
        """There is no sound."""

    def heard(self) -> Heard | None:
        """Everything that came."""
        return self._heard


@dataclass
class Dialogue:
    """One conversation on the screen.

    idle: set while no reply is due. partner_begins: the first reply is due at once. quitting: the learner wants no
    analysis. on_learner: is called with each turn of the learner.
    """

    conversation: AsyncConversation
    screen: Screen
    output: Output
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    partner_begins: bool = False
    quitting: bool = False
    on_learner: Callable[[str], None] = lambda text: None
    _reply: str = ""
    _words: list[CaptionWord] = field(default_factory=list)

    async def type(self, text: str) -> None:
        """Say something by typing it."""
        self.idle.clear()
        self.screen.learner(text, typed=True)
        self.on_learner(text)
        await self.conversation.send_text(text)

    async def ask_for_hint(self) -> None:
        """Ask what to say."""
        self.idle.clear()
        await self.conversation.ask_for_hint()

    def show_heard(self, heard: Heard) -> None:
        """Show the words of the reply that have been heard."""
        self.screen.partner_says = " ".join(word.text for word in self._words if word.start_ms <= heard.played_ms)

    async def listen(self) -> Analysis | None:
        """Handle the events until the conversation is over. Returns its analysis."""
        analysis = None
        async for event in self.conversation:
            self._heard(event)
            if isinstance(event, Analysis):
                analysis = event
        return analysis

    def _heard(self, event: Event) -> None:
        match event:
            case Connected() | Resumed() | Queued() | TimeLeft() | ConnectionLost() | Error() | AnalysisProgress():
                self._about_the_line(event)
            case SpeechStarted() | SpeechStopped() | Transcript():
                self._from_the_learner(event)
            case (
                AiText()
                | AiAudioStart()
                | Audio()
                | Captions()
                | Interrupted()
                | TurnComplete()
                | Hint()
                | Correction()
            ):
                self._from_the_partner(event)
            case _:
                pass

    def _about_the_line(
        self, event: Connected | Resumed | Queued | TimeLeft | ConnectionLost | Error | AnalysisProgress
    ) -> None:
        match event:
            case Connected() | Resumed():
                self.screen.status = "listening"
                if not self.partner_begins:
                    self.idle.set()
                if isinstance(event, Resumed):
                    self.screen.note(f"the conversation goes on after {event.turns} turns")
            case Queued(position, estimate_s):
                self.screen.status = f"waiting for a seat: number {position}, about {estimate_s} s"
                self.screen.note(self.screen.status)
            case TimeLeft(seconds):
                self.screen.note(f"your time for today ends in {seconds} s")
            case ConnectionLost(reason, retry_s):
                self.output.flush()
                self.screen.status = "reconnecting"
                self.screen.note(f"{reason}; connecting again in {retry_s:.1f} s")
            case Error(message, code):
                self.screen.note(message)
                if code != SLOW:
                    self.idle.set()
            case AnalysisProgress(done, total):
                self.screen.status = f"analysing: {done} of {total}"

    def _from_the_learner(self, event: SpeechStarted | SpeechStopped | Transcript) -> None:
        match event:
            case SpeechStarted():
                self.screen.status = "hearing you"
                self.output.duck(True)
            case SpeechStopped():
                self.screen.status = "thinking"
                self.output.duck(False)
            case Transcript(text, is_final=False):
                self.screen.learner_says = text
            case Transcript(text):
                self.output.duck(False)
                self.screen.learner_says = ""
                if text:
                    self.screen.learner(text)
                    self.on_learner(text)
                else:
                    self.screen.status = "listening"

    def _from_the_partner(
        self, event: AiText | AiAudioStart | Audio | Captions | Interrupted | TurnComplete | Hint | Correction
    ) -> None:
        match event:
            case AiText(text):
                self.idle.clear()
                self._reply += text
            case AiAudioStart(sample_rate):
                self.screen.status = "speaking"
                self.output.begin(sample_rate)
            case Audio():
                self.output.push(event)
            case Captions(words=words):
                self._words += words
            case Interrupted(heard_text=heard):
                self.output.flush()
                self._reply_over(heard, cut=True)
            case TurnComplete():
                self._reply_over(self._reply)
            case Hint(sentences):
                self.screen.note("you could say: " + " · ".join(sentences or ("(no hint in this language)",)))
                self.idle.set()
            case Correction(original=original, corrected=corrected, why=why):
                self.screen.note(f"not “{original}” but “{corrected}”" + (f": {why}" if why else ""))

    def _reply_over(self, text: str, *, cut: bool = False) -> None:
        if text.strip():
            self.screen.partner(text.strip(), cut=cut)
        self._reply, self._words = "", []
        self.screen.status = "listening"
        self.screen.partner_says = ""
        self.idle.set()

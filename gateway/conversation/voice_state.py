"""Follows the learner's turn and voice by the events of recognition. Pure; positions are samples."""

from __future__ import annotations

import math

from gateway.audio import Expected, Gathering
from gateway.conversation.lasting_voice import LastingVoice
from gateway.ports import (
    AsrEvent,
    EagerEndOfTurn,
    EndOfTurn,
    SpeechStarted,
    TurnResumed,
    VoiceContinued,
    VoicePaused,
)


class VoiceState:
    """Follows the streams to recognition, one after the other.

    turn_is_open: whether the learner is in the middle of a turn. lasting: how long the voice lasts. gathering: told
    what recognition may notice next.
    """

    def __init__(self, gathering: Gathering, lasting: LastingVoice, window_samples: int) -> None:
        self.turn_is_open = False
        self.lasting = lasting
        self._gathering = gathering
        self._window_samples = window_samples
        self._is_voiced = False
        self.expect(0)

    def begin_stream(self) -> None:
        """A new stream begins."""
        self.turn_is_open = self._is_voiced = False
        self.lasting.end()
        self.expect(0)

    def follow(self, event: AsrEvent, position: int) -> None:
        """Note an event. position: how much audio was sent so far."""
        match event:
            case SpeechStarted(start) | TurnResumed(start):
                self.turn_is_open = self._is_voiced = True
                self.lasting.begin(start)
            case VoiceContinued(start):
                self.turn_is_open = self._is_voiced = True
                self.lasting.go_on(start)
            case VoicePaused(end):
                self._is_voiced = False
                self.lasting.pause(end)
            case EagerEndOfTurn():
                self._is_voiced = False
                self.lasting.end()
            case EndOfTurn():
                self.turn_is_open = self._is_voiced = False
                self.lasting.end()
        self.expect(position)

    def expect(self, position: int) -> None:
        """Tell the Gathering what recognition may notice next, and how much audio may go in one message.

        In a pause, each window may end the pause or the turn. No message goes beyond the position at which VoiceLasts
        is due.
        """
        if not self.turn_is_open:
            self._gathering.expected = Expected.VOICE
        elif self._is_voiced:
            self._gathering.expected = Expected.PAUSE
        else:
            self._gathering.expected = Expected.ANYTHING
        left = math.inf if self.lasting.due is None else self.lasting.due - position
        self._gathering.most_windows = left / self._window_samples

"""A learner who speaks without end, and comes back when the connection breaks, as the page does.

    connect → `connected` → start → speak …  → lost → wait (0.5 s, then 1 s) → connect → start with its session_id

The learner holds back the next sentence until the last one is answered, or until the learner is told that something is
wrong. It keeps sending `ping`: a stopped gateway keeps its connections open, so only silence shows that it is gone.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import MutableSequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.load.client import Job, Learner, masked_frame
from bench.load.processes import GREETING
from bench.load.speech import FRAME, FRAME_S, Program
from bench.reliability.diary import Diary

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 1.0
BEAT_S, SILENT_BEATS = 1.1, 3
"""A connection is given up after SILENT_BEATS pings, BEAT_S apart, without any message. The values are those of
`clients/js/src/connection.js`."""
# as in the page: clients that give up earlier make a gateway that has just started do more work
CONNECT_WITHIN_S = 10.0
END_WITHIN_S = 15.0
_TEXT, _BINARY = 1, 2


class Line(Learner):
    """One connection.

    ended: set when it is lost. goes_on: set by `connected`, or by `resumed` if a session is resumed.
    """

    def __init__(self, job: Job, frames: list[bytes], phase: int, said: Program, person: Person) -> None:
        super().__init__(job, frames, phase, person.late_s)
        self.ended = asyncio.Event()
        self.goes_on = asyncio.Event()
        self._starts = {start // FRAME for start, _ in said.voiced}
        self._ends = {-(-end // FRAME) for _, end in said.voiced}
        self._position, self._has_begun = phase, False
        self._person = person
        self._silent_beats = 0

    def data_received(self, data: bytes) -> None:
        """Note that the gateway isn't silent, then read the bytes."""
        self._silent_beats = 0
        super().data_received(data)

    def on_text(self, payload: bytes) -> None:
        """Note what the learner is told."""
        self._person.on_message(self, json.loads(payload))

    def connection_lost(self, error: Exception | None) -> None:
        """Stop speaking, and set `ended`."""
        super().connection_lost(error)
        self.ended.set()

    def say(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._transport.write(masked_frame(_TEXT, json.dumps(message).encode()))

    async def ends_within(self, seconds: float) -> None:
        """Wait until the connection is lost, but not longer than this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.ended.wait()

    def beat(self) -> bool:
        """Ask whether the gateway is there. Returns False if it has been silent for too long."""
        if self._silent_beats >= SILENT_BEATS:
            return False
        self._silent_beats += 1
        self.say({"type": "ping"})
        return True

    def fall_silent(self) -> None:
        """Send no more audio."""
        if self._timer:
            self._timer.cancel()

    def close(self) -> None:
        """Close the connection at once."""
        self.fall_silent()
        self._transport.abort()

    def _tick(self) -> None:
        """Send the frames that are due. The next sentence waits until the last one is answered, or until the learner
        is told that something is wrong."""
        now = time.monotonic()
        due = self.began_s + self.sent * FRAME_S
        self.late_s.append(max(0.0, now - due))
        while due <= now + 0.0005:
            self._transport.write(self._next_frame())
            self.sent += 1
            due = self.began_s + self.sent * FRAME_S
        self._timer = self._loop.call_later(due - now, self._tick)

    def _next_frame(self) -> bytes:
        at, diary = self._position, self._person.diary
        if at in self._starts and diary.waits:
            return self.frames[at - 1]  # quiet noise
        self._has_begun |= at in self._starts
        if at in self._ends and self._has_begun:  # sentences that began before this connection are not counted
            diary.spoke(time.monotonic())
        self._position = (at + 1) % len(self.frames)
        return self.frames[at]


class Person:
    """One learner over many connections.

    number, of: which of how many learners this is; it decides when the learner speaks. late_s: how late each frame was
    sent.
    """

    def __init__(
        self, url: str, said: Program, frames: list[bytes], number: int, of: int, late_s: MutableSequence[float]
    ) -> None:
        self.late_s = late_s
        self.diary = Diary()
        self.session_id = self.token = ""
        self.sessions: list[str] = []
        self.is_on = False
        self._url = url
        self._job = Job(url=url, program=Path(), sessions=1, seconds=0)
        self._frames = frames
        self._said = said
        self._phase = number * len(frames) // of
        self._came_s = time.monotonic()
        self._line: Line | None = None

    async def converse(self) -> None:
        """Talk until cancelled; then leave."""
        tries = 0
        try:
            while True:
                if await self._one_connection():
                    tries = 0
                pause_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**tries) * random.uniform(0.75, 1.25)
                tries += 1
                await asyncio.sleep(pause_s)
        finally:
            self.is_on = False
            if self._line:
                self._line.close()

    async def end(self) -> None:
        """End the conversation as the page does. Waits for its analysis, but at most END_WITHIN_S."""
        if self._line and self.is_on:
            self._line.fall_silent()
            self._line.say({"type": "end_conversation"})
            await self._line.ends_within(END_WITHIN_S)

    async def _one_connection(self) -> bool:
        """Connect and talk until the connection is lost. Returns whether the conversation went on over it."""
        url, loop = urlsplit(self._url), asyncio.get_running_loop()
        phase = round((time.monotonic() - self._came_s) / FRAME_S + self._phase) % len(self._frames)
        line = Line(self._job, self._frames, phase, self._said, self)
        went_on = False
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await loop.create_connection(partial(_same, line), str(url.hostname), int(url.port or 80))
                self._line = line
                await line.ready
                await line.goes_on.wait()
            went_on = self.is_on = True
            self.diary.came_back(time.monotonic())
            line.speak(time.monotonic())
            while not line.ended.is_set() and line.beat():
                await line.ends_within(BEAT_S)
        except (OSError, TimeoutError):
            pass
        finally:
            if line is self._line:
                line.close()
                self._line = None
        if self.is_on:
            self.is_on = False
            self.diary.lost(time.monotonic())
        return went_on

    def on_message(self, line: Line, message: dict[str, Any]) -> None:
        """Handle a message of the gateway."""
        now_s, diary = time.monotonic(), self.diary
        match message["type"]:
            case "connected":
                self._on_connected(line, message)
            case "resumed":
                line.goes_on.set()
            case "transcript" if message["is_final"] and message["text"]:
                diary.said.append((self.session_id, message["text"]))
            case "turn_complete":
                diary.heard.append((self.session_id, message["turn_id"]))
            case "ai_audio_start":
                diary.answer_began(now_s)
            case "reconnect":
                diary.told(now_s, "reconnect")
            case "error":
                diary.told(now_s, message["code"])
                if not line.goes_on.is_set():  # the conversation could not begin or go on
                    if not message["retryable"]:
                        self.session_id = ""
                    line.close()

    def _on_connected(self, line: Line, message: dict[str, Any]) -> None:
        greeting = json.loads(GREETING)
        if self.session_id:
            line.say(greeting | {"session_id": self.session_id, "resume_token": self.token})
            return
        self.session_id, self.token = message["session_id"], message["resume_token"]
        self.diary.sessions += 1
        self.diary.session = self.session_id
        self.sessions.append(self.session_id)
        line.say(greeting)
        line.goes_on.set()


def _same(line: Line) -> Line:
    return line


def masked_program(said: Program) -> list[bytes]:
    """The frames of the program, ready to be sent."""
    return [masked_frame(_BINARY, said.frame(i)) for i in range(said.frames)]

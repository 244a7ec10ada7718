"""A simulated learner: it speaks, waits for the answer, listens for a moment, interrupts, and speaks again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.clock import now
from bench.listening import Answer, Event, ReplyHeard, ReplyOver, answer_to
from bench.microphone import Microphone
from bench.systems import AiTalk, System
from bench.utterances import Utterance

READY_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 8.0  # later answers don't count
LISTEN_S = 1.5
OVER_TIMEOUT_S = 3.0
GAP_S = 0.8
REPORT_EVERY_S = 0.2


@dataclass(frozen=True)
class Conversation:
    """The result of a conversation. errors: the codes that the system sent, and
    `closed` if the connection broke."""

    answers: tuple[Answer, ...]
    errors: tuple[str, ...]


class Learner:
    """One conversation over `socket`."""

    def __init__(self, socket: ClientConnection, system: System, seed: int) -> None:
        self.system = system
        self.microphone = Microphone(lambda pcm: socket.send(system.encoded(pcm)), seed)
        self._socket = socket
        self._events: list[Event] = []
        self._changed = asyncio.Event()

    async def listen(self) -> None:
        """Receive frames until the connection closes."""
        try:
            async for frame in self._socket:
                self.take(frame, now())
        except ConnectionClosed:
            self.system.errors.append("closed")
        self._changed.set()

    def take(self, frame: str | bytes, at_s: float) -> None:
        """Take a frame that has come."""
        if event := self.system.read(frame, at_s):
            self._events.append(event)
        self._changed.set()

    async def report_playback(self) -> None:
        """Report at intervals how much has been played, if the system expects such reports."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            if report := self.system.playback(now()):
                await self._socket.send(report)

    async def get_ready(self) -> None:
        """Greet the system and wait until it is listening. Raises TimeoutError."""
        if greeting := self.system.greeting():
            await self._socket.send(greeting)
        if not await self._until(lambda: self.system.is_ready, READY_TIMEOUT_S):
            raise TimeoutError(f"{type(self.system).__name__} was not ready within {READY_TIMEOUT_S:.0f} s")

    async def say(self, utterance: Utterance) -> Answer:
        """Say the utterance, wait for the answer, listen to it for LISTEN_S, and interrupt what is left of it."""
        first = len(self._events)
        began_s = self.microphone.say(utterance.pcm)
        last_voiced_s = began_s + utterance.last_voiced_s

        def answer() -> Answer:
            return answer_to(utterance.name, began_s, last_voiced_s, self._events[first:])

        await self._until(lambda: answer().latency_s is not None, last_voiced_s + ANSWER_TIMEOUT_S - now())
        late_s = self.microphone.worst_lateness_s
        heard = [at for at, event in enumerate(self._events) if isinstance(event, ReplyHeard) and at >= first]
        if heard:
            await self.stop_reply(heard[-1])
        await asyncio.sleep(GAP_S)
        return replace(answer(), client_late_s=late_s)

    async def stop_reply(self, heard: int) -> None:
        """Interrupt the reply that began with the event `heard`, unless the learner hears its end within LISTEN_S.

        Some systems report that a reply is over when all of it has been sent. The speaker may then still be playing it.
        """
        until_s = self._events[heard].at_s + LISTEN_S
        if await self._until(lambda: self._is_over(heard), until_s - now()):
            await asyncio.sleep(min(self.system.ear.left_s(now()), max(0.0, until_s - now())))
            if not self.system.ear.left_s(now()):
                return
        first = len(self._events)
        await self._socket.send(self.system.interrupt(now()))
        await self._until(lambda: self._is_over(first), OVER_TIMEOUT_S)

    def _is_over(self, first: int) -> bool:
        """Whether the event `first` or a later one ended a reply."""
        return any(isinstance(event, ReplyOver) for event in self._events[first:])

    async def _until(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for a condition. Returns whether it became true in time."""
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                while not is_so():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return is_so()
        return True


class AttentiveLearner(Learner):
    """Doesn't interrupt. As soon as a reply begins, it reports to AI-Talk that all of it was heard, and then waits for
    the reply's latencies. AI-Talk sends them only for a reply that was heard to its end."""

    async def stop_reply(self, heard: int) -> None:
        assert isinstance(self.system, AiTalk)
        known = len(self.system.latencies)
        give_up_s = now() + ANSWER_TIMEOUT_S
        while len(self.system.latencies) == known and now() < give_up_s:
            if report := self.system.played(600_000.0):
                await self._socket.send(report)
            await asyncio.sleep(0.1)


async def converse(
    url: str,
    system: System,
    warm_up: Utterance,
    said: Sequence[Utterance],
    *,
    seed: int,
    everyone_is_ready: asyncio.Barrier,
    start_after_s: float = 0.0,
    kind: type[Learner] = Learner,
) -> Conversation:
    """Hold a whole conversation. It begins when all learners are ready."""
    async with connect(url, max_size=None, compression=None) as socket:
        learner = kind(socket, system, seed)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(learner.listen())
            await learner.get_ready()
            await everyone_is_ready.wait()
            running = [tasks.create_task(learner.microphone.run()), tasks.create_task(learner.report_playback())]
            await asyncio.sleep(1.0 + start_after_s)
            await learner.say(warm_up)
            answers = [await learner.say(utterance) for utterance in said]
            for task in running:
                task.cancel()
            errors = tuple(system.errors)
            await socket.close()
    return Conversation(tuple(answers), errors)

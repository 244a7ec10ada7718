"""Where an accepted WebSocket waits until there is a seat for its learner.

accepted → a seat is free → in
         → queued, queued, … → in          the learner may send `start` meanwhile; if that resumes a session
                                           whose seat is still kept, the learner is let in at once
         → queue full, or waited too long → `busy`, close 1013
         → the gateway ends → `reconnect`, close 1012; the place in the queue is kept for the next gateway
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from common.errors import BusyError, ServiceError
from gateway import metrics
from gateway.admission.draining import Draining, reconnect
from gateway.admission.limits import Allowance, TooMuchError
from gateway.admission.queue import AdmissionQueue, Ticket
from gateway.closing import EXPELLED, FULL, MOVING, Closing
from gateway.ports import SessionStore
from gateway.protocol import AnyServerMessage, ErrorMessage, Ping, Pong, Queued, Start, read_client_message

logger = logging.getLogger(__name__)

# Up to this many bytes from a waiting learner, such as a recording's header, are kept for the session.
EARLY_BYTES = 256 * 1024

Frame = MutableMapping[str, Any]
Encode = Callable[[AnyServerMessage], str | None]


class Arrival:
    """A WebSocket with the frames that came while it waited.

    subject: the subject of the learner's token; empty: none. place: a place in the queue, kept by a gateway that has
    ended. encode: writes a message in the socket's protocol; returns None if the protocol has no such message. resumes:
    id and resume token of the session that the learner resumes, if the request names one. keep_seat: set it if the
    learner may come back to the seat or the place in the queue.
    """

    def __init__(
        self,
        socket: WebSocket,
        session_id: str,
        allowance: Allowance,
        *,
        subject: str = "",
        place: str = "",
        encode: Encode | None = None,
        resumes: tuple[str, str] | None = None,
    ) -> None:
        self.socket = socket
        self.encode = encode or own_json
        self.allowance = allowance
        self.session_id = session_id
        self.subject = subject
        self.place = place
        self.resumes = resumes
        self.keep_seat = False
        self._early: deque[Frame] = deque()
        self._early_bytes = 0
        self._admission: AdmissionQueue | None = None
        self._ticket: Ticket | None = None

    async def receive(self) -> Frame:
        """The learner's next frame; frames that came while waiting come first. Raises TooMuchError."""
        return self._early.popleft() if self._early else await self.receive_new()

    async def receive_new(self) -> Frame:
        """The next frame from the socket. Only this method counts frames against the limits. Raises TooMuchError."""
        frame = await self.socket.receive()
        if frame["type"] == "websocket.receive":
            self.allowance.take(len(frame.get("bytes") or frame.get("text") or ""))
        return frame

    async def carries_on(self, session_id: str) -> None:
        """The learner resumes that session: its seat is now this learner's only one."""
        if self._admission and self._ticket and self._ticket.seat != session_id:
            await self._admission.carry_on(self._ticket, session_id)

    async def gives_seat_back(self) -> None:
        """Free the seat: the learner only waits for the rest of the analysis."""
        if self._admission and self._ticket:
            admission, ticket, self._ticket = self._admission, self._ticket, None
            self.allowance.time.stop()
            await admission.leave(ticket)

    def keep(self, frame: Frame) -> None:
        """Keep a frame for `receive`. Frames beyond EARLY_BYTES are dropped."""
        data = frame.get("bytes") or frame.get("text") or ""
        if self._early_bytes + len(data) <= EARLY_BYTES:
            self._early_bytes += len(data)
            self._early.append(frame)

    async def send_away(self) -> None:
        """Send the learner to another gateway."""
        await say(self.socket, reconnect(), closing=MOVING, encode=self.encode)

    @asynccontextmanager
    async def seated_by(
        self, admission: AdmissionQueue, store: SessionStore, draining: Draining
    ) -> AsyncIterator[bool]:
        """Wait for a seat, and hold it within the block.

        Yields False if there was no seat, or if the learner has left or was sent to another gateway.
        """
        if draining.began.is_set():
            await self.send_away()
            yield False
            return
        ticket = await admission.arrive(self.session_id, self.place, self.allowance.client)
        self._admission, self._ticket = admission, ticket
        is_in = False
        try:
            is_in = ticket.is_seated or await _Queueing(self, ticket, admission, store, draining).wait()
            if is_in:
                self.allowance.time.start()
            yield is_in
        finally:
            if self._ticket:  # otherwise the seat was given back
                if is_in:
                    self.allowance.time.stop()
                await admission.leave(ticket, keep=self.keep_seat)


class _Queueing:
    """One learner in the queue."""

    def __init__(
        self, arrival: Arrival, ticket: Ticket, admission: AdmissionQueue, store: SessionStore, draining: Draining
    ) -> None:
        self._draining = draining
        self._arrival = arrival
        self._ticket = ticket
        self._admission = admission
        self._store = store
        self._has_left = False

    async def wait(self) -> bool:
        """Wait for a seat. False: the learner has left, was told to come back later, or was sent to another gateway."""
        if self._ticket.position < 0:
            await self._refuse("queue_full", "all seats are taken, and many learners are waiting; try again later")
            return False
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen())
            watching = tasks.create_task(self._watch())
            try:
                async with asyncio.timeout(self._admission.max_wait_s):
                    await self._tell_of_moves()
            except TimeoutError:
                await self._refuse("waited", "all seats are taken, and none has become free; try again later")
            finally:
                listening.cancel()
                watching.cancel()
        if self._draining.began.is_set() and not self._has_left:
            self._arrival.keep_seat = True
            await self._arrival.send_away()
            return False
        if self._has_left:
            metrics.REFUSALS.labels("left").inc()
        return self._ticket.is_seated and not self._has_left

    async def _tell_of_moves(self) -> None:
        ticket = self._ticket
        while not (ticket.is_seated or self._has_left or self._draining.began.is_set()):
            ticket.moved.clear()
            place = await self._admission.place_of(ticket)
            queued = Queued(position=ticket.position, estimate_s=ticket.estimate_s, place=place)
            await say(self._arrival.socket, queued, encode=self._arrival.encode)
            await ticket.moved.wait()

    async def _watch(self) -> None:
        await self._draining.began.wait()
        self._ticket.moved.set()

    async def _listen(self) -> None:
        if self._arrival.resumes:
            with suppress(ServiceError):  # the session will report it
                await self._carry_on(*self._arrival.resumes)
        while not self._has_left:
            try:
                frame = await self._arrival.receive_new()
            except TooMuchError as error:
                await turn_away(self._arrival.socket, error, encode=self._arrival.encode)
                self._leave()
                return
            if frame["type"] == "websocket.disconnect":
                self._leave()
                return
            if not await self._answer(frame.get("text")):
                self._arrival.keep(frame)

    def _leave(self) -> None:
        self._has_left = True
        self._ticket.moved.set()

    async def _answer(self, text: str | None) -> bool:
        """Answer a frame that can't wait for the session. True: the frame is dealt with. False: keep it for the
        session."""
        if self._arrival.encode is not own_json:
            return False
        try:
            message = read_client_message(text) if text else None
            if isinstance(message, Ping):
                await say(self._arrival.socket, Pong())
                return True
            if isinstance(message, Start):
                await self._carry_on(message.session_id or "", message.resume_token or "")
        except ServiceError:
            logger.debug("a message that came while the learner waited is invalid; the session will report it")
        return False

    async def _carry_on(self, session_id: str, resume_token: str) -> None:
        if await self._store.knows(session_id, resume_token):
            await self._admission.carry_on(self._ticket, session_id)

    async def _refuse(self, reason: str, message: str) -> None:
        logger.info("a learner was turned away: %s", reason)
        await turn_away(self._arrival.socket, BusyError(message), FULL, encode=self._arrival.encode)


def own_json(message: AnyServerMessage) -> str:
    """A message as /ws/conversation sends it."""
    return message.model_dump_json(exclude_none=True)


async def turn_away(
    socket: WebSocket, error: ServiceError, closing: Closing = EXPELLED, *, encode: Encode = own_json
) -> None:
    """Tell the learner why, and close."""
    metrics.REFUSALS.labels(error.code).inc()
    metrics.ERRORS.labels(error.code).inc()
    told = ErrorMessage(message=error.message, code=error.code, retryable=error.retryable)
    await say(socket, told, closing=closing, encode=encode)


async def say(
    socket: WebSocket, message: AnyServerMessage, *, closing: Closing | None = None, encode: Encode = own_json
) -> None:
    """Send a message, and close if `closing` is given. If the learner has already left, nothing is sent and nothing is
    raised."""
    with suppress(WebSocketDisconnect, RuntimeError):
        if told := encode(message):
            await socket.send_text(told)
        if closing:
            await socket.close(closing.code, closing.reason)

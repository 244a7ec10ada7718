"""The rounds of one reply: the model writes, calls tools, gets their results, and writes on.

A `ToolRunner` runs the tools, except those of a client that requests replies itself.

    model ──text──▶ learner
      │ call that the runner runs               any other call
      ▼                                           ▼
    wait until the reply is released, run it    the reply ends with the call; the client requests the next reply
      │ result
      ▼
    model ──text──▶ learner

So an eager reply runs no tool before the turn has ended: if the learner goes on speaking, it is cancelled while it
waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

from gateway.ports import ChatMessage
from gateway.tools import NO_TOOLS, CallPiece, NoTools, ToolCall, ToolChoice, ToolRunner, ToolUse, whole_calls

# A reply has at most this many rounds. In the last one the model may call no tool, so it answers in words.
MAX_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class ReplyTools:
    """The tools of one reply. runner: runs some of them. A call of any other tool ends the reply."""

    use: ToolUse = NO_TOOLS
    runner: ToolRunner = field(default_factory=NoTools)


@dataclass(frozen=True, slots=True)
class Answered:
    """A call that was run, and its result."""

    call: ToolCall
    result: str


Ask = Callable[[Sequence[ChatMessage], ToolUse], AbstractAsyncContextManager[AsyncIterator[str | CallPiece]]]
"""Asks the writer for one round."""


class ToolRounds:
    """The rounds of one reply.

    calls: those that end the reply. answered: those that the runner has run. exchanges: the messages of the rounds
    with such calls. begun: an event that is set when the model has written something. released: the runner waits until
    it is set.
    """

    def __init__(self, tools: ReplyTools, *, begun: asyncio.Event, released: asyncio.Event) -> None:
        self.calls: list[ToolCall] = []
        self.answered: list[Answered] = []
        self.exchanges: list[ChatMessage] = []
        self._goes_on = False  # whether there are results that need another round
        self._tools = tools
        self._begun = begun
        self._released = released

    @asynccontextmanager
    async def open(
        self, ask: Ask, messages: Sequence[ChatMessage]
    ) -> AsyncIterator[AsyncGenerator[str | CallPiece, None]]:
        """Begin the reply. Within the block, read its text and the pieces of the calls that end it."""
        async with ask(messages, self._tools.use) as first, aclosing(self._pieces(first, ask, messages)) as pieces:
            yield pieces

    async def _pieces(
        self, first: AsyncIterator[str | CallPiece], ask: Ask, messages: Sequence[ChatMessage]
    ) -> AsyncGenerator[str | CallPiece, None]:
        """The pieces of all rounds. first: the first round, which is already open."""
        async with aclosing(self._round(first)) as pieces:
            async for piece in pieces:
                yield piece
        for left in range(MAX_ROUNDS - 1, 0, -1):
            if not self._goes_on:
                return
            use = replace(self._tools.use, choice=ToolChoice(mode="auto" if left > 1 else "none"))
            async with ask([*messages, *self.exchanges], use) as more, aclosing(self._round(more)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _round(self, written: AsyncIterator[str | CallPiece]) -> AsyncGenerator[str | CallPiece, None]:
        """One round: the model writes, then the runner runs the calls that are for it."""
        self._goes_on, said = False, ""
        made, names = list[CallPiece](), dict[int, str]()
        async for piece in written:
            self._begun.set()
            if isinstance(piece, str):
                said += piece
                yield piece
                continue
            made.append(piece)
            if not self._is_ours(names.setdefault(piece.index, piece.name)):
                yield piece
        results = await self._run(whole_calls(made))
        if results:
            self.exchanges += _exchange(said, results)
            self._goes_on = not self.calls
            if said and not said[-1].isspace():
                yield " "

    async def _run(self, calls: Sequence[ToolCall]) -> list[Answered]:
        """Have the runner run its calls concurrently, once the reply is released. The other calls end the reply."""
        ours = [call for call in calls if self._is_ours(call.name)]
        self.calls += [call for call in calls if not self._is_ours(call.name)]
        if not ours:
            return []
        await self._released.wait()
        results = await asyncio.gather(*(self._tools.runner.run(call) for call in ours))
        answered = [Answered(call, result) for call, result in zip(ours, results, strict=True)]
        self.answered += answered
        return answered

    def _is_ours(self, name: str) -> bool:
        return self._tools.runner.runs(name)


def _exchange(said: str, results: Sequence[Answered]) -> list[ChatMessage]:
    """The messages of a round: the text with its calls, and the results."""
    calls = tuple(one.call for one in results)
    return [
        ChatMessage("assistant", said.strip(), calls),
        *(ChatMessage("tool", one.result, tool_call_id=one.call.id) for one in results),
    ]

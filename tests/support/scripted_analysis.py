"""A scripted language model for tests of the analysis, and a short conversation that it analyses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.errors import BusyError
from gateway.analysis import Analysis, Stage, analyse
from gateway.history import LearnerTurn, PartnerTurn, Turn
from gateway.ports import ChatMessage, Rewriting
from gateway.tools import NO_TOOLS, ToolUse
from tests.support.analysis_schema import validate
from tests.support.generating_llm import GeneratingLlm

TURNS: list[Turn] = [
    PartnerTurn(turn_id="p1", text="What did you do?", generated_text="What did you do?", started_s=0, duration_s=2),
    LearnerTurn(turn_id="l1", text="Today I go to the market. She don't like onions!", started_s=3, duration_s=4),
    LearnerTurn(turn_id="l2", text="Then I buyed a goldfish.", started_s=9, typed=True),
]
FEEDBACK = {
    "summary": "You talked about the market. You told a clear story.",
    "next_steps": ["Practise the simple past.", "Use doesn't with she."],
    "cefr": "A2",
    "cefr_because": "Short sentences about everyday things.",
}
CORRECTED = {
    "corrected": [
        "Today I went to the market.",
        "She doesn't like onions!",
        "Then I bought a goldfish.",
    ]
}
REASONS = {"reasons": ["The morning is over, so use the past."]}
MEANINGS = {"meanings": ["A good taste."]}

Reply = str | dict[str, Any] | Exception | None
"""What a scripted model writes: text, a document or a failure; None: it never answers."""


@dataclass
class ScriptedLlm(GeneratingLlm):
    """Gives each kind of question its replies in turn, and then repeats the last one.

    rewritten: what a model that was trained to correct writes for a sentence; other sentences stay as they are. busy:
    how many of these requests first end with BusyError.
    """

    corrections: Sequence[Reply] = (CORRECTED,)
    feedback: Sequence[Reply] = (FEEDBACK,)
    reasons: Sequence[Reply] = (REASONS,)
    meanings: Sequence[Reply] = (MEANINGS,)
    notes: Sequence[Reply] = ({"about": "You told me about your holidays."},)
    is_small: bool = False
    is_trained_to_correct: bool = False
    rewritten: Mapping[str, Rewriting | Exception | None] = field(default_factory=dict)
    busy: int = 0
    asked: list[str] = field(default_factory=list)
    questions: list[Sequence[ChatMessage]] = field(default_factory=list)
    cancelled: int = 0
    hangs: asyncio.Event = field(default_factory=asyncio.Event)

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_schema: str | None = None,
        gives_way: bool = False,
        tools: ToolUse = NO_TOOLS,
    ) -> str:
        assert max_tokens is not None
        assert max_tokens <= 800
        kind = json.loads(json_schema or "{}")["title"]
        script = {
            "CorrectionsAnswer": self.corrections,
            "ReasonsAnswer": self.reasons,
            "MeaningsAnswer": self.meanings,
            "NoteAnswer": self.notes,
            "FeedbackAnswer": self.feedback,
        }[kind]
        reply = await self._answered(kind, messages, script[min(self.asked.count(kind), len(script) - 1)])
        return reply if isinstance(reply, str) else json.dumps(reply)

    async def rewrite(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> Rewriting:
        said = messages[-1].content
        if self.busy:
            self.busy -= 1
            await self._answered("sentence", messages, BusyError("LLM: a reply to a learner needs the model"))
        reply = await self._answered("sentence", messages, self.rewritten.get(said, Rewriting(said, 1.0)))
        assert isinstance(reply, Rewriting)
        return reply

    async def _answered(self, kind: str, messages: Sequence[ChatMessage], reply: Reply | Rewriting) -> Any:
        self.asked.append(kind)
        self.questions.append(messages)
        if reply is None:
            self.hangs.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled += 1
        if isinstance(reply, Exception):
            raise reply
        return reply


async def stages_of(
    llm: ScriptedLlm, turns: Sequence[Turn] = TURNS, timeout_s: float = 5, language: str = "en"
) -> list[Stage]:
    stages = analyse(turns, level="beginner", language=language, duration_s=12.5, llm=llm, timeout_s=timeout_s)
    found = [stage async for stage in stages]
    for stage in found:
        validate(stage.analysis.model_dump(mode="json"))
    return found


async def run(llm: ScriptedLlm, turns: Sequence[Turn] = TURNS, timeout_s: float = 5, language: str = "en") -> Analysis:
    return (await stages_of(llm, turns, timeout_s, language))[-1].analysis


def corrected(*sentences: str) -> Reply:
    return {"corrected": list(sentences)}


def typed(*texts: str) -> list[Turn]:
    return [LearnerTurn(turn_id=str(n), text=text, started_s=n, typed=True) for n, text in enumerate(texts)]

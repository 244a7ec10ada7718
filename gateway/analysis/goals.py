"""Which of a scenario's tasks the learner did.

It is measured by the words of the learner's turns (`gateway.scenarios.signs`). The language model is asked, too, and
its opinion stands beside the measurement. Neither changes the other: the words may have been said in another sense, and
a small model is often wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pydantic import create_model

from gateway.analysis.answers import Answer, NoAnswerError, ask
from gateway.analysis.document import Goals, TaskOutcome
from gateway.analysis.prompts import goals_question
from gateway.history import LearnerTurn, SessionScenario, SessionTask, Turn
from gateway.ports import Llm
from gateway.scenarios.signs import is_shown

_MAX_TOKENS = 100
# Asked about along with the tasks. Nobody does it, so a model that says that it was done says yes to everything.
_NEVER_DONE = "Count backwards from ninety to eighty."


def measure_goals(turns: Sequence[Turn], scenario: SessionScenario) -> Goals:
    """What the learner's words show. Turns in a row count as one: recognition may cut a sentence at a pause."""
    said = [
        (next(iter(run)).turn_id, " ".join(turn.text for turn in run))
        for is_learner, run in ((key, list(group)) for key, group in groupby(turns, _is_learners))
        if is_learner
    ]
    return Goals(
        scenario=scenario.id,
        title=scenario.title,
        goal=scenario.goal,
        tasks=tuple(_outcome(task, said) for task in scenario.tasks),
    )


async def ask_opinions(
    goals: Goals, turns: Sequence[Turn], scenario: SessionScenario, llm: Llm, *, timeout_s: float
) -> Goals:
    """`goals` with the language model's opinion of each task. Raises NoAnswerError."""
    if not any(isinstance(turn, LearnerTurn) and turn.text for turn in turns):
        raise NoAnswerError("The learner said nothing.")
    tasks = [*(task.text for task in goals.tasks), _NEVER_DONE]
    names = [f"task_{number}" for number, _ in enumerate(tasks, start=1)]
    shape = create_model("GoalsAnswer", __base__=Answer, **dict.fromkeys(names, (bool, ...)))  # type: ignore[call-overload]
    question = goals_question(turns, scenario, dict(zip(names, tasks, strict=True)))

    def judge(answer: Answer) -> list[bool] | None:
        *opinions, never_done = (getattr(answer, name) for name in names)
        return None if never_done else opinions

    opinions = await ask(llm, question, shape, judge, max_tokens=_MAX_TOKENS, timeout_s=timeout_s)
    judged = zip(goals.tasks, opinions, strict=True)
    return goals.model_copy(update={"tasks": tuple(one.model_copy(update={"opinion": own}) for one, own in judged)})


def goal_facts(goals: Goals) -> list[str]:
    """What was done, as measured, a sentence each."""
    return [f"The learner did this: {task.text}" for task in goals.tasks if task.measured]


def _is_learners(turn: Turn) -> bool:
    return isinstance(turn, LearnerTurn)


def _outcome(task: SessionTask, said: Sequence[tuple[str, str]]) -> TaskOutcome:
    shown_by = next((turn_id for turn_id, text in said if is_shown(task.said, [text])), None)
    return TaskOutcome(id=task.id, text=task.text, measured=shown_by is not None, turn_id=shown_by, opinion=None)

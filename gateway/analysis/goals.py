"""Finds which of a scenario's tasks the learner did.

The words of the learner's turns decide (`gateway.scenarios.signs`). The language model's opinion is shown in addition.
Neither changes the other: the words may have been said in another sense, and a weak model is often wrong.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from pydantic import create_model

from gateway.analysis.answers import Answer, NoAnswerError, ask
from gateway.analysis.document import Goals, TaskOutcome
from gateway.analysis.prompts import goals_question, pieces_of
from gateway.analysis.remarks import Remark
from gateway.history import LearnerTurn, SessionScenario, SessionTask, Turn
from gateway.ports import Llm
from gateway.scenarios.signs import is_shown

_MAX_TOKENS = 100
# A control question among the tasks. Nobody does this, so a model that says yes to it says yes to everything.
_NEVER_DONE = "Count backwards from ninety to eighty."


def measure_goals(turns: Sequence[Turn], scenario: SessionScenario) -> Goals:
    """The tasks that the learner's words show. Successive turns of the learner count as one, since recognition may cut
    a sentence at a pause."""
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
    """`goals` with the language model's opinion of each task: whether some piece of the conversation shows it.

    There is no opinion of a task if no piece shows it and some pieces could not be judged. Raises NoAnswerError if the
    learner said nothing, if no piece could be judged, or if some could not and the others show no task.
    """
    if not any(isinstance(turn, LearnerTurn) and turn.text for turn in turns):
        raise NoAnswerError(Remark("nothing_said"))
    until_s = time.monotonic() + timeout_s
    done: set[str] = set()
    pieces = pieces_of(turns)
    failures: list[NoAnswerError] = []
    for lines in pieces:
        if not (open_tasks := [task.text for task in goals.tasks if task.text not in done]):
            break
        try:
            done |= await _done_in(lines, open_tasks, scenario, llm, timeout_s=until_s - time.monotonic())
        except NoAnswerError as error:
            failures.append(error)
            if not error.may_go_on:
                break
    if len(failures) == len(pieces) or (failures and not done):
        raise failures[-1]
    unknown = None if failures else False
    tasks = tuple(task.model_copy(update={"opinion": task.text in done or unknown}) for task in goals.tasks)
    return goals.model_copy(update={"tasks": tasks})


@lru_cache(maxsize=64)
def _shape(names: tuple[str, ...]) -> type[Answer]:
    """The shape of an answer that says yes or no to each of these names."""
    fields: Any = dict.fromkeys(names, (bool, ...))
    return create_model("GoalsAnswer", __base__=Answer, **fields)


async def _done_in(
    lines: Sequence[str], tasks: Sequence[str], scenario: SessionScenario, llm: Llm, *, timeout_s: float
) -> set[str]:
    """The tasks that the learner did in these lines, in the language model's opinion. Raises NoAnswerError."""
    names = {f"task_{number}": task for number, task in enumerate([*tasks, _NEVER_DONE], start=1)}
    shape = _shape(tuple(names))

    def judge(answer: Answer) -> set[str] | None:
        done = {task for name, task in names.items() if getattr(answer, name)}
        return None if _NEVER_DONE in done else done

    question = goals_question(lines, scenario, names)
    return await ask(llm, question, shape, judge, max_tokens=_MAX_TOKENS, timeout_s=timeout_s)


def goal_facts(goals: Goals) -> list[str]:
    """A sentence for each task that the learner's words show."""
    return [f"The learner did this: {task.text}" for task in goals.tasks if task.measured]


def _is_learners(turn: Turn) -> bool:
    return isinstance(turn, LearnerTurn)


def _outcome(task: SessionTask, said: Sequence[tuple[str, str]]) -> TaskOutcome:
    shown_by = next((turn_id for turn_id, text in said if is_shown(task.said, [text])), None)
    return TaskOutcome(id=task.id, text=task.text, measured=shown_by is not None, turn_id=shown_by, opinion=None)

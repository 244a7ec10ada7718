"""The JSON logs of all processes at DEBUG, after a real conversation: every line parses, the lines about a turn have
its ids, and no line contains words of the conversation."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.observability.observed import Conversation, Observed

PROCESSES = {"gateway", "asr", "llm", "tts"}


@pytest.fixture(scope="module")
def lines(observed: Observed, conversation: Conversation) -> list[dict[str, Any]]:
    """The lines of our four processes; `make run` puts the process's name before each."""
    del conversation  # needed only because it must have been held
    named = re.findall(r"^\S+ (\w+) +\| (.*)$", _plain(observed.mesh.process.log), re.MULTILINE)
    return [json.loads(line) | {"process": name} for name, line in named if name in PROCESSES]


def _plain(log: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", log)


@pytest.mark.timeout(240)
def test_every_line_has_the_same_form(lines: list[dict[str, Any]]) -> None:
    assert {line["process"] for line in lines} == PROCESSES
    for line in lines:
        assert {"time", "level", "logger", "service", "message"} <= line.keys()
        assert line["service"] == line["process"]


def test_the_lines_about_a_turn_have_its_ids_in_every_process(
    lines: list[dict[str, Any]], conversation: Conversation
) -> None:
    for over in conversation.turns:
        about = [line for line in lines if line.get("turn_id") == over["turn_id"]]
        assert {line["process"] for line in about} == {"gateway", "llm", "tts"}
        assert {line["session_id"] for line in about} == {conversation.session_id}
        assert len({line["trace_id"] for line in about}) == 1
    heard = [line for line in lines if line["process"] == "asr" and line.get("trace_id")]
    assert {line["session_id"] for line in heard} == {conversation.session_id}
    spoken = next(line for line in lines if line.get("turn_id") == conversation.turns[0]["turn_id"])
    assert spoken["trace_id"] in {line["trace_id"] for line in heard}


def test_no_words_stand_in_a_log(observed: Observed, conversation: Conversation, lines: list[dict[str, Any]]) -> None:
    assert {line["level"] for line in lines} >= {"DEBUG", "INFO"}
    log = observed.mesh.process.log
    for words in conversation.words:
        assert words not in log
        assert json.dumps(words)[1:-1] not in log

"""Each bundled scenario has texts that fit its level, and signs that tell its tasks apart.

A sign is a pattern of words (`said`): a learner who has said them has done the task.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from functools import cache
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest
from hatchling.builders.wheel import WheelBuilder

from gateway.analysis.sentences import names_in, sentences_of
from gateway.analysis.words import Lexicon, load_lexicon
from gateway.history import CEFR_LEVELS, CefrLevel, Level
from gateway.scenarios.library import BUNDLED, load_library
from gateway.scenarios.scenario import CEFR_OF, Scenario
from gateway.scenarios.signs import is_shown

ROOT = Path(__file__).parents[4]
SCENARIOS = list(load_library().scenarios.values())
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)

MAX_PHRASE_WORDS: dict[CefrLevel, int] = {"A1": 8, "A2": 10, "B1": 12, "B2": 14, "C1": 15}
RARE_BELOW_ZIPF: dict[CefrLevel, float] = {"A1": 3.6, "A2": 3.6, "B1": 3.6, "B2": 3.4, "C1": 3.2}
MAX_RARE_WORDS = 3  # a scenario needs some rare words, such as "kilo" and "suitcase"

# A learner says these lines in any conversation, so they must not count as a done task.
SMALL_CHANGE = (
    *(
        "Hello!",
        "Good morning.",
        "Yes, please.",
        "Yes, I do.",
        "No.",
        "No, thank you.",
        "Thank you very much.",
        "Okay.",
    ),
    *("I don't know.", "I don't understand.", "Sorry?", "Can you say that again, please?", "I think so."),
    *("I am learning English.", "What does that mean?", "One moment, please.", "How are you?", "Goodbye!"),
)


@cache
def english() -> Lexicon:
    return load_lexicon("en")


def for_the_learner(scenario: Scenario) -> list[str]:
    """The texts that a learner reads or may say, and the one that the learner hears first."""
    said = [task.example for task in scenario.tasks]
    to_do = [task.text for task in scenario.tasks]
    return [scenario.title, scenario.setting, scenario.goal, scenario.opening, *scenario.phrases, *to_do, *said]


def plain_words(scenario: Scenario, texts: list[str]) -> set[str]:
    """The words of `texts` without names and numbers."""
    roles = [f"You are {scenario.partner}.", f"You are {scenario.learner}.", scenario.facts or ""]
    names = names_in([*for_the_learner(scenario), *roles], "en")
    return {word for text in texts for word in english().words(text) if word.isalpha()} - names


# --- all scenarios together


def test_every_file_can_be_used() -> None:
    library = load_library()
    assert library.problems == ()
    assert len(library.scenarios) == len(list(BUNDLED.iterdir())) >= 24


def test_every_level_has_scenarios_of_its_own() -> None:
    lowest = Counter(scenario.levels.lowest for scenario in SCENARIOS)
    assert set(lowest) == {"A1", "A2", "B1", "B2", "C1"}
    assert min(lowest.values()) >= 5
    assert max(lowest.values()) <= 2 * min(lowest.values())


@pytest.mark.parametrize("level", [*get_args(Level), "A1", "A2", "B1", "B2", "C1", "C2"])
def test_every_level_of_a_conversation_has_a_choice(level: Level | CefrLevel) -> None:
    suitable = load_library().at(level)
    assert 5 <= len(suitable) < len(SCENARIOS)
    assert all(scenario.suits(level) for scenario in suitable)


def test_titles_roles_openings_and_goals_differ() -> None:
    for texts in (
        [scenario.title for scenario in SCENARIOS],
        [scenario.partner for scenario in SCENARIOS],
        [scenario.opening for scenario in SCENARIOS],
        [scenario.goal for scenario in SCENARIOS],
    ):
        assert len(set(texts)) == len(texts)


def test_the_files_are_in_the_wheel(tmp_path: Path) -> None:
    wheel = next(iter(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])))
    with zipfile.ZipFile(wheel) as archive:
        packed = {Path(name).name for name in archive.namelist() if name.startswith("gateway/scenarios/library/")}
    assert packed == {path.name for path in BUNDLED.iterdir()}


# --- each scenario


@each_scenario
def test_it_belongs_to_at_most_three_levels_that_follow_one_another(scenario: Scenario) -> None:
    span = CEFR_LEVELS.index(scenario.levels.highest) - CEFR_LEVELS.index(scenario.levels.lowest)
    assert 0 <= span <= 2


@each_scenario
def test_the_opening_is_short_and_ends(scenario: Scenario) -> None:
    assert len(scenario.opening.split()) <= 20
    assert scenario.opening[-1] in ".!?"


@each_scenario
def test_a_small_model_can_hold_its_roles(scenario: Scenario) -> None:
    """Roles continue the words "You are", so they are no sentences. Setting, facts and goal have few sentences."""
    for role in (scenario.partner, scenario.learner):
        assert role[-1].isalpha()
        assert len(role.split()) <= 20
    assert len(sentences_of(scenario.setting)) <= 2
    assert scenario.facts
    assert len(sentences_of(scenario.facts)) <= 5
    assert len(sentences_of(scenario.goal)) == 1


@each_scenario
def test_its_phrases_are_short_sentences(scenario: Scenario) -> None:
    for phrase in scenario.phrases:
        assert len(phrase.split()) <= MAX_PHRASE_WORDS[scenario.levels.lowest], phrase
        assert len(sentences_of(phrase)) == 1, phrase
        assert phrase[0].isupper(), phrase
        assert phrase[-1] in ".!?", phrase
        assert "…" not in phrase, phrase


@each_scenario
def test_its_words_are_within_the_level(scenario: Scenario) -> None:
    words = plain_words(scenario, for_the_learner(scenario))
    rare = {word for word in words if english().zipf(word) < RARE_BELOW_ZIPF[scenario.levels.lowest]}
    assert len(rare) <= MAX_RARE_WORDS, rare


@each_scenario
def test_no_word_is_misspelt(scenario: Scenario) -> None:
    signs = [phrase for task in scenario.tasks for group in task.said for phrase in group if "*" not in phrase]
    words = plain_words(scenario, [*for_the_learner(scenario), scenario.facts or "", *signs])
    assert {word for word in words if english().zipf(word) < 2.4} == set()


@each_scenario
def test_an_example_shows_its_own_task_and_no_other(scenario: Scenario) -> None:
    for said in scenario.tasks:
        shown = [task.id for task in scenario.tasks if is_shown(task.said, [said.example])]
        assert shown == [said.id]


@each_scenario
def test_small_change_shows_no_task(scenario: Scenario) -> None:
    for task in scenario.tasks:
        assert [line for line in SMALL_CHANGE if is_shown(task.said, [line])] == [], task.id


@each_scenario
def test_the_useful_phrases_help_with_the_tasks(scenario: Scenario) -> None:
    """At least one task can be done by saying one of the phrases unchanged."""
    assert any(is_shown(task.said, scenario.phrases) for task in scenario.tasks)


def test_a_conversation_about_something_else_does_few_tasks() -> None:
    """Each task is compared with the examples of every scenario whose lowest level is another one."""
    shown = total = 0
    for scenario in SCENARIOS:
        others = [other for other in SCENARIOS if other.levels.lowest != scenario.levels.lowest]
        for task, other in ((task, other) for task in scenario.tasks for other in others):
            total += 1
            shown += is_shown(task.said, [one.example for one in other.tasks])
    assert shown / total < 0.05


def test_the_levels_of_a_conversation_are_all_of_cefr() -> None:
    assert tuple(chain.from_iterable(CEFR_OF[level] for level in get_args(Level))) == CEFR_LEVELS

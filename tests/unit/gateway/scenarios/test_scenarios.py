"""The format of scenarios, the signs that a task was done, and the errors for files that are not scenarios."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gateway.json_schema import as_published
from gateway.scenarios.__main__ import main
from gateway.scenarios.library import BUNDLED, InvalidScenarioError, load_library, read_folder, read_scenario
from gateway.scenarios.scenario import Scenario, schema
from gateway.scenarios.signs import is_shown, words_of

ROOT = Path(__file__).parents[4]
TASKS = [
    {"id": "soup", "text": "Ask for soup.", "said": [["soup"], ["what", "which"]], "example": "Which soup is it?"},
    {"id": "number", "text": "Say a number.", "said": [["#"]], "example": "Two, please."},
    {"id": "no", "text": "Say no.", "said": [["no", "not really"]], "example": "No, not today."},
]


def content(**changes: Any) -> dict[str, Any]:
    """The fields of a scenario; None removes one."""
    fields: dict[str, Any] = {
        "id": "lunch",
        "title": "Lunch",
        "levels": {"from": "A1", "to": "B1"},
        "partner": "Kim, a cook",
        "learner": "a hungry guest",
        "setting": "It is noon.",
        "goal": "Order lunch.",
        "opening": "Hello! Are you hungry?",
        "phrases": ["I'm hungry.", "What is the soup?", "For two, please.", "No, thank you.", "How much is it?"],
        "tasks": TASKS,
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def save(folder: Path, name: str = "lunch.yaml", **changes: Any) -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(content(**changes)), encoding="utf-8")
    return path


def problem(folder: Path, **changes: Any) -> str:
    with pytest.raises(InvalidScenarioError) as error:
        read_scenario(save(folder, **changes))
    assert str(error.value).startswith(f"{folder / 'lunch.yaml'}: ")
    return str(error.value).removeprefix(f"{folder / 'lunch.yaml'}: ")


# --- signs


@pytest.mark.parametrize(
    ("turn", "shown"),
    [
        ("What's the soup today?", False),  # `what's` is another word than `what`
        ("What soup do you have?", True),
        ("SOUP! Which one?", True),
        ("Soup, please.", False),
        ("What do you have?", False),
        ("Which soups are there?", False),
        ("", False),
    ],
)
def test_a_turn_needs_a_phrase_of_every_group(turn: str, shown: bool) -> None:
    assert is_shown([["soup"], ["what", "which"]], [turn]) is shown


def test_the_groups_must_meet_in_one_turn() -> None:
    said = [["table"], ["saturday"]]
    assert not is_shown(said, ["A table, please.", "On Saturday."])
    assert is_shown(said, ["Hello.", "A table for Saturday."])


@pytest.mark.parametrize(
    ("phrase", "turn", "shown"),
    [
        ("check out", "When do we check out?", True),
        ("check out", "Check-out is at ten?", True),
        ("check out", "Check it out!", False),
        ("tea", "a teaspoon", False),
        ("cough*", "I was coughing", True),
        ("cough*", "I cough.", True),
        ("cough*", "a hiccough", False),
        ("i'd like", "I’d like that", True),  # as phones type it
        ("#", "at 7:30", True),
        ("#", "$3.50", True),
        ("#", "twenty-five people", True),
        ("#", "that one", False),
        ("#", "someone", False),
        ("for #", "a table for 4", True),
        ("for #", "4 for lunch", False),
        ("straße*", "In der STRASSE", True),
        ("名前", "私の名前は田中です", True),  # no spaces between words
        ("c++", "c", True),
    ],
)
def test_phrases_are_compared_word_by_word(phrase: str, turn: str, shown: bool) -> None:
    assert is_shown([[phrase]], [turn]) is shown


@given(st.text(), st.text(), st.text())
def test_a_phrase_is_found_wherever_its_words_stand(before: str, phrase: str, after: str) -> None:
    words = words_of(phrase)
    if words:
        assert is_shown([[" ".join(words)]], [f"{before} {' '.join(words)} {after}"])


@given(st.lists(st.lists(st.text(min_size=1), min_size=1)), st.text())
def test_any_phrases_and_any_turn_are_compared_without_a_failure(said: list[list[str]], turn: str) -> None:
    assert is_shown(said, [turn]) in (True, False)


# --- files


def test_a_file_becomes_a_scenario(tmp_path: Path) -> None:
    scenario = read_scenario(save(tmp_path))
    assert (scenario.id, scenario.levels.lowest, scenario.levels.highest) == ("lunch", "A1", "B1")
    assert scenario.suits("beginner")
    assert scenario.suits("intermediate")
    assert not scenario.suits("advanced")
    assert not scenario.suits("B2")
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


def test_plain_words_and_numbers_are_read_as_they_are_written(tmp_path: Path) -> None:
    """YAML doesn't read `no` and `7` as texts, but an author need not know that."""
    path = save(tmp_path)
    path.write_text(path.read_text().replace("- 'no'", "- no").replace("title: Lunch", "title: 7"))
    scenario = read_scenario(path)
    assert (scenario.title, scenario.tasks[2].said[0][0]) == ("7", "no")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"goal": None}, "goal: is missing; add it"),
        ({"colour": "red"}, "colour: there is no such field; delete it, or correct its spelling"),
        ({"levels": {"from": "A3", "to": "B1"}}, "levels.from: input should be 'A1', 'A2'"),
        ({"levels": {"from": "B1", "to": "A1"}}, "levels: `from` (B1) is above `to` (A1); swap them"),
        ({"opening": "Are you hungry"}, "opening: it must end with a sentence mark"),
        ({"phrases": ["Hi."]}, "phrases: tuple should have at least 5 items"),
        ({"phrases": ["Hi."] * 5}, "phrases: 'Hi.' occurs twice; delete one"),
        ({"tasks": [TASKS[0], TASKS[1], TASKS[1]]}, "tasks: two tasks have the id number; rename one"),
        (
            {"tasks": [*TASKS[:2], TASKS[2] | {"example": "Yes."}]},
            "tasks.2: `example` has none of the phrases 'no', 'not really';",
        ),
        ({"tasks": [*TASKS[:2], TASKS[2] | {"said": [["…"]]}]}, "tasks.2.said: '…' has no word in it; write words"),
        ({"tasks": [*TASKS[:2], TASKS[2] | {"said": [[]]}]}, "tasks.2.said: a group is empty; give it a phrase"),
        ({"title": "x" * 61}, "title: string should have at most 60 characters"),
        ({"partner": "  "}, "partner: string should have at least 1 character"),
        ({"id": "dinner"}, "id: is dinner, not the file's name; make it lunch"),
        ({"id": "Lunch!"}, "id: string should match pattern"),
    ],
)
def test_a_wrong_field_is_named_with_what_to_do(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert problem(tmp_path, **changes).startswith(says)


def test_all_wrong_fields_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    said = problem(tmp_path, goal=None, opening="Hungry")
    assert "goal: is missing" in said
    assert "opening: it must end" in said
    assert said.endswith("Correct this and start the gateway again (docs/scenarios.md has the format)")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"title: x\nphrases: [}\n", "line 2: it is not valid YAML"),
        (b"a: 1\nb: 'x", "it is not valid YAML"),
        (b"", "it has no fields"),
        (b"- just\n- a list\n", "it has no fields"),
        (b"title: \xff\xfe\n", "can't be read"),
        (b"!!python/object/apply:os.getcwd []\n", "it has no fields"),
    ],
)
def test_invalid_yaml_gets_an_error_of_its_own(tmp_path: Path, raw: bytes, says: str) -> None:
    path = tmp_path / "lunch.yaml"
    path.write_bytes(raw)
    with pytest.raises(InvalidScenarioError) as error:
        read_scenario(path)
    assert str(error.value).startswith(f"{path}: ")
    assert says in str(error.value)


# --- folders


def gauge(state: str) -> float | None:
    return REGISTRY.get_sample_value("aitalk_gateway_scenarios", {"state": state})


def test_a_folder_adds_to_the_bundled_ones_and_replaces_them_by_id(tmp_path: Path) -> None:
    bundled = load_library()
    save(tmp_path)
    save(tmp_path, "cafe.yml", id="cafe", title="My own café")
    library = load_library(tmp_path)
    assert set(library.scenarios) == {*bundled.scenarios, "lunch"}
    assert library.scenarios["cafe"].title == "My own café"
    assert load_library().scenarios["cafe"].title == "At the café"


def test_invalid_files_are_reported_and_the_others_load(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path)
    save(tmp_path, "dinner.yaml", id="dinner", goal=None)
    (tmp_path / "broken.yml").write_text("title: [")
    (tmp_path / "notes.txt").write_text("not a scenario")
    (tmp_path / "more").mkdir()
    library = load_library(tmp_path)
    assert "lunch" in library.scenarios
    assert "dinner" not in library.scenarios
    assert len(library.problems) == 2
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == list(library.problems)
    assert (gauge("usable"), gauge("invalid")) == (len(library.scenarios), 2)


def test_two_files_of_one_id_are_told_apart(tmp_path: Path) -> None:
    save(tmp_path)
    save(tmp_path, "lunch.yml", title="Another lunch")
    library = read_folder(tmp_path)
    assert library.scenarios["lunch"].title == "Lunch"
    assert library.problems == (
        f"{tmp_path / 'lunch.yml'}: the id lunch is that of another file in this folder; delete one of them",
    )


def test_a_folder_that_is_not_there_is_reported_and_the_bundled_ones_load(tmp_path: Path) -> None:
    library = load_library(tmp_path / "nowhere")
    assert library.problems == (
        f"SCENARIOS_DIR: there is no folder {tmp_path / 'nowhere'}; create it, or correct the setting",
    )
    assert library.scenarios == load_library().scenarios


def test_they_are_listed_from_the_easiest_to_the_hardest() -> None:
    order = [(one.levels.lowest, one.levels.highest, one.title) for one in load_library().scenarios.values()]
    assert order == sorted(order)


def test_a_card_holds_no_answers() -> None:
    card = load_library().scenarios["cafe"].card()
    assert set(card) == set(Scenario.model_fields) - {"facts"} | {"suits"}
    assert card["levels"] == {"from": "A1", "to": "A2"}
    assert card["suits"] == ["beginner"]
    assert card["tasks"][0] == {"id": "order-drink", "text": "Order something to drink."}


# --- the published schema


def test_the_published_schema_is_current() -> None:
    published = ROOT / "docs" / "schemas" / "scenario.schema.json"
    assert published.read_text(encoding="utf-8") == as_published(schema()), (
        "run: python -m gateway.scenarios > docs/schemas/scenario.schema.json"
    )


def test_the_schema_takes_the_bundled_files_and_refuses_others() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    for path in BUNDLED.iterdir():
        validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert not validator.is_valid(content(colour="red"))
    assert not validator.is_valid(content(goal=None))
    assert not validator.is_valid(content(phrases=["Hi."]))


def test_the_example_in_the_docs_is_a_scenario(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    path = tmp_path / "library-card.yaml"
    path.write_text(page.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    assert read_scenario(path).title == "A library card"


def test_a_folder_can_be_checked_from_the_command_line(tmp_path: Path) -> None:
    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gateway.scenarios", str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    save(tmp_path)
    assert (check().returncode, check().stdout) == (0, "usable scenarios: 1; files with errors: 0\n")
    save(tmp_path, "dinner.yaml", id="dinner", goal=None)
    failed = check()
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"{tmp_path / 'dinner.yaml'}: goal: is missing")


def test_a_folder_to_check_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr() == ("", f"there is no folder {tmp_path / 'nowhere'}\n")

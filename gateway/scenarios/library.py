"""Reads scenarios from files. A file that is not a valid scenario is reported and left out; the others still load.

All plain values of YAML are read as text, so that `no` and `7` in a list of words stay text.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway.history import CEFR_LEVELS, CefrLevel, Level
from gateway.metrics import SCENARIOS
from gateway.scenarios.scenario import Scenario

logger = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent / "library"
_FORMAT = "docs/scenarios.md has the format"
_TextLoader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class InvalidScenarioError(ValueError):
    """A file is not a valid scenario. The message names the file, each wrong field, and what to do."""


@dataclass(frozen=True, slots=True)
class Library:
    """Scenarios by id, in the order in which they are listed: by level, then by title.

    problems: a sentence for each file that could not be used, or for a folder that does not exist.
    """

    scenarios: Mapping[str, Scenario]
    problems: tuple[str, ...] = ()

    def at(self, level: Level | CefrLevel | None) -> list[Scenario]:
        """The scenarios that suit `level`; None: all."""
        return [one for one in self.scenarios.values() if level is None or one.suits(level)]


def load_library(own: Path | None = None) -> Library:
    """The bundled scenarios and those in the folder `own`, which replace bundled ones of the same id.

    Logs each problem, and counts the scenarios in the metrics.
    """
    bundled = _bundled()
    added = _own(own) if own else Library({})
    problems = bundled.problems + added.problems
    for problem in problems:
        logger.error("%s", problem)
    SCENARIOS.labels("invalid").set(len(problems))
    library = Library(_sorted({**bundled.scenarios, **added.scenarios}), problems)
    SCENARIOS.labels("usable").set(len(library.scenarios))
    return library


@cache
def _bundled() -> Library:
    return read_folder(BUNDLED)


def _own(folder: Path) -> Library:
    if not folder.is_dir():
        return Library({}, (f"SCENARIOS_DIR: there is no folder {folder}; create it, or correct the setting",))
    return read_folder(folder)


def read_folder(folder: Path) -> Library:
    """The scenarios in the files *.yaml and *.yml of `folder`, without its subfolders. Raises OSError if there is no
    such folder."""
    scenarios: dict[str, Scenario] = {}
    problems: list[str] = []
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml")):
        try:
            scenario = read_scenario(path)
        except InvalidScenarioError as error:
            problems.append(str(error))
            continue
        if scenario.id in scenarios:
            problems.append(f"{path}: the id {scenario.id} is that of another file in this folder; delete one of them")
            continue
        scenarios[scenario.id] = scenario
    return Library(_sorted(scenarios), tuple(problems))


def read_scenario(path: Path) -> Scenario:
    """One file as a scenario. Raises InvalidScenarioError."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_TextLoader)  # noqa: S506 - makes text only
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidScenarioError(f"{path}: can't be read ({error}); save it as UTF-8 text") from None
    except yaml.YAMLError as error:
        raise InvalidScenarioError(f"{path}: {_yaml_problem(error)}; correct it ({_FORMAT})") from None
    if not isinstance(content, dict):
        raise InvalidScenarioError(f"{path}: it has no fields such as `title: …`; add them ({_FORMAT})")
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as invalid:
        wrong = "; ".join(_field_problem(error) for error in invalid.errors(include_url=False))
        raise InvalidScenarioError(f"{path}: {wrong}. Correct this and start the gateway again ({_FORMAT})") from None
    if scenario.id != path.stem:
        raise InvalidScenarioError(f"{path}: id: is {scenario.id}, not the file's name; make it {path.stem}")
    return scenario


def _sorted(scenarios: Mapping[str, Scenario]) -> dict[str, Scenario]:
    def order(scenario: Scenario) -> tuple[int, int, str]:
        return CEFR_LEVELS.index(scenario.levels.lowest), CEFR_LEVELS.index(scenario.levels.highest), scenario.title

    return {one.id: one for one in sorted(scenarios.values(), key=order)}


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}it is not valid YAML ({getattr(error, 'problem', None) or 'unreadable'})"


def _field_problem(error: Any) -> str:
    """A pydantic error as `field: what is wrong`."""
    field = ".".join(str(part) for part in error["loc"]) or "the file"
    match error["type"]:
        case "extra_forbidden":
            return f"{field}: there is no such field; delete it, or correct its spelling"
        case "missing":
            return f"{field}: is missing; add it"
        case "value_error":
            return f"{field}: {error['ctx']['error']}"
        case _:
            return f"{field}: {error['msg'][0].lower()}{error['msg'][1:]}"

"""Checks the values of settings without their pydantic classes, for `deploy.first_check`. Only the standard library.

setting_values.json has the numbers, switches and choices of all settings. `python -m tests.support.settings_table`
writes it from the classes. A value that is accepted here may still be refused by its class later.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from operator import ge, gt, le, lt
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")
_LIMITS = {
    "minimum": ("from", ge),
    "exclusiveMinimum": ("above", gt),
    "maximum": ("to", le),
    "exclusiveMaximum": ("below", lt),
}
_SWITCH = {"0", "1", "f", "false", "n", "no", "off", "on", "t", "true", "y", "yes"}


def rules() -> list[dict[str, Any]]:
    """For each setting its name, its default, the processes that read it, and in JSON Schema's words what it may be."""
    known: list[dict[str, Any]] = json.loads(FILE.read_text())
    return known


def default_of(name: str) -> str:
    """The default of a setting that has a rule."""
    return str(next(rule["default"] for rule in rules() if rule["name"] == name))


def value_problems(environment: Mapping[str, str], processes: Collection[str]) -> Iterator[str]:
    """A sentence for each wrong value of a setting that one of `processes` reads."""
    for rule in rules():
        given = environment.get(rule["name"], "").strip()
        if given and not set(processes).isdisjoint(rule["processes"]) and (wanted := _wanted(given, rule)):
            yield f"{rule['name']}={given}: this should be {wanted}"


def _wanted(given: str, rule: Mapping[str, Any]) -> str:
    """What a value should be instead of `given`; empty if `given` fits."""
    if choices := rule.get("enum"):
        return "" if given.lower() in {one.lower() for one in choices} else " or ".join(choices)
    if rule["type"] == "boolean":
        return "" if given.lower() in _SWITCH else "true or false"
    try:
        number = float(given)
    except ValueError:
        return _numbers(rule)
    is_whole = rule["type"] == "number" or number.is_integer()
    is_in_range = all(fits(number, rule[limit]) for limit, (_, fits) in _LIMITS.items() if limit in rule)
    return "" if is_whole and is_in_range else _numbers(rule)


def _numbers(rule: Mapping[str, Any]) -> str:
    words = ["a whole number" if rule["type"] == "integer" else "a number"]
    words += [f"{word} {rule[limit]}" for limit, (word, _) in _LIMITS.items() if limit in rule]
    return " ".join(words)

"""`python -m tests.support.settings_table`: writes the settings of all processes into docs/settings.md and env.example.

It also writes their names into common/setting_names.py. With these names, each process can warn of a setting that no
process reads. Into deploy/setting_values.json it writes which values are allowed for numbers, switches and choices, for
the check before the installation. Everything comes from the pydantic settings classes. tests/unit/test_docs.py fails if
one of the four files differs from the classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from asr_service.config import AsrSettings
from common.settings import ModelServerSettings, ProcessSettings
from deploy import setting_values
from deploy.preflight import SETTINGS
from deploy.settings import RunSettings
from deploy.valkey import ValkeySettings
from gateway.config import GatewaySettings
from llm_service.config import LlmSettings
from tts_service.config import TtsSettings

ROOT = Path(__file__).parent.parent.parent
SETTINGS_PAGE, ENV_EXAMPLE = ROOT / "docs" / "settings.md", ROOT / "env.example"
SETTING_NAMES = ROOT / "common" / "setting_names.py"
_RULE = ("type", "enum", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
BEGIN, END = "<!-- settings: python -m tests.support.settings_table -->", "<!-- end of settings -->"

# A setting is listed under the first group that has it. The gateway comes after the model servers, so a setting that it
# shares with a model server is listed under that server.
GROUPS: Mapping[str, type[BaseSettings]] = {
    "Every process": ProcessSettings,
    "All three model servers": ModelServerSettings,
    "Speech recognition (`asr_service`)": AsrSettings,
    "Language model (`llm_service`)": LlmSettings,
    "Speech synthesis (`tts_service`)": TtsSettings,
    "Gateway": GatewaySettings,
    "`make run` itself": RunSettings,
    "Valkey of `make run`": ValkeySettings,
}
SHOWN = ("Every process", "Gateway", *[group for group in GROUPS if group not in ("Every process", "Gateway")])


@dataclass(frozen=True)
class Setting:
    """An environment variable. default: as text, the way it is written in the environment; empty: none."""

    name: str
    default: str
    description: str


def settings() -> dict[str, list[Setting]]:
    """Every setting, once, under its group."""
    groups: dict[str, dict[str, Setting]] = {group: {} for group in GROUPS}
    for group, cls in GROUPS.items():
        for setting in _of(cls):
            home = next((name for name, known in groups.items() if setting.name in known), group)
            known = groups[home].get(setting.name)
            if known and known.default != setting.default:
                raise ValueError(f"{setting.name}: {known.default} in {home}, {setting.default} in {group}")
            if known and known.description != setting.description:
                setting = Setting(setting.name, setting.default, f"{known.description} {group}: {setting.description}")
            groups[home][setting.name] = setting
    return {group: list(groups[group].values()) for group in SHOWN}


def _of(cls: type[BaseSettings]) -> Iterator[Setting]:
    for name, field in cls.model_fields.items():
        yield Setting(name.upper(), written(field.default), field.description or "")


def written(default: Any) -> str:
    """A default as it is written in the environment."""
    match default:
        case None:
            return ""
        case bool():
            return str(default).lower()
        case SecretStr():
            return default.get_secret_value()
        case Path():
            return str(default) if default.is_absolute() else f"./{default}"
        case float():
            return f"{default:g}"
        case _:
            return str(default)


def tables() -> str:
    """The tables between BEGIN and END in docs/settings.md."""
    lines = [BEGIN]
    for group, members in settings().items():
        lines += ["", f"## {group}", "", "| name | default | meaning |", "| --- | --- | --- |"]
        lines += [
            f"| `{one.name}` | {f'`{one.default}`' if one.default else ''} | {one.description} |" for one in members
        ]
    return "\n".join([*lines, "", END])


def env_example() -> str:
    """The whole of env.example."""
    lines = [
        "# Settings of AI-Talk. Copy this file to .env and change what you like. An empty value means the default.",
        "# Environment variables take precedence. Written by python -m tests.support.settings_table; do not edit.",
    ]
    for group, members in settings().items():
        lines += ["", f"# --- {group.replace('`', '')} ".ljust(100, "-")]
        for one in members:
            lines += [
                "",
                *(f"# {line}" for line in wrap(one.description, 116, break_on_hyphens=False)),
                f"#{one.name}={one.default}",
            ]
    return "\n".join([*lines, ""])


def setting_names() -> str:
    """The whole of common/setting_names.py."""
    names = sorted(one.name for members in settings().values() for one in members)
    return "\n".join(
        [
            '"""The names of all settings of all processes. Written by python -m tests.support.settings_table."""',
            "",
            "SETTING_NAMES = frozenset(",
            "    {",
            *(f'        "{name}",' for name in names),
            "    }",
            ")",
            "",
        ]
    )


def value_rules() -> str:
    """The whole of deploy/setting_values.json: a line for each setting that is a number, a switch or a choice, or two
    lines if two processes have different rules for it."""
    processes: dict[str, list[str]] = {}
    for process, cls in SETTINGS.items():
        for name, schema in cls.model_json_schema()["properties"].items():
            (kind, *others) = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
            if not others and ("enum" in kind or kind.get("type") in ("integer", "number", "boolean")):
                limits = {word: kind[word] for word in _RULE if word in kind}
                rule = json.dumps({"name": name.upper(), "default": schema.get("default"), **limits})
                processes.setdefault(rule, []).append(process)
    lines = [json.dumps(json.loads(rule) | {"processes": readers}) for rule, readers in sorted(processes.items())]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def with_tables(page: str) -> str:
    """The page with up-to-date tables; raises ValueError if it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{SETTINGS_PAGE.name} needs the lines {BEGIN} and {END}")
    return before + tables() + after


def main() -> None:
    SETTINGS_PAGE.write_text(with_tables(SETTINGS_PAGE.read_text()))
    ENV_EXAMPLE.write_text(env_example())
    SETTING_NAMES.write_text(setting_names())
    setting_values.FILE.write_text(value_rules())


if __name__ == "__main__":
    main()

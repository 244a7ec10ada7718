"""`python -m tests.support.settings_table`: writes the settings of all processes into README.md and env.example.

The code is the source: names, defaults and descriptions stand in the pydantic settings classes. tests/unit/test_docs.py
says so when the two files no longer agree with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from asr_service.config import AsrSettings
from common.settings import ModelServerSettings, ProcessSettings
from deploy.valkey import ValkeySettings
from gateway.config import GatewaySettings
from llm_service.config import LlmSettings
from tts_service.config import TtsSettings

ROOT = Path(__file__).parent.parent.parent
README, ENV_EXAMPLE = ROOT / "README.md", ROOT / "env.example"
BEGIN, END = "<!-- settings: python -m tests.support.settings_table -->", "<!-- end of settings -->"

# A setting stands under the first group that has it. The gateway comes late: what it shares with a model server belongs
# to that one.
GROUPS: Mapping[str, type[BaseSettings]] = {
    "Every process": ProcessSettings,
    "All three model servers": ModelServerSettings,
    "Speech recognition (`asr_service`)": AsrSettings,
    "Language model (`llm_service`)": LlmSettings,
    "Speech synthesis (`tts_service`)": TtsSettings,
    "Gateway": GatewaySettings,
    "Valkey of `make run`": ValkeySettings,
}
SHOWN = ("Every process", "Gateway", *[group for group in GROUPS if group not in ("Every process", "Gateway")])


@dataclass(frozen=True)
class Setting:
    """An environment variable. default: as one writes it there, empty for none."""

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


def readme_tables() -> str:
    """The tables between BEGIN and END in the README."""
    lines = [BEGIN]
    for group, members in settings().items():
        lines += ["", f"**{group}**", "", "| name | default | meaning |", "| --- | --- | --- |"]
        lines += [
            f"| `{one.name}` | {f'`{one.default}`' if one.default else ''} | {one.description} |" for one in members
        ]
    return "\n".join([*lines, "", END])


def env_example() -> str:
    """The whole of env.example."""
    lines = [
        "# Settings of AI-Talk. Copy to .env and change what you like; an empty value means the default.",
        "# Environment variables of the same names go before it. Written by python -m tests.support.settings_table.",
    ]
    for group, members in settings().items():
        lines += ["", f"# --- {group.replace('`', '')} ".ljust(100, "-")]
        for one in members:
            lines += ["", *(f"# {line}" for line in wrap(one.description, 116)), f"#{one.name}={one.default}"]
    return "\n".join([*lines, ""])


def with_tables(readme: str) -> str:
    """The README with its tables as they should be; raises ValueError if it has no place for them."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md needs the lines {BEGIN} and {END}")
    return before + readme_tables() + after


def main() -> None:
    README.write_text(with_tables(README.read_text()))
    ENV_EXAMPLE.write_text(env_example())


if __name__ == "__main__":
    main()

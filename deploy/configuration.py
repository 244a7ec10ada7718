"""The settings of `make run`: the environment overrides `.env`, and `.env` overrides the profile PROFILE.

Importing this module needs only the standard library, because `deploy.first_check` imports it before any package is
installed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

S = TypeVar("S", bound="BaseSettings")

ROOT = Path(__file__).parent.parent
PROFILE_FOLDER = ROOT / "deploy" / "profiles"
PROFILES = tuple(sorted(path.stem for path in PROFILE_FOLDER.glob("*.env")))
GPU_PROFILES = ("high-vram", "standard", "low-vram")  # the largest first


def configuration(
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    dotenv: Mapping[str, str | None] | None = None,
) -> dict[str, str]:
    """`environment`, and what `.env` (or `dotenv`) and the profile add to it. Empty values are ignored.

    profile: None takes PROFILE from the environment or `.env`. Raises ValueError if there is no such profile.
    """
    from dotenv import dotenv_values

    nearer = _filled(dotenv_values(".env") if dotenv is None else dotenv) | _filled(environment)
    name = profile or nearer.get("PROFILE", "")
    check_profile(name)
    base = _filled(dotenv_values(PROFILE_FOLDER / f"{name}.env")) if name else {}
    return dict(environment) | base | nearer


def check_profile(name: str) -> None:
    """Raises ValueError if there is no such profile."""
    if name and name not in PROFILES:
        raise ValueError(f"PROFILE={name}: there is no such profile; there are {', '.join(PROFILES)}")


def given_to_make(flags: str) -> dict[str, str]:
    """The variables on the command line of `make`, from its variable MAKEFLAGS: `s -- PORT=80 ARGS=`."""
    _, _, variables = f" {flags}".partition(" -- ")
    return {name: value for name, is_one, value in (one.partition("=") for one in shlex.split(variables)) if is_one}


def settings_from(cls: type[S], environment: Mapping[str, str]) -> S:
    """The settings that a process reads from `environment`."""
    known: dict[str, Any] = {
        name: environment[name.upper()] for name in cls.model_fields if environment.get(name.upper())
    }
    return cls(_env_file=None, **known)


def _filled(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}

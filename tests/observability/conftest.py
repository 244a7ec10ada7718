"""One observed mesh and one conversation on it, for all tests here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.observability.observed import Conversation, Observed, an_observed_mesh, converse


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    with an_observed_mesh(tmp_path_factory.mktemp("observed")) as running:
        yield running


@pytest.fixture(scope="session")
def conversation(observed: Observed) -> Conversation:
    return asyncio.run(converse(observed.mesh))

"""The one conversation on the observed mesh that all tests here look at."""

from __future__ import annotations

import asyncio

import pytest

from tests.observability.observed import Conversation, Observed, converse


@pytest.fixture(scope="session")
def conversation(observed: Observed) -> Conversation:
    """Held when the first test asks for it."""
    return asyncio.run(converse(observed.mesh))

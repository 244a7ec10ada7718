"""The conversation that is held on the observed mesh. The tests here check its traces, logs and metrics."""

from __future__ import annotations

import asyncio

import pytest

from tests.observability.observed import Conversation, Observed, converse


@pytest.fixture(scope="session")
def conversation(observed: Observed) -> Conversation:
    """The conversation. It is held when the first test requests it."""
    return asyncio.run(converse(observed.mesh))

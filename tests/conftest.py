"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.mesh import Mesh, running_mesh

# pytest-asyncio leaves the loop that it finds here unclosed, and a warning about it fails whichever test runs by then.
asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The whole mesh on the bundled models, one for all tests of a run."""
    with running_mesh(tmp_path_factory.mktemp("mesh"), LLM_TEMPERATURE="0") as running:
        yield running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--interleavings", type=int, default=60, help="random conversations to try (default: 60)")
    parser.addoption("--strict-skips", action="store_true", help="fail the run if any test was skipped, as CI does")


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile("interleavings", max_examples=config.getoption("--interleavings"), deadline=None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A test that did not run shows nothing: in CI it fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--strict-skips") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

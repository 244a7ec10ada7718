"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import certifi
import pytest
from hypothesis import settings

from tests.support.mesh import Mesh
from tests.support.scheduling import is_in_real_time, place_of

if TYPE_CHECKING:
    from tests.observability.observed import Observed

STDERR = pytest.StashKey[int]()

# pytest-asyncio would not close an event loop that it finds here. The warning that the loop was left open would fail
# some later test.
asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The whole mesh on the bundled models, with the profile `cpu`, and its traces, logs and metrics.

    The tests that use it run on one worker (`GROUPS` of tests.support.scheduling), because a mesh takes 12 s of
    processor time to start.
    """
    from tests.observability.observed import an_observed_mesh  # this import takes a second, and most tests need no mesh

    with an_observed_mesh(tmp_path_factory.mktemp("mesh"), PROFILE="cpu") as running:
        yield running


@pytest.fixture(scope="session")
def mesh(observed: Observed) -> Mesh:
    """The mesh of `observed`, for tests that don't look at its traces and metrics."""
    return observed.mesh


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--interleavings", type=int, default=60, help="random conversations to try (default: 60)")
    parser.addoption("--late-audio", type=int, default=40, help="random cuttings and delays to try (default: 40)")
    parser.addoption("--strict-skips", action="store_true", help="fail the run if any test was skipped, as CI does")


def pytest_configure(config: pytest.Config) -> None:
    # No deadline for a single example of Hypothesis: its time means nothing while other workers use the processor. The
    # time-out of the whole test remains.
    settings.register_profile("no deadline", settings(), deadline=None)
    settings.load_profile("no deadline")
    settings.register_profile("interleavings", max_examples=config.getoption("--interleavings"))
    settings.register_profile("late audio", max_examples=config.getoption("--late-audio"))
    config.stash[STDERR] = os.dup(2)  # before a test's output is captured
    gc.disable()  # until the tests are collected
    os.environ.setdefault("SSL_CERT_FILE", str(_one_authority()))


def _one_authority() -> Path:
    """A file with one certificate authority in place of the 140 of certifi.

    Loading them all takes an HTTP client 40 ms, and the tests make hundreds of clients. No test needs them, because all
    servers with TLS are on this machine and have authorities of their own.
    """
    certificate, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----")
    path = Path(tempfile.gettempdir()) / f"aitalk-tests-{os.getuid()}-authority.pem"
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(f"{certificate}{end}\n", encoding="utf-8")
    return unfinished.replace(path)  # atomic, because several workers write it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the groups that take longest first, and make virtual time pass at once.

    Before each step of virtual time, looptime runs 42 idle iterations of the event loop, which took half of the
    tests' processor time. One iteration is enough, because looptime waits for executors' threads in another way.
    """
    items.sort(key=lambda item: place_of(item.nodeid))
    for item in items:
        if item.get_closest_marker("looptime"):
            item.add_marker(pytest.mark.looptime(noop_cycles=1), append=False)


def pytest_collection_finish() -> None:
    """Turn garbage collection on, but only for objects that the tests make.

    Each worker imports all tests and their libraries, which makes more than a million objects and hardly any garbage.
    When the garbage collector searched them again and again, that took a quarter of the time of collecting the tests,
    and slowed every test.
    """
    gc.freeze()
    gc.enable()


def pytest_runtest_logstart(nodeid: str) -> None:
    """Lower this worker's priority before any test that doesn't run in real time, so that tests in real time, on other
    workers, get the processor first.

    The mesh's tests are among those in real time. They take longest, so the run ends when they end. A worker keeps the
    low priority to its end, because only root may raise it again. That does no harm, because workers take the tests in
    real time first.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and not is_in_real_time(nodeid):
        os.setpriority(os.PRIO_PROCESS, 0, max(5, os.getpriority(os.PRIO_PROCESS, 0)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give a test that has a longer time-out than usual a longer `faulthandler_timeout`, too.

    If a test hangs where pytest-timeout can't interrupt it, `faulthandler_timeout` in pyproject.toml prints the stacks
    of all threads and ends the process. Under xdist the run goes on with another worker.
    """
    limit, usual = float(item.config.getini("faulthandler_timeout")), float(item.config.getini("timeout"))
    mark = item.get_closest_marker("timeout")
    if mark and limit and mark.args[0] > usual:
        faulthandler.dump_traceback_later(limit + mark.args[0] - usual, exit=True, file=item.config.stash[STDERR])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let workers take whole groups, in the order of collection."""
    from tests.support.group_scheduling import GroupScheduling  # xdist is installed wherever this is called

    config.option.loadscopereorder = False  # it would order the groups by the number of their tests
    return GroupScheduling(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a test was skipped and --strict-skips is given."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--strict-skips") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
